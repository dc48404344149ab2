"""Long clips in pieces: what is done survives whatever ends the program, and another run goes on from there."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from impasto.engines.shot import Shot
from impasto.errors import UsageError
from impasto.pixels.arrays import Pixels, Samples
from impasto.system.files import already_there, write_atomically
from impasto.video.reading import Clip, VideoFrame, ffmpeg
from impasto.video.writing import CopiedStreams, Writer, cannot_write, container_metadata, part_of, put_in_place


@dataclass
class State:
    """Everything, besides the clip, that determines the next frame.

    Attributes:
        frames, shots: painted so far.
        first: the shot's first frame.
        last: the last picture, at the size at which it is painted.
        shot: what is remembered of the shot.
    """

    frames: int
    shots: int
    first: Samples
    last: Pixels
    shot: Shot | None


class Checkpoint:
    """A state in a hidden folder beside the result, with the settings that it belongs to.

    Args:
        output: the result's path.
        settings: what another run must have alike.
    Raises:
        UsageError: what is there was begun with other settings.
    """

    def __init__(self, output: Path, settings: Mapping[str, object]) -> None:
        self.folder = output.with_name(f".{output.name}.resume")
        self.file = self.folder / "state.npz"
        self.settings = json.loads(json.dumps(settings, default=str))
        self.state: State | None = None
        self.pieces = 0
        try:
            with np.load(self.file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
        except (OSError, ValueError, zipfile.BadZipFile):  # none, or damaged: from the start
            return
        self._read(arrays)

    def save(self, state: State, pieces: int) -> None:
        arrays: dict[str, Any] = {
            "facts": json.dumps(
                {"settings": self.settings, "frames": state.frames, "shots": state.shots, "pieces": pieces}
            ),
            "first": state.first,
            "last": state.last,
        }
        if state.shot is not None:
            arrays |= {f"shot_{name}": values for name, values in state.shot.arrays().items()}
        out = io.BytesIO()
        np.savez(out, **arrays)
        write_atomically(self.file, out.getvalue(), overwrite=True)

    def forget(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, arrays: dict[str, Any]) -> None:
        facts = json.loads(str(arrays["facts"]))
        before = facts["settings"]
        changed = sorted(
            key for key in before.keys() | self.settings.keys() if before.get(key) != self.settings.get(key)
        )
        if changed:
            raise UsageError(
                f"the run to go on with had other settings: {', '.join(changed)}",
                f"the same ones, or delete {self.folder} to begin anew",
                code="changed-settings",
            )
        kept = {name.removeprefix("shot_"): values for name, values in arrays.items() if name.startswith("shot_")}
        shot = Shot.of(kept) if kept else None
        self.pieces = facts["pieces"]
        self.state = State(facts["frames"], facts["shots"], arrays["first"], arrays["last"], shot)


class Segments:
    """A video's file, written in pieces that are joined, packet by packet, when all are there.

    Args:
        path: of the result.
        checkpoint: whose folder the pieces lie in, and how many an earlier run has left there.
        open_piece: makes the writer of a piece; called with `overwrite=True`.
        source: what sound and subtitles are copied from; None, neither.
        made_with: what painted the frames, for the file's comment; empty, none is written.
    """

    def __init__(
        self,
        path: Path,
        checkpoint: Checkpoint,
        open_piece: Callable[..., Writer],
        *,
        source: Clip | None,
        made_with: Mapping[str, object] | None = None,
        overwrite: bool,
    ) -> None:
        if path.exists() and not overwrite:
            raise already_there(path)
        self.path, self.folder, self.pieces = path, checkpoint.folder, checkpoint.pieces
        self.open_piece, self.source, self.overwrite = open_piece, source, overwrite
        self.made_with = made_with or {}
        self.notes: list[str] = []
        self._writer: Writer | None = None
        self._begun = Fraction(0)
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = {
            self._piece(index).with_suffix(suffix) for index in range(self.pieces) for suffix in (path.suffix, ".time")
        }
        for leftover in set(self.folder.iterdir()) - kept:  # of a piece that was not finished
            if leftover.name != "state.npz":
                leftover.unlink()

    def write(self, frame: VideoFrame) -> None:
        if self._writer is None:
            self._writer = self.open_piece(self._piece(self.pieces), overwrite=True)
            self._begun = frame.time
            write_atomically(self._piece(self.pieces).with_suffix(".time"), str(frame.time).encode(), overwrite=True)
        self._writer.write(VideoFrame(frame.samples, frame.time - self._begun, frame.alpha))

    def cut(self) -> None:
        """Finish a piece."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            self.pieces += 1

    def close(self) -> None:
        """Join the pieces."""
        av = ffmpeg()
        self.cut()
        part = part_of(self.path)
        try:
            with av.open(str(part), "w") as target:
                target.metadata.update(container_metadata(self.made_with))
                stream: Any = None
                copied: CopiedStreams | None = None
                last = -(2**62)
                for index in range(self.pieces):
                    begun = Fraction(self._piece(index).with_suffix(".time").read_text())
                    with av.open(str(self._piece(index))) as piece:
                        if stream is None:
                            stream = target.add_stream_from_template(piece.streams.video[0])
                            copied = None if self.source is None else CopiedStreams(target, self.source, self.notes)
                        packets = [packet for packet in piece.demux(video=0) if packet.size]
                        for packet, decoded_at in zip(packets, _decoding_times([p.pts for p in packets]), strict=True):
                            shift = round(begun / packet.time_base)
                            at = packet.pts * packet.time_base + begun
                            last = min(max(decoded_at + shift, last + 1), packet.pts + shift)
                            packet.pts, packet.dts = packet.pts + shift, last
                            packet.stream = stream
                            target.mux(packet)
                            if copied:
                                copied.until(at)
                if copied:
                    copied.until(None)
            put_in_place(part, self.path, self.overwrite)
        except (av.FFmpegError, OSError) as error:
            raise cannot_write(self.path, error) from error
        finally:
            part.unlink(missing_ok=True)

    def discard(self) -> None:
        """Leave what is finished for another run."""
        if self._writer is not None:
            with contextlib.suppress(Exception):
                self._writer.discard()
            self._writer = None

    def _piece(self, index: int) -> Path:
        return self.folder / f"{index:06d}{self.path.suffix}"


def _decoding_times(shown: list[int]) -> list[int]:
    """When each packet of a piece is decoded, from when it is shown: not every container says.

    Packets lie in the order of decoding; the k-th is decoded when the one `delay` places earlier in time is shown.

    >>> _decoding_times([0, 4, 2, 6])
    [-2, 0, 2, 4]
    """
    ordered = sorted(shown)
    delay = next(d for d in range(len(shown) + 1) if all(ordered[i - d] <= shown[i] for i in range(d, len(shown))))
    step = ordered[1] - ordered[0] if len(ordered) > 1 else 1
    return [ordered[i - delay] if i >= delay else ordered[0] - (delay - i) * step for i in range(len(shown))]

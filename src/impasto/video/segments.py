"""Long clips in pieces: what is done survives whatever ends the program, and another run goes on from there."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.engines.shot import Shot
from impasto.errors import PictureError, UsageError
from impasto.pixels.arrays import Pixels, Samples
from impasto.system.files import write_atomically
from impasto.system.names import shortened
from impasto.video.assembly import Assembly
from impasto.video.encoding import EncodedFile
from impasto.video.joining import Piece
from impasto.video.reading import VideoFrame
from impasto.video.streams import cannot_write


@dataclass
class State:
    """Everything, besides the clip, that determines the next frame.

    Attributes:
        frames, shots: painted so far.
        first: the shot's first frame.
        last: the last picture, at the size at which it is painted.
        shot: what is remembered of the shot.
        masks: what is remembered of the masks that are found.
    """

    frames: int
    shots: int
    first: Samples
    last: Pixels
    shot: Shot | None
    masks: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


class Checkpoint:
    """A state in a hidden folder beside the result, with the settings that it belongs to.

    One run at a time has the folder, until `close`.

    Args:
        output: the result's path.
        settings: what another run must have alike.
    Raises:
        UsageError: what is there was begun with other settings, or another run is at work on it.
        PictureError: the folder cannot be made.
    """

    def __init__(self, output: Path, settings: Mapping[str, object]) -> None:
        self.folder = output.with_name(f".{shortened(output.name, 240)}.resume")
        self.file = self.folder / "state.npz"
        self.settings = json.loads(json.dumps(settings, default=str))
        self.state: State | None = None
        self.pieces = 0
        self._lock: int | None = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(output, error) from error
        self._claim(output)
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    def _claim(self, output: Path) -> None:
        try:
            import fcntl
        except ImportError:  # Windows refuses by itself to open a file twice for writing
            return
        lock = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise UsageError(f"another run is at work on {output}", "wait until it has ended", code="in-use") from None
        except OSError:  # a file system without locks
            pass
        self._lock = lock

    def close(self) -> None:
        """Let another run have the folder."""
        if self._lock is None:
            return
        with contextlib.suppress(OSError):
            self.folder.rmdir()  # if it is empty
        os.close(self._lock)
        self._lock = None

    def _load(self) -> None:
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
        arrays |= {f"mask_{name}": values for name, values in state.masks.items()}
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
        kept, masks = (
            {name.removeprefix(kind): values for name, values in arrays.items() if name.startswith(kind)}
            for kind in ("shot_", "mask_")
        )
        shot = Shot.of(kept) if kept else None
        self.pieces = facts["pieces"]
        self.state = State(facts["frames"], facts["shots"], arrays["first"], arrays["last"], shot, masks)


class Segments:
    """A video's file, written in pieces that are joined, packet by packet, when all are there.

    Args:
        assembly: of the result.
        checkpoint: whose folder the pieces lie in, and how many an earlier run has left there.
    """

    def __init__(self, assembly: Assembly, checkpoint: Checkpoint) -> None:
        self.assembly, self.folder, self.pieces = assembly, checkpoint.folder, checkpoint.pieces
        self.notes = assembly.notes
        self._file: EncodedFile | None = None
        self._begun = self._end = Fraction(0)
        self._last: tuple[Fraction, Fraction] | None = None  # as of `Piece`
        try:
            kept = {path for index in range(self.pieces) for path in (self._piece(index), self._time(index))}
            for leftover in set(self.folder.iterdir()) - kept:  # of a piece that was not finished
                if leftover.name != "state.npz":
                    leftover.unlink()
        except OSError as error:
            assembly.discard()
            raise cannot_write(self.folder, error) from error

    def write(self, frame: VideoFrame) -> None:
        if self._file is None:
            self._file = EncodedFile(self._piece(self.pieces), self.assembly.encoding, self.assembly.path)
            self._begun = frame.time
            write_atomically(self._time(self.pieces), str(frame.time).encode(), overwrite=True)
        self._file.write(replace(frame, time=frame.time - self._begun))
        self._end = frame.time + 1 / self.assembly.encoding.rate

    def cut(self, *, ends: bool = False) -> None:
        """Finish a piece.

        Args:
            ends: whether it is the last one.
        """
        if self._file is not None:
            self._file.close(ends=ends)
            self._last = self._file.last
            self._file = None
            self.pieces += 1

    def close(self, *, whole: bool = True) -> None:
        """Join the pieces."""
        self.cut(ends=True)
        pieces = [Piece(self._piece(index), self._started(index)) for index in range(self.pieces)]
        pieces[-1:] = [replace(piece, last=self._last) for piece in pieces[-1:]]
        self.assembly.finish(pieces, length=None if whole else self._end)
        self.assembly.discard()

    def keep(self) -> Path | None:
        """Leave what is finished for another run."""
        self.discard()
        return self.folder if self.pieces and self.assembly.written is None else None

    def discard(self) -> None:
        """Leave what is finished for another run."""
        if self._file is not None:
            self._file.discard()
            self._file = None
        self.assembly.discard()

    def _piece(self, index: int) -> Path:
        return self.folder / f"{index:06d}{self.assembly.encoding.piece_suffix}"

    def _time(self, index: int) -> Path:
        """What says when a piece's first frame is shown."""
        return self._piece(index).with_suffix(".time")

    def _started(self, index: int) -> Fraction:
        try:
            return Fraction(self._time(index).read_text())
        except (OSError, ValueError) as error:
            raise PictureError(
                f"{self._time(index)} is damaged", f"delete {self.folder} to begin anew", code="damaged-file"
            ) from error

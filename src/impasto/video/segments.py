"""Write long clips in pieces. Finished pieces survive a crash, and another run continues from them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import warnings
import zipfile
import zlib
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

FORMAT = 1  # docs/formats.md; files without a number have this one


@dataclass
class State:
    """Everything, besides the clip, that determines the next frame.

    Attributes:
        frames, shots: painted so far.
        first: the shot's first frame.
        last: the last picture, at the size at which it was painted.
        shot: the state of the shot.
        masks: the state of the masks that are found.
    """

    frames: int
    shots: int
    first: Samples
    last: Pixels
    shot: Shot | None
    masks: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


class Checkpoint:
    """A state in a hidden folder beside the result, with the settings of its run.

    Only one run at a time may use the folder, until `close`.

    Args:
        output: the result's path.
        settings: must be equal in a run that continues.
    Raises:
        UsageError: the stored state has other settings, or another run uses the folder.
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
        except ImportError:  # Windows itself refuses to open a file twice for writing
            return
        lock = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise UsageError(f"another run is writing {output}", "wait until it has ended", code="in-use") from None
        except OSError:  # a file system without locks
            pass
        self._lock = lock

    def close(self) -> None:
        """Release the folder for other runs."""
        if self._lock is None:
            return
        with contextlib.suppress(OSError):
            self.folder.rmdir()  # only if it is empty
        os.close(self._lock)
        self._lock = None

    def _load(self) -> None:
        try:
            with np.load(self.file, allow_pickle=False) as stored:
                self._read({name: stored[name] for name in stored.files})
        except FileNotFoundError:
            return
        except UsageError:
            raise
        except (OSError, ValueError, TypeError, LookupError, AttributeError, EOFError, zlib.error, zipfile.BadZipFile):
            warnings.warn(f"{self.file} is damaged, so the clip is painted from its beginning", stacklevel=2)

    def save(self, state: State, pieces: int) -> None:
        arrays: dict[str, Any] = {
            "facts": json.dumps(
                {
                    "format": FORMAT,
                    "settings": self.settings,
                    "frames": state.frames,
                    "shots": state.shots,
                    "pieces": pieces,
                }
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
        if facts.get("format", FORMAT) != FORMAT:
            raise UsageError(
                f"a later version of Impasto wrote {self.file}",
                f"update Impasto, or delete {self.folder} to start again",
                code="other-version",
            )
        before = facts["settings"]
        changed = sorted(
            key for key in before.keys() | self.settings.keys() if before.get(key) != self.settings.get(key)
        )
        if changed:
            raise UsageError(
                f"the run to resume had other settings: {', '.join(changed)}",
                f"use the same settings, or delete {self.folder} to start again",
                code="changed-settings",
            )
        kept, masks = (
            {name.removeprefix(kind): values for name, values in arrays.items() if name.startswith(kind)}
            for kind in ("shot_", "mask_")
        )
        shot = Shot.of(kept) if kept else None
        state = State(facts["frames"], facts["shots"], arrays["first"], arrays["last"], shot, masks)
        self.state, self.pieces = state, facts["pieces"]


class Segments:
    """A video file that is written in pieces, which are joined, packet by packet, at the end.

    Args:
        assembly: of the result.
        checkpoint: its folder stores the pieces; it counts those of an earlier run.
    """

    def __init__(self, assembly: Assembly, checkpoint: Checkpoint) -> None:
        self.assembly, self.folder, self.pieces = assembly, checkpoint.folder, checkpoint.pieces
        self.notes = assembly.notes
        self._file: EncodedFile | None = None
        self._begun = self._end = Fraction(0)
        self._last: tuple[Fraction, Fraction] | None = None  # see `Piece`
        try:
            kept = {path for index in range(self.pieces) for path in (self._piece(index), self._time(index))}
            for leftover in set(self.folder.iterdir()) - kept:  # files of an unfinished piece
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
            ends: True for the last piece.
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
        """Leave the finished pieces for another run. Return their folder."""
        self.discard()
        return self.folder if self.pieces and self.assembly.written is None else None

    def discard(self) -> None:
        """Leave the finished pieces for another run."""
        if self._file is not None:
            self._file.discard()
            self._file = None
        self.assembly.discard()

    def _piece(self, index: int) -> Path:
        return self.folder / f"{index:06d}{self.assembly.encoding.piece_suffix}"

    def _time(self, index: int) -> Path:
        """Return the file that stores the time of a piece's first frame."""
        return self._piece(index).with_suffix(".time")

    def _started(self, index: int) -> Fraction:
        try:
            return Fraction(self._time(index).read_text())
        except (OSError, ValueError) as error:
            raise PictureError(
                f"{self._time(index)} is damaged", f"delete {self.folder} to start again", code="damaged-file"
            ) from error

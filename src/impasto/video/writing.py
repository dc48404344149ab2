"""Write a clip: a video file, an animation or a folder of frames. Metadata tell how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from shutil import rmtree
from tempfile import gettempdir
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from impasto.errors import PictureError, UsageError
from impasto.picture import Picture
from impasto.picture.contents import Frame
from impasto.pixels.arrays import floats, stored
from impasto.system.files import already_there
from impasto.video.assembly import Assembly, free_name
from impasto.video.encoding import EncodedFile
from impasto.video.joining import Piece
from impasto.video.reading import VideoFrame

ANIMATIONS = {".gif": Fraction(50), ".webp": Fraction(90), ".apng": Fraction(90), ".avif": Fraction(90)}
"""Endings of animations, and the highest rate of each, in frames a second, that players support."""

_MOST = 10**9  # bytes of an animation's frames


class Sink(Protocol):
    """A destination of painted frames, in the order of their times.

    Attributes:
        notes: what was left out.
    """

    notes: list[str]

    def write(self, frame: VideoFrame) -> None:
        """Add a frame. Raise PictureError if the disk is full or the system refuses to write."""

    def close(self, *, whole: bool = True) -> None:
        """Finish the result, and put it in its place.

        Args:
            whole: True if all frames are present; else sound ends with the last frame.
        """

    def keep(self) -> Path | None:
        """Save the frames of a clip that cannot be finished. Return their path, or None if there are none."""

    def discard(self) -> None:
        """Delete everything that looks like a result."""


class Writer:
    """A video file that appears only when it is complete: it is written beside its place and moved there.

    Frames are encoded into a separate file. At the end they are joined with sound, subtitles and other contents of the
    source.

    Args:
        assembly: of the result.
    """

    def __init__(self, assembly: Assembly) -> None:
        self.assembly, self.path, self.notes = assembly, assembly.path, assembly.notes
        try:
            self._file = EncodedFile(assembly.piece_path(), assembly.encoding, assembly.path)
        except BaseException:
            assembly.discard()
            raise
        self._end = Fraction(0)

    def write(self, frame: VideoFrame) -> None:
        """Encode a frame. Raise PictureError if the disk is full or the system refuses to write."""
        self._file.write(frame)
        self._end = frame.time + 1 / self._file.encoding.rate

    def close(self, *, whole: bool = True) -> None:
        """Finish the file and put it in its place."""
        self._file.close()
        self.assembly.finish([Piece(self._file.path, last=self._file.last)], length=None if whole else self._end)
        self.discard()

    def keep(self) -> Path | None:
        """Save the frames of a clip that cannot be finished. Return their path, or None if there are none."""
        if self._file.frames:
            self._file.end()
        kept = self.assembly.keep([Piece(self._file.path)], self._end) if self._file.frames else None
        self.discard()
        return kept

    def discard(self) -> None:
        self._file.discard()
        self.assembly.discard()


class FolderWriter:
    """Frames as numbered PNG files. Each file is complete or absent.

    Args:
        made_with: the painting's entry in each file's metadata; empty: no entry.
        done: the number of final frames from an earlier run. Later frames are written again.
    """

    def __init__(
        self, folder: Path, *, made_with: Mapping[str, object] | None = None, overwrite: bool = False, done: int = 0
    ) -> None:
        if folder.exists() and not folder.is_dir():
            raise PictureError(f"{folder} is a file, not a folder", code="not-a-folder")
        self.folder, self.overwrite, self.count = folder, overwrite or done > 0, done
        if not self.overwrite and (folder / _frame_name(1)).exists():
            raise already_there(folder / _frame_name(1))
        self.made_with = made_with or {}
        self.notes: list[str] = []

    def write(self, frame: VideoFrame) -> None:
        self.count += 1
        picture = Picture(frame.pixels, frame.alpha, made_with=self.made_with)
        picture.save(self.folder / _frame_name(self.count), overwrite=self.overwrite)

    def close(self, *, whole: bool = True) -> None: ...

    def keep(self) -> Path | None:
        return self.folder if self.count else None

    def discard(self) -> None: ...


class AnimationWriter:
    """An animated GIF, WebP, PNG or AVIF for short clips. All frames stay in memory until the end.

    Each frame is shown until the next one's time.

    Args:
        path: with one of the endings of `ANIMATIONS`.
        rate: average frames a second. It sets the last frame's duration if the frame has none.
        count: approximate number of frames, each of `size`; 0 if unknown.
        size: width and height.
        made_with: the painting's entry in the file's metadata; empty: no entry.
    Raises:
        UsageError: the frames need more than a gigabyte.
    """

    def __init__(
        self,
        path: Path,
        rate: Fraction,
        *,
        count: int = 0,
        size: tuple[int, int] = (0, 0),
        made_with: Mapping[str, object] | None = None,
        overwrite: bool = False,
    ) -> None:
        if path.exists() and not overwrite:
            raise already_there(path)
        self.path, self.overwrite, self.rate = path, overwrite, rate
        self.made_with = made_with or {}
        self.frames: list[NDArray[np.uint8]] = []  # H x W x 3 or 4
        self.times: list[Fraction] = []
        self._last = 1 / rate  # duration of the last frame in seconds
        self.notes: list[str] = []
        self._check(count, size[0] * size[1] * 3)

    def write(self, frame: VideoFrame) -> None:
        self._check(len(self.times) + 1, frame.samples.size)
        kind = np.dtype(np.uint8)
        samples = frame.samples if frame.samples.dtype == kind else stored(frame.pixels, kind)
        values = samples if frame.alpha is None else np.dstack([samples, stored(frame.alpha, kind)])
        self.frames.append(values.astype(np.uint8, copy=False))
        self.times.append(frame.time)
        self._last = frame.duration or 1 / self.rate

    def close(self, *, whole: bool = True) -> None:  # noqa: ARG002  animations have no sound to end
        self._save(self.path, overwrite=self.overwrite)

    def keep(self) -> Path | None:
        """Save the frames as an animation, or, if that fails, as a folder of pictures."""
        if not self.frames:
            return None
        for folder in (self.path.parent, Path(gettempdir())):
            place = free_name(folder / self.path.name)
            with suppress(Exception):  # on any error, save pictures instead
                self._save(place, overwrite=False)
                return place
            place = free_name(folder / self.path.name, "")
            try:
                for number, values in enumerate(self.frames, 1):
                    self._picture(values).save(place / _frame_name(number))
            except PictureError:
                rmtree(place, ignore_errors=True)
            else:
                return place
        return None

    def discard(self) -> None: ...

    def _save(self, path: Path, *, overwrite: bool) -> None:
        if not self.frames:
            return
        ends = [*self.times[1:], self.times[-1] + self._last]
        shown = [1000 * float(end - begun) for begun, end in zip(self.times, ends, strict=True)]
        frames = tuple(Frame(values, time) for values, time in zip(self.frames[1:], shown[1:], strict=True))
        replace(self._picture(self.frames[0]), duration=shown[0], frames=frames).save(
            path, quality=85, overwrite=overwrite
        )

    def _picture(self, values: NDArray[np.uint8]) -> Picture:
        alpha = floats(values[:, :, 3]) if values.shape[2] == 4 else None
        return Picture(np.ascontiguousarray(values[:, :, :3]), alpha, made_with=self.made_with)

    def _check(self, count: int, size: int) -> None:
        if count * size > _MOST:
            raise UsageError(
                f"{count} frames are too many for {self.path.suffix}",
                "use --end, a smaller --size, or an .mp4 file",
                code="too-large",
            )


def _frame_name(number: int) -> str:
    return f"{number:06d}.png"

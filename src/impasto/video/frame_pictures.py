"""Clips that are pictures: folders of frames, and the animations that FFmpeg does not play."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from impasto.errors import PictureError
from impasto.picture import Picture
from impasto.picture.formats import readable
from impasto.pixels.arrays import Pixels, Samples, floats
from impasto.video.times import shown_for

_HEAD = 12  # bytes


def frame_files(folder: Path) -> list[Path]:
    """A folder's frames in their natural order, 2 before 10; hidden files are left out.

    Raises:
        PictureError: there is none.
    """
    try:
        files = [path for path in folder.iterdir() if readable(path) and not path.name.startswith(".")]
        files = sorted((path for path in files if path.is_file()), key=lambda path: natural(path.name))
    except OSError as error:
        raise PictureError(f"cannot read {folder}: {error.strerror}", code="not-readable") from error
    if not files:
        raise PictureError(f"there are no pictures in {folder}", code="no-pictures")
    return files


def natural(name: str) -> tuple[list[tuple[int, int | str]], str]:
    """A key that sorts names as people count.

    >>> sorted(["b10", "b9", "B1", "a"], key=natural)
    ['a', 'B1', 'b9', 'b10']
    """
    pieces = [piece for piece in re.split(r"([0-9]+)", name.casefold()) if piece]
    return [(0, int(piece)) if piece.isdecimal() else (1, piece) for piece in pieces], name


def is_animation(path: Path) -> bool:
    """Whether a file is a WebP or an AVIF sequence, whose transparency Pillow reads and FFmpeg does not."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or head[4:12] in (b"ftypavis", b"ftypavif")


def animation_frames(picture: Picture) -> Iterator[tuple[Picture, Fraction]]:
    """Each frame of an animation, and when it is shown: seconds from the beginning."""
    time = Fraction(0)
    shown = replace(picture, frames=())
    for frame in (None, *picture.frames):
        if frame is not None:
            alpha = floats(frame.samples[:, :, 3]) if frame.samples.shape[2] == 4 else None
            shown = Picture(np.ascontiguousarray(frame.samples[:, :, :3]), alpha)
        yield shown, time
        time += shown_for(picture.duration if frame is None else frame.duration)


def placed(picture: Picture, width: int, height: int) -> tuple[Samples, Pixels | None]:
    """Bring a frame to a clip's size; one of another shape keeps it, in the middle of black or nothing."""
    scale = min(width / picture.width, height / picture.height)
    inner = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    if same_shape(picture.width, picture.height, width, height):
        picture = picture.resized(width, height)
        return picture.samples, picture.alpha
    picture = picture.resized(*inner)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    border = (top, height - inner[1] - top), (left, width - inner[0] - left)
    alpha = None if picture.alpha is None else np.pad(picture.alpha, border)
    return np.pad(picture.samples, (*border, (0, 0))), alpha


def same_shape(width: int, height: int, other_width: int, other_height: int) -> bool:
    """Whether two sizes differ by so little in their proportions that one may be stretched to the other."""
    one, other = width * other_height, height * other_width
    return abs(one - other) <= 0.02 * max(one, other)

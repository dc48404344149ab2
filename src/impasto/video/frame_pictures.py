"""Read clips that are pictures: folders of frames, and animations that FFmpeg does not play."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from impasto.errors import PictureError
from impasto.picture import Picture
from impasto.picture.formats import READABLE
from impasto.pixels.arrays import Pixels, Samples
from impasto.system.listing import files_in
from impasto.video.times import shown_for

_HEAD = 12  # bytes


def frame_files(folder: Path) -> list[Path]:
    """Return a folder's picture files in natural order, 2 before 10, without hidden and system files.

    Raises:
        PictureError: there are none.
    """
    try:
        files = files_in(folder, READABLE)
    except OSError as error:
        raise PictureError(f"cannot read {folder}: {error.strerror}", code="not-readable") from error
    if not files:
        raise PictureError(f"there are no pictures in {folder}", code="no-pictures")
    return files


def is_animation(path: Path) -> bool:
    """Return True for WebP and AVIF sequences, of which Pillow reads the transparency and FFmpeg does not."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or head[4:12] in (b"ftypavis", b"ftypavif")


def animation_frames(picture: Picture) -> Iterator[tuple[Picture, Fraction, Fraction]]:
    """Yield each frame of an animation, its time, and its duration, both in seconds."""
    time = Fraction(0)
    shown = replace(picture, frames=())
    for frame in (None, *picture.frames):
        if frame is not None:
            shown = Picture(np.ascontiguousarray(frame.color), frame.alpha)
        duration = shown_for(picture.duration if frame is None else frame.duration)
        yield shown, time, duration
        time += duration


def placed(picture: Picture, width: int, height: int) -> tuple[Samples, Pixels | None]:
    """Bring a frame to a clip's size. Frames of another shape are centered, on black or transparent borders."""
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
    """Return True if the proportions of two sizes are so similar that one may be stretched to the other."""
    one, other = width * other_height, height * other_width
    return abs(one - other) <= 0.02 * max(one, other)

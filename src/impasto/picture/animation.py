"""Animations: every frame of a file that moves."""

from __future__ import annotations

import numpy as np
from PIL import Image

from impasto.errors import PictureError
from impasto.picture.contents import Frame
from impasto.picture.formats import ANIMATED
from impasto.pixels.arrays import Pixels, Samples


def frame_count(image: Image.Image) -> int:
    """How many frames of a file are read: all of an animation, one page of a document."""
    animated = image.format in ANIMATED and getattr(image, "is_animated", False)
    return getattr(image, "n_frames", 1) if animated else 1


def read_frame(image: Image.Image, index: int, count: int, name: str) -> Frame:
    """A further frame of an animation; in the formats that move it is never deeper than eight bits."""
    try:
        image.seek(index)
        image.load()
    except Exception as error:
        raise PictureError(f"{name} is damaged at frame {index + 1} of {count}", code="damaged-file") from error
    samples = np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    return Frame(samples, float(image.info.get("duration", 0) or 0))


def same_channels(
    color: Samples, alpha: Pixels | None, frames: list[Frame]
) -> tuple[Samples, Pixels | None, list[Frame]]:
    """An animation has alpha in every frame or in none."""
    if alpha is None and all(frame.samples.shape[2] == 3 for frame in frames):
        return color, None, frames
    alpha = np.ones(color.shape[:2], np.float32) if alpha is None else alpha
    opaque = np.full((*color.shape[:2], 1), 255, np.uint8)
    return (
        color,
        alpha,
        [
            frame if frame.samples.shape[2] == 4 else Frame(np.dstack([frame.samples, opaque]), frame.duration)
            for frame in frames
        ],
    )

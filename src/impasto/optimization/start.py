"""Make the picture that an optimization starts from."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from impasto.errors import UsageError
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels
from impasto.pixels.color import match_covariance

STARTS = ("painter", "photo", "noise", "style", "mix")
SHARES = {"painter": 1.0, "mix": 0.5}
NOISE = 0.25  # standard deviation around gray


def make_start(start: str, photo: Pixels, painting: Pixels, stylizer: Stylizer, max_pixels: int) -> Pixels:
    """Make the start picture of a recipe.

    Args:
        start: see `Recipe.start`.
        photo: H x W x 3.
        painting: h x w x 3, whose colors the start "style" uses.
        stylizer: paints the start "painter".
        max_pixels: refuse a picture file with more pixels.
    Returns:
        H x W x 3.
    Raises:
        UsageError: there is no such start, or its share is not in 0..1.
        PictureError: the start is a picture file that cannot be read.
    """
    height, width = photo.shape[:2]
    kind = start.partition(":")[0]
    weight = np.float32(_share(start) if kind in SHARES else 0)
    if kind == "photo":
        return photo
    if kind == "painter":
        rest = match_covariance(photo, painting) if weight < 1 else photo
        return (rest + weight * (_painted(photo, stylizer) - rest)).astype(np.float32)
    if kind == "noise":
        return noise(width, height, stylizer.controls.seed)
    if kind == "style":
        return match_covariance(photo, painting)
    if kind == "mix":
        return (photo + weight * (noise(width, height, stylizer.controls.seed) - photo)).astype(np.float32)
    path = Path(start)
    if not path.exists() and not path.suffix:
        raise UsageError(
            f"unknown start {start!r}", f"one of {', '.join(STARTS)}, or a picture file", code="unknown-choice"
        )
    return Picture.open(path, max_pixels=max_pixels).resized(width, height).pixels


def noise(width: int, height: int, seed: int) -> Pixels:
    """Return gray noise, H x W x 3."""
    values = np.random.default_rng(seed).normal(0.5, NOISE, (height, width, 3))
    return values.clip(0, 1).astype(np.float32)


def label(start: str) -> str:
    """Return a start for a picture's metadata, without names of the user's files."""
    return start if start.partition(":")[0] in STARTS else "picture"


def _painted(photo: Pixels, stylizer: Stylizer) -> Pixels:
    """Paint the fast engine's picture, without tone and luminance, which are applied at the end."""
    controls = stylizer.controls
    colors = "none" if controls.keep_color == "luminance" else controls.keep_color
    return stylizer.with_controls(replace(controls, tone="none", keep_color=colors, size=None))(Picture(photo)).pixels


def _share(start: str) -> float:
    """Return the number after "painter:" or "mix:"."""
    kind, _, text = start.partition(":")
    try:
        share = float(text or SHARES[kind])
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise UsageError(
            f"--start {start}: {text} is not in 0..1", f"--start {kind}:{SHARES[kind]}", code="out-of-range"
        )
    return share

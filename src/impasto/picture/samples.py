"""Decoded samples as pixels: colors in sRGB, alpha apart, upright."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.picture.formats import Bits
from impasto.pixels.arrays import Pixels, Samples, floats, stored

LYING = (5, 6, 7, 8)
"""The orientations that exchange width and height."""


class Still(NamedTuple):
    """The decoded picture, or an animation's first frame, as it lies in the file."""

    color: Samples
    alpha: Pixels | None
    bits: Bits
    had_profile: bool


def in_srgb(image: Image.Image, deep: NDArray[np.uint16] | None) -> Still:
    """Convert a decoded image's colors to sRGB.

    Args:
        deep: all sixteen bits of its samples, H x W x 3 or 4, if it has so many.
    """
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        gray = _deep_gray(image)
        eight = Image.fromarray((gray * 255).round().astype(np.uint8))
        rgb, converted = _to_srgb(eight, profile)
        shades = np.array(rgb) if converted else np.repeat(stored(gray, np.uint16)[:, :, None], 3, axis=2)
        return Still(shades, None, 16, converted)
    if image.mode in ("P", "PA") or (image.has_transparency_data and image.mode not in ("RGBA", "LA")):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    alpha = None
    if image.mode in ("RGBA", "LA"):
        alpha = floats(np.asarray(image.getchannel("A")))
        image = image.convert(image.mode[:-1])
    rgb, converted = _to_srgb(image, profile)
    if deep is None:
        return Still(np.array(rgb), alpha, 8, converted)
    # The profile is applied to the upper eight bits; what the lower eight add to them is added to its result.
    upper = (deep[:, :, :3] >> 8) * np.uint16(257)
    lower = (deep[:, :, :3] - upper).astype(np.int16)
    color = (np.asarray(rgb) * np.int32(257) + lower).clip(0, 65535).astype(np.uint16)
    if alpha is not None and deep.shape[2] == 4:
        alpha = floats(deep[:, :, 3])
    return Still(color, alpha, 16, converted)


def _deep_gray(image: Image.Image) -> Pixels:
    """Gray with more than eight bits: integers up to 65535, or floats in 0..1, 0..255 or 0..65535."""
    values = np.nan_to_num(np.asarray(image, np.float32))
    top = float(values.max(initial=0))
    scale = 65535 if image.mode != "F" or top > 255 else 255 if top > 1 else 1
    return (values / np.float32(scale)).clip(0, 1)


def _to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bool]:
    """An RGB image in sRGB, and whether there was a profile that could be used."""
    if not profile and image.mode != "LAB":
        return image.convert("RGB"), False
    from impasto.picture import color_profiles

    return color_profiles.to_srgb(image, profile)


def srgb_profile() -> bytes:
    from impasto.picture import color_profiles

    return color_profiles.srgb()


def upright(samples: Samples, orientation: int) -> Samples:
    """Undo what EXIF's orientation says was done to the picture (CIPA DC-008, tag 0x0112)."""
    if orientation in LYING:
        samples = samples.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return np.ascontiguousarray(samples)

"""Decoded samples as pixels: colors in sRGB, separate alpha, upright."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from impasto.picture.formats import Bits
from impasto.pixels.arrays import Pixels, Samples, floats, stored, strips

LYING = (5, 6, 7, 8)
"""Orientations that swap width and height."""

CICP = "cicp"
"""Key in an image's `info`: primaries and transfer of ITU-T H.273, as stored in the file."""

ADOBE_RGB = "adobe_rgb"
"""Key in an image's `info`: present if EXIF says that the colors are Adobe RGB."""

SAYS_COLORS = ("icc_profile", CICP, "nclx_profile", ADOBE_RGB, "gamma", "chromaticity", "srgb")
"""Keys in an image's `info` that define its colors."""

_WHOLE = {"La": "LA", "RGBa": "RGBA"}  # premultiplied modes, and their plain counterparts


class Still(NamedTuple):
    """The decoded picture, or an animation's first frame, as stored in the file."""

    color: Samples
    alpha: Pixels | None
    bits: Bits
    had_profile: bool


def in_srgb(image: Image.Image, deep: Samples | None = None) -> Still:
    """Convert a decoded image's colors to sRGB.

    The first of these in the image's `info` defines its colors: CICP numbers of high dynamic range, a profile, EXIF's
    Adobe RGB, other CICP numbers, PNG chunks for gamma and chromaticities.

    Args:
        deep: the samples, if the file has more than eight bits: H x W x 1 to 4 (gray, gray and alpha, RGB, RGBA),
            uint16, or float32 in 0..1. The image itself then need not be decoded.
    """
    if deep is None and (image.mode.startswith("I") or image.mode == "F"):
        deep = _deep_gray(image)
    if deep is not None:
        return _deep_in_srgb(image.info, deep)
    if image.mode in _WHOLE:
        image = image.convert(_WHOLE[image.mode])
    if image.mode in ("P", "PA") or (image.has_transparency_data and image.mode not in ("RGBA", "LA")):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    alpha = None
    if image.mode in ("RGBA", "LA"):
        alpha = floats(np.asarray(image.getchannel("A")))
        image = image.convert(image.mode[:-1])
    profile = _profile(image.info)
    space = _space(image.info, None)
    if space is None:
        rgb, had_profile = _to_srgb(image, profile)
        return Still(np.array(rgb), alpha, 8, had_profile)
    from impasto.picture import color_spaces

    return Still(color_spaces.converted(np.array(image.convert("RGB")), space), alpha, 8, bool(profile))


def _deep_in_srgb(info: Mapping[Any, Any], deep: Samples) -> Still:
    channels = deep.shape[2]
    alpha = None
    if channels in (2, 4):
        alpha, deep = floats(deep[:, :, -1]), deep[:, :, :-1]
    elif (key := info.get("transparency")) is not None and not isinstance(key, bytes):
        alpha = (deep != np.array(key)).any(axis=2).astype(np.float32)
    profile = _profile(info)
    space = _space(info, deep.shape[2])
    had_profile = bool(profile)
    if space is not None:
        from impasto.picture import color_spaces

        if isinstance(space, color_spaces.Hdr) and deep.shape[2] == 1:
            deep = np.repeat(deep, 3, axis=2)
        deep = color_spaces.converted(deep, space)
    elif profile:
        deep, had_profile = _by_eight_bits(deep, profile)
    color = np.repeat(deep, 3, axis=2) if deep.shape[2] == 1 else np.ascontiguousarray(deep)
    return Still(color, alpha, 16, had_profile)


def _by_eight_bits(deep: Samples, profile: bytes) -> tuple[Samples, bool]:
    """Apply a profile to the upper eight bits, and add the lower bits to the result."""
    shades = stored(floats(deep), np.uint16)
    upper = (shades >> 8).astype(np.uint8)
    rgb, converted = _to_srgb(Image.fromarray(upper[:, :, 0] if upper.shape[2] == 1 else upper), profile)
    if not converted:
        return deep, False
    lower = (shades - upper * np.uint16(257)).astype(np.int16)
    return (np.asarray(rgb) * np.int32(257) + lower).clip(0, 65535).astype(np.uint16), True


def _deep_gray(image: Image.Image) -> Samples:
    """Return gray of more than eight bits, H x W x 1: integers up to 65535, or floats (see `float_shades`)."""
    values = np.asarray(image)
    if image.mode != "F":
        return values.clip(0, 65535).astype(np.uint16)[:, :, None]
    return float_shades(values)[:, :, None]


def float_shades(values: NDArray[np.floating[Any]], name: str = "") -> NDArray[np.uint16]:
    """Convert a file's floats to 0..65535. Their range may be 0..1, 0..255 or 0..65535.

    If at least half of the floats are at most 1, their range is taken for 0..1, and brighter values are clipped.

    Args:
        values: H x W or H x W x C.
    """
    top, dark = 0.0, 0
    for rows in strips(*values.shape[:2]):
        part = np.nan_to_num(values[rows])
        top = max(top, float(part.max()))
        dark += int(np.count_nonzero(part <= 1))
    if top > 1 and 2 * dark >= values.size:
        if name:
            warnings.warn(f"{name} contains light brighter than white, which is clipped", stacklevel=2)
        top = 1
    white = np.float32(65535 if top > 255 else 255 if top > 1 else 1)
    out = np.empty(values.shape, np.uint16)
    for rows in strips(*values.shape[:2]):
        part = np.nan_to_num(values[rows].astype(np.float32)) / white
        out[rows] = stored(part.clip(0, 1), np.uint16)
    return out


def _profile(info: Mapping[Any, Any]) -> bytes | None:
    profile = info.get("icc_profile")
    return profile if isinstance(profile, bytes) else None


def is_srgb(info: Mapping[Any, Any]) -> bool:
    """Return True if an RGB image's values are already sRGB."""
    profile = _profile(info)
    if _space(info, None) is not None:
        return False
    if not profile:
        return True
    from impasto.picture import color_profiles

    return color_profiles.is_srgb(profile)


def says_hdr(info: Mapping[Any, Any]) -> bool:
    """Return True if an image has high dynamic range."""
    space = _space(info, None)
    if space is None:
        return False
    from impasto.picture import color_spaces

    return isinstance(space, color_spaces.Hdr)


def says_adobe_rgb(image: Image.Image) -> bool:
    """Return True if EXIF says that the colors are Adobe RGB, as in cameras that embed no profile (DCF 2.0)."""
    try:
        exif = image.getexif()
        uncalibrated = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace) == 0xFFFF
        return uncalibrated and str(exif.get_ifd(ExifTags.IFD.Interop).get(1, "")).startswith("R03")
    except Exception:  # noqa: BLE001 - broken EXIF must not prevent reading the photo
        return False


def _space(info: Mapping[Any, Any], channels: int | None) -> Any:
    """Return the color space to convert from; None for sRGB, and for profiles that the profile engine converts.

    Args:
        channels: 1 or 3, for samples with more than eight bits; None for eight bits, where the profile engine is
            precise enough.
    """
    profile, cicp = _profile(info), _cicp(info)
    by_engine = profile and channels is None and b"cicp" not in profile
    if (by_engine and not cicp) or not any(key in info for key in SAYS_COLORS):
        return None
    from impasto.picture import color_spaces

    said = color_spaces.of_cicp(*cicp) if cicp else None
    if isinstance(said, color_spaces.Hdr):
        return said
    if not profile and ADOBE_RGB in info:
        return color_spaces.adobe_rgb()
    if not profile:
        return said if cicp else color_spaces.of_png(info)
    space = color_spaces.of_profile(profile)
    if channels is None or space is None or isinstance(space, color_spaces.Hdr):
        return space if isinstance(space, color_spaces.Hdr) else None
    from impasto.picture import color_profiles

    fits = (space.matrix is None) == (channels == 1)
    return space if fits and not color_profiles.is_srgb(profile) else None


def _cicp(info: Mapping[Any, Any]) -> tuple[int, int] | None:
    if CICP in info:
        return (int(info[CICP][0]), int(info[CICP][1]))
    said = info.get("nclx_profile")  # from pillow_heif
    return (int(said["color_primaries"]), int(said["transfer_characteristics"])) if said else None


def _to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bool]:
    """Return an RGB image in sRGB, and whether its profile could be used."""
    if not profile and image.mode != "LAB":
        return image.convert("RGB"), False
    from impasto.picture import color_profiles

    return color_profiles.to_srgb(image, profile)


def srgb_profile() -> bytes:
    from impasto.picture import color_profiles

    return color_profiles.srgb()


def upright(samples: Samples, orientation: int) -> Samples:
    """Undo the rotation and mirroring that EXIF's orientation describes (CIPA DC-008, tag 0x0112)."""
    if orientation in LYING:
        samples = samples.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return np.ascontiguousarray(samples)

"""Color profiles: convert a file's values to sRGB."""

from __future__ import annotations

import contextlib
import functools
import io

import numpy as np
from PIL import Image, ImageCms

_FAILURES = (ImageCms.PyCMSError, OSError, ValueError, TypeError)
_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "Lab"}
_PROBES = (0, 16, 32, 64, 96, 128, 192, 255)  # values of each channel
_SAME = 3


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bool]:
    """Return an RGB image in sRGB, and whether its profile could be used."""
    if profile:
        with contextlib.suppress(*_FAILURES):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            space = source.profile.xcolor_space.strip()
            if space == "RGB" and (image.mode == "L" or is_srgb(profile)):
                return image.convert("RGB"), True
            if space == _SPACES.get(image.mode):
                converted = _through(image, source)
                if converted is not None:
                    return converted, True
    if image.mode == "LAB":
        lab = ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), _srgb(), outputMode="RGB"
        )
        return (lab or image.convert("RGB")), False
    return image.convert("RGB"), False


def _through(
    image: Image.Image, source: ImageCms.ImageCmsProfile, flags: ImageCms.Flags = ImageCms.Flags.NONE
) -> Image.Image | None:
    return ImageCms.profileToProfile(
        image,
        source,
        _srgb(),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION | flags,
    )


@functools.lru_cache(maxsize=8)
def is_srgb(profile: bytes) -> bool:
    """Return True if a profile is named sRGB and behaves so: it changes no test color by more than 3 of 255."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" not in (source.profile.profile_description or "").lower():
            return False
        colors = np.stack(np.meshgrid(*[np.array(_PROBES, np.uint8)] * 3), axis=-1).reshape(1, -1, 3)
        shown = _through(Image.fromarray(colors), source, ImageCms.Flags.NOOPTIMIZE)  # takes a tenth of the time
    except _FAILURES:
        return False
    return shown is not None and int(np.abs(np.asarray(shown).astype(int) - colors).max()) <= _SAME


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@functools.cache
def srgb() -> bytes:
    """Return the bytes of the sRGB profile."""
    return _srgb().tobytes()

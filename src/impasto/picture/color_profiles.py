"""Color profiles: what a file's numbers mean, brought to sRGB."""

from __future__ import annotations

import contextlib
import functools
import io

from PIL import Image, ImageCms

_FAILURES = (ImageCms.PyCMSError, OSError, ValueError, TypeError)
_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "Lab"}


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bool]:
    """An RGB image in sRGB, and whether there was a profile that could be used."""
    if profile:
        with contextlib.suppress(*_FAILURES):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            space = source.profile.xcolor_space.strip()
            if space == "RGB" and (image.mode == "L" or _is_srgb(source)):
                return image.convert("RGB"), True
            if space == _SPACES.get(image.mode):
                converted = ImageCms.profileToProfile(
                    image,
                    source,
                    _srgb(),
                    renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                    outputMode="RGB",
                    flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
                )
                if converted is not None:
                    return converted, True
    if image.mode == "LAB":
        lab = ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), _srgb(), outputMode="RGB"
        )
        return (lab or image.convert("RGB")), False
    return image.convert("RGB"), False


def says_srgb(profile: bytes) -> bool:
    """Whether a profile calls itself sRGB."""
    try:
        return _is_srgb(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except _FAILURES:
        return False


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    return "srgb" in (profile.profile.profile_description or "").lower()


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@functools.cache
def srgb() -> bytes:
    """The profile of sRGB."""
    return _srgb().tobytes()

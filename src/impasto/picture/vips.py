"""Large files decoded and encoded strip by strip by libvips, which Pillow would hold as a whole: the extra `large`."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from impasto.errors import OutOfMemory
from impasto.pixels.arrays import Samples
from impasto.system.memory import allocate

PIXELS = 30_000_000
"""Pictures of more pixels are worth it."""

FORMATS = {"JPEG", "PNG", "TIFF"}
_KINDS = {"uchar": np.uint8, "ushort": np.uint16}


def decode(data: bytes, width: int, height: int) -> Samples | None:
    """The samples of a JPEG, PNG or TIFF file, in a temporary file.

    Args:
        data: the file; three channels, neither alpha nor a palette.
        width, height: of the picture in it.
    Returns:
        H x W x 3, uint8 or uint16, as they stand in the file; None where libvips is not there, or is not sure of them,
        or where there is no room for them on the disk.
    """
    vips = _vips()
    if vips is None:
        return None
    with contextlib.suppress(vips.Error, OutOfMemory):
        image = vips.Image.new_from_buffer(data, "", access="sequential", fail_on="error")
        if image.format not in _KINDS or (image.width, image.height, image.bands) != (width, height, 3):
            return None
        out = allocate((height, width, 3), _KINDS[image.format], 0)
        filled = 0

        def keep(part: Any) -> int:
            nonlocal filled
            piece = np.frombuffer(part, out.dtype)
            out.reshape(-1)[filled : filled + piece.size] = piece
            filled += piece.size
            return len(part)

        target = vips.TargetCustom()
        target.on_write(keep)
        image.rawsave_target(target)
        return out if filled == out.size else None
    return None


def encode_jpeg(samples: Samples, quality: int, profile: bytes) -> bytes | None:
    """A JPEG file of H x W x 3 samples, uint8, with nothing in it but the profile: libvips encodes EXIF anew.

    Returns:
        None where libvips is not there, or is older than 8.15.
    """
    vips = _vips()
    if vips is None:
        return None
    height, width, channels = samples.shape
    image = vips.Image.new_from_memory(samples, width, height, channels, "uchar").copy(interpretation="srgb")
    if profile:
        image.set_type(vips.GValue.blob_type, "icc-profile-data", profile)
    with contextlib.suppress(vips.Error):
        sampling = "off" if quality >= 90 else "on"
        return bytes(image.jpegsave_buffer(Q=quality, subsample_mode=sampling, keep="icc"))
    return None


def _vips() -> Any:
    """pyvips; None if it, or the library that it calls, is not installed."""
    try:
        import pyvips
    except (ImportError, OSError):
        return None
    return pyvips

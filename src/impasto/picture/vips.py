"""Decode and encode large files in strips with libvips (the extra `large`).

Pillow would hold the whole file in memory.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from impasto.errors import OutOfMemory
from impasto.pixels.arrays import Samples
from impasto.system.memory import allocate

PIXELS = 30_000_000
"""Use libvips for pictures with more pixels than this."""

FORMATS = {"JPEG", "PNG", "TIFF"}
_KINDS = {"uchar": np.uint8, "ushort": np.uint16}


def decode(data: bytes, width: int, height: int) -> Samples | None:
    """Decode a JPEG, PNG or TIFF file into a temporary file.

    Args:
        data: the file. It must have three channels, and neither alpha nor a palette.
        width, height: the size of its picture.
    Returns:
        H x W x 3, uint8 or uint16, as stored. None if libvips is not installed, reports an error, or the disk is too
            full.
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
    """Encode H x W x 3 samples, uint8, as a JPEG file with no metadata but the profile: libvips would re-encode EXIF.

    Returns:
        None if libvips is not installed, or is older than 8.15.
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
    """Return pyvips; None if it or the library libvips is not installed."""
    try:
        import pyvips
    except (ImportError, OSError):
        return None
    return pyvips

"""Decode AVIF, HEIF and WebP without Pillow: with all bits, or with less memory."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.picture import boxes


def read(file_format: str, data: bytes) -> NDArray[np.uint16] | None:
    """Return the samples of an AVIF or HEIF file that has more than eight bits a channel.

    Returns:
        H x W x 3 or 4, as stored, not yet turned upright. None if the file has eight bits, or there is no decoder.
    """
    if file_format == "HEIF":
        return _heif(data)
    said = boxes.read(data)
    if file_format != "AVIF" or said.bits <= 8:
        return None
    samples = _opencv(data)
    if samples is None or samples.dtype != np.uint16 or samples.ndim != 3:
        return None
    top = (1 << said.bits) - 1
    scaled = (np.minimum(samples, top).astype(np.uint32) * 65535 // top).astype(np.uint16)
    if said.crop is None:
        return scaled
    left, upper, right, lower = said.crop
    return scaled[upper:lower, left:right]


def webp(data: bytes) -> Image.Image | None:
    """Decode a WebP file with half of the memory that Pillow needs."""
    samples = _opencv(data)
    return None if samples is None or samples.dtype != np.uint8 else Image.fromarray(samples)


def _heif(data: bytes) -> NDArray[np.uint16] | None:
    try:
        import pillow_heif  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError:
        return None
    samples = np.asarray(pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False))
    return samples if samples.dtype == np.uint16 and samples.ndim == 3 and samples.shape[2] in (3, 4) else None


def _opencv(data: bytes) -> NDArray[np.generic] | None:
    """Decode a file with OpenCV, to RGB or RGBA; None if OpenCV cannot."""
    import cv2

    try:
        samples = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if samples is None or samples.ndim != 3 or samples.shape[2] not in (3, 4):
        return None
    order = cv2.COLOR_BGR2RGB if samples.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    return np.asarray(cv2.cvtColor(samples, order, dst=samples))

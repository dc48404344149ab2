"""The largest picture that each format can store."""

from __future__ import annotations

from impasto.errors import PictureError

LARGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "GIF": 65_535, "AVIF": 32_768, "HEIF": 32_768}
"""Largest side in pixels of a format, or of the library that writes it. PNG, TIFF and BMP exceed any memory."""


def check_size(file_format: str, width: int, height: int, name: str = "the picture", hint: str = "") -> None:
    """Refuse a picture that its format cannot store. Call this before painting.

    Args:
        file_format: Pillow's name.
        name: the name of the picture's file.
        hint: what to do instead; default: a smaller --size.
    Raises:
        PictureError: the picture is wider or higher than the format allows.
    """
    limit = LARGEST_SIDE.get(file_format)
    if limit is not None and max(width, height) > limit:
        raise PictureError(
            f"{name} would be {width} x {height}, but {file_format} stores at most {limit:,} pixels a side",
            hint or f"--size {limit}, or .png or .tif",
            code="not-encodable",
        )

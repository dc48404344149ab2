"""How large a picture each format holds."""

from __future__ import annotations

from impasto.errors import PictureError

LARGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "GIF": 65_535, "AVIF": 32_768, "HEIF": 32_768}
"""Pixels a side that a format, or the library that writes it, takes. PNG, TIFF and BMP take more than memory does."""


def check_size(file_format: str, width: int, height: int, name: str = "the picture", hint: str = "") -> None:
    """Refuse a picture that its format cannot hold; call this before anything is painted.

    Args:
        file_format: Pillow's name.
        name: of the picture's file.
        hint: what to do instead; a smaller --size, if not given.
    Raises:
        PictureError: it is wider or higher than the format allows.
    """
    limit = LARGEST_SIDE.get(file_format)
    if limit is not None and max(width, height) > limit:
        raise PictureError(
            f"{name} would be {width} x {height}; {file_format} holds {limit:,} pixels a side",
            hint or f"--size {limit}, or .png or .tif",
            code="not-encodable",
        )

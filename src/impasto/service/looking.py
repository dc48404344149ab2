"""What a photo's file says of itself, before it is decoded."""

from __future__ import annotations

from impasto.errors import PictureError
from impasto.picture import untrusted
from impasto.picture.reading import Head, head_of
from impasto.service.work import Upload


def look_at(photo: Upload, max_pixels: int) -> Head:
    """Look at a photo's head.

    Raises:
        PictureError: it is no picture that is taken from strangers, is damaged, or has too many pixels.
    """
    name = photo.name
    if not photo.data:
        raise PictureError(f"{name} is empty", code="empty-file")
    untrusted.check(photo.data, name)
    head = head_of(photo.data, name)
    pixels = head.width * head.height * head.frames
    if pixels > max_pixels:
        raise PictureError(
            f"{name} has {pixels / 1e6:.0f} megapixels; {max_pixels / 1e6:.0f} are allowed",
            "send a smaller picture",
            code="too-large",
        )
    return head

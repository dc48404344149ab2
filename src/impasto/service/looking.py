"""What pictures' files say of themselves, before they are decoded."""

from __future__ import annotations

from collections.abc import Iterable

from impasto.controls import Controls
from impasto.errors import PictureError
from impasto.picture import untrusted
from impasto.picture.formats import ANIMATED
from impasto.picture.limits import check_size
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
    _check(name, head.width * head.height * head.frames, max_pixels)
    return head


def look_at_all(pictures: Iterable[Upload], max_pixels: int) -> None:
    """Look at the heads of paintings and masks.

    Raises:
        PictureError: as `look_at`, or all of them together have too many pixels.
    """
    heads = [look_at(picture, max_pixels) for picture in pictures]
    total = sum(head.width * head.height * head.frames for head in heads)
    _check("all paintings and masks together", total, max_pixels, have="have")


def check_result(head: Head, controls: Controls, file_format: str, max_pixels: int) -> None:
    """See whether the result of a photo would be as large as is allowed, and as its format holds.

    Raises:
        PictureError: it would be larger.
    """
    width, height = controls.output_size(head.width, head.height)
    check_size(file_format, width, height, hint="a smaller size")
    frames = head.frames if file_format in ANIMATED else 1
    _check("the result", width * height * frames, max_pixels, have="would have")


def _check(name: str, pixels: int, most: int, have: str = "has") -> None:
    if pixels > most:
        message = f"{name} {have} {pixels / 1e6:,.1f} megapixels; {most / 1e6:,.1f} are allowed"
        raise PictureError(message, "send a smaller picture" if have == "has" else "ask for less", code="too-large")

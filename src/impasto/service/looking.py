"""Read the heads of picture files before they are decoded, and check the size of the result."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from impasto.errors import PictureError
from impasto.picture import untrusted
from impasto.picture.animation import moves_longer
from impasto.picture.formats import ANIMATED
from impasto.picture.limits import check_size
from impasto.picture.reading import Head
from impasto.service.config import ServiceConfig
from impasto.service.work import Upload


def look_at(photo: Upload, config: ServiceConfig) -> Head:
    """Read a photo's head.

    Raises:
        PictureError: the file is not a picture of a format that is accepted from clients, is damaged, or has too many
            pixels or frames.
    """
    name = photo.name
    if not photo.data:
        raise PictureError(f"{name} is empty", code="empty-file")
    untrusted.check(photo.data, name)
    head = None if moves_longer(photo.data, config.clip_frames) else photo.head
    if head is None or head.frames > config.clip_frames:
        raise PictureError(
            f"{name} has more than {config.clip_frames:,} frames, or consists of too many pieces",
            "send a shorter animation",
            code="too-large",
        )
    check_pixels(f"{name} has", _pixels(head), config.max_pixels)
    return head


def look_at_all(pictures: Iterable[Upload], config: ServiceConfig) -> None:
    """Read the heads of paintings and masks, which are all in memory at the same time.

    Raises:
        PictureError: as for `look_at`, or all of them together have too many pixels.
    """
    total = sum(_pixels(look_at(picture, config)) for picture in pictures)
    check_pixels("all paintings and masks together have", total, config.max_pixels)


class Sized(Protocol):
    """Determines the size of a photo's result: controls, or the work itself."""

    def output_size(self, width: int, height: int) -> tuple[int, int]: ...


def check_result(head: Head, wanted: Sized, file_format: str, max_pixels: int) -> None:
    """Check that the result is not too large for the service and for its format.

    Args:
        wanted: determines the size of the result.
        file_format: Pillow's name of the format.
    Raises:
        PictureError: the result is too large.
    """
    width, height = wanted.output_size(head.width, head.height)
    check_size(file_format, width, height, hint="choose a smaller size")
    frames = head.frames if file_format in ANIMATED else 1
    check_pixels("the result would have", width * height * frames, max_pixels)


def _pixels(head: Head) -> int:
    return head.width * head.height * head.frames


def check_pixels(what: str, pixels: int, most: int) -> None:
    """Raise a PictureError if there are more pixels than allowed."""
    if pixels > most:
        raise PictureError(
            f"{what} {pixels / 1e6:,.3g} megapixels; at most {most / 1e6:,g} are allowed",
            "use a smaller picture or size",
            code="too-large",
        )

"""Cache whole photos in a worker, for parts of finished pictures and for paintings as in an export."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from impasto.enlarging.enlarge import resized
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels, filled
from impasto.service.uploads.caches import PHOTOS
from impasto.service.uploads.clips import frame_of
from impasto.service.uploads.kept import Kept, Size


class WholePhoto(NamedTuple):
    """A photo at full size, and its luminance in smaller sizes, computed once for all styles."""

    photo: Picture
    grays_of: Callable[[Size], list[Pixels]]

    @classmethod
    def of(cls, photo: Picture) -> WholePhoto:
        """Return the photo. Its luminance is computed on demand."""
        found: dict[Size, list[Pixels]] = {}

        def grays_of(size: Size) -> list[Pixels]:
            from impasto.painting.octaves import luminances

            if size not in found:
                found.clear()
                found[size] = luminances(filled(photo.samples, photo.alpha), size, 1 << 40)
            return found[size]

        return cls(photo, grays_of)

    @property
    def pixels(self) -> float:
        """Return the number of pixels."""
        return self.photo.width * self.photo.height


def whole_photo(file: Kept, second: float | None, size: Size, max_pixels: int) -> WholePhoto:
    """Return an upload's photo, or a clip's frame, at a size, from the cache if possible."""

    def make() -> WholePhoto:
        if second is None:
            return WholePhoto.of(resized(still(file, max_pixels), *size))
        return WholePhoto.of(frame_of(file, second, max_pixels).resized(*size))

    return PHOTOS.of((file.digest, second, *size), make)


def remember(file: Kept, photo: Picture) -> None:
    """Cache a photo that was decoded for another reason."""
    PHOTOS.of((file.digest, None, photo.width, photo.height), lambda: WholePhoto.of(photo))


def still(file: Kept, max_pixels: int, at_most: int | None = None) -> Picture:
    """Return a photo's first frame. Errors name the file by its own name."""
    source = io.BytesIO(file.read())
    source.name = file.name
    photo = Picture.open(source, max_pixels=max_pixels, at_most=at_most, untrusted=True)
    return replace(photo, frames=(), cover=None)

"""What a picture file holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from impasto.picture import metadata
from impasto.picture.formats import Bits
from impasto.picture.metadata import Kept
from impasto.pixels.arrays import Pixels, Samples, filled, fit, floats, resize_with_alpha, seen_part, stored

Kind = TypeVar("Kind", bound="Contents")


@dataclass(frozen=True)
class Frame:
    """A frame of an animation.

    Attributes:
        samples: H x W x 3, or 4 with alpha; uint8, sRGB.
        duration: milliseconds, as the file says.
    """

    samples: NDArray[np.uint8]
    duration: float

    @property
    def color(self) -> NDArray[np.uint8]:
        return self.samples[:, :, :3]

    @property
    def alpha(self) -> Pixels | None:
        """The frame's own: H x W, float32, 0..1."""
        return floats(self.samples[:, :, 3]) if self.samples.shape[2] == 4 else None


@dataclass(frozen=True, eq=False)
class Contents:
    """What a picture file holds: samples in sRGB, alpha apart, and what the file says about them.

    Attributes:
        samples: H x W x 3, sRGB, as they are kept: uint8, uint16, or float32 in 0..1; `pixels` are their numbers.
        alpha: H x W, float32, 0..1, or None if the picture is opaque.
        bits: 8 or 16, what a channel had in the file.
        exif: the photo's EXIF block without orientation and thumbnail, or b"".
        profile: the sRGB profile if the file carried any profile, else b"".
        xmp: the photo's XMP packet, or b"".
        dpi: dots per inch across and down, or None.
        frames: the animation's frames after the first.
        duration: milliseconds that the first frame stands, as the file says.
        loop: how often an animation runs, 0 for ever.
        cover: what programs show that cannot play the file (APNG's default image), if that is no frame.
        file_format: Pillow's name of the format it was read from, or "".
        iptc: the photo's records in IPTC's older format, or b"".
        texts: keyword and text of each text in a PNG file.
        comment: of a JPEG or GIF file, or b"".
        name: of the file that it was read from, for messages, or "".
        made_with: what painted it: program, version, style, controls. Written into the file's metadata by `save`.
    """

    samples: Samples
    alpha: Pixels | None = None
    bits: Bits = 8
    exif: bytes = b""
    profile: bytes = b""
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    frames: tuple[Frame, ...] = ()
    duration: float = 0
    loop: int = 0
    cover: Contents | None = None
    file_format: str = ""
    made_with: Mapping[str, object] = field(default_factory=dict)
    iptc: bytes = b""
    texts: tuple[tuple[str, str], ...] = ()
    comment: bytes = b""
    name: str = ""

    @property
    def pixels(self) -> Pixels:
        """H x W x 3, float32, 0..1, sRGB; computed from the samples at every call."""
        return self.samples if self.samples.dtype == np.float32 else floats(self.samples)

    @property
    def width(self) -> int:
        return int(self.samples.shape[1])

    @property
    def height(self) -> int:
        return int(self.samples.shape[0])

    @property
    def metadata(self) -> Kept:
        """What its file said about it, in all forms."""
        return Kept(self.exif, self.xmp, self.iptc, self.texts, self.comment)

    def without_location(self: Kind) -> Kind:
        """The same picture without the metadata that say where it was taken."""
        return replace(self, **metadata.without_location(self.metadata)._asdict())

    def without_metadata(self: Kind) -> Kind:
        """The same picture without all that its file said about it, but for what shows it: profile, resolution, times.

        What made the picture stays: `save` says it unless told otherwise.
        """
        return replace(self, **Kept()._asdict())

    def stripped(self: Kind, *, location: bool = False, metadata: bool = False) -> Kind:
        """The same picture without all metadata of its file, or without those that say where it was taken."""
        if metadata:
            return self.without_metadata()
        return self.without_location() if location else self

    def every(self) -> Iterator[Frame]:
        """All frames, the first among them."""
        yield Frame(self.samples_in(8), self.duration)
        yield from self.frames

    def every_frame(self) -> Iterator[Pixels]:
        """The colors of each frame, H x W x 3, float32, 0..1; filled in where they are not seen (`filled`)."""
        yield filled(self.pixels, self.alpha)
        for frame in self.frames:
            yield filled(floats(frame.color), frame.alpha)

    def with_frames(self: Kind, change: Callable[[Pixels], Pixels]) -> Kind:
        """The same picture with every frame's colors replaced by `change` of them; size and alpha must stay."""
        first, *rest = (change(pixels) for pixels in self.every_frame())
        frames = []
        for frame, pixels in zip(self.frames, rest, strict=True):
            samples = frame.samples.copy()
            samples[:, :, :3] = stored(pixels, np.uint8)
            frames.append(replace(frame, samples=samples))
        return replace(self, samples=first, frames=tuple(frames))

    def resized(self: Kind, width: int, height: int) -> Kind:
        """The same picture, all frames, at another size in pixels."""
        if (width, height) == (self.width, self.height):
            return self
        frames = tuple(replace(frame, samples=_resized(frame, width, height)) for frame in self.frames)
        cover = None if self.cover is None else self.cover.resized(width, height)
        samples, alpha = resize_with_alpha(self.samples, self.alpha, width, height)
        return replace(self, samples=samples, alpha=alpha, frames=frames, cover=cover)

    def at_most(self: Kind, side: int) -> Kind:
        """The same picture, reduced if its longer side is above `side` pixels."""
        if max(self.width, self.height) <= side:
            return self
        return self.resized(*fit(self.width, self.height, side))

    def as_painting(self: Kind) -> Kind:
        """The picture without alpha, as a style is read off it: what is seen of it, in a frame of its mean color."""
        if self.alpha is None:
            return self
        samples, alpha = seen_part(self.samples, self.alpha)
        return replace(self, samples=filled(samples, alpha), alpha=None, frames=(), cover=None)

    def samples_in(self, bits: Bits) -> NDArray[Any]:
        """As `to_numpy`; it may be the picture's own memory."""
        kind = np.dtype(f"uint{bits}")
        colors = self.samples if self.samples.dtype == kind else stored(self.pixels, kind)
        return colors if self.alpha is None else np.dstack([colors, stored(self.alpha, kind)])


def _resized(frame: Frame, width: int, height: int) -> NDArray[np.uint8]:
    color, alpha = resize_with_alpha(frame.color, frame.alpha, width, height)
    return stored(color if alpha is None else np.dstack([color, alpha]), np.uint8)

"""The contents of a picture file."""

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
        duration: milliseconds, as stored in the file.
    """

    samples: NDArray[np.uint8]
    duration: float

    @property
    def color(self) -> NDArray[np.uint8]:
        return self.samples[:, :, :3]

    @property
    def alpha(self) -> Pixels | None:
        """The frame's own alpha: H x W, float32, 0..1; None if it is opaque."""
        return floats(self.samples[:, :, 3]) if self.samples.shape[2] == 4 else None


@dataclass(frozen=True, eq=False)
class Contents:
    """The contents of a picture file: samples in sRGB, alpha, and metadata.

    Attributes:
        samples: H x W x 3, sRGB, in their stored type: uint8, uint16, or float32 in 0..1. `pixels` converts them to
            float32.
        alpha: H x W, float32, 0..1; None if the picture is opaque.
        bits: 8 or 16, the bits a channel of the file.
        exif: the photo's EXIF block without orientation and thumbnail, or b"".
        profile: the sRGB profile if the file contained any profile, else b"".
        xmp: the photo's XMP packet, or b"".
        dpi: dots per inch across and down, or None.
        frames: the animation's frames after the first.
        duration: milliseconds of the first frame, as stored in the file.
        loop: how often an animation plays; 0 for ever.
        cover: the picture for programs that cannot play the file (APNG's default image), unless it is a frame.
        file_format: Pillow's name of the file's format, or "".
        iptc: the photo's records in IPTC's older format, or b"".
        texts: keyword and text of each text in a PNG file.
        comment: the comment of a JPEG or GIF file, or b"".
        name: the name of the file, for messages, or "".
        made_with: how the picture was made: program, version, style, controls. `save` writes it into the file's
            metadata.
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
        """H x W x 3, float32, 0..1, sRGB. Computed from the samples at every call."""
        return self.samples if self.samples.dtype == np.float32 else floats(self.samples)

    @property
    def width(self) -> int:
        return int(self.samples.shape[1])

    @property
    def height(self) -> int:
        return int(self.samples.shape[0])

    @property
    def metadata(self) -> Kept:
        """The metadata of the file, in all forms."""
        return Kept(self.exif, self.xmp, self.iptc, self.texts, self.comment)

    def without_location(self: Kind) -> Kind:
        """Return the picture without the metadata that say where it was taken."""
        return replace(self, **metadata.without_location(self.metadata)._asdict())

    def without_metadata(self: Kind) -> Kind:
        """Return the picture without its file's metadata.

        Profile, resolution and frame times stay, because they affect the display. `made_with` also stays: `save` writes
        it unless told otherwise.
        """
        return replace(self, **Kept()._asdict())

    def stripped(self: Kind, *, location: bool = False, metadata: bool = False) -> Kind:
        """Return the picture without all metadata of its file, or without its location."""
        if metadata:
            return self.without_metadata()
        return self.without_location() if location else self

    def every(self) -> Iterator[Frame]:
        """Yield all frames, beginning with the first."""
        yield Frame(self.samples_in(8), self.duration)
        yield from self.frames

    def every_frame(self) -> Iterator[Pixels]:
        """Yield the colors of each frame, H x W x 3, float32, 0..1. Invisible colors are filled in (`filled`)."""
        yield filled(self.pixels, self.alpha)
        for frame in self.frames:
            yield filled(floats(frame.color), frame.alpha)

    def with_frames(self: Kind, change: Callable[[Pixels], Pixels]) -> Kind:
        """Return the picture with every frame's colors replaced by `change` of them. Size and alpha must stay."""
        first, *rest = (change(pixels) for pixels in self.every_frame())
        frames = []
        for frame, pixels in zip(self.frames, rest, strict=True):
            samples = frame.samples.copy()
            samples[:, :, :3] = stored(pixels, np.uint8)
            frames.append(replace(frame, samples=samples))
        return replace(self, samples=first, frames=tuple(frames))

    def resized(self: Kind, width: int, height: int) -> Kind:
        """Return the picture, with all frames, at another size in pixels."""
        if (width, height) == (self.width, self.height):
            return self
        frames = tuple(replace(frame, samples=_resized(frame, width, height)) for frame in self.frames)
        cover = None if self.cover is None else self.cover.resized(width, height)
        samples, alpha = resize_with_alpha(self.samples, self.alpha, width, height)
        return replace(self, samples=samples, alpha=alpha, frames=frames, cover=cover)

    def at_most(self: Kind, side: int) -> Kind:
        """Return the picture, scaled down if its longer side is above `side` pixels."""
        if max(self.width, self.height) <= side:
            return self
        return self.resized(*fit(self.width, self.height, side))

    def as_painting(self: Kind) -> Kind:
        """Return the picture without alpha, for reading a style: its visible part, in a frame of its mean color."""
        if self.alpha is None:
            return self
        samples, alpha = seen_part(self.samples, self.alpha)
        return replace(self, samples=filled(samples, alpha), alpha=None, frames=(), cover=None)

    def samples_in(self, bits: Bits) -> NDArray[Any]:
        """Return the samples as `to_numpy` does, but possibly without a copy."""
        kind = np.dtype(f"uint{bits}")
        colors = self.samples if self.samples.dtype == kind else stored(self.pixels, kind)
        return colors if self.alpha is None else np.dstack([colors, stored(self.alpha, kind)])


def _resized(frame: Frame, width: int, height: int) -> NDArray[np.uint8]:
    color, alpha = resize_with_alpha(frame.color, frame.alpha, width, height)
    return stored(color if alpha is None else np.dstack([color, alpha]), np.uint8)

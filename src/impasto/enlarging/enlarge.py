"""Enlarge whole pictures, with alpha, all frames and metadata."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from impasto.engines.base import default_budget
from impasto.enlarging.enlarger import enlarged
from impasto.enlarging.options import EnlargeOptions
from impasto.enlarging.store import networks
from impasto.errors import OutOfMemory
from impasto.picture import Picture, Source
from impasto.picture.contents import Contents, Frame, Kind
from impasto.picture.reading import MAX_PIXELS
from impasto.pixels.arrays import Pixels, Samples, floats, spread, stored
from impasto.progress import OnProgress, Steps
from impasto.settings import make
from impasto.version import __version__


class Enlarger:
    """Enlarge pictures with one set of options. The networks are loaded only once.

    Several threads may call it at once.

    Args:
        options: scale or size, kind, strength.
        memory: bytes that enlarging may use in addition to the pictures.
    Raises:
        UsageError: there is no such kind.

    >>> impasto.enlarging.enlarge.Enlarger(scale=2)(impasto.Picture.open("photo.jpg"))
    <Picture 128x72>
    """

    at_most = None  # pictures are read at their own size

    def __init__(self, options: EnlargeOptions | None = None, *, memory: int | None = None, **changes: Any) -> None:
        self.options = options or make(EnlargeOptions, changes, "option")
        self.budget = memory or default_budget()
        networks(self.options.kind)

    def prepare(self) -> None:
        """Load the networks."""
        for network in networks(self.options.kind):
            network.prepare()

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the result's size for a picture of width x height; see `EnlargeOptions`."""
        return self.options.output_size(width, height)

    @property
    def label(self) -> str:
        """A label for names of files and messages."""
        wanted = f"{self.options.scale}x" if self.options.size is None else str(self.options.size)
        return f"{self.options.kind}-{wanted}"

    @property
    def engine(self) -> str:
        return "enlarger"

    def made_with(self) -> dict[str, object]:
        """Return the entry in a picture's metadata."""
        options = {name: value for name, value in vars(self.options).items() if value is not None}
        return {"program": "Impasto", "version": __version__, "enlarged": options}

    def facts(self) -> list[str]:
        """Return a text for each network, which changes when the network changes."""
        return [network.digest for network in networks(self.options.kind)]

    def __call__(self, picture: Kind, on_progress: OnProgress | None = None) -> Kind:
        """Enlarge a picture, with all frames, metadata and alpha.

        Args:
            on_progress: called while the picture is enlarged.
        Raises:
            UsageError: the picture is larger than the requested size.
            OutOfMemory: enlarging needs more memory than is available.
            Stopped: `on_progress` returned False.
        """
        size = self.output_size(picture.width, picture.height)
        steps = steps_of(picture, size, on_progress or (lambda _: None))
        try:
            return replace(resized(picture, *size, self.options, self.budget, steps), made_with=self.made_with())
        except MemoryError as error:
            megapixels = size[0] * size[1] / 1e6
            raise OutOfMemory(
                f"enlarging to {megapixels:.1f} megapixels takes more memory than is free",
                "use a smaller --scale or --size",
            ) from error


def steps_of(picture: Contents, size: tuple[int, int], on_progress: OnProgress) -> Steps:
    """Return a counter of the pixels that are finished while a picture is enlarged to a size."""
    layers = (1 + len(picture.frames)) * (1 if picture.alpha is None else 2)
    return Steps(size[0] * size[1] * layers, on_progress, "enlarging")


def resized(
    picture: Kind,
    width: int,
    height: int,
    options: EnlargeOptions | None = None,
    budget: int | None = None,
    steps: Any = lambda _: None,
) -> Kind:
    """Enlarge a picture to a size, with all frames. Only reduce it if the size is smaller.

    Args:
        options: kind and strength; None: those of a photo.
        budget: see `enlarged`.
        steps: called with the number of pixels of each finished part. It may raise.
    """
    if width < picture.width or height < picture.height:
        return picture.resized(width, height)
    if (width, height) == (picture.width, picture.height):
        return picture
    chosen = options or EnlargeOptions()
    room = budget or default_budget()

    def larger(color: Samples, alpha: Pixels | None) -> tuple[Samples, Pixels | None]:
        how: dict[str, Any] = {"strength": chosen.strength / 100, "budget": room, "on_pixels": steps}
        color = enlarged(spread(color, alpha), width, height, chosen.kind, **how)
        if alpha is not None:
            gray = np.repeat(stored(alpha, np.uint8)[:, :, None], 3, axis=2)
            alpha = floats(enlarged(gray, width, height, chosen.kind, **how)[:, :, 1])
        return color, alpha

    def larger_frame(frame: Frame) -> Frame:
        color, alpha = larger(frame.color, frame.alpha)
        return replace(frame, samples=color if alpha is None else np.dstack([color, stored(alpha, np.uint8)]))

    samples, alpha = larger(picture.samples, picture.alpha)
    frames = tuple(map(larger_frame, picture.frames))
    cover = None if picture.cover is None else resized(picture.cover, width, height, chosen, room)
    return replace(picture, samples=samples, alpha=alpha, frames=frames, cover=cover)


def enlarge(
    picture: Source,
    scale: int = 4,
    *,
    size: int | None = None,
    kind: str = "photo",
    strength: float = 100.0,
    max_pixels: int = MAX_PIXELS,
    strip_location: bool = False,
    strip_metadata: bool = False,
    untrusted: bool = False,
) -> Picture:
    """Enlarge a picture, and add the detail that photographs or paintings of that look have.

    The result, reduced again, equals the original picture.

    Args:
        picture: a path, bytes, a file object, a PIL image, an array or a `Picture`.
        scale: 2, 3 or 4.
        size: the longer side of the result in pixels, instead of the scale.
        kind: "photo", "painting", or the name of an enlarger of your own (`impasto train enlarger`).
        strength: 0..100, blend between bicubic interpolation (0) and the network's result (100).
        max_pixels: refuse pictures with more pixels.
        strip_location: remove the place where the photo was taken from the metadata.
        strip_metadata: remove all of the picture's metadata.
        untrusted: strangers sent the picture: see `Picture.open`.
    Returns:
        A picture of `scale` times the size, or of `size`, with the metadata, alpha and frames of the original.
    Raises:
        UsageError: the kind is unknown, a value is out of range, or the picture is larger than `size`.
        PictureError: a file is missing, damaged, too large, or not a picture.

    >>> impasto.enlarge("photo.jpg", 2)
    <Picture 128x72>
    """
    enlarger = Enlarger(scale=scale, size=size, kind=kind, strength=strength)
    made = enlarger(Picture.open(picture, max_pixels=max_pixels, untrusted=untrusted))
    return made.stripped(location=strip_location, metadata=strip_metadata)

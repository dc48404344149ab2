"""A picture in memory: read from anything, written to a file."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from impasto.errors import PictureError, UsageError
from impasto.picture import reading, writing
from impasto.picture.animation import said_of_frames
from impasto.picture.contents import Contents
from impasto.picture.formats import Bits, format_of
from impasto.pixels.arrays import Samples, floats
from impasto.system.files import write_atomically

Source: TypeAlias = "Picture | str | os.PathLike[str] | bytes | IO[bytes] | Image.Image | NDArray[Any]"


class Picture(Contents):
    """A picture: its colors in sRGB, its alpha apart, and what its file said about it.

    >>> picture = impasto.Picture.open("photo.jpg")
    >>> picture
    <Picture 64x36>
    >>> picture.to_numpy().shape
    (36, 64, 3)
    >>> picture.resized(32, 18).save("small.png")
    """

    def __repr__(self) -> str:
        extras = ["alpha"] * (self.alpha is not None) + [f"{len(self.frames) + 1} frames"] * bool(self.frames)
        return f"<Picture {self.width}x{self.height}{''.join(', ' + extra for extra in extras)}>"

    @classmethod
    def open(
        cls,
        source: Source,
        *,
        max_pixels: int = reading.MAX_PIXELS,
        at_most: int | None = None,
        shorter: int | None = None,
        untrusted: bool = False,
    ) -> Picture:
        """Read a picture from wherever it is.

        Orientation is applied, colors are converted to sRGB by the file's profile.

        Args:
            source: a path, the bytes of a file, a binary file object, a PIL image, or an array
                (H x W or H x W x 1, 3 or 4; uint8, uint16, bool, or float in 0..1).
            max_pixels: refuse more than this, before memory is spent on them.
            at_most: reduce it if its longer side is above so many pixels, as `at_most` does. The file of a JPEG three
                times as large or more is decoded at a half, a quarter or an eighth, in a fraction of the time; samples
                then differ by about 1 of 255 from what the method gives.
            shorter: pixels of the shorter side that are needed: a JPEG's file twice as large or more is decoded
                smaller, too, and left at the size that this gives.
            untrusted: a stranger has sent it. A path must be an ordinary file, no link; the format must be one that
                browsers and cameras send; and half as many pixels are allowed where `max_pixels` is not given.
        Raises:
            PictureError: missing, empty, damaged, too large, or no picture.
        """
        picture = cls._opened(source, max_pixels, at_most, shorter, untrusted)
        return picture if at_most is None else picture.at_most(at_most)

    @classmethod
    def _opened(
        cls, source: Source, max_pixels: int, at_most: int | None, shorter: int | None, untrusted: bool
    ) -> Picture:
        read_file = reading.file_bytes
        if untrusted:
            from impasto.picture import untrusted as strangers

            read_file = strangers.read_file
            max_pixels = strangers.MAX_PIXELS if max_pixels == reading.MAX_PIXELS else max_pixels
        if isinstance(source, Picture):
            return source
        if isinstance(source, np.ndarray):
            return cls.from_array(source)
        if isinstance(source, Image.Image):
            return cls(**vars(reading.read_image(source, max_pixels)))
        if isinstance(source, (str, os.PathLike)):
            name, data = str(source), read_file(source)
        elif isinstance(source, (bytes, bytearray, memoryview)):
            name, data = "the data", bytes(source)
        elif hasattr(source, "read"):
            data = source.read()
            name = str(getattr(source, "name", "the file"))
            if not isinstance(data, bytes):
                raise UsageError(f"{name} is open as text", 'open it with mode "rb"', code="wrong-type")
        else:
            raise UsageError(
                f"a picture cannot be read from {type(source).__name__}",
                "give a path, bytes, an image or an array",
                code="wrong-type",
            )
        if untrusted:
            strangers.check(data, name)
        return cls(**vars(reading.read(data, name, max_pixels, at_most, shorter)))

    @classmethod
    def from_array(cls, array: ArrayLike) -> Picture:
        """A picture from samples.

        Args:
            array: H x W or H x W x 1, 3 or 4 (gray, RGB, RGBA); uint8, uint16, bool, or float in 0..1.
        Raises:
            PictureError: another shape or type, or floats outside 0..1.
        """
        samples = np.asarray(array)
        if samples.ndim == 2:
            samples = samples[:, :, None]
        if samples.ndim != 3 or samples.shape[2] not in (1, 3, 4) or not samples.size:
            raise PictureError(
                f"an array of shape {np.shape(array)} is no picture",
                "H x W, or H x W x 1, 3 or 4",
                code="not-a-picture",
            )
        bits: Bits = 8
        values: Samples
        if samples.dtype == np.uint8 or samples.dtype == np.uint16:
            values, bits = samples, 8 if samples.dtype == np.uint8 else 16
        elif samples.dtype == np.bool_:
            values = samples.astype(np.float32)
        elif np.issubdtype(samples.dtype, np.floating):
            values = samples.astype(np.float32)
            # A hair of rounding beyond the range is usual after arithmetic; more means another scale.
            if not np.isfinite(values).all() or values.min() < -0.01 or values.max() > 1.01:
                raise PictureError(
                    "an array of floats must lie in 0..1", "divide by 255, or give uint8", code="not-a-picture"
                )
            values = values.clip(0, 1)
        else:
            raise PictureError(
                f"an array of {samples.dtype} is no picture",
                "uint8, uint16, bool, or float in 0..1",
                code="not-a-picture",
            )
        alpha = floats(values[:, :, 3]) if values.shape[2] == 4 else None
        return cls(np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values[:, :, :3].copy(), alpha, bits)

    def to_numpy(self, *, bits: Bits = 8) -> NDArray[Any]:
        """H x W x 3, or 4 with alpha; uint8, or uint16 with bits=16."""
        return self.samples_in(bits).copy()

    def to_pil(self) -> Image.Image:
        """A PIL image, RGB or RGBA, 8 bits; the first frame of an animation."""
        return Image.fromarray(self.samples_in(8))

    def _repr_png_(self) -> bytes:
        return self.encode("PNG", mark=False, strip_metadata=True, animated=False)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        quality: int = 92,
        bits: Bits = 8,
        mark: bool = True,
        strip_location: bool = False,
        strip_metadata: bool = False,
        overwrite: bool = True,
    ) -> None:
        """Write the picture to a file, in one step; the name's ending says the format.

        Args:
            quality: 1..100, for JPEG, WebP and AVIF.
            bits: 16 for PNG and TIFF with 16 bits a channel.
            mark: say in the metadata what made the picture (see `made_with`).
            strip_location: leave out where the photo was taken, as `without_location` does.
            strip_metadata: leave out all that the photo's file said about it, as `without_metadata` does.
            overwrite: replace a file that is there.
        Raises:
            UsageError: no such format, or bits or quality that it does not have.
            PictureError: the file cannot be written; what was there before is untouched.
        """
        path = Path(path)
        file_format = format_of(path)
        lost = said_of_frames(self, file_format, bits)
        if lost:
            warnings.warn(f"the picture for {path.name} {lost}", stacklevel=2)
        data = self.encode(
            file_format,
            quality=quality,
            bits=bits,
            mark=mark,
            strip_location=strip_location,
            strip_metadata=strip_metadata,
        )
        write_atomically(path, data, overwrite=overwrite)

    def encode(
        self,
        file_format: str,
        *,
        quality: int = 92,
        bits: Bits = 8,
        mark: bool = True,
        strip_location: bool = False,
        strip_metadata: bool = False,
        animated: bool = True,
    ) -> bytes:
        """The bytes of a file in Pillow's `file_format`; the other arguments as for `save`."""
        picture = self.stripped(location=strip_location, metadata=strip_metadata)
        return writing.encode(picture, file_format, quality=quality, bits=bits, mark=mark, animated=animated)

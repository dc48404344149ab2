"""A picture in memory, which can be read from any source and written to a file."""

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
    """Hold a picture: colors in sRGB, alpha, and the metadata of its file.

    Its attributes are those of `impasto.picture.contents.Contents`.

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
        """Read a picture from any source.

        Orientation is applied. Colors are converted to sRGB by the file's profile.

        Args:
            source: a path, the bytes of a file, a binary file object, a PIL image, or an array (H x W or H x W x 1, 3
                or 4; uint8, uint16, bool, or float in 0..1).
            max_pixels: refuse larger pictures, before they use memory.
            at_most: scale the picture down if its longer side is above this, in pixels, as `at_most` does. JPEG files
                at least three times as large are decoded at 1/2, 1/4 or 1/8, in a fraction of the time. Samples then
                differ by about 1 of 255 from those of the method.
            shorter: pixels of the shorter side that the caller needs. JPEG files at least twice as large are also
                decoded at a smaller scale, and keep the size that results.
            untrusted: set this for files from strangers. A path must then be an ordinary file, not a link. The format
                must be one that browsers and cameras send. The default of `max_pixels` is halved.
        Raises:
            PictureError: the file is missing, empty, damaged, too large, or not a picture.
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
                raise UsageError(f"{name} is open in text mode", 'open it with mode "rb"', code="wrong-type")
        else:
            raise UsageError(
                f"cannot read a picture from {type(source).__name__}",
                "pass a path, bytes, a file object, an image or an array",
                code="wrong-type",
            )
        if untrusted:
            strangers.check(data, name)
        return cls(**vars(reading.read(data, name, max_pixels, at_most, shorter)))

    @classmethod
    def from_array(cls, array: ArrayLike) -> Picture:
        """Make a picture from samples.

        Args:
            array: H x W or H x W x 1, 3 or 4 (gray, RGB, RGBA); uint8, uint16, bool, or float in 0..1.
        Raises:
            PictureError: the shape or type is another one, or floats are outside 0..1.
        """
        samples = np.asarray(array)
        if samples.ndim == 2:
            samples = samples[:, :, None]
        if samples.ndim != 3 or samples.shape[2] not in (1, 3, 4) or not samples.size:
            raise PictureError(
                f"an array of shape {np.shape(array)} is not a picture",
                "pass H x W, or H x W x 1, 3 or 4",
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
            # Small rounding errors beyond 0..1 are usual after arithmetic. Larger ones mean another scale.
            if not np.isfinite(values).all() or values.min() < -0.01 or values.max() > 1.01:
                raise PictureError(
                    "an array of floats is not in 0..1", "divide by 255, or pass uint8", code="not-a-picture"
                )
            values = values.clip(0, 1)
        else:
            raise PictureError(
                f"an array of {samples.dtype} is not a picture",
                "pass uint8, uint16, bool, or float in 0..1",
                code="not-a-picture",
            )
        alpha = floats(values[:, :, 3]) if values.shape[2] == 4 else None
        return cls(np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values[:, :, :3].copy(), alpha, bits)

    def to_numpy(self, *, bits: Bits = 8) -> NDArray[Any]:
        """Return the samples as H x W x 3, or 4 with alpha; uint8, or uint16 with bits=16."""
        return self.samples_in(bits).copy()

    def to_pil(self) -> Image.Image:
        """Return a PIL image, RGB or RGBA, with 8 bits. Of an animation, return the first frame."""
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
        """Write the picture to a file, in one step. The name's ending sets the format.

        Args:
            quality: 1..100, for JPEG, WebP and AVIF.
            bits: 8, or 16 for PNG and TIFF with 16 bits a channel.
            mark: record in the metadata how the picture was made (see `made_with`).
            strip_location: remove the photo's location, as `without_location` does.
            strip_metadata: remove all metadata of the photo's file, as `without_metadata` does.
            overwrite: replace an existing file.
        Raises:
            UsageError: an unknown format, or a quality or bit depth that it does not support.
            PictureError: the file cannot be written. An existing file stays unchanged.
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
        """Return the bytes of a file in Pillow's `file_format`. The other arguments are those of `save`."""
        picture = self.stripped(location=strip_location, metadata=strip_metadata)
        return writing.encode(picture, file_format, quality=quality, bits=bits, mark=mark, animated=animated)

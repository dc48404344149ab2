"""A picture in memory, and the only place that knows picture files: EXIF, ICC, alpha, 16 bits, CMYK, animation."""

from __future__ import annotations

import contextlib
import functools
import io
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from impasto import lossless, provenance, sixteen, strips
from impasto.errors import PictureError, UsageError
from impasto.files import write_atomically
from impasto.remote import is_web_address
from impasto.resample import fit, resize
from impasto.samples import Samples, floats, stored

if TYPE_CHECKING:
    from PIL.PngImagePlugin import PngInfo

Pixels: TypeAlias = NDArray[np.float32]
Source: TypeAlias = "Picture | str | os.PathLike[str] | bytes | IO[bytes] | Image.Image | NDArray[Any]"
Bits: TypeAlias = Literal[8, 16]

MAX_PIXELS = 200_000_000
"""Pictures with more pixels, all frames of an animation together, are refused unless the caller allows them."""

SUFFIXES = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".apng": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".avif": "AVIF",
    ".heic": "HEIF",
    ".heif": "HEIF",
}
"""What can be written, by the name's ending."""

READ_ONLY_SUFFIXES = {".ppm", ".pgm", ".pnm", ".jp2", ".j2k", ".qoi", ".dib", ".mpo"}
SIXTEEN_BITS = {"PNG", "TIFF"}
ANIMATED = {"GIF", "PNG", "WEBP"}
WITHOUT_ALPHA = {"JPEG", "BMP"}

# Of a photo's EXIF, what says something about the photo; the rest describes the old file's layout.
_KEPT_TAGS = {270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 18246, 18249, 33432, 34665, 34853, *range(40091, 40096)}
_SUB_DIRECTORIES = (34665, 34853)  # camera settings, position
_LYING = (5, 6, 7, 8)  # the orientations that exchange width and height
_EXIF_IFD, _COLOR_SPACE, _EXIF_WIDTH, _EXIF_HEIGHT = 34665, 40961, 40962, 40963

_MARGIN = 1.5  # how much larger than needed a JPEG is decoded

_header_lock = threading.Lock()


@dataclass(frozen=True)
class Frame:
    """A frame of an animation after the first: H x W x 3 or 4, uint8, and its duration in milliseconds."""

    samples: NDArray[np.uint8]
    duration: float


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture: sRGB, alpha apart; what its file said about it.

    Attributes:
        samples: H x W x 3, sRGB, as they are kept: uint8, uint16, or float32 in 0..1; `pixels` are their numbers.
        alpha: H x W, float32, 0..1, or None if the picture is opaque.
        bits: 8 or 16, what a channel had in the file.
        exif: the photo's EXIF block without orientation and thumbnail, or b"".
        profile: the sRGB profile if the file carried any profile, else b"".
        xmp: the photo's XMP packet, or b"".
        dpi: dots per inch across and down, or None.
        frames: the animation's frames after the first.
        duration: milliseconds that the first frame stands.
        loop: how often an animation runs, 0 for ever.
        file_format: Pillow's name of the format it was read from, or "".
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
    file_format: str = ""
    made_with: Mapping[str, object] = field(default_factory=dict)

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

    def __repr__(self) -> str:
        extras = ["alpha"] * (self.alpha is not None) + [f"{len(self.frames) + 1} frames"] * bool(self.frames)
        return f"<Picture {self.width}x{self.height}{''.join(', ' + extra for extra in extras)}>"

    @classmethod
    def open(
        cls, source: Source, *, max_pixels: int = MAX_PIXELS, at_most: int | None = None, shorter: int | None = None
    ) -> Picture:
        """Read a picture from wherever it is.

        Orientation is applied, colours are converted to sRGB by the file's profile.

        Args:
            source: a path, the bytes of a file, a binary file object, a PIL image, or an array
                (H x W or H x W x 1, 3 or 4; uint8, uint16, bool, or float in 0..1).
            max_pixels: refuse more than this, before memory is spent on them.
            at_most: reduce it if its longer side is above so many pixels, as `at_most` does. The file of a JPEG three
                times as large or more is decoded at a half, a quarter or an eighth, in a fraction of the time; samples
                then differ by about 1 of 255 from what the method gives.
            shorter: pixels of the shorter side that are needed: a JPEG's file twice as large or more is decoded
                smaller, too, and left at the size that this gives.
        Raises:
            PictureError: missing, empty, damaged, too large, or no picture.
        """
        picture = cls._opened(source, max_pixels, at_most, shorter)
        return picture if at_most is None else picture.at_most(at_most)

    @classmethod
    def _opened(cls, source: Source, max_pixels: int, at_most: int | None, shorter: int | None) -> Picture:
        if isinstance(source, Picture):
            return source
        if isinstance(source, np.ndarray):
            return cls.from_array(source)
        if isinstance(source, Image.Image):
            with _decoding("the image"):
                return _read(lambda: source.copy(), source, "the image", max_pixels, b"")
        if isinstance(source, (str, os.PathLike)):
            name, data = str(source), _file_bytes(source)
        elif isinstance(source, (bytes, bytearray, memoryview)):
            name, data = "the data", bytes(source)
        elif hasattr(source, "read"):
            data = source.read()
            name = str(getattr(source, "name", "the file"))
            if not isinstance(data, bytes):
                raise UsageError(f"{name} is open as text", 'open it with mode "rb"')
        else:
            raise UsageError(
                f"a picture cannot be read from {type(source).__name__}", "give a path, bytes, an image or an array"
            )
        if not data:
            raise PictureError(f"{name} is empty")
        with _decoding(name):
            return _read(lambda: _open_header(data, name), None, name, max_pixels, data, at_most, shorter)

    @classmethod
    def from_array(cls, array: ArrayLike) -> Picture:
        """A picture from samples.

        Args:
            array: H x W or H x W x 1, 3 or 4 (grey, RGB, RGBA); uint8, uint16, bool, or float in 0..1.
        Raises:
            PictureError: another shape or type, or floats outside 0..1.
        """
        samples = np.asarray(array)
        if samples.ndim == 2:
            samples = samples[:, :, None]
        if samples.ndim != 3 or samples.shape[2] not in (1, 3, 4) or not samples.size:
            raise PictureError(f"an array of shape {np.shape(array)} is no picture", "H x W, or H x W x 1, 3 or 4")
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
                raise PictureError("an array of floats must lie in 0..1", "divide by 255, or give uint8")
            values = values.clip(0, 1)
        else:
            raise PictureError(f"an array of {samples.dtype} is no picture", "uint8, uint16, bool, or float in 0..1")
        alpha = floats(values[:, :, 3]) if values.shape[2] == 4 else None
        return cls(np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values[:, :, :3].copy(), alpha, bits)

    def every_frame(self) -> Iterator[Pixels]:
        """The colours of each frame, H x W x 3, float32, 0..1."""
        yield self.pixels
        for frame in self.frames:
            yield floats(frame.samples[:, :, :3])

    def with_frames(self, change: Callable[[Pixels], Pixels]) -> Picture:
        """The same picture with every frame's colours replaced by `change` of them; the size must stay."""
        first, *rest = (change(pixels) for pixels in self.every_frame())
        frames = []
        for frame, pixels in zip(self.frames, rest, strict=True):
            samples = frame.samples.copy()
            samples[:, :, :3] = stored(pixels, np.uint8)
            frames.append(Frame(samples, frame.duration))
        return replace(self, samples=first, frames=tuple(frames))

    def resized(self, width: int, height: int) -> Picture:
        """The same picture, all frames, at another size in pixels."""
        if (width, height) == (self.width, self.height):
            return self
        frames = tuple(
            Frame(stored(resize(frame.samples, width, height), np.uint8), frame.duration) for frame in self.frames
        )
        alpha = None if self.alpha is None else resize(self.alpha, width, height, "bilinear")
        return replace(self, samples=resize(self.samples, width, height), alpha=alpha, frames=frames)

    def at_most(self, side: int) -> Picture:
        """The same picture, reduced if its longer side is above `side` pixels."""
        if max(self.width, self.height) <= side:
            return self
        return self.resized(*fit(self.width, self.height, side))

    def to_numpy(self, *, bits: Bits = 8) -> NDArray[Any]:
        """H x W x 3, or 4 with alpha; uint8, or uint16 with bits=16."""
        return self._stored(bits).copy()

    def to_pil(self) -> Image.Image:
        """A PIL image, RGB or RGBA, 8 bits; the first frame of an animation."""
        return Image.fromarray(self._stored(8))

    def _stored(self, bits: Bits) -> NDArray[Any]:
        """As `to_numpy`; it may be the picture's own memory."""
        kind = np.dtype(f"uint{bits}")
        colors = self.samples if self.samples.dtype == kind else stored(self.pixels, kind)
        return colors if self.alpha is None else np.dstack([colors, stored(self.alpha, kind)])

    def _repr_png_(self) -> bytes:
        return self.encode("PNG", mark=False, metadata=False, animated=False)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        quality: int = 92,
        bits: Bits = 8,
        mark: bool = True,
        overwrite: bool = True,
    ) -> None:
        """Write the picture to a file, in one step; the name's ending says the format.

        Args:
            quality: 1..100, for JPEG, WebP and AVIF.
            bits: 16 for PNG and TIFF with 16 bits a channel.
            mark: say in the metadata what made the picture (see `made_with`).
            overwrite: replace a file that is there.
        Raises:
            UsageError: no such format, or bits or quality that it does not have.
            PictureError: the file cannot be written; what was there before is untouched.
        """
        path = Path(path)
        data = self.encode(format_of(path), quality=quality, bits=bits, mark=mark)
        write_atomically(path, data, overwrite=overwrite)

    def encode(
        self,
        file_format: str,
        *,
        quality: int = 92,
        bits: Bits = 8,
        mark: bool = True,
        metadata: bool = True,
        animated: bool = True,
    ) -> bytes:
        """The bytes of a file in Pillow's `file_format`; the other arguments as for `save`."""
        if not 1 <= quality <= 100:
            raise UsageError(f"quality {quality} is not in 1..100")
        if bits not in (8, 16):
            raise UsageError(f"{bits} bits a channel cannot be written", "8 or 16")
        if bits == 16 and file_format not in SIXTEEN_BITS:
            raise UsageError(f"{file_format} holds no 16 bits a channel", "PNG and TIFF do")
        marked = self.made_with if mark and metadata else {}
        xmp = provenance.packet(marked, self.xmp) if marked else (self.xmp if metadata else b"")
        exif = self.exif if metadata else b""
        try:
            if file_format == "TIFF":
                return self._encode_tiff(bits, xmp, exif, marked)
            if file_format == "PNG" and (bits == 16 or not (self.frames and animated)):
                return self._encode_png(bits, xmp, exif, marked)
            large = self.width * self.height > strips.PIXELS and self.alpha is None and not self.frames
            if large and file_format == "JPEG":
                data = strips.encode_jpeg(self._stored(8), quality, exif, self.profile, xmp, self.dpi)
                if data is not None:
                    return data
            return self._encode_eight(file_format, quality, xmp, exif, marked, animated)
        except Exception as error:  # like decoders, encoders raise nearly everything
            raise PictureError(
                f"a picture of {self.width} x {self.height} cannot be written as {file_format}: {error}"
            ) from error

    def _encode_eight(
        self, file_format: str, quality: int, xmp: bytes, exif: bytes, marked: Mapping[str, object], animated: bool
    ) -> bytes:
        options: dict[str, Any] = {"format": file_format}
        if exif and file_format not in ("BMP", "GIF"):
            options["exif"] = exif
        if self.profile and file_format != "BMP":
            options["icc_profile"] = self.profile
        if self.dpi and file_format in ("JPEG", "PNG", "BMP"):
            options["dpi"] = self.dpi
        if file_format == "PNG":
            options["pnginfo"] = _png_info(xmp, marked)
        elif file_format == "GIF":
            options["comment"] = provenance.settings_text(marked).encode() if marked else b""
        elif xmp and file_format in ("JPEG", "WEBP", "AVIF", "HEIF"):
            options["xmp"] = xmp
        if file_format in ("JPEG", "WEBP", "AVIF", "HEIF"):
            options["quality"] = quality
        if file_format == "JPEG":
            options["subsampling"] = 0 if quality >= 90 else 2
        images = [self.to_pil()]
        if animated and self.frames and file_format in ANIMATED:
            images += [Image.fromarray(frame.samples) for frame in self.frames]
            # A first frame without a duration (an APNG's still cover, say) is shown as long as the next one.
            durations = [self.duration or self.frames[0].duration, *(frame.duration for frame in self.frames)]
            options |= {"save_all": True, "append_images": images[1:], "duration": durations, "loop": self.loop}
        if file_format in WITHOUT_ALPHA:
            images = [_on_white(image) for image in images]
        _load_writer(file_format)
        out = io.BytesIO()
        images[0].save(out, **options)
        return out.getvalue()

    def _encode_tiff(self, bits: Bits, xmp: bytes, exif: bytes, marked: Mapping[str, object]) -> bytes:
        # EXIF is a TIFF directory: here all of it goes into the picture's own.
        block = Image.Exif()
        if exif:
            block.load(exif)
        tags = {tag: block.get_ifd(tag) if tag in _SUB_DIRECTORIES else block[tag] for tag in block}
        if xmp:
            tags[700] = xmp
        if marked:
            tags[305] = provenance.program_text(marked)
        if self.profile:
            tags[34675] = self.profile
        if self.dpi:
            tags |= {282: self.dpi[0], 283: self.dpi[1], 296: 2}
        return lossless.write_tiff(self._stored(bits), tags)

    def _encode_png(self, bits: Bits, xmp: bytes, exif: bytes, marked: Mapping[str, object]) -> bytes:
        """A still PNG, compressed strip by strip."""
        chunks = [lossless.png_profile(self.profile)] if self.profile else []
        if self.dpi:
            chunks.append(lossless.png_density(self.dpi))
        if exif:
            chunks.append((b"eXIf", exif.removeprefix(b"Exif\0\0")))
        if xmp:
            chunks.append(lossless.png_text("XML:com.adobe.xmp", xmp.decode("utf-8", "replace")))
        if marked:
            chunks.append(lossless.png_text("impasto", provenance.settings_text(marked)))
        return lossless.write_png(self._stored(bits), chunks)


def format_of(path: Path) -> str:
    """Pillow's name of the format that a file name's ending stands for.

    Raises:
        UsageError: an ending that Impasto does not write; the message lists those it does.
    """
    file_format = SUFFIXES.get(path.suffix.lower())
    if file_format is None:
        endings = " ".join(sorted(SUFFIXES))
        raise UsageError(
            f"{path.name}: what format is {path.suffix or 'a name without an ending'}?", f"one of {endings}"
        )
    _load_writer(file_format)
    if file_format not in Image.SAVE:
        raise UsageError(f"{file_format} cannot be written here", "pip install 'impasto[heif]'")
    return file_format


def readable(path: Path) -> bool:
    """Whether a file's name says that it is a picture."""
    return path.suffix.lower() in SUFFIXES.keys() | READ_ONLY_SUFFIXES


def _load_writer(file_format: str) -> None:
    """Load what Pillow needs to write a format; for the usual ones that is little."""
    Image.preinit()
    if file_format not in Image.SAVE:
        _load_plugins()


@functools.cache
def _load_plugins() -> tuple[str, ...]:
    """Pillow's names of the formats that are read here: pictures, and nothing that runs a program to be shown."""
    Image.preinit()
    names = ["BMP", "DIB", "GIF", "JPEG", "PNG", "PPM"]
    for name in ("Avif", "Jpeg2K", "Mpo", "Qoi", "Tiff", "WebP"):
        with contextlib.suppress(ImportError):
            __import__(f"PIL.{name}ImagePlugin")
    with contextlib.suppress(ImportError):
        from pillow_heif import register_heif_opener  # type: ignore[import-untyped, import-not-found, unused-ignore]

        register_heif_opener()
    names += ["AVIF", "HEIF", "JPEG2000", "MPO", "QOI", "TIFF", "WEBP"]
    return tuple(name for name in names if name in Image.OPEN)


def _file_bytes(source: str | os.PathLike[str]) -> bytes:
    if is_web_address(str(source)):
        raise PictureError(f"{source} is a web address", "download it first: Impasto reads files only")
    path = Path(source)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise PictureError(f"there is no file {path}") from None
    except IsADirectoryError:
        raise PictureError(f"{path} is a folder, not a picture") from None
    except (OSError, ValueError) as error:
        raise PictureError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


@contextlib.contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises over bad data into one line about the file."""
    try:
        yield
    except PictureError:
        raise
    except MemoryError as error:
        raise PictureError(f"{name} does not fit into memory") from error
    # Decoders raise nearly everything over damaged data: OSError, SyntaxError, struct.error, zlib.error, IndexError ...
    except Exception as error:
        raise PictureError(
            f"{name} is damaged or cut short", str(error).splitlines()[0][:120] if str(error) else ""
        ) from error


def _formats(data: bytes) -> tuple[str, ...]:
    """What a file may be: the usual ones say so in their first bytes, and nothing else need be loaded for them."""
    if data.startswith(b"\xff\xd8\xff"):
        Image.preinit()
        return ("JPEG",)
    return ("PNG",) if data.startswith(b"\x89PNG") else _load_plugins()


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height of a file's picture as it is stored, as its head says.

    Raises:
        PictureError: it is no picture.
    """
    with _decoding("the data"):
        return _open_header(data, "the data").size


def _open_header(data: bytes, name: str) -> Image.Image:
    formats = _formats(data)
    # Pillow's own limit is one for the whole process; ours is checked by the caller, before anything is decoded.
    with _header_lock:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(io.BytesIO(data), formats=formats)
        except UnidentifiedImageError:
            raise PictureError(f"{name} is no picture that Impasto can read", _why_unidentified(data)) from None
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _why_unidentified(data: bytes) -> str:
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypmsf1") and "HEIF" not in Image.OPEN:
        return "HEIC needs: pip install 'impasto[heif]'"
    if data[:4] == b"%PDF" or data[:5] == b"<?xml" or data[:4] == b"<svg":
        return "it is a document; export it as PNG"
    if b"\0" not in data[:1024]:
        return "it holds text"
    return "JPEG, PNG, WebP, TIFF, BMP, GIF and AVIF are read"


def _read(
    reopen: Callable[[], Image.Image],
    given: Image.Image | None,
    name: str,
    max_pixels: int,
    data: bytes,
    at_most: int | None = None,
    shorter: int | None = None,
) -> Picture:
    image = given or reopen()
    animated = image.format in ANIMATED and getattr(image, "is_animated", False)
    count = getattr(image, "n_frames", 1) if animated else 1
    pixels = image.width * image.height * count
    if pixels > max_pixels:
        what = f"{pixels / 1e6:,.1f} megapixels" + (f" in {count} frames" if count > 1 else "")
        raise PictureError(
            f"{name} has {what}, the limit is {max_pixels / 1e6:,.1f}", f"--max-pixels {pixels} allows it"
        )
    if image.width == 0 or image.height == 0:
        raise PictureError(f"{name} has no pixels")
    info = dict(image.info)
    full = image.size
    sides = full if at_most is None or max(full) <= at_most else fit(*full, at_most)
    if sides != full:
        shorter = math.ceil(_MARGIN * min(sides))
    if shorter is not None:
        image.draft(None, (shorter, shorter))
    smaller = image.size != full
    in_strips = _in_strips(image, data) if pixels > strips.PIXELS and count == 1 and not smaller else None
    if in_strips is None:
        image.load()
        deep = sixteen.read(reopen) if image.mode in ("RGB", "RGBA") and given is None else None
        colour, alpha, bits, converted = _samples(image, deep)
    else:
        colour, alpha, bits = in_strips, None, 8 if in_strips.itemsize == 1 else 16
        converted = "icc_profile" in image.info
    duration = float(image.info.get("duration", 0) or 0)
    orientation, exif = _exif(image)
    colour = _upright(colour, orientation)
    alpha = None if alpha is None else _upright(alpha, orientation)
    frames = []
    for index in range(1, count):
        try:
            image.seek(index)
            image.load()
        except Exception as error:
            raise PictureError(f"{name} is damaged at frame {index + 1} of {count}") from error
        # A frame is never deeper than eight bits in the formats that move.
        samples = np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
        frames.append(Frame(samples, float(image.info.get("duration", 0) or 0)))
    if frames:
        colour, alpha, frames = _same_channels(colour, alpha, frames)
    picture = Picture(
        colour,
        alpha,
        bits,
        exif=exif,
        profile=_srgb_profile() if converted else b"",
        xmp=_xmp(info),
        dpi=_dpi(info),
        frames=tuple(frames),
        duration=duration,
        loop=int(info.get("loop", 0 if info.get("loop") is not None or image.format != "GIF" else 1)),
        file_format=image.format or "",
    )
    if not smaller or at_most is None:
        return picture
    return picture.resized(*(sides[::-1] if orientation in _LYING else sides))


def _in_strips(image: Image.Image, data: bytes) -> Samples | None:
    """A large picture's samples, if they need no change: three channels, in sRGB."""
    profile = image.info.get("icc_profile")
    if image.format not in strips.FORMATS or image.mode != "RGB" or image.has_transparency_data:
        return None
    if profile:
        from impasto import profiles

        if not profiles.says_srgb(profile):
            return None
    return strips.decode(data, image.width, image.height) if data else None


def _same_channels(
    colour: Samples, alpha: Pixels | None, frames: list[Frame]
) -> tuple[Samples, Pixels | None, list[Frame]]:
    """An animation has alpha in every frame or in none."""
    if alpha is None and all(frame.samples.shape[2] == 3 for frame in frames):
        return colour, None, frames
    alpha = np.ones(colour.shape[:2], np.float32) if alpha is None else alpha
    opaque = np.full((*colour.shape[:2], 1), 255, np.uint8)
    return (
        colour,
        alpha,
        [
            frame if frame.samples.shape[2] == 4 else Frame(np.dstack([frame.samples, opaque]), frame.duration)
            for frame in frames
        ],
    )


def _samples(image: Image.Image, deep: NDArray[np.uint16] | None) -> tuple[Samples, Pixels | None, Bits, bool]:
    """Colours in sRGB, alpha, bits a channel, and whether the file had a colour profile."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        grey = _deep_grey(image)
        eight = Image.fromarray((grey * 255).round().astype(np.uint8))
        in_srgb, converted = _to_srgb(eight, profile)
        shades = np.array(in_srgb) if converted else np.repeat(stored(grey, np.uint16)[:, :, None], 3, axis=2)
        return shades, None, 16, converted
    if image.mode in ("P", "PA") or (image.has_transparency_data and image.mode not in ("RGBA", "LA")):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    alpha = None
    if image.mode in ("RGBA", "LA"):
        alpha = floats(np.asarray(image.getchannel("A")))
        image = image.convert(image.mode[:-1])
    in_srgb, converted = _to_srgb(image, profile)
    if deep is None:
        return np.array(in_srgb), alpha, 8, converted
    # The profile is applied to the upper eight bits; what the lower eight add to them is added to its result.
    upper = (deep[:, :, :3] >> 8) * np.uint16(257)
    lower = (deep[:, :, :3] - upper).astype(np.int16)
    colour = (np.asarray(in_srgb) * np.int32(257) + lower).clip(0, 65535).astype(np.uint16)
    if alpha is not None and deep.shape[2] == 4:
        alpha = floats(deep[:, :, 3])
    return colour, alpha, 16, converted


def _deep_grey(image: Image.Image) -> Pixels:
    """Grey with more than eight bits: integers up to 65535, or floats in 0..1, 0..255 or 0..65535."""
    values = np.nan_to_num(np.asarray(image, np.float32))
    top = float(values.max(initial=0))
    scale = 65535 if image.mode != "F" or top > 255 else 255 if top > 1 else 1
    return (values / np.float32(scale)).clip(0, 1)


def _to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bool]:
    """An RGB image in sRGB, and whether there was a profile that could be used."""
    if not profile and image.mode != "LAB":
        return image.convert("RGB"), False
    from impasto import profiles

    return profiles.to_srgb(image, profile)


def _srgb_profile() -> bytes:
    from impasto import profiles

    return profiles.srgb()


def _exif(image: Image.Image) -> tuple[int, bytes]:
    """How the picture must be turned (1: not at all) and its EXIF block without what no longer holds."""
    try:
        exif = image.getexif()
        orientation = int(exif.get(ExifTags.Base.Orientation, 1))
        kept = Image.Exif()
        for tag in _KEPT_TAGS & set(exif):
            kept[tag] = exif.get_ifd(tag) if tag in _SUB_DIRECTORIES else exif[tag]
        details = kept.get(_EXIF_IFD)
        if isinstance(details, dict):
            for tag in (_EXIF_WIDTH, _EXIF_HEIGHT):
                details.pop(tag, None)
            details[_COLOR_SPACE] = 1  # sRGB
        return (orientation if 1 <= orientation <= 8 else 1), (kept.tobytes() if len(kept) else b"")
    except Exception:  # EXIF written by broken software is no reason to refuse the photo
        return 1, b""


def _upright(samples: Samples, orientation: int) -> Samples:
    """Undo what EXIF's orientation says was done to the picture (CIPA DC-008, tag 0x0112)."""
    if orientation in _LYING:
        samples = samples.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return np.ascontiguousarray(samples)


def _xmp(info: Mapping[Any, Any]) -> bytes:
    packet = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    return packet.encode() if isinstance(packet, str) else bytes(packet)


def _dpi(info: Mapping[Any, Any]) -> tuple[float, float] | None:
    try:
        across, down = (float(value) for value in info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 1 <= across <= 1e5 and 1 <= down <= 1e5 else None


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _png_info(xmp: bytes, marked: Mapping[str, object]) -> PngInfo:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    if xmp:
        info.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
    if marked:
        info.add_itxt("impasto", provenance.settings_text(marked))
    return info

"""Read a picture file: bytes to `Contents`."""

from __future__ import annotations

import contextlib
import io
import math
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from impasto.errors import PictureError
from impasto.picture import metadata, sixteen_bits, vips
from impasto.picture.animation import declare_alpha, frame_count, read_animation
from impasto.picture.contents import Contents
from impasto.picture.formats import load_plugins
from impasto.picture.samples import LYING, Still, in_srgb, srgb_profile, upright
from impasto.pixels.arrays import fit
from impasto.system.remote import is_web_address

MAX_PIXELS = 200_000_000
"""Pictures with more pixels, all frames of an animation together, are refused unless the caller allows them."""

_MARGIN = 1.5  # how much larger than needed a JPEG is decoded

_header_lock = threading.Lock()


def read(
    data: bytes, name: str, max_pixels: int = MAX_PIXELS, at_most: int | None = None, shorter: int | None = None
) -> Contents:
    """What the bytes of a picture file hold; the other arguments as for `Picture.open`.

    Args:
        name: of the file, for what is said about it.
    """
    if not data:
        raise PictureError(f"{name} is empty", code="empty-file")
    with _decoding(name):
        data = declare_alpha(data)
        image = _open_header(data, name)
        count = frame_count(image)
        _check_pixels(image, count, name, max_pixels)
        full = image.size
        wanted = _decode_smaller(image, at_most, shorter)
        still = None
        if image.size == full and count == 1 and image.width * image.height > vips.PIXELS:
            still = _in_strips(image, data)
        if still is None:
            image.load()
            deep = sixteen_bits.read(lambda: _open_header(data, name)) if image.mode in ("RGB", "RGBA") else None
            still = in_srgb(image, deep)
        return _contents(image, still, count, name, wanted)


def read_image(image: Image.Image, max_pixels: int = MAX_PIXELS) -> Contents:
    """What a PIL image holds."""
    name = "the image"
    with _decoding(name):
        count = frame_count(image)
        _check_pixels(image, count, name, max_pixels)
        if count == 1:
            image.load()
            return _contents(image, in_srgb(image, None), count, name)
        shown = image.tell()
        image.seek(0)
        image.load()
        try:
            return _contents(image, in_srgb(image, None), count, name)
        finally:
            image.seek(shown)


def file_bytes(source: str | os.PathLike[str]) -> bytes:
    """A file's bytes.

    Raises:
        PictureError: it cannot be read.
    """
    if is_web_address(str(source)):
        raise PictureError(
            f"{source} is a web address", "download it first: Impasto reads files only", code="web-address"
        )
    path = Path(source)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise PictureError(f"there is no file {path}", code="no-such-file") from None
    except IsADirectoryError:
        raise PictureError(f"{path} is a folder, not a picture", code="not-a-file") from None
    except (OSError, ValueError) as error:
        raise PictureError(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}", code="not-readable"
        ) from error


@contextlib.contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises over bad data into one line about the file."""
    try:
        yield
    except PictureError:
        raise
    except MemoryError as error:
        raise PictureError(f"{name} does not fit into memory", code="memory") from error
    # Decoders raise nearly everything over damaged data: OSError, SyntaxError, struct.error, zlib.error, IndexError ...
    except Exception as error:
        raise PictureError(
            f"{name} is damaged or cut short",
            str(error).splitlines()[0][:120] if str(error) else "",
            code="damaged-file",
        ) from error


def _formats(data: bytes) -> tuple[str, ...]:
    """What a file may be: the usual ones say so in their first bytes, and nothing else need be loaded for them."""
    if data.startswith(b"\xff\xd8\xff"):
        Image.preinit()
        return ("JPEG",)
    return ("PNG",) if data.startswith(b"\x89PNG") else load_plugins()


def size_of(data: bytes, name: str = "the data") -> tuple[int, int]:
    """Width and height of a file's picture as it is stored, as its head says.

    Raises:
        PictureError: it is no picture.
    """
    with _decoding(name):
        return _open_header(data, name).size


def _open_header(data: bytes, name: str) -> Image.Image:
    formats = _formats(data)
    # Pillow's own limit is one for the whole process; ours is checked by the caller, before anything is decoded.
    with _header_lock:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(io.BytesIO(data), formats=formats)
        except UnidentifiedImageError:
            raise PictureError(
                f"{name} is no picture that Impasto can read", _why_unidentified(data), code="not-a-picture"
            ) from None
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


def _check_pixels(image: Image.Image, count: int, name: str, max_pixels: int) -> None:
    pixels = image.width * image.height * count
    if pixels > max_pixels:
        what = f"{pixels / 1e6:,.1f} megapixels" + (f" in {count} frames" if count > 1 else "")
        raise PictureError(
            f"{name} has {what}, the limit is {max_pixels / 1e6:,.1f}",
            f"--max-pixels {pixels} allows it",
            code="too-large",
        )
    if not pixels:
        raise PictureError(f"{name} has no pixels", code="too-small")


def _decode_smaller(image: Image.Image, at_most: int | None, shorter: int | None) -> tuple[int, int] | None:
    """Let the decoder of a JPEG make it smaller, where that leaves as many pixels as are needed.

    Args:
        at_most, shorter: as for `Picture.open`.
    Returns:
        The size to which `at_most` reduces the picture, if the decoder has done a part of it; else None.
    """
    full, wanted = image.size, None
    if at_most is not None and max(full) > at_most:
        wanted = fit(*full, at_most)
        shorter = math.ceil(_MARGIN * min(wanted))
    if shorter is not None:
        image.draft(None, (shorter, shorter))
    return wanted if image.size != full else None


def _in_strips(image: Image.Image, data: bytes) -> Still | None:
    """A large picture by way of libvips, if its samples need no change: three channels, in sRGB."""
    profile = image.info.get("icc_profile")
    if image.format not in vips.FORMATS or image.mode != "RGB" or image.has_transparency_data:
        return None
    if profile:
        from impasto.picture import color_profiles

        if not color_profiles.says_srgb(profile):
            return None
    samples = vips.decode(data, image.width, image.height)
    return None if samples is None else Still(samples, None, 8 if samples.itemsize == 1 else 16, bool(profile))


def _contents(
    image: Image.Image, still: Still, count: int, name: str, wanted: tuple[int, int] | None = None
) -> Contents:
    """Turn a decoded picture upright, and read its further frames and its metadata.

    Args:
        count: its frames.
        wanted: the size that the picture is brought to, before it is turned.
    """
    info = image.info
    orientation, exif = metadata.read_exif(image)
    color = upright(still.color, orientation)
    alpha = None if still.alpha is None else upright(still.alpha, orientation)
    picture = Contents(
        color,
        alpha,
        still.bits,
        exif=exif,
        profile=srgb_profile() if still.had_profile else b"",
        xmp=metadata.read_xmp(info),
        dpi=metadata.read_dpi(info),
        file_format=image.format or "",
    )
    if count > 1:
        picture = read_animation(picture, image, count, orientation, name)
    if wanted is None:
        return picture
    return picture.resized(*(wanted[::-1] if orientation in LYING else wanted))

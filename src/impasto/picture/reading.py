"""Read a picture file: turn bytes into `Contents`."""

from __future__ import annotations

import contextlib
import io
import math
import os
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from impasto.errors import PictureError
from impasto.picture import metadata, png_chunks, refusals, sixteen_bits, vips
from impasto.picture.animation import declare_alpha, frame_count, read_animation
from impasto.picture.contents import Contents
from impasto.picture.decoder_notes import collected
from impasto.picture.formats import JPEG_PREFIX, TIFF_PREFIXES, load_plugins
from impasto.picture.samples import (
    ADOBE_RGB,
    CICP,
    LYING,
    Still,
    in_srgb,
    is_srgb,
    says_adobe_rgb,
    says_hdr,
    srgb_profile,
    upright,
)
from impasto.pixels.arrays import Pixels, Samples, fit, floats, stored
from impasto.system.places import no_such_file
from impasto.system.remote import is_web_address

MAX_PIXELS = 200_000_000
"""Largest number of pixels, over all frames of an animation, unless the caller allows more."""

_COSTLY = {"AVIF": 120_000_000, "HEIF": 120_000_000, "WEBP": 120_000_000}
"""Lower limits for formats whose decoders make several full copies. A tiny file may claim all these pixels."""

_NOT_REDUCED = ("1", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_OF_PSD = {"exif": 1058, "xmp": 1060}  # Photoshop's resources
_MARGIN = 1.5  # a JPEG is decoded this much larger than needed

_header_lock = threading.Lock()


def read(
    data: bytes, name: str, max_pixels: int = MAX_PIXELS, at_most: int | None = None, shorter: int | None = None
) -> Contents:
    """Return the contents of a picture file. The other arguments are those of `Picture.open`.

    Args:
        name: the name of the file, for messages.
    """
    if not data:
        raise PictureError(f"{name} is empty", code="empty-file")
    whole = data
    with _decoding(name, data):
        image, data = _open(declare_alpha(data), name)
        count = frame_count(image)
        _check_pixels(image, count, name, max_pixels)
        full = image.size
        wanted = _decode_smaller(image, at_most, shorter)
        factor = _reduction(image, count, wanted)
        _note_hdr(image, name)
        _note_pages(image, data, name)
        still = None
        if factor > 1:
            still = _reduced(image, data, name, factor)
        elif image.size == full and count == 1 and _is_large(image):
            still = _in_strips(image, data)
        return _contents(image, still or _still(image, data, name), count, name, wanted, whole)


def read_image(image: Image.Image, max_pixels: int = MAX_PIXELS) -> Contents:
    """Return the contents of a PIL image."""
    name = "the image"
    with _decoding(name, b""):
        count = frame_count(image)
        _check_pixels(image, count, name, max_pixels)
        _note_hdr(image, name)
        shown = image.tell()
        if count > 1:
            image.seek(0)
        image.load()
        try:
            return _contents(image, in_srgb(image, None), count, name)
        finally:
            if count > 1:
                image.seek(shown)


def _note_hdr(image: Image.Image, name: str) -> None:
    if says_hdr(image.info):
        warnings.warn(f"{name} has high dynamic range, and is tone-mapped to sRGB", stacklevel=3)


def _note_pages(image: Image.Image, data: bytes, name: str) -> None:
    if image.format == "TIFF":
        from impasto.picture import tiff_reading

        tiff_reading.note_pages(data, name)


def file_bytes(source: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a file.

    Raises:
        PictureError: the file cannot be read.
    """
    if is_web_address(str(source)):
        raise PictureError(
            f"{source} is a web address", "download it first, because Impasto reads only files", code="web-address"
        )
    path = Path(source)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise no_such_file(str(path)) from None
    except IsADirectoryError:
        raise PictureError(f"{path} is a folder, not a picture", code="not-a-file") from None
    except (OSError, ValueError) as error:
        raise PictureError(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}", code="not-readable"
        ) from error


@contextlib.contextmanager
def _decoding(name: str, data: bytes) -> Iterator[None]:
    """Turn any decoder error into one line about the file, and decoder warnings into one warning."""
    with collected(name, data):
        try:
            yield
        except (PictureError, UserWarning):
            raise
        except MemoryError as error:
            raise PictureError(
                f"{name} needs more memory than is available", "use a smaller picture", code="memory"
            ) from error
        # Decoders raise nearly any error for bad data: OSError, SyntaxError, struct.error, zlib.error, IndexError ...
        except Exception as error:
            raise refusals.undecodable(error, data, name) from error


def _formats(data: bytes, name: str) -> tuple[str, ...]:
    """Return the possible formats of a file.

    The first bytes identify common formats, so that other readers need not be loaded.
    """
    if data.startswith(JPEG_PREFIX):
        Image.preinit()
        return ("JPEG",)
    if data.startswith(png_chunks.SIGNATURE):
        Image.preinit()
        return ("PNG",)
    formats = load_plugins()
    return formats if refusals.may_be_tga(data, name) else tuple(each for each in formats if each != "TGA")


class Head(NamedTuple):
    """Properties in a file's header: width and height as stored, number of frames, Pillow's format name."""

    width: int
    height: int
    frames: int
    file_format: str


def head_of(data: bytes, name: str = "the data") -> Head:
    """Read a file's header.

    Raises:
        PictureError: the file is not a picture.
    """
    with _decoding(name, data):
        image = _open(data, name)[0]
        return Head(*image.size, frame_count(image), image.format or "")


def size_of(data: bytes, name: str = "the data") -> tuple[int, int]:
    """Return the stored width and height of a picture, from its file's header.

    Raises:
        PictureError: the file is not a picture.
    """
    with _decoding(name, data):
        return _open(data, name)[0].size


def _open(data: bytes, name: str) -> tuple[Image.Image, bytes]:
    """Open a file without decoding it.

    Returns:
        The image, with `info` completed by what Pillow leaves out, and the data to decode.
    """
    refusals.check_raw(data, name)
    if data.startswith(png_chunks.SIGNATURE):
        mended = png_chunks.mended(data, name)
        image = _open_header(mended.data, name)
        if mended.cicp:  # has precedence over all other color chunks
            image.info.pop("icc_profile", None)
            image.info[CICP] = mended.cicp
        elif mended.profile:
            image.info["icc_profile"] = mended.profile
        return image, mended.data
    if data.startswith(TIFF_PREFIXES):
        from impasto.picture import tiff_reading

        return tiff_reading.open_file(data, name), data
    image = _open_header(data, name)
    if image.format == "PSD":
        resources = {number: body for number, _, body in getattr(image, "resources", ())}
        refusals.check_psd(resources, name)
        image.info["photoshop"] = resources
        image.info |= {key: resources[number] for key, number in _OF_PSD.items() if number in resources}
    if image.format == "AVIF":
        from impasto.picture import boxes

        said = boxes.read(data)
        if said.cicp:
            image.info[CICP] = said.cicp
    if image.format == "JPEG2000":
        from impasto.picture import boxes

        if profile := boxes.read_jp2(data).profile:
            image.info["icc_profile"] = profile
    if b"R03\0" in (image.info.get("exif") or b"") and "icc_profile" not in image.info and says_adobe_rgb(image):
        image.info[ADOBE_RGB] = True
    return image, data


def _open_header(data: bytes, name: str) -> Image.Image:
    formats = _formats(data, name)
    # Pillow's own limit applies to the whole process. The caller checks ours, before anything is decoded.
    with _header_lock:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(io.BytesIO(data), formats=formats)
        except UnidentifiedImageError:
            raise refusals.unidentified(data, name, formats) from None
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _still(image: Image.Image, data: bytes, name: str) -> Still:
    """Decode the picture with all its bits, and convert it to sRGB."""
    if image.format == "TIFF":
        return in_srgb(*_tiff(image, data, name))
    deep = _deep(image, data)
    if deep is not None:
        return in_srgb(image, deep)
    still = in_srgb(_as_stated(_loaded(image, data), data))
    return still._replace(alpha=None) if still.alpha is not None and _is_no_alpha(still.alpha, image, data) else still


def _loaded(image: Image.Image, data: bytes) -> Image.Image:
    """Decode a picture. A JPEG without an end marker is accepted if its scan is complete."""
    try:
        image.load()
        return image
    except OSError:
        if image.format not in ("JPEG", "MPO"):
            raise
        # If the scan is truncated, different bytes after it give different pictures.
        one, other = (_open_header(data + noise * 32 + b"\xff\xd9", "the data") for noise in (b"\x55", b"\xaa"))
        if not np.array_equal(np.asarray(one), np.asarray(other)):
            raise
        one.info = image.info
        return one


def _is_no_alpha(alpha: Pixels, image: Image.Image, data: bytes) -> bool:
    """Return True if the channel that Pillow takes for alpha is something else."""
    if image.format in ("TGA", "BMP", "DIB"):  # 32-bit files without alpha often have zeros there
        return not alpha.any()
    if image.format != "PSD":
        return False
    at = 26  # skip palette and resources; a negative layer count means that channel 4 is alpha
    for _ in range(2):
        at += 4 + int.from_bytes(data[at : at + 4], "big")
    return not (data[at : at + 4] != bytes(4) and data[at + 4 : at + 8] != bytes(4) and data[at + 8] >= 0x80)


def _tiff(image: Image.Image, data: bytes, name: str) -> tuple[Image.Image, Samples | None]:
    from impasto.picture import tiff_reading

    assert isinstance(image, tiff_reading.Tiff)
    return tiff_reading.decode(image, data, name)


def _deep(image: Image.Image, data: bytes) -> Samples | None:
    """Return samples with more than eight bits if Pillow would reduce them to eight: PNG, and high dynamic range."""
    if image.format == "PNG":
        four = png_chunks.as_bytes_of_four(data)
        if four is not None:
            parts = np.asarray(_open_header(four, "the data")).astype(np.uint16)
            return parts[:, :, ::2] << 8 | parts[:, :, 1::2]
        if data[24] == 16 and image.mode in ("RGB", "RGBA"):
            return sixteen_bits.read(lambda: _open_header(data, "the data"))
    elif says_hdr(image.info):
        from impasto.picture import all_bits

        return all_bits.read(image.format or "", data)
    return None


def _as_stated(image: Image.Image, data: bytes) -> Image.Image:
    """Apply properties that Pillow ignores: an AVIF's clean aperture, and the channel order of a JPEG 2000 file."""
    if image.format not in ("AVIF", "JPEG2000"):
        return image
    from impasto.picture import boxes

    if image.format == "AVIF":
        crop = boxes.read(data).crop
        return image if crop is None else image.crop(crop)
    said = boxes.read_jp2(data)
    order = [*said.color, *([] if said.alpha is None else [said.alpha])]
    colors = {1: "L", 3: "RGB"}.get(len(said.color), "")
    if image.mode not in (colors, f"{colors}A") or max(order) >= len(image.getbands()):
        return image
    mode = colors if said.alpha is None else colors + ("a" if said.premultiplied else "A")
    if mode == image.mode and order == sorted(order):
        return image
    found = Image.merge(mode, [image.getchannel(index) for index in order])
    found.info = image.info
    return found


def _check_pixels(image: Image.Image, count: int, name: str, max_pixels: int) -> None:
    pixels = image.width * image.height * count
    if max_pixels == MAX_PIXELS:
        max_pixels = _COSTLY.get(image.format or "", max_pixels)
    if pixels > max_pixels:
        what = f"{pixels / 1e6:,.1f} megapixels" + (f" in {count} frames" if count > 1 else "")
        raise PictureError(
            f"{name} has {what}, more than the limit of {max_pixels / 1e6:,.1f}",
            f"--max-pixels {pixels} allows it",
            code="too-large",
        )
    if not pixels:
        raise PictureError(f"{name} has no pixels", code="too-small")


def _decode_smaller(image: Image.Image, at_most: int | None, shorter: int | None) -> tuple[int, int] | None:
    """Let the JPEG decoder scale the picture down, if enough pixels remain.

    Args:
        at_most, shorter: as for `Picture.open`.
    Returns:
        The size to which `at_most` scales the picture, if its decoder does a part of it or the picture is large; else
            None.
    """
    full, wanted = image.size, None
    if at_most is not None and max(full) > at_most:
        wanted = fit(*full, at_most)
        shorter = math.ceil(_MARGIN * min(wanted))
    if shorter is not None:
        image.draft(None, (shorter, shorter))
    return wanted if image.size != full or _is_large(image) else None


def _is_large(image: Image.Image) -> bool:
    return image.width * image.height > vips.PIXELS


def _reduction(image: Image.Image, count: int, wanted: tuple[int, int] | None) -> int:
    """Return the integer factor by which a large picture is reduced right after decoding, to save memory.

    Pictures above `MAX_PIXELS` return 1: only libvips decodes them without a full copy in memory.
    """
    small_enough = vips.PIXELS < image.width * image.height <= MAX_PIXELS
    if wanted is None or count > 1 or not small_enough:
        return 1
    return max(1, int(min(image.width / wanted[0], image.height / wanted[1]) / _MARGIN))


def _reduced(image: Image.Image, data: bytes, name: str, factor: int) -> Still:
    """Decode a large picture, and reduce it by averaging `factor` x `factor` pixels."""
    decoded: Image.Image | None = None
    width = image.width
    if image.format == "TIFF":
        decoded, deep = _tiff(image, data, name)
        if deep is not None:
            return in_srgb(decoded, _means(deep, factor))
    elif image.format == "WEBP":  # Pillow makes three copies
        from impasto.picture import all_bits

        decoded = all_bits.webp(data)
    elif image.format == "JPEG2000":  # its decoder can skip the finest levels
        image.reduce = _levels(image, data, factor)  # type: ignore[method-assign, assignment]
    if decoded is None:
        image.load()
        decoded = _as_stated(image, data)
    decoded.info = image.info
    if decoded.mode in ("P", "PA"):
        decoded = decoded.convert("RGBA" if decoded.has_transparency_data else "RGB")
    factor = factor * decoded.width // width
    small_enough = factor < 2 or decoded.mode in _NOT_REDUCED
    return in_srgb(decoded if small_enough else Image.Image.reduce(decoded, factor))


def _means(deep: Samples, factor: int) -> Samples:
    """Reduce samples of more than eight bits by averaging `factor` x `factor` pixels, weighted by alpha."""
    import cv2

    size = deep.shape[1] // factor, deep.shape[0] // factor
    if deep.shape[2] in (1, 3):
        return cv2.resize(deep, size, interpolation=cv2.INTER_AREA).reshape(*size[::-1], -1)
    alpha = floats(deep[:, :, -1])
    share = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    out = np.empty((*size[::-1], deep.shape[2]), np.uint16)
    out[:, :, -1] = stored(share, np.uint16)
    for channel in range(deep.shape[2] - 1):
        plane = cv2.resize(floats(deep[:, :, channel]) * alpha, size, interpolation=cv2.INTER_AREA)
        out[:, :, channel] = stored(plane / np.maximum(share, 1e-6), np.uint16)
    return out


def _levels(image: Image.Image, data: bytes, factor: int) -> int:
    """Return the number of levels of a JPEG 2000 file that its decoder can skip."""
    there = data[data.find(b"\xff\x52") + 9]  # a field of the marker COD
    for levels in range(min(there, factor.bit_length() - 1), 0, -1):
        half = 1 << levels - 1
        # Pillow rounds to nearest, the decoder rounds up.
        if all((side + half) >> levels == -(-side >> levels) for side in image.size):
            return levels
    return 0


def _in_strips(image: Image.Image, data: bytes) -> Still | None:
    """Decode a large picture with libvips, if its samples need no change: three channels in sRGB."""
    profile = image.info.get("icc_profile")
    if image.format not in vips.FORMATS or image.mode != "RGB" or image.has_transparency_data:
        return None
    if not is_srgb(image.info):
        return None
    samples = vips.decode(data, image.width, image.height)
    return None if samples is None else Still(samples, None, 8 if samples.itemsize == 1 else 16, bool(profile))


def _contents(
    image: Image.Image,
    still: Still,
    count: int,
    name: str,
    wanted: tuple[int, int] | None = None,
    data: bytes | None = None,
) -> Contents:
    """Turn a decoded picture upright, and read its further frames and metadata.

    Args:
        count: the number of frames.
        wanted: the size to scale to, before the picture is turned.
        data: the bytes of the file.
    """
    orientation, kept = metadata.read(image, data)
    color = upright(still.color, orientation)
    alpha = None if still.alpha is None else upright(still.alpha, orientation)
    picture = Contents(
        color,
        alpha,
        still.bits,
        profile=srgb_profile() if still.had_profile else b"",
        dpi=metadata.read_dpi(image.info),
        file_format=image.format or "",
        name=name,
        **kept._asdict(),
    )
    if count > 1:
        picture = read_animation(picture, image, count, orientation, name)
    if wanted is None:
        return picture
    return picture.resized(*(wanted[::-1] if orientation in LYING else wanted))

"""Write a picture file: turn `Contents` into bytes."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from PIL import Image

from impasto.errors import PictureError
from impasto.picture import exif, iptc, png, vips
from impasto.picture import metadata as meta
from impasto.picture.animation import declare_alpha, image_for, images_and_options, note_left_out
from impasto.picture.contents import Contents
from impasto.picture.formats import ANIMATED, WITHOUT_ALPHA, Bits, check_saving, load_writer
from impasto.picture.limits import check_size
from impasto.picture.png_text import PACKET
from impasto.picture.tiff import write_tiff

if TYPE_CHECKING:
    from PIL.PngImagePlugin import PngInfo


def encode(
    picture: Contents,
    file_format: str,
    *,
    quality: int,
    bits: Bits,
    mark: bool,
    animated: bool,
) -> bytes:
    """Return the bytes of a file in Pillow's `file_format`. The other arguments are those of `Picture.encode`."""
    check_saving(file_format, quality, bits)
    check_size(file_format, picture.width, picture.height)
    marked = picture.made_with if mark else {}
    kept = meta.written(picture.metadata, file_format, (picture.width, picture.height), marked, picture.name)
    if animated and picture.frames and file_format in ANIMATED and bits == 8:
        note_left_out(picture, file_format)
    try:
        if file_format == "TIFF":
            return _encode_tiff(picture, bits, kept, marked)
        if file_format == "PNG" and (bits == 16 or not (picture.frames and animated)):
            return _encode_png(picture, bits, kept, marked)
        large = picture.width * picture.height > vips.PIXELS and picture.alpha is None and not picture.frames
        if large and file_format == "JPEG":
            data = vips.encode_jpeg(picture.samples_in(8), quality, picture.profile)
            if data is not None:
                xmp = meta.SEGMENT_HEAD + kept.xmp if kept.xmp else b""
                own = [(0xE0, _density(picture.dpi)), (0xE1, kept.exif), (0xE1, xmp)]
                return _with_segments(data, own + _jpeg_segments(kept))
        data = _encode_eight(picture, file_format, quality, kept, marked, animated)
        return _with_segments(data, _jpeg_segments(kept)) if file_format == "JPEG" else data
    except Exception as error:  # like decoders, encoders raise nearly any error
        raise PictureError(
            f"cannot write a picture of {picture.width} x {picture.height} as {file_format}: {error}",
            code="not-encodable",
        ) from error


def _encode_eight(
    picture: Contents,
    file_format: str,
    quality: int,
    kept: meta.Kept,
    marked: Mapping[str, object],
    animated: bool,
) -> bytes:
    options: dict[str, Any] = {"format": file_format}
    if kept.exif:
        options["exif"] = kept.exif
    if picture.profile and file_format != "BMP":
        options["icc_profile"] = picture.profile
    if picture.dpi and file_format in ("JPEG", "PNG", "BMP"):
        options["dpi"] = picture.dpi
    if file_format == "PNG":
        options["pnginfo"] = _png_info(kept, marked)
    elif file_format == "GIF":
        options["comment"] = meta.comment_text(marked).encode() if marked else b""
    elif kept.xmp:
        options["xmp"] = kept.xmp
    if file_format in ("JPEG", "WEBP", "AVIF", "HEIF"):
        options["quality"] = quality
    if file_format == "JPEG":
        options["subsampling"] = 0 if quality >= 90 else 2
    if animated and picture.frames and file_format in ANIMATED:
        (image, *_), more = images_and_options(picture, file_format)
        options |= more
    else:
        image = image_for(next(picture.every()), file_format)
    if file_format in WITHOUT_ALPHA:
        image = _on_white(image)
    load_writer(file_format)
    out = io.BytesIO()
    image.save(out, **options)
    alpha = image.mode == "RGBA"
    return declare_alpha(out.getvalue()) if alpha else out.getvalue()


def _encode_tiff(picture: Contents, bits: Bits, kept: meta.Kept, marked: Mapping[str, object]) -> bytes:
    # EXIF is a TIFF directory, so all of it joins the picture's own directory.
    found = exif.parse(kept.exif) or exif.Exif()
    tags = found.directories[0]
    for tag, kind, data in ((exif.PACKET, 1, kept.xmp), (exif.IPTC, 7, kept.iptc), (exif.PROFILE, 7, picture.profile)):
        if data:
            tags[tag] = exif.Field(kind, len(data), data)
    if marked:
        tags[exif.SOFTWARE] = exif.text_field(meta.program_text(marked))
    if picture.dpi:
        across, down = map(found.rational, picture.dpi)
        tags |= {282: across, 283: down, 296: found.numbers(2, long=False)}
    return write_tiff(picture.samples_in(bits), found)


def _encode_png(picture: Contents, bits: Bits, kept: meta.Kept, marked: Mapping[str, object]) -> bytes:
    """Encode a still PNG, compressed in strips."""
    chunks = [png.profile_chunk(picture.profile)] if picture.profile else []
    if picture.dpi:
        chunks.append(png.density_chunk(picture.dpi))
    if kept.exif:
        chunks.append((b"eXIf", kept.exif.removeprefix(exif.HEAD)))
    return png.write_png(picture.samples_in(bits), chunks + _text_chunks(kept, marked))


def _text_chunks(kept: meta.Kept, marked: Mapping[str, object]) -> list[tuple[bytes, bytes]]:
    chunks = [png.text_chunk(key, text) for key, text in kept.texts]
    if kept.xmp:
        chunks.append(png.text_chunk(PACKET, kept.xmp.decode("utf-8", "replace"), international=True))
    if marked:
        chunks.append(png.text_chunk("impasto", meta.settings_text(marked), international=True))
    return chunks


def _jpeg_segments(kept: meta.Kept) -> list[tuple[int, bytes]]:
    """Return segments for IPTC records and the comment, which Pillow does not write."""
    return [(0xED, iptc.as_resources(kept.iptc) if kept.iptc else b""), (0xFE, kept.comment)]


def _density(dpi: tuple[float, float] | None) -> bytes:
    """Return JFIF's header."""
    across, down = (round(value) for value in dpi) if dpi else (1, 1)
    return b"JFIF\0\1\1" + struct.pack(">BHH", dpi is not None, min(across, 0xFFFF), min(down, 0xFFFF)) + b"\0\0"


def _with_segments(jpeg: bytes, segments: Iterable[tuple[int, bytes]]) -> bytes:
    """Insert segments (marker and data) into a JPEG file, after JFIF, EXIF and XMP."""
    at = 2
    while jpeg[at : at + 2] in (b"\xff\xe0", b"\xff\xe1"):
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    further = [struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data for marker, data in segments if data]
    return b"".join([jpeg[:at], *further, jpeg[at:]])


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _png_info(kept: meta.Kept, marked: Mapping[str, object]) -> PngInfo:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for kind, data in _text_chunks(kept, marked):
        info.add(kind, data)
    return info

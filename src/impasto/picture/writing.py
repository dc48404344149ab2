"""Write a picture file: `Contents` to bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PIL import Image

from impasto.errors import PictureError
from impasto.picture import metadata as meta
from impasto.picture import png, vips
from impasto.picture.animation import declare_alpha, image_for, images_and_options
from impasto.picture.contents import Contents
from impasto.picture.formats import ANIMATED, WITHOUT_ALPHA, Bits, check_saving, load_writer
from impasto.picture.limits import check_size
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
    metadata: bool,
    animated: bool,
) -> bytes:
    """The bytes of a file in Pillow's `file_format`; the other arguments as for `Picture.encode`."""
    check_saving(file_format, quality, bits)
    check_size(file_format, picture.width, picture.height)
    marked = picture.made_with if mark and metadata else {}
    xmp = meta.packet(marked, picture.xmp) if marked else (picture.xmp if metadata else b"")
    exif = picture.exif if metadata else b""
    try:
        if file_format == "TIFF":
            return _encode_tiff(picture, bits, xmp, exif, marked)
        if file_format == "PNG" and (bits == 16 or not (picture.frames and animated)):
            return _encode_png(picture, bits, xmp, exif, marked)
        large = picture.width * picture.height > vips.PIXELS and picture.alpha is None and not picture.frames
        if large and file_format == "JPEG":
            data = vips.encode_jpeg(picture.samples_in(8), quality, exif, picture.profile, xmp, picture.dpi)
            if data is not None:
                return data
        return _encode_eight(picture, file_format, quality, xmp, exif, marked, animated)
    except Exception as error:  # like decoders, encoders raise nearly everything
        raise PictureError(
            f"a picture of {picture.width} x {picture.height} cannot be written as {file_format}: {error}",
            code="not-encodable",
        ) from error


def _encode_eight(
    picture: Contents,
    file_format: str,
    quality: int,
    xmp: bytes,
    exif: bytes,
    marked: Mapping[str, object],
    animated: bool,
) -> bytes:
    options: dict[str, Any] = {"format": file_format}
    if exif and file_format not in ("BMP", "GIF"):
        options["exif"] = exif
    if picture.profile and file_format != "BMP":
        options["icc_profile"] = picture.profile
    if picture.dpi and file_format in ("JPEG", "PNG", "BMP"):
        options["dpi"] = picture.dpi
    if file_format == "PNG":
        options["pnginfo"] = _png_info(xmp, marked)
    elif file_format == "GIF":
        options["comment"] = meta.comment_text(marked).encode() if marked else b""
    elif xmp and file_format in ("JPEG", "WEBP", "AVIF", "HEIF"):
        options["xmp"] = xmp
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


def _encode_tiff(picture: Contents, bits: Bits, xmp: bytes, exif: bytes, marked: Mapping[str, object]) -> bytes:
    # EXIF is a TIFF directory: here all of it goes into the picture's own.
    block = Image.Exif()
    if exif:
        block.load(exif)
    tags = {tag: block.get_ifd(tag) if tag in meta.SUB_DIRECTORIES else block[tag] for tag in block}
    if xmp:
        tags[700] = xmp
    if marked:
        tags[305] = meta.program_text(marked)
    if picture.profile:
        tags[34675] = picture.profile
    if picture.dpi:
        tags |= {282: picture.dpi[0], 283: picture.dpi[1], 296: 2}
    return write_tiff(picture.samples_in(bits), tags)


def _encode_png(picture: Contents, bits: Bits, xmp: bytes, exif: bytes, marked: Mapping[str, object]) -> bytes:
    """A still PNG, compressed strip by strip."""
    chunks = [png.profile_chunk(picture.profile)] if picture.profile else []
    if picture.dpi:
        chunks.append(png.density_chunk(picture.dpi))
    if exif:
        chunks.append((b"eXIf", exif.removeprefix(b"Exif\0\0")))
    if xmp:
        chunks.append(png.text_chunk("XML:com.adobe.xmp", xmp.decode("utf-8", "replace")))
    if marked:
        chunks.append(png.text_chunk("impasto", meta.settings_text(marked)))
    return png.write_png(picture.samples_in(bits), chunks)


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
        info.add_itxt("impasto", meta.settings_text(marked))
    return info

"""Explain why a file is not read. Its first bytes tell unknown formats from damaged files."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Mapping
from pathlib import PurePath

from PIL import Image

from impasto.errors import PictureError
from impasto.picture.formats import TIFF_PREFIXES

_RAW_SUFFIX = re.compile(
    r"\.(3fr|arw|cr[23w]|dcr|dng|erf|fff|iiq|kdc|mef|mos|mrw|nef|nrw|orf|pef|raf|raw|rw2|rwl|sr[2fw]|x3f)$",
    re.IGNORECASE,
)

_OTHER_SUFFIX = re.compile(r"\.(jxl|jxr|wdp|hdp|exr|hdr|psb|xcf|kra|bpg|flif|fits|svg|eps)$", re.IGNORECASE)

_RAW_MAGIC = re.compile(
    rb"II\*\0.{4}CR|IIRO|IIRS|MMOR|IIU\0|IIII|FUJIFILMCCD-RAW|\0MRM|FOVb|.{6}HEAPCCDR|....ftypcrx ", re.DOTALL
)
_VERSION_INFO = 1057  # a number of Photoshop's resources
_DNG_VERSION, _SENSOR, _LINEAR_SENSOR = 50706, 32803, 34892
_UNKNOWN = re.compile(
    r"unsupported|not supported|unknown|unrecogni[sz]ed|unimplemented|not implemented|cannot handle|not yet|unhandled"
    r"|not available|cannot load this image|^\(\d+, \d+\)$",
    re.IGNORECASE,
)

_JPEG_LS = 0xF7  # the marker at the start of its frame
_CODEC = "data stream"  # part of Pillow's message for any decoder failure

# First bytes of a file, the kind of file, and what to do.
_KNOWN = (
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "JPEG XL", "export it as PNG or JPEG: djxl picture.jxl picture.png"),
    (rb"\x76\x2f\x31\x01", "OpenEXR", "export it as TIFF or PNG"),
    (rb"#\?R", "Radiance HDR", "export it as TIFF or PNG"),
    (rb"8BPS\0\x02", "PSB (Photoshop's format for large pictures)", "export it as TIFF or PNG"),
    (rb"II\xbc", "JPEG XR", "export it as PNG or JPEG"),
    (rb"gimp xcf", "a GIMP project", "export it as PNG"),
    (rb"FORM....(ILBM|PBM )", "an Amiga picture", "export it as PNG"),
    (rb"BPG\xfb", "BPG", "export it as PNG"),
    (rb"FLIF", "FLIF", "export it as PNG"),
    (rb"\xabKTX", "a KTX texture", "export it as PNG"),
    (rb"\x01\0\0\0.{36} EMF|\xd7\xcd\xc6\x9a", "a drawing", "export it as PNG"),
    (rb"\xc5\xd0\xd3\xc6|%!PS|%PDF|(\xef\xbb\xbf)?\s*<(\?xml|svg|!DOCTYPE)", "a document", "export it as PNG"),
    (rb"SIMPLE  =", "FITS", "export it as TIFF or PNG"),
    (rb"PF\s", "PFM with colors", "export it as TIFF or PNG"),
    (rb"P7\s", "PAM", "export it as PNG"),
    (rb"version https://git-lfs", "a Git LFS pointer to a document", "fetch the picture: git lfs pull"),
    (rb"\xd0\xcf\x11\xe0", "an Office or FlashPix file", "export it as PNG"),
    (rb"PK\x03\x04", "an archive or a document", "unpack it, or export it as PNG"),
)
_VIDEO = re.compile(rb"....ftyp(isom|mp4|iso|qt  |M4V|avc1|3gp|MSNV|dash)|\x1aE\xdf\xa3|RIFF....AVI ", re.DOTALL)


def named_unreadable(name: str) -> bool:
    """Return True if a name has the ending of a picture format that Impasto does not read, such as raw files."""
    return bool(_RAW_SUFFIX.search(name) or _OTHER_SUFFIX.search(name))


def check_raw(data: bytes, name: str) -> None:
    """Refuse a camera's raw file. A picture reader would find only its thumbnail.

    Raises:
        PictureError: the file is a raw file.
    """
    named_so = _RAW_SUFFIX.search(name)
    if _RAW_MAGIC.match(data) or (data.startswith(TIFF_PREFIXES) and (named_so or _holds_sensor_data(data))):
        raise PictureError(
            f"{name} is a camera's raw file",
            "export it as TIFF or JPEG in a raw developer, such as darktable",
            code="unknown-format",
        )


def _holds_sensor_data(data: bytes) -> bool:
    """Return True if a TIFF file is a DNG, or one of its first directories contains sensor samples."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    stream = io.BytesIO(data)
    header = data[:16] if data[2:3] == b"+" or data[3:4] == b"+" else data[:8]
    try:
        first = ImageFileDirectory_v2(header)
        stream.seek(first.next)
        first.load(stream)
        below = first.get(330, ())
        for offset in (None, *(below if isinstance(below, tuple) else (below,))[:8]):
            directory = first
            if offset is not None:
                directory = ImageFileDirectory_v2(header)
                stream.seek(offset)
                directory.load(stream)
            if _DNG_VERSION in directory or directory.get(262) in (_SENSOR, _LINEAR_SENSOR):
                return True
    except Exception:  # noqa: BLE001 - damaged, which its reader will report
        return False
    return False


def may_be_tga(data: bytes, name: str) -> bool:
    """Return True if a file may be a Targa. The format has no magic number, so Pillow finds it in nearly any data."""
    if data[-18:].rstrip(b"\0").endswith(b"TRUEVISION-XFILE."):
        return True
    if len(data) < 18 or data[1] > 1 or data[2] not in (1, 2, 3, 9, 10, 11) or data[16] not in (8, 15, 16, 24, 32):
        return False
    if PurePath(name).suffix.lower() in (".tga", ".icb", ".vda", ".vst"):
        return True
    colors = struct.unpack_from("<H", data, 5)[0] * (data[7] // 8) if data[1] else 0
    width, height = struct.unpack_from("<HH", data, 12)
    return data[2] < 9 and len(data) == 18 + data[0] + colors + width * height * data[16] // 8


def is_missing_heic(data: bytes) -> bool:
    """Return True if a file is HEIC and no reader for it is installed. Plugins must be loaded before."""
    return data[4:8] == b"ftyp" and "HEIF" not in Image.OPEN and bool(re.match(rb"hei|hev|mif1|msf1|heix", data[8:12]))


def unread_heic(name: str) -> PictureError:
    hint = "pip install 'impasto[heif]'"
    return PictureError(f"{name} is HEIC, which needs an extra", hint, code="missing-extra")


def unidentified(data: bytes, name: str, formats: tuple[str, ...]) -> PictureError:
    """Return the error for a file that no reader accepts."""
    for magic, what, hint in _KNOWN:
        if re.match(magic, data[:64], re.DOTALL):
            code = "not-a-picture" if "document" in what else "unknown-format"
            return PictureError(f"{name} is {what}, which Impasto does not read", hint, code=code)
    if is_missing_heic(data):
        return unread_heic(name)
    if _VIDEO.match(data):
        return PictureError(f"{name} is a video", "paint it with impasto video", code="not-a-picture")
    said = _reader_says(data, formats)
    if said:
        file_format, reason = said
        if _UNKNOWN.search(reason) or _is_odd_jpeg(data):
            return _unknown_kind(file_format, name)
        return PictureError(f"{name} is damaged or truncated", reason, code="damaged-file")
    hint = "readable: JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF and the others in docs/guides/files.md"
    if b"\0" not in data[:1024]:
        hint = "it contains text"
    return PictureError(f"{name} is not a picture that Impasto can read", hint, code="not-a-picture")


def undecodable(error: Exception, data: bytes, name: str) -> PictureError:
    """Return the error for a file whose reader failed."""
    reason = _reason(error)
    if _is_odd_jpeg(data):
        return _unknown_kind("JPEG", name)
    if data[12:16] == b"CgBI":
        return _unknown_kind("PNG (Apple's variant for devices)", name)
    if isinstance(error, NotImplementedError) or (_UNKNOWN.search(reason) and _CODEC not in reason):
        return PictureError(
            f"{name}: Impasto does not read this kind of picture ({reason})", "export it as PNG", code="unknown-format"
        )
    return PictureError(f"{name} is damaged or truncated", reason, code="damaged-file")


def _unknown_kind(file_format: str, name: str) -> PictureError:
    return PictureError(
        f"{name}: Impasto does not read this kind of {file_format}", "export it as PNG", code="unknown-format"
    )


def _reason(error: Exception) -> str:
    """Return a decoder's message in one line, or "" if it is only about Python's own operations."""
    said = (str(error).splitlines() or [""])[0][:120]
    return (
        "" if isinstance(error, (struct.error, IndexError, KeyError, TypeError)) or said.startswith("unpack") else said
    )


def check_psd(resources: Mapping[int, bytes], name: str) -> None:
    """Refuse a Photoshop file without a flattened picture. Its place in the file is white.

    Args:
        resources: Photoshop's resources, by number.
    Raises:
        PictureError: there is no flattened picture.
    """
    if resources.get(_VERSION_INFO, b"")[4:5] == b"\0":  # hasRealMergedData
        raise PictureError(
            f"{name} contains only layers, and no flattened picture",
            "save it with 'maximize compatibility', or export it as PNG",
            code="unknown-format",
        )


def _reader_says(data: bytes, formats: tuple[str, ...]) -> tuple[str, str] | None:
    """Return the format whose reader recognizes the first bytes, and why the reader rejects the file."""
    for file_format in formats:
        factory, accept = Image.OPEN[file_format]
        if accept is None or not accept(data[:16].ljust(16, b"\0")):
            continue
        try:
            factory(io.BytesIO(data), "")
        except Exception as error:  # noqa: BLE001 - decoders raise nearly any error
            return file_format, str(error)[:120] if isinstance(error.__cause__, KeyError) else _reason(error)
    return None


def _is_odd_jpeg(data: bytes) -> bool:
    """Return True for a JPEG that ordinary decoders cannot read: not 8 bits, lossless, hierarchical, or JPEG-LS."""
    at = 2
    while data[:2] == b"\xff\xd8" and at + 5 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == _JPEG_LS:
            return True
        if marker in range(0xC0, 0xD0) and marker not in (0xC4, 0xC8, 0xCC):
            return marker not in (0xC0, 0xC1, 0xC2) or data[at + 4] != 8
        if marker == 0xDA:
            return False
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return False

"""The formats of picture files: endings, and which have alpha, motion or sixteen bits."""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path
from typing import Literal, TypeAlias

from PIL import Image

from impasto.errors import UsageError

Bits: TypeAlias = Literal[8, 16]

SUFFIXES = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
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
    ".hif": "HEIF",
}

NAMES = tuple(sorted({suffix.lstrip(".") for suffix in SUFFIXES}))
"""What the formats are called on the command line: their endings without the dot."""
"""What can be written, by the name's ending."""

READABLE = {*SUFFIXES, ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".jp2", ".j2k", ".j2c", ".jpf", ".jpx", ".qoi", ".dib"}
READABLE |= {".mpo", ".avifs", ".tga", ".icb", ".vda", ".vst", ".ico", ".icns", ".pcx", ".sgi", ".bw", ".dds"}
READABLE |= {".psd"}
"""The endings of files that are read."""
_CLIPS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"}
JPEG_PREFIX = b"\xff\xd8\xff"
TIFF_PREFIXES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SIXTEEN_BITS = {"PNG", "TIFF"}
ANIMATED = {"GIF", "PNG", "WEBP", "AVIF"}
WITHOUT_ALPHA = {"JPEG", "BMP"}


def format_of(path: Path) -> str:
    """Pillow's name of the format that a file name's ending stands for.

    Raises:
        UsageError: an ending that Impasto does not write; the message lists those it does.
    """
    file_format = SUFFIXES.get(path.suffix.lower())
    if file_format is None and path.suffix.lower() in _CLIPS:
        raise UsageError(f"{path.name} is a video", "impasto video paints animations, too", code="unknown-format")
    if file_format is None:
        endings = " ".join(sorted(SUFFIXES))
        raise UsageError(
            f"{path.name}: what format is {path.suffix or 'a name without an ending'}?",
            f"one of {endings}",
            code="unknown-format",
        )
    load_writer(file_format)
    if file_format not in Image.SAVE:
        raise UsageError(f"{file_format} cannot be written here", "pip install 'impasto[heif]'", code="missing-extra")
    return file_format


def check_saving(file_format: str, quality: int, bits: int) -> None:
    """Refuse what cannot be written in a format.

    Raises:
        UsageError: quality is not in 1..100, bits are neither 8 nor 16, or are 16 where the format holds 8.
    """
    if not 1 <= quality <= 100:
        raise UsageError(f"quality {quality} is not in 1..100", code="out-of-range")
    if bits not in (8, 16):
        raise UsageError(f"{bits} bits a channel cannot be written", "8 or 16", code="unknown-choice")
    if bits == 16 and file_format not in SIXTEEN_BITS:
        raise UsageError(f"{file_format} holds no 16 bits a channel", "PNG and TIFF do", code="not-encodable")


def readable(path: Path) -> bool:
    """Whether a file's name says that it is a picture."""
    return path.suffix.lower() in READABLE


def load_writer(file_format: str) -> None:
    """Load what Pillow needs to write a format; for the usual ones that is little."""
    Image.preinit()
    if file_format not in Image.SAVE:
        load_plugins()


@functools.cache
def load_plugins() -> tuple[str, ...]:
    """Pillow's names of the formats that are read here: pictures, and nothing that runs a program to be shown."""
    Image.preinit()
    names = ["BMP", "DIB", "GIF", "JPEG", "PNG", "PPM"]
    for name in ("Avif", "Dds", "Icns", "Ico", "Jpeg2K", "Mpo", "Pcx", "Psd", "Qoi", "Sgi", "Tga", "Tiff", "WebP"):
        with contextlib.suppress(ImportError):
            __import__(f"PIL.{name}ImagePlugin")
    with contextlib.suppress(ImportError):
        from pillow_heif import register_heif_opener  # type: ignore[import-untyped, import-not-found, unused-ignore]

        register_heif_opener()
    names += ["AVIF", "HEIF", "JPEG2000", "MPO", "QOI", "TIFF", "WEBP"]
    names += ["DDS", "ICNS", "ICO", "PCX", "PSD", "SGI", "TGA"]  # the last: it has no magic number
    return tuple(name for name in names if name in Image.OPEN)

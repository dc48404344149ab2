"""File formats of pictures: endings, and support of alpha, animation and sixteen bits."""

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
"""Names of the writable formats on the command line: their endings without the dot."""

READABLE = {*SUFFIXES, ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".jp2", ".j2k", ".j2c", ".jpf", ".jpx", ".qoi", ".dib"}
READABLE |= {".mpo", ".avifs", ".tga", ".icb", ".vda", ".vst", ".ico", ".icns", ".pcx", ".sgi", ".bw", ".dds"}
READABLE |= {".psd"}
"""Endings of files that Impasto reads."""
_CLIPS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"}
JPEG_PREFIX = b"\xff\xd8\xff"
TIFF_PREFIXES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SIXTEEN_BITS = {"PNG", "TIFF"}
ANIMATED = {"GIF", "PNG", "WEBP", "AVIF"}
WITHOUT_ALPHA = {"JPEG", "BMP"}


def format_of(path: Path) -> str:
    """Return Pillow's name of the format for a file name's ending.

    Raises:
        UsageError: Impasto does not write this ending. The hint lists the endings that it writes.
    """
    file_format = SUFFIXES.get(path.suffix.lower())
    if file_format is None and path.suffix.lower() in _CLIPS:
        raise UsageError(
            f"{path.name} is a video, not a picture", "impasto video also writes animations", code="unknown-format"
        )
    if not path.suffix:
        raise UsageError(
            f"{path.name} has no extension, which names the format",
            "add one, such as .png",
            code="unknown-format",
        )
    if file_format is None:
        endings = " ".join(sorted(SUFFIXES))
        raise UsageError(
            f"{path.name}: unknown format {path.suffix}",
            f"one of {endings}",
            code="unknown-format",
        )
    load_writer(file_format)
    if file_format not in Image.SAVE:
        raise UsageError(
            f"{file_format} needs an extra to be written", "pip install 'impasto[heif]'", code="missing-extra"
        )
    return file_format


def check_saving(file_format: str, quality: int, bits: int) -> None:
    """Refuse a quality or a bit depth that a format cannot store.

    Raises:
        UsageError: quality is not in 1..100, bits are not 8 or 16, or bits are 16 and the format stores only 8.
    """
    if not 1 <= quality <= 100:
        raise UsageError(f"quality {quality} is not in 1..100", code="out-of-range")
    if bits not in (8, 16):
        raise UsageError(f"{bits} bits a channel cannot be written", "choose 8 or 16", code="unknown-choice")
    if bits == 16 and file_format not in SIXTEEN_BITS:
        raise UsageError(f"{file_format} cannot store 16 bits a channel", "PNG and TIFF can", code="not-encodable")


def readable(path: Path) -> bool:
    """Return True if a file's name has the ending of a readable picture."""
    return path.suffix.lower() in READABLE


def load_writer(file_format: str) -> None:
    """Load the parts of Pillow that write a format. For common formats, that is little."""
    Image.preinit()
    if file_format not in Image.SAVE:
        load_plugins()


@functools.cache
def load_plugins() -> tuple[str, ...]:
    """Load Pillow's readers, and return the names of their formats.

    Formats whose readers run another program are left out.
    """
    Image.preinit()
    names = ["BMP", "DIB", "GIF", "JPEG", "PNG", "PPM"]
    for name in ("Avif", "Dds", "Icns", "Ico", "Jpeg2K", "Mpo", "Pcx", "Psd", "Qoi", "Sgi", "Tga", "Tiff", "WebP"):
        with contextlib.suppress(ImportError):
            __import__(f"PIL.{name}ImagePlugin")
    with contextlib.suppress(ImportError):
        from pillow_heif import register_heif_opener  # type: ignore[import-untyped, import-not-found, unused-ignore]

        register_heif_opener()
    names += ["AVIF", "HEIF", "JPEG2000", "MPO", "QOI", "TIFF", "WEBP"]
    names += ["DDS", "ICNS", "ICO", "PCX", "PSD", "SGI", "TGA"]  # TGA comes last, since it has no magic number
    return tuple(name for name in names if name in Image.OPEN)

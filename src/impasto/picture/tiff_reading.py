"""Read TIFF files that Pillow does not know, or of which it gives eight bits.

Pillow opens every file for its tags. Pillow and libtiff also undo compressions: each plane of a file is described anew
as rows of bytes. What the bytes mean is worked out here: 9 to 32 bits, floats, planes, premultiplied colors.
"""

from __future__ import annotations

import ctypes
import functools
import io
import math
import struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from impasto.errors import PictureError
from impasto.picture.samples import in_range
from impasto.pixels.arrays import Samples, stored

_WHITE_IS_ZERO, _GRAY, _RGB, _CMYK, _CIELAB, _ICCLAB = 0, 1, 2, 5, 8, 9
_COLORS = {_WHITE_IS_ZERO: 1, _GRAY: 1, _RGB: 3, _CMYK: 4, _CIELAB: 3, _ICCLAB: 3}
_RAW, _LOSSLESS = 1, {1, 5, 8, 32773, 32946, 34925, 50000}  # of these, what comes out are the samples' bytes
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_PREMULTIPLIED, _ALPHA = 1, 2
_KINDS = {_UNSIGNED: "u", _SIGNED: "i", _FLOAT: "f"}
_COMPRESSIONS = {22610: "JPEG XR", 34712: "JPEG 2000", 34887: "LERC", 50002: "JPEG XL", 52546: "JPEG XL"}
_MOST_CHANNELS, _MOST_PAGES = 64, 100
_READ_AS = {  # what Pillow is made to believe where it does not know a layout
    258: (8, 8, 8),
    259: 1,
    262: 2,
    277: 3,
    284: 1,
    338: (),
    339: (1,),
}


class _Layout(NamedTuple):
    """How a page's samples lie in the file."""

    width: int
    height: int
    channels: int
    bits: int
    kind: int
    photometric: int
    compression: int
    planar: bool
    predictor: int
    fill_order: int
    extra: tuple[int, ...]
    block: tuple[int, int]  # width and height of a strip or a tile
    offsets: tuple[int, ...]
    counts: tuple[int, ...]


class Tiff(TiffImagePlugin.TiffImageFile):
    """A TIFF file of any layout: where Pillow does not know it, only tags and size can be asked for."""

    known: bool
    tags: dict[int, Any]

    @property
    def plain(self) -> bool:
        """Whether Pillow reads all of it."""
        layout = _layout(self.tags)
        if layout is None or layout.compression not in _LOSSLESS or layout.photometric not in _COLORS:
            return self.known
        return self.known and layout.bits <= 8 and layout.kind == _UNSIGNED and not layout.planar

    def _setup(self) -> None:
        self.tags = {tag: self.tag_v2[tag] for tag in self.tag_v2}
        channels = self.tags.get(277, 1)
        self.known = isinstance(channels, int) and channels <= TiffImagePlugin.MAX_SAMPLESPERPIXEL
        if self.known:
            try:
                super()._setup()
            except (KeyError, SyntaxError, TypeError, ValueError, IndexError):
                self.known = False
        if not self.known:
            for tag, value in _READ_AS.items():
                self.tag_v2[tag] = value
            super()._setup()


def open_file(data: bytes, name: str) -> Tiff:
    """A file's first page; where that is a thumbnail, the largest page that is none."""
    if data.startswith(b"MM\0+"):
        raise _not_read(name, "BigTIFF in big-endian byte order")
    _silence_libtiff()
    image = Tiff(io.BytesIO(data), "")
    if not _is_reduced(image.tags):
        return image
    sizes = {0: 0}
    for page in range(1, _MOST_PAGES):
        try:
            image.seek(page)
        except Exception:  # noqa: BLE001 - it was the last one, or the next is damaged
            break
        if not _is_reduced(image.tags):
            sizes[page] = image.width * image.height
    image.seek(max(sizes, key=lambda page: sizes[page]))
    return image


def _is_reduced(tags: dict[int, Any]) -> bool:
    kind, old_kind = tags.get(254, 0), tags.get(255, 0)
    return bool(isinstance(kind, int) and kind & 1) or old_kind == 2


@functools.cache
def _silence_libtiff() -> None:
    """Keep libtiff from writing to the terminal: Pillow says what matters.

    The handlers belong to Pillow's own copy of the library, and are found among what its module is linked with.
    """
    try:
        library = ctypes.CDLL(Image.core.__file__)  # type: ignore[attr-defined]
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            function = getattr(library, name)
            function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
            function(None)
    except (AttributeError, OSError):  # linked in another way
        pass


def decode(image: Tiff, data: bytes, name: str) -> tuple[Image.Image, Samples | None]:
    """Decode a page.

    Returns:
        An image of eight bits; or `image` itself, not decoded, and H x W x 1 to 4 samples: gray or RGB with or without
        alpha, uint16.
    Raises:
        PictureError: a layout that is not read here.
    """
    if image.plain:
        image.load()
        return image, None
    layout = _layout(image.tags)
    if layout is None or layout.compression not in _LOSSLESS or layout.photometric not in _COLORS:
        raise _unknown(image.tags, name)
    samples = _read(layout, data)
    if layout.photometric == _CMYK or layout.photometric in (_CIELAB, _ICCLAB):
        eight = _eight_bits(samples, layout)
        eight.info = image.info
        return eight, None
    color = _COLORS[layout.photometric]
    shades = _shades(samples[:, :, :color], layout, name)
    if layout.photometric == _WHITE_IS_ZERO:
        shades = np.uint16(65535) - shades
    alpha = _alpha(layout, color)
    if alpha is not None:
        cover = _shades(samples[:, :, alpha : alpha + 1], layout, "")
        if layout.extra[:1] and layout.extra[alpha - color] == _PREMULTIPLIED:
            share = np.maximum(cover, 1).astype(np.float32) / np.float32(65535)
            shades = stored((shades / np.float32(65535)) / share, np.uint16)
        shades = np.concatenate([shades, cover], axis=2)
    if layout.bits > 8 or layout.kind == _FLOAT:
        return image, shades
    upper = (shades >> 8).astype(np.uint8)
    eight = Image.fromarray(upper[:, :, 0] if upper.shape[2] == 1 else upper)
    eight.info = image.info
    return eight, None


def _layout(tags: dict[int, Any]) -> _Layout | None:
    """None for what is not described as it should be, or has samples of several sizes."""

    def one(tag: int, usual: int) -> int:
        value = tags.get(tag, usual)
        return int(value[0] if isinstance(value, tuple) else value)

    def many(tag: int, usual: tuple[int, ...] = ()) -> tuple[int, ...]:
        value = tags.get(tag, usual)
        return tuple(int(each) for each in (value if isinstance(value, tuple) else (value,)))

    try:
        width, height, channels = one(256, 0), one(257, 0), one(277, 1)
        bits, kinds = set(many(258, (1,))[:channels]), set(many(339, (_UNSIGNED,))[:channels])
        tiled = 324 in tags
        rows = min(one(278, height), height)
        block = (one(322, 0), one(323, 0)) if tiled else (width, rows)
        found = _Layout(
            width,
            height,
            channels,
            bits.pop(),
            kinds.pop(),
            one(262, _GRAY),
            one(259, _RAW),
            one(284, 1) == 2 and channels > 1,
            one(317, 1),
            one(266, 1),
            many(338),
            block,
            many(324 if tiled else 273),
            many(325 if tiled else 279, (0,)),
        )
    except (IndexError, KeyError, TypeError, ValueError):
        return None
    enough = channels >= _COLORS.get(found.photometric, 1) and channels <= _MOST_CHANNELS and min(block) > 0
    whole = (
        found.bits <= 32
        if found.kind == _UNSIGNED
        else found.bits in ((8, 16, 32) if found.kind == _SIGNED else (16, 32, 64))
    )
    same = not bits and not kinds and found.kind in _KINDS and found.bits > 0
    return found if enough and whole and same else None


def _alpha(layout: _Layout, color: int) -> int | None:
    """Which channel is alpha."""
    for index, kind in enumerate(layout.extra[: layout.channels - color]):
        if kind in (_PREMULTIPLIED, _ALPHA):
            return color + index
    unsaid = not layout.extra and layout.photometric == _RGB and layout.channels == 4
    return color if unsaid else None


def _read(layout: _Layout, data: bytes) -> NDArray[Any]:
    """All samples, H x W x channels, in the machine's byte order."""
    width, height = layout.block
    across = math.ceil(layout.width / width)
    planes, channels = (layout.channels, 1) if layout.planar else (1, layout.channels)
    count = across * math.ceil(layout.height / height)
    row_bytes = math.ceil(width * channels * layout.bits / 8)
    if len(layout.offsets) < planes * count:
        raise EOFError("strips are missing")
    out: NDArray[Any] | None = None
    for plane in range(planes):
        part = slice(plane * count, (plane + 1) * count)
        tiled = across > 1 or width != layout.width
        rows = count * height if tiled else layout.height
        raw = _bytes(layout, data, part, row_bytes, rows)
        values = _values(raw, layout, data[:2], width * channels).reshape(rows, width, channels)
        if layout.predictor == 2:
            values = np.cumsum(values, axis=1, dtype=values.dtype)
        if not tiled and not layout.planar:
            return values
        if out is None:
            out = np.empty((layout.height, layout.width, layout.channels), values.dtype)
        into = out[:, :, plane : plane + 1] if layout.planar else out
        for index in range(count if tiled else 1):
            top, left = index // across * height, index % across * width
            piece = values[index * height : (index + 1) * height] if tiled else values
            target = into[top : top + len(piece), left : left + width]
            target[:] = piece[: target.shape[0], : target.shape[1]]
    if out is None:
        raise EOFError("there are no samples")
    return out


def _bytes(layout: _Layout, data: bytes, part: slice, row_bytes: int, rows: int) -> NDArray[np.uint8]:
    """The bytes of a plane's rows, its strips or tiles one below the other."""
    offsets, counts = layout.offsets[part], layout.counts[part]
    height = layout.block[1]
    if len(counts) != len(offsets) or not all(counts):
        counts = (row_bytes * height,) * len(offsets)
    if layout.compression == _RAW:
        pieces = [data[begin : begin + size] for begin, size in zip(offsets, counts, strict=True)]
        raw = np.frombuffer(b"".join(pieces), np.uint8)[: rows * row_bytes]
        if len(raw) < rows * row_bytes:
            raise EOFError("samples are missing")
        if layout.fill_order == 2:
            raw = np.packbits(np.unpackbits(raw, bitorder="little"))
        return raw.reshape(rows, row_bytes)
    tags = {
        256: (4, (row_bytes,)),
        257: (4, (rows,)),
        258: (3, (8,)),
        259: (3, (layout.compression,)),
        262: (3, (1,)),
        266: (3, (layout.fill_order,)),
        273: (4, offsets),
        277: (3, (1,)),
        278: (4, (height,)),
        279: (4, counts),
    }
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(_described(data, tags)), "")
    return np.asarray(image)


def _described(data: bytes, tags: dict[int, tuple[int, tuple[int, ...]]]) -> bytes:
    """The same file with another directory, at its end."""
    order = "<" if data[:2] == b"II" else ">"
    begin = len(data) + len(data) % 2
    outside = begin + 2 + 12 * len(tags) + 4
    entries, more = [], b""
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}{'HI'[kind == 4]}", *values)
        if len(packed) > 4:
            at = struct.pack(order + "I", outside + len(more))
            more += packed + bytes(len(packed) % 2)
        else:
            at = packed.ljust(4, b"\0")
        entries.append(struct.pack(order + "HHI", tag, kind, len(values)) + at)
    head = data[:2] + struct.pack(order + "HI", 42, begin)
    directory = struct.pack(order + "H", len(tags)) + b"".join(entries) + bytes(4)
    return b"".join([head, data[8:], bytes(len(data) % 2), directory, more])


def _values(raw: NDArray[np.uint8], layout: _Layout, order: bytes, count: int) -> NDArray[Any]:
    """Rows of bytes as rows of numbers.

    Args:
        order: of the bytes: II or MM.
        count: numbers in a row.
    """
    size = layout.bits // 8
    if layout.bits not in (8, 16, 32, 64):
        return _packed(raw, layout.bits, order, count)
    if layout.predictor == 3:  # Adobe's for floats: bytes of one significance together, each less the one before
        channels = 1 if layout.planar else layout.channels
        summed = np.cumsum(raw.reshape(len(raw), -1, channels), axis=1, dtype=np.uint8)
        parts = summed.reshape(len(raw), size, count).transpose(0, 2, 1)
        return np.ascontiguousarray(parts).view(f">f{size}").reshape(len(raw), count).astype(f"f{size}")
    kind = np.dtype(("<" if order == b"II" else ">") + _KINDS[layout.kind] + str(size))
    return np.ascontiguousarray(raw).view(kind).astype(kind.newbyteorder("="), copy=False)


def _packed(raw: NDArray[np.uint8], bits: int, order: bytes, count: int) -> NDArray[np.uint32]:
    """Numbers of any count of bits, the highest first, as TIFF packs them."""
    out = np.empty((len(raw), count), np.uint32)
    weights = (1 << np.arange(bits - 1, -1, -1, dtype=np.uint64)).astype(np.float64)
    if bits == 24 and order == b"II":
        padded = np.zeros((len(raw), count, 4), np.uint8)
        padded[:, :, :3] = raw[:, : 3 * count].reshape(len(raw), count, 3)
        return padded.view("<u4")[:, :, 0].astype(np.uint32)
    step = max(1, (1 << 22) // max(1, count * bits))
    for top in range(0, len(raw), step):
        each = np.unpackbits(raw[top : top + step], axis=1)[:, : count * bits]
        out[top : top + step] = each.reshape(-1, count, bits) @ weights
    return out


def _shades(values: NDArray[Any], layout: _Layout, name: str) -> NDArray[np.uint16]:
    """Samples as 0..65535.

    Whole numbers of 32 bits that stay below 65536 are taken for 16 bits, and negative ones for a range about zero.
    """
    if layout.kind == _FLOAT:
        return stored(in_range(values.astype(np.float32), name), np.uint16)
    if layout.bits == 16 and layout.kind == _UNSIGNED:
        return values.astype(np.uint16, copy=False)
    low, high = 0, (1 << layout.bits) - 1
    if layout.kind == _SIGNED:
        high >>= 1
        low = -high - 1 if values.min(initial=0) < 0 else 0
    if layout.bits == 32 and low == 0 and values.max(initial=0) <= 65535:
        high = 65535
    scaled = (values.astype(np.float64) - low) * (65535 / (high - low))
    return np.rint(scaled).astype(np.uint16)


def _eight_bits(samples: NDArray[Any], layout: _Layout) -> Image.Image:
    """An image of inks, or of lightness and two signed colors, in Pillow's way."""
    eight = (samples[:, :, : _COLORS[layout.photometric]] >> (layout.bits - 8)).astype(np.uint8)
    if layout.photometric == _ICCLAB:
        eight[:, :, 1:] ^= 128
    mode = "CMYK" if layout.photometric == _CMYK else "LAB"
    return Image.frombytes(mode, (layout.width, layout.height), eight.tobytes(), "raw", mode)


def _unknown(tags: dict[int, Any], name: str) -> PictureError:
    """Why a file is not read: what it holds that is not known here."""
    compression, bits = tags.get(259, _RAW), tags.get(258, (1,))
    if compression not in TiffImagePlugin.COMPRESSION_INFO:
        what = f"compression {_COMPRESSIONS.get(compression, compression)}"
    elif isinstance(bits, tuple) and len(bits) == 1:
        what = f"{bits[0]} bits, photometric interpretation {tags.get(262)}"
    else:
        what = f"channels of {bits} bits, photometric interpretation {tags.get(262)}"
    return _not_read(name, what)


def _not_read(name: str, what: str) -> PictureError:
    message = f"{name}: this kind of TIFF is not read here ({what})"
    return PictureError(message, "save it as PNG or as ordinary TIFF", code="unknown-format")

"""Picture files that no library writes on demand: chunks, tags, profiles and boxes by hand."""

from __future__ import annotations

import struct
import zlib

import numpy as np

SRGB = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7139))
P3 = ((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841))
IN_P3, IN_SRGB = (230, 60, 50), (250, 31, 34)  # a color in Display P3's numbers, and in sRGB's


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(samples: np.ndarray, color_type: int, *chunks: bytes, bits: int = 0) -> bytes:
    """A PNG file; the chunks go before the pixels.

    Args:
        samples: H x W or H x W x C, uint8 or uint16.
        bits: of a sample, below 8: they are packed.
    """
    bits = bits or 8 * samples.itemsize
    height, width = samples.shape[:2]
    rows = samples.reshape(height, -1)
    if bits < 8:
        planes = np.unpackbits(rows.astype(np.uint8)[:, :, None], axis=2)[:, :, 8 - bits :]
        lines = [np.packbits(plane.reshape(-1)).tobytes() for plane in planes]
    else:
        lines = [row.astype(row.dtype.newbyteorder(">")).tobytes() for row in rows]
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + line for line in lines)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + body + chunk(b"IEND", b"")


def profile_chunk(profile: bytes) -> bytes:
    return chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile))


def tiff(tags: dict[int, tuple[int, list[int]]], data: bytes) -> bytes:
    """A little-endian TIFF file of one strip; a tag's type is 3 for 16 bits, 4 for 32."""
    tags = tags | {273: (4, [0]), 279: (4, [len(data)])}
    begin = 8 + 2 + 12 * len(tags) + 4
    outside = {tag: struct.pack(f"<{len(v)}{'HI'[t == 4]}", *v) for tag, (t, v) in sorted(tags.items())}
    outside = {tag: packed for tag, packed in outside.items() if len(packed) > 4}
    tags[273] = (4, [begin + sum(map(len, outside.values()))])
    entries, at = b"", begin
    for tag, (kind, values) in sorted(tags.items()):
        entries += struct.pack("<HHI", tag, kind, len(values))
        if tag in outside:
            entries += struct.pack("<I", at)
            at += len(outside[tag])
        else:
            entries += struct.pack(f"<{len(values)}{'HI'[kind == 4]}", *values).ljust(4, b"\0")
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    return head + entries + bytes(4) + b"".join(outside.values()) + data


def tiff_of(width: int, height: int, bits: list[int], photometric: int, data: bytes, **more: list[int]) -> bytes:
    """As `tiff`, of an ordinary picture; further tags as `tag_259=[5]`."""
    tags: dict[int, tuple[int, list[int]]] = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, bits),
        259: (3, [1]),
        262: (3, [photometric]),
        277: (3, [len(bits)]),
        278: (4, [height]),
    }
    tags |= {int(name[4:]): (3 if max(values) < 65536 else 4, values) for name, values in more.items()}
    return tiff(tags, data)


def profile(name: str, gamma: float, primaries: tuple[tuple[float, ...], ...] = SRGB, space: bytes = b"RGB ") -> bytes:
    """A small ICC profile, version 2, of a curve and a matrix."""

    def fixed(values: tuple[float, ...]) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    white = (0.9642, 1.0, 0.8249)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    text = name.encode() + b"\0"
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)}
    tags |= {b"cprt": b"text\0\0\0\0none\0", b"wtpt": b"XYZ \0\0\0\0" + fixed(white)}
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        tags |= dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), (b"XYZ \0\0\0\0" + fixed(p) for p in primaries), strict=True))
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body, begin = b"", b"", 132 + 12 * len(tags)
    for key, value in tags.items():
        table += struct.pack(">4sII", key, begin + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    rest = struct.pack(">I", len(tags)) + table + body
    head = struct.pack(">I4sI4s4s4s", 128 + len(rest), b"lcms", 0x02400000, b"mntr", space, b"XYZ ")
    head += bytes.fromhex("07e800010001000000000000") + b"acsp" + bytes(28) + fixed(white)
    return head.ljust(128, b"\0") + rest


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + (size or len(data))]))
        at += size or len(data)
    return found


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def with_property(data: bytes, kind: bytes, body: bytes) -> bytes:
    """An AVIF or HEIF file whose first item, the picture, has a further property."""
    meta = dict(boxes(data))[b"meta"]
    inside = dict(boxes(meta[4:]))
    properties = dict(boxes(inside[b"iprp"]))
    number = len(boxes(properties[b"ipco"])) + 1
    old = properties[b"ipma"]
    count = old[10]
    new = old[:10] + bytes([count + 1]) + old[11 : 11 + count] + bytes([number | 0x80]) + old[11 + count :]
    inside[b"iprp"] = box(b"ipco", properties[b"ipco"] + box(kind, body)) + box(b"ipma", new)
    longer = len(box(kind, body)) + 1
    places = bytearray(inside[b"iloc"])
    version, (items,), at = places[0], struct.unpack_from(">H", places, 6), 8
    for _ in range(items):
        method = struct.unpack_from(">H", places, at + 2)[0] & 15 if version else 0
        at += (6 if version else 4) + (places[5] >> 4)  # a base offset, 0 here
        (extents,) = struct.unpack_from(">H", places, at)
        for _ in range(extents):
            if not method:
                struct.pack_into(">I", places, at + 2, struct.unpack_from(">I", places, at + 2)[0] + longer)
            at += 8
        at += 2
    inside[b"iloc"] = bytes(places)
    new_meta = meta[:4] + b"".join(box(name, content) for name, content in inside.items())
    return b"".join(box(name, new_meta if name == b"meta" else content) for name, content in boxes(data))


def crop_property(left: int, top: int, width: int, height: int, whole: tuple[int, int]) -> bytes:
    """A clean aperture: sizes and distances from the center, as fractions."""
    right, down = 2 * left + width - whole[0], 2 * top + height - whole[1]
    return struct.pack(">IIIIiIiI", width, 1, height, 1, right, 2, down, 2)


def said_by_cicp(data: bytes, primaries: int, transfer: int) -> bytes:
    """The same AVIF file with other numbers for its colors."""
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]

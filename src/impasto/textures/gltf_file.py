"""Read a glTF 2.0 file: its JSON, buffers, images and numbers.

Specification: Khronos Group, glTF 2.0. A broken file raises Python's own errors here. `damaged` turns them into one
line.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, unquote_to_bytes

import numpy as np
from numpy.typing import NDArray

from impasto.errors import ImpastoError, MissingExtra, OutOfMemory, PictureError
from impasto.picture.reading import file_bytes

BIN = 0x004E4942
"""The type of a .glb's chunk that contains its first buffer."""

MESHOPT = ("EXT_meshopt_compression", "KHR_meshopt_compression")

_MAGIC, _JSON = b"glTF", 0x4E4F534A
_LISTS = (
    "accessors",
    "bufferViews",
    "buffers",
    "images",
    "materials",
    "meshes",
    "nodes",
    "samplers",
    "skins",
    "textures",
)
_KINDS: dict[int, Any] = {
    5120: np.int8,
    5121: np.uint8,
    5122: np.int16,
    5123: np.uint16,
    5125: np.uint32,
    5126: np.float32,
}
_COUNTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_MOST = 30_000_000  # numbers of an accessor without bytes of its own
_FILTERS = {"OCTAHEDRAL": "decode_filter_oct", "QUATERNION": "decode_filter_quat", "EXPONENTIAL": "decode_filter_exp"}
_MODES = {"TRIANGLES": "decode_index_buffer", "INDICES": "decode_index_sequence"}


@dataclass(frozen=True, eq=False)
class GltfFile:
    """The contents of a glTF file.

    Attributes:
        path: of the file.
        text: its JSON, unchanged.
        root: its JSON, parsed.
        chunks: in a .glb, type and bytes of all chunks after the JSON; in a .gltf, none.
        binary: True for a .glb.
    """

    path: Path
    text: str
    root: dict[str, Any]
    chunks: Sequence[tuple[int, bytes]] = ()
    binary: bool = False
    _read: dict[str, bytes] = field(default_factory=dict)
    _decoded: dict[tuple[str, int], Any] = field(default_factory=dict)

    @staticmethod
    def open(path: Path) -> GltfFile:
        """Open a file. Raise PictureError if it is missing, damaged, or of another version."""
        data = file_bytes(path)
        if not data:
            raise PictureError(f"{path} is empty", code="empty-file")
        with damaged(path):
            if data[:4] != _MAGIC:
                text = data.decode()
                return GltfFile(path, text, _parsed(text.lstrip("\ufeff"), path))
            version, length = struct.unpack_from("<II", data, 4)
            if version != 2:
                _refuse_version(path, version)
            if not 12 <= length <= len(data):
                raise ValueError("the file is truncated")
            chunks = list(_chunks(data[:length]))
            if not chunks or chunks[0][0] != _JSON:
                raise ValueError("the first chunk is not JSON")
            text = chunks[0][1].decode().rstrip("\0")
            return GltfFile(path, text, _parsed(text, path), chunks[1:], True)

    def items(self, name: str) -> list[dict[str, Any]]:
        """Return one of the file's lists, such as "materials"; empty if it is missing."""
        found: list[dict[str, Any]] = self.root.get(name, [])
        return found

    def item(self, name: str, index: object) -> dict[str, Any]:
        found = self.items(name)
        if whole(index) >= len(found):
            raise IndexError(f"{name} has no item {index}")
        return found[whole(index)]

    @property
    def sources(self) -> list[Path]:
        """The files of the model that exist, the .glb or .gltf first."""
        uris = [one["uri"] for name in ("buffers", "images") for one in self.items(name) if "uri" in one]
        return [self.path, *(self.path_of(uri) for uri in dict.fromkeys(uris) if self.has(uri))]

    def path_of(self, uri: str) -> Path:
        """Return the path of a file that the model names."""
        return self.path.parent / unquote(uri)

    def has(self, uri: str) -> bool:
        """Return True if a URI names a file that exists."""
        try:
            return is_file(uri) and self.path_of(uri).is_file()
        except OSError:  # no file can have such a name
            return False

    def at(self, uri: str) -> bytes:
        """Return the bytes behind a URI.

        Raises:
            PictureError: there is no such file, or the URI is a web address. Impasto does not download it.
        """
        if uri not in self._read:
            self._read[uri] = self._bytes(uri)
        return self._read[uri]

    def _bytes(self, uri: str) -> bytes:
        if is_data(uri):
            head, comma, body = uri.partition(",")
            if not comma:
                raise ValueError("a data URI has no data")
            data = unquote_to_bytes(body)
            if not head.lower().endswith(";base64"):
                return data
            data = b"".join(data.split())
            return base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)
        if not is_file(uri):
            raise PictureError(
                f"{self.path} names {uri[:80]}, and web addresses are not downloaded",
                "save that file beside the model, and name it there",
                code="web-address",
            )
        if not self.has(uri):
            raise PictureError(
                f"{self.path} needs {self.path_of(uri)}, which does not exist",
                "copy this file into the model's folder",
                code="no-such-file",
            )
        return file_bytes(self.path_of(uri))

    def buffer(self, index: object) -> bytes:
        one = self.item("buffers", index)
        if "uri" in one:
            return self.at(one["uri"])
        if self.binary and index == 0:
            for kind, data in self.chunks:
                if kind == BIN:
                    return data
        raise ValueError(f"buffer {index} has no bytes")

    def packed(self, view: object) -> str:
        """Return the extension that compresses a buffer view, if its plain bytes are missing; else ""."""
        one = self.item("bufferViews", view)
        found = next((name for name in MESHOPT if name in one.get("extensions", {})), "")
        buffer = whole(one["buffer"])
        in_chunk = self.binary and buffer == 0
        return "" if in_chunk or "uri" in self.item("buffers", buffer) else found

    def view(self, index: object) -> memoryview:
        """Return the bytes of a buffer view."""
        one = self.item("bufferViews", index)
        packed = self.packed(index)
        return memoryview(self._unpacked(whole(index), one["extensions"][packed])) if packed else self._slice(one)

    def _slice(self, view: dict[str, Any]) -> memoryview:
        start, length = whole(view.get("byteOffset", 0)), whole(view["byteLength"])
        data = memoryview(self.buffer(view["buffer"]))
        if start + length > len(data):
            raise ValueError("a buffer view lies beyond its buffer")
        return data[start : start + length]

    def _unpacked(self, index: int, packed: dict[str, Any]) -> bytes:
        """Decompress bytes of meshoptimizer. Specification: EXT_meshopt_compression."""
        if ("view", index) in self._decoded:
            return bytes(self._decoded["view", index])
        try:
            import meshoptimizer
        except ImportError:
            refuse_packed(self.path, "meshoptimizer")
        data, count, step = bytes(self._slice(packed)), whole(packed["count"]), whole(packed["byteStride"])
        mode, name = packed["mode"], packed.get("filter", "NONE")
        try:
            if mode == "ATTRIBUTES":
                values = meshoptimizer.decode_vertex_buffer(count, step, data, np.dtype(f"V{step}"))
                if name != "NONE":
                    if name not in _FILTERS or step not in ((8,) if name == "QUATERNION" else (4, 8, 12, 16)):
                        refuse_packed(self.path, f"meshoptimizer's filter {name}")
                    values = getattr(meshoptimizer, _FILTERS[name])(values, count, step)
            else:
                if count % 3 and mode == "TRIANGLES":
                    raise ValueError("a buffer view contains an incomplete triangle")
                values = getattr(meshoptimizer, _MODES[mode])(count, step, data).view(f"u{step}")[:count]
        except RuntimeError as error:
            raise ValueError(str(error)) from None
        found = values.tobytes()
        self._decoded["view", index] = found
        return bytes(found)

    def image(self, index: int) -> bytes:
        """Return the bytes of an image's file."""
        one = self.item("images", index)
        return self.at(one["uri"]) if "uri" in one else bytes(self.view(one["bufferView"]))

    def place_of(self, image: int) -> str:
        """Return the place of an image's bytes. Images with the same place are the same picture."""
        one = self.item("images", image)
        if "uri" not in one:
            return f"view {whole(one['bufferView'])}"
        return str(self.path_of(one["uri"])) if is_file(one["uri"]) else str(one["uri"])

    def accessor(self, index: object, *, normalized: bool = True) -> NDArray[Any]:
        """Return the numbers of an accessor, N x components. The result may be a view of the file's bytes.

        Args:
            normalized: convert integers that stand for 0..1 or -1..1 to float64.
        """
        one = self.item("accessors", index)
        kind, width, count = np.dtype(_KINDS[one["componentType"]]), _COUNTS[one["type"]], whole(one["count"])
        if "bufferView" in one:
            values = self._numbers(one["bufferView"], one.get("byteOffset", 0), kind, width, count)
        elif count * width > _MOST:
            raise ValueError("an accessor is too long")
        else:
            values = np.zeros((count, width), kind)
        if "sparse" in one:
            values = self._sparse(one["sparse"], values.copy())
        if normalized and one.get("normalized") and kind.kind in "iu":
            values = np.maximum(values / np.iinfo(kind).max, -1.0)
        return values

    def _numbers(self, view: object, start: object, kind: np.dtype[Any], width: int, count: int) -> NDArray[Any]:
        data, size = self.view(view), kind.itemsize * width
        first, step = whole(start), whole(self.item("bufferViews", view).get("byteStride", size))
        if not count:
            return np.zeros((0, width), kind)
        if step < size or first + step * (count - 1) + size > len(data):
            raise ValueError("an accessor lies beyond its buffer view")
        return np.ndarray((count, width), kind.newbyteorder("<"), data, first, (step, kind.itemsize))

    def _sparse(self, sparse: dict[str, Any], values: NDArray[Any]) -> NDArray[Any]:
        where, what, count = sparse["indices"], sparse["values"], whole(sparse["count"])
        kind = np.dtype(_KINDS[where["componentType"]])
        rows = self._numbers(where["bufferView"], where.get("byteOffset", 0), kind, 1, count)[:, 0]
        new = self._numbers(what["bufferView"], what.get("byteOffset", 0), values.dtype, values.shape[1], count)
        values[checked(rows, len(values))] = new
        return values

    def draco(self, view: object) -> Any:
        """Return the mesh of a buffer view that Draco has compressed."""
        key = "draco", whole(view)
        if key not in self._decoded:
            try:
                import DracoPy
            except ImportError:
                raise MissingExtra("DracoPy, which decodes this model,", "textures") from None
            try:
                self._decoded[key] = DracoPy.decode(bytes(self.view(view)))
            except (DracoPy.FileTypeException, RuntimeError) as error:
                raise ValueError(str(error)) from None
        return self._decoded[key]


def refuse_packed(path: Path, what: str) -> NoReturn:
    """Raise an error for geometry with an unsupported compression."""
    raise PictureError(
        f"the geometry of {path} is compressed by {what}",
        f"decompress it first: gltf-transform copy {path.name} plain{path.suffix}",
        code="unknown-format",
    )


def whole(value: object) -> int:
    """Return an integer of 0 or more. Raise TypeError or ValueError for other values."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{str(value)[:20]!r} is not a whole number")
    if value < 0:
        raise ValueError(f"{value} is below 0")
    return value


def checked(indices: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Return indices of `count` things. Raise ValueError if one is out of range."""
    if indices.dtype.kind not in "iu":
        raise ValueError("an index is not a whole number")
    found = indices.astype(np.int64)
    if found.size and not (found.min() >= 0 and found.max() < count):
        raise ValueError("an index is out of range")
    return found


def is_data(uri: str) -> bool:
    """Return True if a URI contains its data."""
    return uri[:5].lower() == "data:"


def is_file(uri: str) -> bool:
    """Return True if a URI names a file. A URI that begins with two slashes names a computer."""
    return not is_data(uri) and "://" not in uri and unquote(uri[:6]).replace("\\", "/")[:2] != "//"


def image_suffix(data: bytes) -> str:
    """Return the file ending of an image, from its first bytes; "" if glTF does not support its format."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return ".png"
    if data[:2] == b"\xff\xd8":
        return ".jpg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    if data[4:12] in (b"ftypavif", b"ftypavis"):
        return ".avif"
    return ".ktx2" if data[1:7] == b"KTX 20" else ""


@contextlib.contextmanager
def damaged(path: Path) -> Iterator[None]:
    """Report any error of a damaged file in one line, as a PictureError."""
    try:
        yield
    except ImpastoError:
        raise
    except MemoryError as error:
        raise OutOfMemory(f"{path} does not fit into memory") from error
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        RecursionError,
        struct.error,
        binascii.Error,
    ) as error:
        said = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        if isinstance(error, KeyError):
            said = f"{said} is missing or unknown"
        raise PictureError(f"{path} is damaged", said, code="damaged-file") from error


def _parsed(text: str, path: Path) -> dict[str, Any]:
    """Parse the JSON. Raise PictureError if it is of another version."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not a number")

    root = json.loads(text, parse_constant=refuse)
    if not isinstance(root, dict):
        raise TypeError("the JSON is not an object")
    lists = [root.get(name, []) for name in _LISTS]
    asset = root.get("asset", {"version": "1"} if any(isinstance(one, dict) for one in lists) else {})
    version = str(asset["version"])
    if version.partition(".")[0] != "2":
        _refuse_version(path, version)
    if not all(isinstance(one, list) and all(isinstance(item, dict) for item in one) for one in lists):
        raise TypeError("a list contains something other than objects")
    return root


def _refuse_version(path: Path, version: object) -> NoReturn:
    raise PictureError(
        f"{path} is a glTF {str(version)[:20]} file",
        "save it as glTF 2.0" if str(version)[:1] in "01" else "Impasto reads glTF 2.0",
        code="unknown-format",
    )


def _chunks(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 12
    while at + 8 <= len(data):
        length, kind = struct.unpack_from("<II", data, at)
        if at + 8 + length > len(data):
            raise ValueError("the file is truncated")
        yield kind, data[at + 8 : at + 8 + length]
        at += 8 + length


def glb(text: str, chunks: Sequence[tuple[int, bytes]]) -> bytes:
    """Return the bytes of a .glb. Raise PictureError if they exceed the format's limit."""
    parts, length = [], 12
    for kind, data in [(_JSON, text.encode()), *chunks]:
        fill = (b" " if kind == _JSON else b"\0") * (-len(data) % 4)
        parts += [struct.pack("<II", min(len(data) + len(fill), 2**32 - 1), kind), data, fill]
        length += 8 + len(data) + len(fill)
    if length >= 2**32:
        raise PictureError("a .glb stores at most 4 GB", "gltf-transform copy makes a .gltf of it", code="too-large")
    return b"".join([_MAGIC, struct.pack("<II", 2, length), *parts])

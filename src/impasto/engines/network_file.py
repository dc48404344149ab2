"""Network files: find out the real type of a file, and read an .onnx file with all files that it refers to.

This module reads and writes the fields of the .onnx format directly, so that no other package is needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from impasto.errors import PictureError, StyleError, UsageError

OTHER_PROGRAMS = {
    ".t7": "a network of Torch 7",
    ".pb": "a TensorFlow graph",
    ".meta": "a TensorFlow checkpoint",
    ".index": "a TensorFlow checkpoint",
    ".h5": "a Keras network",
    ".hdf5": "a Keras network",
    ".keras": "a Keras network",
    ".tflite": "a TensorFlow Lite network",
    ".mlmodel": "a Core ML network",
    ".mlpackage": "a Core ML network",
    ".caffemodel": "a Caffe network",
    ".prototxt": "a Caffe network",
    ".pdparams": "a Paddle network",
    ".pt2": "a program of torch.export",
    ".engine": "a TensorRT engine",
    ".gguf": "a GGUF file",
}
"""The file types of other programs, by ending."""

_TO_ONNX = "convert it to .onnx with its own program or a converter, then import the .onnx file"
_BEGINNINGS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "a picture"),
    (0, b"\x89PNG", "a picture"),
    (0, b"GIF8", "a picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (0, b"Rar!", "a RAR archive"),
    (8, b"WEBP", "a picture"),
    (0, b"\x89HDF", "a Keras network"),
    (4, b"TFL3", "a TensorFlow Lite network"),
    (0, b"GGUF", "a GGUF file"),
)

_Number, _Bytes = 0, 2  # the wire types that are used here
_WIDTHS = {1: 8, 5: 4}
_INSIDE = {  # messages that may contain tensors: {number of the field: its message}
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_RAW, _EXTERNAL, _LOCATION = 9, 13, 14  # fields of a tensor
_PROPERTY = 14  # field of a model
_GRAPH, _NODES, _TENSORS = 7, 1, 5  # fields of a model, and of its graph
_UNCHANGED = (b"Identity", b"Cast", b"Transpose", b"Squeeze", b"Unsqueeze", b"Pad")  # they do not change values
_FLOATS = {6: "<f2", 12: "<f4", 24: "<f8"}  # types of three numbers, by their number of bytes


def check_kind(path: Path) -> None:
    """Refuse files that are not networks, whatever their names are.

    Raises:
        PictureError: the file is missing, empty, a Git LFS pointer, a web page, a picture or something else.
        UsageError: the file is a network of another program.
    """
    if path.suffix.lower() in OTHER_PROGRAMS and path.exists():
        raise UsageError(f"{path} is {OTHER_PROGRAMS[path.suffix.lower()]}", _TO_ONNX, code="unknown-format")
    if path.is_dir():
        raise PictureError(f"{path} is a folder, not a network file", "give the .onnx file", code="not-a-file")
    if not path.is_file():
        raise PictureError(f"there is no file {path}", code="no-such-file")
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise PictureError(f"cannot read {path}: {error.strerror or error}", code="not-readable") from error
    if not head:
        raise PictureError(f"{path} is empty", "download it again", code="empty-file")
    if head.startswith(b"version https://git-lfs"):
        raise PictureError(
            f"{path} is a Git LFS pointer, not the file itself",
            "fetch the file with git lfs pull, or download it by itself",
            code="not-a-network",
        )
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<svg")):
        raise PictureError(
            f"{path} is a web page, not a network file", "download the file itself", code="not-a-network"
        )
    for start, magic, kind in _BEGINNINGS:
        if head[start:].startswith(magic):
            what = f"{path} is {kind}, not a network file"
            hint = _TO_ONNX if "network" in kind else "" if kind == "a picture" else "unpack it"
            raise PictureError(
                what.removesuffix(", not a network file") if "network" in kind else what, hint, code="not-a-network"
            )


def read_onnx(path: Path) -> bytes:
    """Read an .onnx file, and insert the weights from files beside it.

    Raises:
        PictureError, UsageError: as `check_kind`.
        StyleError: a file that it refers to is missing, too short, or outside its own folder.
    """
    check_kind(path)
    data = path.read_bytes()
    if b"location" not in data:
        return data
    known: dict[str, bytes] = {}

    def load(location: str) -> bytes:
        if location not in known:
            known[location] = _beside(path, location).read_bytes()
        return known[location]

    try:
        return _whole(memoryview(data), "model", load)
    except (IndexError, ValueError, UnicodeDecodeError) as error:
        raise StyleError(
            f"{path} is damaged: its weights cannot be found", "download it again", code="damaged-file"
        ) from error
    except OSError as error:
        raise StyleError(f"cannot read {path}: {error.strerror or error}", code="not-readable") from error


def with_property(model: bytes, key: str, value: str) -> bytes:
    """Return an .onnx file with a metadata entry. It replaces one with the same key."""
    entry = b"".join(_field(number, text.encode()) for number, text in ((1, key), (2, value)))
    parts = [
        raw
        for number, raw, content in _fields(memoryview(model))
        if number != _PROPERTY or content is None or not _has_key(content, key)
    ]
    return b"".join([*parts, _field(_PROPERTY, entry)])


def first_offsets(model: bytes, picture: str) -> list[tuple[float, ...]]:
    """Return the triples of numbers that a network adds to a picture before any other step. Negative: it subtracts.

    Args:
        model: an .onnx file that ONNX Runtime has loaded.
        picture: the name of its input.
    """
    graph = next((content for number, _, content in _fields(memoryview(model)) if number == _GRAPH), None)
    nodes: list[dict[int, list[memoryview]]] = []
    triples: dict[bytes, tuple[float, ...]] = {}
    for number, _, content in _fields(graph or memoryview(b"")):
        if number == _NODES and content is not None:
            nodes.append(_by_number(content))
        elif number == _TENSORS and content is not None:
            triples |= _triple(content)
    same, found = {picture.encode()}, []
    for node in nodes:
        inputs, outputs = ([bytes(name) for name in node.get(number, [])] for number in (1, 2))
        kind = b"".join(node.get(4, []))
        inside = [_by_number(attribute) for attribute in node.get(5, [])]
        if kind == b"Constant":
            values = [
                values for attribute in inside for tensor in attribute.get(5, []) for values in _triple(tensor).values()
            ]
            triples |= dict(zip(outputs, values, strict=False))
        elif same.isdisjoint(inputs):
            continue
        elif kind in _UNCHANGED:
            same.update(outputs)
        elif kind == b"Add":
            found += [triples[name] for name in inputs if name in triples]
        elif kind == b"Sub" and inputs[0] in same:  # otherwise the picture is subtracted
            found += [tuple(-number for number in triples[name]) for name in inputs[1:] if name in triples]
        elif kind == b"ImageScaler":
            found += [_numbers(attribute[7]) for attribute in inside if 7 in attribute]
    return found


def _by_number(message: memoryview) -> dict[int, list[memoryview]]:
    """Return a message's fields by number. Numbers of four or eight bytes are returned as their bytes."""
    found: dict[int, list[memoryview]] = {}
    for number, raw, content in _fields(message):
        found.setdefault(number, []).append(raw[1:] if content is None else content)
    return found


def _triple(tensor: memoryview) -> dict[bytes, tuple[float, ...]]:
    """Return the name and the values of a tensor of three numbers; empty for other tensors."""
    fields = _by_number(tensor)
    numbers = _numbers(fields.get(_RAW) or fields.get(4, []))
    return {b"".join(fields.get(8, [])): numbers} if numbers else {}


def _numbers(parts: list[memoryview]) -> tuple[float, ...]:
    data = b"".join(parts)
    return tuple(map(float, np.frombuffer(data, _FLOATS[len(data)]))) if len(data) in _FLOATS else ()


def _has_key(entry: memoryview, key: str) -> bool:
    return any(number == 1 and bytes(content or b"") == key.encode() for number, _, content in _fields(entry))


def _beside(path: Path, location: str) -> Path:
    """Return the path of a file that a network refers to, in its own folder or below it.

    Links are followed if they lead to the network's own folder, or to the folder of the network's real file, if the
    network itself is a link. Caches of downloads store files in this way.
    """
    parts = location.replace("\\", "/").split("/")
    outside = not parts[0] or ".." in parts or ":" in location or "\0" in location
    places = [path.parent.joinpath(*parts[: depth + 1]) for depth in range(len(parts))]
    found, linked = places[-1], not outside and any(place.is_symlink() for place in places)
    if linked:
        found = Path(os.path.realpath(found))
        outside = str(found.parent) not in (os.path.realpath(path.parent), os.path.dirname(os.path.realpath(path)))
    if outside:
        raise StyleError(
            f"{path} refers to {location!r}, which is outside its own folder, and is refused",
            "it is a link to another folder: replace it with the file" if linked else "put the file itself beside it",
            code="unsafe-file",
        )
    if not found.is_file():
        raise StyleError(
            f"{path} needs {location}, which does not exist",
            "put the file beside it: it contains the weights",
            code="no-such-file",
        )
    return found


def _whole(message: memoryview, kind: str, load: Callable[[str], bytes]) -> bytes:
    """Return a message with the values of its external tensors inserted."""
    if kind == "tensor":
        return _tensor(message, load)
    out: list[bytes | memoryview] = []
    for number, raw, content in _fields(message):
        inner = _INSIDE[kind].get(number)
        out.append(raw if inner is None or content is None else _field(number, _whole(content, inner, load)))
    return b"".join(out)


def _tensor(message: memoryview, load: Callable[[str], bytes]) -> bytes:
    fields = list(_fields(message))
    told = {}
    for number, _, content in fields:
        if number == _EXTERNAL and content is not None:
            entry = {key: bytes(value).decode() for key, _, value in _fields(content) if value is not None}
            told[entry.get(1, "")] = entry.get(2, "")
    if "location" not in told:
        return bytes(message)
    data = load(told["location"])
    start = int(told.get("offset") or 0)
    length = int(told["length"]) if told.get("length") else len(data) - start
    if start < 0 or length < 0 or start + length > len(data):
        raise ValueError("a tensor ends beyond the end of its file")
    kept = [raw for number, raw, _ in fields if number not in (_RAW, _EXTERNAL, _LOCATION)]
    return b"".join([*kept, _field(_RAW, memoryview(data)[start : start + length])])


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview, memoryview | None]]:
    """Yield a message's fields: number, all bytes, and the content of fields with a length."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        content = None
        wire = tag & 7
        if wire == _Number:
            _, at = _varint(message, at)
        elif wire == _Bytes:
            length, at = _varint(message, at)
            content = message[at : at + length]
            at += length
        elif wire in _WIDTHS:
            at += _WIDTHS[wire]
        else:
            raise ValueError("a field has an unknown wire type")
        if at > len(message):
            raise ValueError("a field is truncated")
        yield tag >> 3, message[start:at], content


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")


def _field(number: int, content: bytes | memoryview) -> bytes:
    return _as_varint(number << 3 | _Bytes) + _as_varint(len(content)) + content


def _as_varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)

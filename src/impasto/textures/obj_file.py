"""Read Wavefront OBJ and MTL files: faces by material, and the lines that name pictures."""

from __future__ import annotations

import contextlib
import math
import re
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.errors import PictureError
from impasto.picture.reading import file_bytes
from impasto.system.names import folded
from impasto.textures.model import Wrap

_MAPS = re.compile(rb"^\s*(map_\w+|bump|disp|decal|refl|norm)\s", re.IGNORECASE)
_VALUES = {  # number of values of each option in such a line
    "-blendu": 1,
    "-blendv": 1,
    "-bm": 1,
    "-boost": 1,
    "-cc": 1,
    "-clamp": 1,
    "-colorspace": 1,
    "-imfchan": 1,
    "-mm": 2,
    "-texres": 1,
    "-type": 1,
}
_UP_TO_THREE = ("-o", "-s", "-t")
_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_FORMS = (b"#", b"#/#", b"#//#", b"#/#/#")  # forms of a face's corner: vertex, texture coordinate, normal
_ALIKE, _AT_ONCE = 8, 4096  # least and largest number of lines of one form that are read at once
_WORDS = bytes.maketrans(b"vtnf/", b"     ")
_LARGEST = 1e30  # of a position or coordinate; as a float of 32 bits it is finite, and so is its square as a double
_MARK = b"\xef\xbb\xbf"  # byte order mark with which some editors begin UTF-8

Edit: TypeAlias = "tuple[int, int, bytes]"
"""Start and stop of the old bytes, and the new bytes."""


@dataclass(frozen=True)
class Map:
    """A line of an MTL file that names a picture.

    Attributes:
        material: its name.
        kind: "map_kd", in lower case.
        file: number of the MTL file.
        start, stop: the place of the picture's name in the file's bytes.
        name: as written, with slashes.
        path: of the picture, even if it does not exist.
        scale, offset: of the texture coordinates.
        wrap: beyond the picture's borders.
    """

    material: str
    kind: str
    file: int
    start: int
    stop: int
    name: str
    path: Path
    scale: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)
    wrap: Wrap = "repeat"


@dataclass(frozen=True, eq=False)
class Faces:
    """Triangles of one material and the same parts.

    Attributes:
        material: its name; "" if there is none.
        parts: the object and the groups that they belong to.
        corners: T x 3, numbers of vertices.
        coordinates: T x 3, numbers of texture coordinates; -1 if there are none.
    """

    material: str
    parts: frozenset[str]
    corners: NDArray[np.int64]
    coordinates: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ObjFile:
    """An OBJ file with its MTL files.

    Attributes:
        data: its bytes.
        points: V x 3. Float64.
        coordinates: N x 2, as written: v points up. Float64.
        faces: by material and part.
        libraries: for each line mtllib: the place of its text in the bytes, and the numbers of its MTL files.
        mtls: the MTL files' paths and bytes.
        maps: the lines that name pictures.
    """

    path: Path
    data: bytes
    points: NDArray[np.float64]
    coordinates: NDArray[np.float64]
    faces: list[Faces]
    libraries: list[tuple[int, int, list[int]]]
    mtls: list[tuple[Path, bytes]]
    maps: list[Map]

    @staticmethod
    def open(path: Path) -> ObjFile:
        """Open a file. Raise PictureError if it is damaged, or if an MTL file that it names is missing."""
        data = file_bytes(path)
        reader = Reader(path)
        reader.read(data)
        if not reader.faces:
            raise PictureError(f"{path} is damaged", "it contains no faces", code="damaged-file")
        faces = [
            Faces(material, parts, *(np.array(one, np.int64).reshape(-1, 3) for one in found))
            for (material, parts), found in reader.faces.items()
        ]
        points, coordinates = (
            np.array(one, np.float64).reshape(-1, size) for one, size in ((reader.points, 3), (reader.coordinates, 2))
        )
        mtls = [(one, file_bytes(one)) for one in reader.mtls]
        maps = [one for number, (mtl, text) in enumerate(mtls) for one in _read_maps(mtl, text, number)]
        return ObjFile(path, data, points, coordinates, faces, reader.libraries, mtls, maps)

    @property
    def sources(self) -> list[Path]:
        """The files of the model that exist, the .obj first."""
        return [self.path, *(path for path, _ in self.mtls), *(one.path for one in self.maps if is_file(one.path))]


def lines_of(data: bytes, at: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield start and text of every line. A line that ends with a backslash continues, unless it is a comment."""
    at += len(_MARK) if data.startswith(_MARK, at) else 0
    while at < len(data):
        start = at
        while True:
            end = data.find(b"\n", at)
            end = len(data) if end < 0 else end
            at = end + 1
            line = data[start:end]
            if not line.rstrip(b"\r").endswith(b"\\") or line.lstrip().startswith(b"#") or at >= len(data):
                break
        yield start, line


class Reader:
    """Read an OBJ file, and collect its contents.

    Attributes:
        points: three numbers a vertex.
        coordinates: two numbers a texture coordinate.
        faces: {material and parts: the corners' numbers of vertices and of texture coordinates}.
        mtls: the MTL files.
        libraries: as in `ObjFile`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.points, self.coordinates = array("d"), array("d")
        self.faces: dict[tuple[str, frozenset[str]], tuple[array[int], array[int]]] = {}
        self.mtls: list[Path] = []
        self.libraries: list[tuple[int, int, list[int]]] = []
        self._material, self._object, self._groups = "", "", frozenset[str]()

    def read(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            stop = self._read_alike(data, at)
            if stop == at:
                start, line = next(lines_of(data, at), (at, b""))
                self._read_line(line, data, start)
                stop = start + len(line) + 1
            at = stop

    def _read_alike(self, data: bytes, at: int) -> int:
        """Read lines of one form at once. Return where they end, or `at` if there are few or one is invalid."""
        word, *rest = data[at : at + 200].partition(b"\n")[0].split() or [b""]
        if word not in (b"v", b"vt", b"vn", b"f") or not rest:
            return at
        form = re.sub(rb"-?\d+", b"#", rest[0]) if word == b"f" else b""
        if (word in (b"f", b"v") and len(rest) < 3) or (word == b"f" and form not in _FORMS):
            return at
        found = _alike(word, form, len(rest)).match(data, at)
        if not found:
            return at
        lines = found.group().translate(_WORDS)
        if word == b"vn":
            return found.end()
        if word == b"f":
            corners = np.fromstring(lines, np.int64, sep=" ").reshape(-1, len(rest), form.count(b"#"))
            return found.end() if self._take_faces(corners, form) else at
        numbers = np.fromstring(lines, np.float64, sep=" ").reshape(-1, len(rest))
        size, into = (3, self.points) if word == b"v" else (2, self.coordinates)
        if not (np.abs(numbers[:, :size]) < _LARGEST).all():
            return at
        if len(rest) < size:
            numbers = np.pad(numbers, ((0, 0), (0, size - len(rest))))
        into.frombytes(numbers[:, :size].tobytes())
        return found.end()

    def _take_faces(self, numbers: NDArray[np.int64], form: bytes) -> bool:
        """Add faces x corners x numbers of a corner. Return False if one of them does not exist."""
        corners = numbers[..., 0]
        shown = numbers[..., 1] if form.startswith(b"#/#") else None
        found = []
        for one, count in ((corners, len(self.points) // 3), (shown, len(self.coordinates) // 2)):
            indices = np.full(corners.shape, -1) if one is None else np.where(one > 0, one - 1, count + one)
            if one is not None and not ((one != 0) & (indices >= 0) & (indices < count)).all():
                return False
            found.append(indices)
        for into, indices in zip(self._into(), found, strict=True):
            fans = [indices[:, [0, index, index + 1]] for index in range(1, corners.shape[1] - 1)]
            into.frombytes(np.stack(fans, axis=1).astype(np.int64).tobytes())
        return True

    def _into(self) -> tuple[array[int], array[int]]:
        """Return the lists to which new faces are added."""
        parts = frozenset(name for name in (self._object, *self._groups) if name)
        return self.faces.setdefault((self._material, parts), (array("q"), array("q")))

    def _read_line(self, line: bytes, data: bytes, start: int) -> None:
        words = line.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ").split()
        if not words:
            return
        try:
            self._take(words[0], words[1:], line, start)
        except ValueError as error:
            number = data.count(b"\n", 0, start) + 1
            raise PictureError(f"{self._path} is damaged", f"line {number}: {error}", code="damaged-file") from None

    def _take(self, word: bytes, rest: list[bytes], line: bytes, start: int) -> None:
        if word == b"v":
            self.points.extend(_numbers(rest[:3], 3))
        elif word == b"vt":
            self.coordinates.extend((*_numbers(rest[:2], 1), 0.0)[:2])
        elif word == b"f":
            comment = next((index for index, one in enumerate(rest) if one.startswith(b"#")), len(rest))
            self._take_face(rest[:comment])
        elif word == b"usemtl":
            self._material = text_of(_behind(line, word))
        elif word == b"o":
            self._object = " ".join(text_of(one) for one in rest)
        elif word == b"g":
            self._groups = frozenset(text_of(one) for one in rest)
        elif word == b"mtllib" and rest:
            self._take_library(_behind(line, word), start + line.index(rest[0], line.index(word) + len(word)))

    def _take_face(self, rest: list[bytes]) -> None:
        if len(rest) < 3:
            raise ValueError("a face has fewer than three corners")
        corners, shown = [], []
        for word in rest:
            first, _, others = word.partition(b"/")
            second = others.partition(b"/")[0]
            corners.append(_index(first, len(self.points) // 3))
            shown.append(_index(second, len(self.coordinates) // 2) if second else -1)
        if -1 in shown:
            shown = [-1] * len(shown)
        into = self._into()
        for index in range(1, len(rest) - 1):
            into[0].extend((corners[0], corners[index], corners[index + 1]))
            into[1].extend((shown[0], shown[index], shown[index + 1]))

    def _take_library(self, given: bytes, start: int) -> None:
        """Read a line mtllib: one name, which may contain spaces, or several."""
        whole, several = (
            find_file(self._path.parent, given),
            [find_file(self._path.parent, one) for one in given.split()],
        )
        paths = several if not is_file(whole) and any(is_file(one) for one in several) else [whole]
        for path in paths:
            if not is_file(path):
                raise PictureError(
                    f"{self._path} needs {path}, which does not exist",
                    "put the .mtl beside the .obj",
                    code="no-such-file",
                )
            if path not in self.mtls:
                self.mtls.append(path)
        self.libraries.append((start, start + len(given), [self.mtls.index(path) for path in paths]))


@lru_cache
def _alike(word: bytes, form: bytes, count: int) -> re.Pattern[bytes]:
    """Return a pattern of many lines with a word and `count` numbers, or corners of one form."""
    one = form.replace(b"#", rb"-?\d{1,12}") if form else _NUMBER
    return re.compile(rb"(?:%s(?:[ \t]+%s){%d}[ \t]*\r?\n){%d,%d}" % (word, one, count, _ALIKE, _AT_ONCE))


def _numbers(words: list[bytes], least: int) -> list[float]:
    if len(words) < least:
        raise ValueError(f"fewer than {least} numbers")
    found = [_number(one) for one in words]
    if not all(abs(one) < _LARGEST for one in found):
        raise ValueError("a position is not finite, or is too large")
    return found


def _number(word: bytes) -> float:
    try:
        return float(word)
    except ValueError:
        raise ValueError(f"{text_of(word[:20])} is not a number") from None


def _index(word: bytes, count: int) -> int:
    if not re.fullmatch(rb"[-+]?\d{1,18}", word):
        raise ValueError(f"{text_of(word[:20])} is not the number of a corner")
    number = int(word)
    found = number - 1 if number > 0 else count + number
    if number == 0 or not 0 <= found < count:
        raise ValueError(f"there is no number {number}")
    return found


def _behind(line: bytes, word: bytes) -> bytes:
    """Return the text after a word, with its inner spaces."""
    return line.split(word, 1)[1].strip()


def text_of(data: bytes) -> str:
    """Decode a name: UTF-8, as in most programs, or Latin-1, as in older ones."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def edited(data: bytes, edits: Collection[Edit]) -> bytes:
    """Return bytes with some parts replaced."""
    pieces, at = [], 0
    for start, stop, new in sorted(edits):
        pieces += [data[at:start], new]
        at = stop
    return b"".join([*pieces, data[at:]])


def bytes_of(name: str) -> bytes:
    """Encode a name for a file."""
    return name.encode("utf-8", "surrogateescape")


def is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # the name is too long
        return False


def find_file(folder: Path, name: bytes) -> Path:
    """Find a file that a line names.

    Try the name as written, then other cases and spellings, then the name without its folders, which may be those of
    another computer.

    Returns:
        The file; or, if there is none, the path as written.
    """
    spellings = [folder / one.replace("\\", "/") for one in (name.decode("utf-8", "surrogateescape"), text_of(name))]
    for path in (*spellings, *(folder / one.name for one in spellings)):
        if is_file(path):
            return path
        with contextlib.suppress(OSError, ValueError):
            alike = [one for one in path.parent.iterdir() if folded(one.name) == folded(path.name) and is_file(one)]
            if alike:
                return min(alike)
    return spellings[0]


def _read_maps(mtl: Path, data: bytes, number: int) -> Iterator[Map]:
    material = ""
    for start, line in lines_of(data):
        words = line.split(maxsplit=1)
        if words and words[0] == b"newmtl":
            material = text_of(_behind(line, words[0]))
        elif _MAPS.match(line):
            found = _map(line, start, material, number, mtl.parent)
            if found is not None:
                yield found


def _map(line: bytes, start: int, material: str, file: int, folder: Path) -> Map | None:
    """Read a line that names a picture: options first, then the name, which may contain spaces. None: no name."""
    words = [(found.group(), found.start()) for found in re.finditer(rb"\S+", line)]
    values: dict[str, list[float]] = {}
    clamp, at = False, 1
    while at < len(words) - 1:
        option = words[at][0].decode("latin-1").lower()
        if option in _UP_TO_THREE:
            at += 1
            values[option] = []
            while len(values[option]) < 3 and at < len(words) - 1 and _is_number(words[at][0]):
                values[option].append(float(words[at][0]))
                at += 1
        elif option in _VALUES:
            clamp |= option == "-clamp" and words[at + 1][0].lower() == b"on"
            at += 1 + _VALUES[option]
        else:
            break
    if at >= len(words):
        return None
    begin, end = words[at][1], len(line.rstrip())
    if end - begin > 2 and line[begin : begin + 1] == line[end - 1 : end] == b'"':
        begin, end = begin + 1, end - 1
    name = line[begin:end]
    scale_x, scale_y = (*values.get("-s", []), 1.0, 1.0)[:2]
    offset_x, offset_y = (*values.get("-o", []), 0.0, 0.0)[:2]
    return Map(
        material,
        words[0][0].decode("latin-1").lower(),
        file,
        start + begin,
        start + end,
        name.decode("utf-8", "surrogateescape").replace("\\", "/"),
        find_file(folder, name),
        (scale_x, scale_y),
        (offset_x, offset_y),
        "clamp" if clamp else "repeat",
    )


def _is_number(word: bytes) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False

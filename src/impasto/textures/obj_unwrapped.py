"""Texture an OBJ model that has no texture: coordinates from xatlas, colors from its materials."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from impasto.errors import UsageError
from impasto.textures.obj_file import Edit, Faces, Map, ObjFile, Reader, bytes_of, edited, lines_of, text_of
from impasto.textures.unwrap import drawn, unwrap

_PLAIN = "plain"  # name of the material for faces without one
_COLOR = ("map_kd", "map_ka")
_NAMED = re.compile(rb"^[ \t]*(newmtl|kd|map_kd)[ \t]+([^\r\n]*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


def with_texture(file: ObjFile) -> tuple[ObjFile, dict[Path, bytes]]:
    """Return a copy of the model with texture coordinates and a color texture. Its faces become triangles.

    Returns:
        The model; and the texture's bytes by its path, which is not written.
    Raises:
        UsageError: the model has other textures, whose coordinates would be lost.
        MissingExtra: xatlas is not installed.
    """
    _check_replaceable(file)
    statements = _read(file)
    corners = np.concatenate([one.corners for one in statements])
    (layout,) = unwrap([(file.points, corners)])
    _, triangles, coordinates = layout
    shown = np.split(triangles, np.cumsum([len(one.corners) for one in statements])[:-1])
    plain = _free({one.material for one in statements})
    edits = _written(file, statements, shown, coordinates, plain)
    mtls = file.mtls or [(file.path.with_suffix(".mtl"), b"")]
    libraries = [(_moved(start, edits), _moved(stop, edits), numbers) for start, stop, numbers in file.libraries]
    if not file.mtls:
        head, name = b"mtllib ", bytes_of(mtls[0][0].name)
        edits.append((0, 0, head + name + b"\n"))
        libraries = [(len(head), len(head + name), [0])]
    picture = mtls[0][0].with_name(f"{file.path.stem}.png")
    colors = _colors(mtls)
    mtls, maps = _with_maps(file, mtls, {one.material or plain for one in statements}, picture)
    changed = replace(
        file,
        data=edited(file.data, edits),
        coordinates=np.stack([coordinates[:, 0], 1 - coordinates[:, 1]], axis=1).astype(np.float64),
        faces=_grouped(statements, shown, plain),
        libraries=libraries,
        mtls=mtls,
        maps=maps,
    )
    shades = [(*colors.get(one.material, (1.0, 1.0, 1.0)), 1.0) for one in statements for _ in one.corners]
    return changed, {picture: drawn([layout], np.array(shades))}


def _check_replaceable(file: ObjFile) -> None:
    others = {one.material for one in file.maps if one.kind not in _COLOR}
    if any(faces.material in others and (faces.coordinates >= 0).any() for faces in file.faces):
        raise UsageError(
            f"{file.path} has other textures but no color texture, and new coordinates would replace theirs",
            "give its materials a color texture, too",
            code="nothing-given",
        )


@dataclass(frozen=True, eq=False)
class _Statement:
    """A face as written.

    Attributes:
        start, stop: its place in the bytes.
        words: its corners.
        material, parts: those of the face.
        corners: T x 3 vertices of its triangles.
        before: the number of texture coordinates before it.
    """

    start: int
    stop: int
    words: list[bytes]
    material: str
    parts: frozenset[str]
    corners: NDArray[np.int64]
    before: int


class _Reread(Reader):
    """Read an OBJ file line by line, and record the places of its faces."""

    def __init__(self, file: ObjFile) -> None:
        super().__init__(file.path)
        self.statements: list[_Statement] = []
        for start, line in lines_of(file.data):
            self._span = start, start + len(line.rstrip(b"\r"))
            self._read_line(line, file.data, start)

    def _take_face(self, rest: list[bytes]) -> None:
        super()._take_face(rest)
        corners = np.array(self._into()[0][-3 * (len(rest) - 2) :], np.int64).reshape(-1, 3)
        parts = frozenset(name for name in (self._object, *self._groups) if name)
        before = len(self.coordinates) // 2
        self.statements.append(_Statement(*self._span, rest, self._material, parts, corners, before))


def _read(file: ObjFile) -> list[_Statement]:
    return _Reread(file).statements


def _grouped(statements: Sequence[_Statement], shown: Sequence[NDArray[np.int64]], plain: str) -> list[Faces]:
    """Group triangles by material and parts, as in an OBJ file."""
    groups: dict[tuple[str, frozenset[str]], list[tuple[NDArray[np.int64], NDArray[np.int64]]]] = {}
    for one, found in zip(statements, shown, strict=True):
        groups.setdefault((one.material or plain, one.parts), []).append((one.corners, found))
    return [Faces(*key, *(np.concatenate(one) for one in zip(*found, strict=True))) for key, found in groups.items()]


def _written(
    file: ObjFile,
    statements: Sequence[_Statement],
    shown: Sequence[NDArray[np.int64]],
    coordinates: NDArray[np.float32],
    plain: str,
) -> list[Edit]:
    """Write the faces as triangles with texture coordinates, which are inserted before the first face."""
    newline = b"\r\n" if b"\r\n" in file.data else b"\n"
    lines = [b"vt %.6f %.6f" % (x, 1 - y) for x, y in coordinates.tolist()]
    first = statements[0].before + 1
    edits: list[Edit] = []
    material: str | None = None
    for one, found in zip(statements, shown, strict=True):
        if not one.material and material != "":
            lines.append(b"usemtl " + plain.encode())
        material = one.material
        for index, triangle in enumerate(found.tolist()):
            words = (one.words[corner] for corner in (0, index + 1, index + 2))
            corners = (_word(word, first + number) for word, number in zip(words, triangle, strict=True))
            lines.append(b"f " + b" ".join(corners))
        edits.append((one.start, one.stop, newline.join(lines)))
        lines = []
    return edits


def _word(word: bytes, coordinate: int) -> bytes:
    """Return a corner with another texture coordinate. Its vertex and its normal stay as written."""
    vertex, _, others = word.partition(b"/")
    normal = others.partition(b"/")[2]
    return b"%s/%d/%s" % (vertex, coordinate, normal) if normal else b"%s/%d" % (vertex, coordinate)


def _with_maps(
    file: ObjFile, mtls: Sequence[tuple[Path, bytes]], used: Collection[str], picture: Path
) -> tuple[list[tuple[Path, bytes]], list[Map]]:
    """Make all used materials show the picture. Return the MTL files and all lines that name pictures."""
    maps: list[Map] = []
    found: list[tuple[Path, bytes]] = []
    missing = set(used)
    name = bytes_of(picture.name)
    for number, (path, old) in enumerate(mtls):
        newline = b"\r\n" if b"\r\n" in old else b"\n"
        missing -= {text_of(match[2]) for match in _NAMED.finditer(old) if match[1].lower() == b"newmtl"}
        last = number == len(mtls) - 1
        data = old + b"".join(newline + b"newmtl " + one.encode() + newline for one in sorted(missing) if last)
        begun = newline + b"map_Kd "
        edits: list[Edit] = []
        places: list[tuple[str, int]] = []
        material = ""
        for match in _NAMED.finditer(data):
            is_new = match[1].lower() == b"newmtl"
            material = text_of(match[2]) if is_new else material
            if material not in used:
                continue
            if is_new:
                edits.append((match.end(2), match.end(2), begun + name))
                places.append((material, match.end(2)))
            else:
                edits.append((match.start(), match.end(2), b"Kd 1 1 1" if match[1].lower() == b"kd" else b""))
        found.append((path, edited(data, edits)))
        for material, place in places:
            start = _moved(place, edits) + len(begun)
            maps.append(Map(material, "map_kd", number, start, start + len(name), picture.name, picture))
        maps += [
            replace(one, start=_moved(one.start, edits), stop=_moved(one.stop, edits))
            for one in file.maps
            if one.file == number and not (one.kind == "map_kd" and one.material in used)
        ]
    return found, maps


def _colors(mtls: Sequence[tuple[Path, bytes]]) -> dict[str, tuple[float, ...]]:
    """Return {material: its color, 0..1}, without colors that are not written as three numbers."""
    found: dict[str, tuple[float, ...]] = {}
    for _, data in mtls:
        material = ""
        for match in _NAMED.finditer(data):
            if match[1].lower() == b"newmtl":
                material = text_of(match[2])
            elif match[1].lower() == b"kd":
                with contextlib.suppress(ValueError):
                    red, green, blue = (min(1.0, max(0.0, float(one))) for one in match[2].split()[:3])
                    found[material] = red, green, blue
    return found


def _moved(place: int, edits: Collection[Edit]) -> int:
    """Return a place in the bytes after the edits. Text inserted at the place comes after it."""
    return place + sum(len(new) - (stop - start) for start, stop, new in edits if start < place)


def _free(used: Collection[str]) -> str:
    """Return an unused name for a material."""
    name, number = _PLAIN, 1
    while name in used:
        number += 1
        name = f"{_PLAIN}-{number}"
    return name

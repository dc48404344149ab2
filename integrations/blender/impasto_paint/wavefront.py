"""Write triangles as a Wavefront OBJ file with its MTL file, and read the picture paths of such a pair."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_BAND = 1 << 14  # rows to format at once
_MAP = re.compile(r"map_Kd\s+(?:-clamp\s+\w+\s+)?(.+)")


@dataclass(frozen=True)
class Map:
    """The picture of a material.

    Attributes:
        file: its name in the folder of the model.
        clamp: True if its border continues outside; False if the picture repeats.
    """

    file: str
    clamp: bool = False


@dataclass(frozen=True, eq=False)
class Part:
    """An object.

    Attributes:
        positions: V x 3.
        corners: T x 3, each triangle's rows in `positions`.
        coordinates: T x 3 x 2, texture coordinates; 0, 0 is the lower left corner.
        materials: T, the name of each triangle's material. Triangles without one are not written.
        groups: {name: T}, whether each triangle belongs to the group.
    """

    name: str
    positions: np.ndarray
    corners: np.ndarray
    coordinates: np.ndarray
    materials: np.ndarray
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)


def write(path: str, parts: Iterable[Part], maps: Mapping[str, Map]) -> None:
    """Write PATH and its MTL file beside it. All names are `token`s.

    Args:
        maps: {name of a material: its picture}.
    """
    library = f"{os.path.splitext(path)[0]}.mtl"
    with open(library, "w", encoding="utf-8", newline="\n") as file:
        for name, shown in maps.items():
            file.write(f"newmtl {name}\nmap_Kd {'-clamp on ' if shown.clamp else ''}{shown.file}\n")
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(f"mtllib {os.path.basename(library)}\n")
        vertex = texel = 1  # numbers continue through the whole file
        for part in parts:
            file.writelines(_lines(part, vertex, texel))
            vertex, texel = vertex + len(part.positions), texel + 3 * len(part.corners)


def maps(path: str) -> dict[str, str]:
    """Read {name of a material: the path of its picture} of an OBJ file. Raises OSError."""
    folder, found, material = os.path.dirname(path), {}, ""
    for library in _values(path, "mtllib"):
        with open(os.path.join(folder, library), encoding="utf-8") as file:
            for line in map(str.strip, file):
                if line.startswith("newmtl "):
                    material = line[len("newmtl ") :].strip()
                elif match := _MAP.fullmatch(line):
                    found[material] = os.path.join(folder, match[1])
    return found


def token(name: str, taken: Iterable[str] = ()) -> str:
    """Turn a name into a free one that these files allow: letters, digits, and `_`, `-`, `.`."""
    plain = re.sub(r"[^\w.-]", "_", name) or "_"
    found, number = plain, 2
    while found in taken:
        found, number = f"{plain}_{number}", number + 1
    return found


def _lines(part: Part, vertex: int, texel: int) -> Iterator[str]:
    yield f"o {part.name}\n"
    yield from _table("v %.9g %.9g %.9g\n", part.positions)
    yield from _table("vt %.9g %.9g\n", part.coordinates.reshape(-1, 2))
    texels = np.arange(3 * len(part.corners)).reshape(-1, 3) + texel
    faces = np.stack([part.corners + vertex, texels], axis=2).reshape(-1, 6)
    names = list(part.groups)
    members = np.array([part.groups[name] for name in names], bool).reshape(len(names), len(faces))
    for material in filter(None, dict.fromkeys(part.materials.tolist())):
        yield f"usemtl {material}\n"
        mine = part.materials == material
        for row in np.unique(members[:, mine], axis=1).T:
            yield " ".join(["g", *(name for name, inside in zip(names, row, strict=True) if inside)]) + "\n"
            yield from _table("f %d/%d %d/%d %d/%d\n", faces[mine & (members == row[:, None]).all(axis=0)])


def _table(line: str, rows: np.ndarray) -> Iterator[str]:
    for start in range(0, len(rows), _BAND):
        band = rows[start : start + _BAND]
        yield line * len(band) % tuple(band.ravel().tolist())


def _values(path: str, word: str) -> list[str]:
    """Return the rest of each line that begins with a word."""
    with open(path, encoding="utf-8") as file:
        return [line.partition(" ")[2].strip() for line in file if line.startswith(f"{word} ")]

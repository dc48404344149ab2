"""OBJ models: find the pictures to paint and their triangles, and write the painted model."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from impasto.errors import PictureError, UsageError
from impasto.picture.reading import file_bytes
from impasto.textures.model import Role, Surface, Texture
from impasto.textures.obj_file import Edit, Map, ObjFile, bytes_of, edited, is_file
from impasto.textures.writing import check_apart, new_name, write_all

_ROLES: dict[str, Role] = {"map_kd": "color", "map_ke": "emissive"}
_ALONG = "map_ka"
"""Painted together with the color if it names the same picture: some programs mix the two."""

_KEPT = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"}
"""Formats that are kept; others become PNG."""

_FARTHEST = 1e6  # texture coordinate, in pictures; larger values are errors of the program that wrote the file


class Obj:
    """An OBJ model; see `impasto.textures.model.Model`.

    Args:
        made: pictures that the materials name but that are not on the disk.
    """

    def __init__(self, file: ObjFile, emissive: bool, made: Mapping[Path, bytes] | None = None) -> None:
        self.file = file
        self._made = made or {}
        self.notes: list[str] = []
        self.textures: list[Texture] = []
        self.surfaces: list[Surface] = []
        self._lines: list[list[Map]] = []  # for each texture, the lines that name it
        used = {one.material for one in file.faces}
        kinds = ("map_kd", "map_ke") if emissive else ("map_kd",)
        numbers: dict[Path, int] = {}
        shown: dict[str, list[tuple[int, Map]]] = {}
        for kind in kinds:
            # If a material names several pictures of one kind, programs show the last one.
            for one in {one.material: one for one in file.maps if one.kind == kind and one.material in used}.values():
                shown.setdefault(one.material, []).append((self._number(one, numbers), one))
        for material, found in shown.items():
            for number, line in found:
                same = [one for one in file.maps if (one.material, one.path) == (material, line.path)]
                along = (line.kind, _ALONG) if line.kind == "map_kd" else (line.kind,)
                self._lines[number] += [one for one in same if one.kind in along]
        self._find_surfaces(shown)

    def _number(self, line: Map, numbers: dict[Path, int]) -> int:
        """Return the number of the texture that a line names."""
        if line.path not in self._made and not is_file(line.path):
            raise PictureError(
                f"{self.file.mtls[line.file][0]} needs {line.path}, which does not exist",
                "copy this file into the model's folder",
                code="no-such-file",
            )
        path = line.path if line.path in self._made else line.path.resolve()
        if path not in numbers:
            numbers[path] = len(self.textures)
            suffix = path.suffix.lower() if path.suffix.lower() in _KEPT else ".png"
            self.textures.append(
                Texture(line.path.stem, self._made.get(path) or file_bytes(path), suffix, _ROLES[line.kind])
            )
            self._lines.append([])
        return numbers[path]

    def _find_surfaces(self, shown: Mapping[str, list[tuple[int, Map]]]) -> None:
        file, bare, untextured = self.file, set[str](), set[str]()
        for faces in file.faces:
            if faces.material not in shown:
                untextured.add(faces.material or "no material")
            ways = {
                (number, line.scale, line.offset, line.wrap) for number, line in shown.get(faces.material, [])
            }  # the color picture may also be the emissive one
            for number, scale, offset, wrap in sorted(ways):
                placed = (faces.coordinates >= 0).all(axis=1)
                with np.errstate(over="ignore", invalid="ignore"):
                    found = file.coordinates[faces.coordinates[placed]] * scale + offset
                found = np.stack([found[..., 0], 1 - found[..., 1]], axis=-1)
                near = (np.abs(found) <= _FARTHEST).all(axis=(1, 2))
                if not placed.all() or not near.all():
                    bare.add(faces.material)
                if not near.any():
                    continue
                positions = file.points[faces.corners[placed][near]]
                groups = _whole(faces.parts, len(positions))
                self.surfaces.append(
                    Surface(positions, found[near], number, (wrap, wrap), faces.material, faces.parts, groups)
                )
        if bare:
            self.notes.append(f"faces without texture coordinates are not painted: {', '.join(sorted(bare))}")
        if untextured:
            self.notes.append(f"materials without a color texture are not painted: {', '.join(sorted(untextured))}")

    @property
    def sources(self) -> list[Path]:
        return self.file.sources

    def files(self, target: Path, label: str) -> list[Path]:
        data = dict.fromkeys(range(len(self.textures)), b"")
        return list(self._built(target, data, label))

    def save(self, target: Path, painted: Mapping[int, bytes], label: str, *, overwrite: bool) -> list[Path]:
        return write_all(self._built(target, painted, label), overwrite=overwrite)

    def _built(self, target: Path, painted: Mapping[int, bytes], label: str) -> dict[Path, bytes]:
        """Return all files of the painted model with their bytes, the model's own first."""
        file, folder = self.file, target.parent
        if target.suffix.lower() != ".obj":
            raise UsageError(
                f"{target} has another extension than the model {file.path.name}", "-o NAME.obj", code="unknown-format"
            )
        edits: list[list[Edit]] = [[] for _ in file.mtls]
        changed = {(line.file, line.start) for index in painted for line in self._lines[index]}
        kept = [one for one in file.maps if (one.file, one.start) not in changed]
        beside = self._carried(folder, kept, edits)
        beside |= {folder / one.path.name: self._made[one.path] for one in kept if one.path in self._made}
        taken = {*beside, *(folder / one.name for one in file.sources)}
        for index, data in painted.items():
            texture = self.textures[index]
            path = new_name(folder, texture.name, label, texture.suffix, taken)
            taken.add(path)
            beside[path] = data
            for start, stop, number in {(line.start, line.stop, line.file) for line in self._lines[index]}:
                edits[number].append((start, stop, bytes_of(path.name)))
        # A line can name several files only if no name contains spaces.
        stem = target.stem if len(file.mtls) == 1 else "_".join(target.stem.split())
        names = [f"{stem}{f'-{number + 1}' if number else ''}.mtl" for number in range(len(file.mtls))]
        for name, (_, data), found in zip(names, file.mtls, edits, strict=True):
            beside[folder / name] = edited(data, found)
        libraries = [
            (start, stop, bytes_of(" ".join(names[one] for one in given))) for start, stop, given in file.libraries
        ]
        files = {target: edited(file.data, libraries), **beside}
        check_apart(files, file.sources)
        return files

    def _carried(self, folder: Path, lines: list[Map], edits: list[list[Edit]]) -> dict[Path, bytes]:
        """Return other pictures that the new MTL files would not find. Add edits of their lines."""
        together = self.file.path.parent.resolve() == folder.resolve()
        places: dict[Path, Path] = {}
        for line in lines:
            here, path = self.file.mtls[line.file][0].parent, folder / line.name
            if not is_file(line.path) or here.resolve() == folder.resolve():
                continue
            source = line.path.resolve()
            if is_file(path) and path.samefile(source):
                continue
            if source not in places:
                places[source] = source if together else self._place(line, folder, places.values())
            name = Path(os.path.relpath(places[source], folder.resolve() if together else folder)).as_posix()
            if name != Path(line.name).as_posix():
                edits[line.file].append((line.start, line.stop, bytes_of(name)))
        return {} if together else {path: file_bytes(source) for source, path in places.items()}

    def _place(self, line: Map, folder: Path, taken: Collection[Path]) -> Path:
        """Return the new place of a copied picture: under the name in its line, if that lies inside the folder."""
        path = folder / line.name
        exact = is_file(self.file.mtls[line.file][0].parent / line.name)
        if not exact or not path.resolve().is_relative_to(folder.resolve()):
            path = folder / line.path.name
        return new_name(folder, path.stem, "2", path.suffix, taken) if path in taken else path


def open_obj(path: Path, *, emissive: bool = False) -> Obj:
    """Read an .obj file with its .mtl files and pictures. Make a texture of its colors if it shows none.

    Raises:
        PictureError: one of the files is missing or damaged.
        UsageError: the model has other textures, but no color texture.
        MissingExtra: the model has no texture coordinates, and xatlas, which makes them, is not installed.
    """
    file = ObjFile.open(path)
    model = Obj(file, emissive)
    if not model.surfaces:
        from impasto.textures.obj_unwrapped import with_texture
        from impasto.textures.unwrap import NOTE

        changed, made = with_texture(file)
        model = Obj(changed, emissive, made)
        model.notes.insert(0, NOTE)
    return model


def _whole(parts: frozenset[str], count: int) -> dict[str, NDArray[np.float32]]:
    """Return groups of faces as vertex groups."""
    return {name: np.ones((count, 3), np.float32) for name in parts}

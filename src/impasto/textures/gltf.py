"""glTF models: find the pictures to paint and the triangles that show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from impasto.errors import PictureError
from impasto.picture import Picture
from impasto.picture.reading import MAX_PIXELS
from impasto.textures.gltf_file import GltfFile, damaged, image_suffix, is_file, whole
from impasto.textures.gltf_meshes import Meshes, Primitive, moved, name_of
from impasto.textures.gltf_writing import Edits
from impasto.textures.model import Model, Role, Surface, Texture, Wrap
from impasto.textures.writing import encoded, write_all

_SLOTS: dict[Role, tuple[tuple[str, ...], ...]] = {
    "color": (
        ("pbrMetallicRoughness", "baseColorTexture"),
        ("extensions", "KHR_materials_pbrSpecularGlossiness", "diffuseTexture"),
    ),
    "emissive": (("emissiveTexture",),),
}
_BESIDE = ("EXT_texture_webp", "EXT_texture_avif")
_UNREAD = {"KHR_texture_basisu": "KTX2", "MSFT_texture_dds": "DDS"}
_WRAPS: dict[int, Wrap] = {10497: "repeat", 33648: "mirror", 33071: "clamp"}
_NAMED = 5  # largest number of names in a note


@dataclass(frozen=True)
class Slot:
    """A place where a material names a texture that is painted.

    Attributes:
        path: keys from the file's root to the texture's entry.
        info: the entry.
        image: the picture.
        fallback: the same picture for programs that do not support its format; -1 if there is none.
    """

    path: tuple[str | int, ...]
    info: dict[str, Any]
    role: Role
    image: int
    fallback: int

    @property
    def transform(self) -> dict[str, Any]:
        found: dict[str, Any] = self.info.get("extensions", {}).get("KHR_texture_transform", {})
        return found

    @property
    def coordinates(self) -> int:
        """The number of the set of texture coordinates."""
        return whole(self.transform.get("texCoord", self.info.get("texCoord", 0)))


class Gltf:
    """A glTF model; see `impasto.textures.model.Model`."""

    def __init__(self, file: GltfFile, meshes: Meshes, emissive: bool, max_pixels: int) -> None:
        self.notes: list[str] = []
        self.textures: list[Texture] = []
        self.surfaces: list[Surface] = []
        self._file, self._meshes, self._max_pixels = file, meshes, max_pixels
        roles: tuple[Role, ...] = ("color", "emissive") if emissive else ("color",)
        self._slots = [slot for role in roles for slot in self._named(role)]
        self._numbers: dict[str, int] = {}  # place of the bytes: number of the texture
        self._find_surfaces()

    @property
    def sources(self) -> list[Path]:
        return self._file.sources

    def files(self, target: Path, label: str) -> list[Path]:
        return list(self._built(target, dict.fromkeys(range(len(self.textures)), b""), label))

    def save(self, target: Path, painted: Mapping[int, bytes], label: str, *, overwrite: bool) -> list[Path]:
        return write_all(self._built(target, painted, label), overwrite=overwrite)

    def _named(self, role: Role) -> Iterator[Slot]:
        for index, material in enumerate(self._file.items("materials")):
            for keys in _SLOTS[role]:
                info: Any = material
                for key in keys:
                    info = info.get(key, {})
                if info:
                    yield Slot(("materials", index, *keys), info, role, *self._images_of(info["index"]))

    def _images_of(self, texture: object) -> tuple[int, int]:
        """Return a texture's picture, and the fallback for programs that do not support its format, or -1.

        Raises:
            PictureError: Impasto does not support the picture's format.
        """
        one = self._file.item("textures", texture)
        extensions = one.get("extensions", {})
        for name, kind in _UNREAD.items():
            if name in extensions:
                self._refuse(kind)
        for name in _BESIDE:
            if name in extensions:
                fallback = whole(one["source"]) if "source" in one else -1
                return whole(extensions[name]["source"]), fallback
        if "source" not in one and extensions:
            self._refuse(name_of({"name": ", ".join(extensions)}))
        return whole(one["source"]), -1

    def _refuse(self, kind: str) -> NoReturn:
        path = self._file.path
        hint = "save it with PNG textures"
        if kind == "KTX2":
            hint = f"gltf-transform ktxdecompress {path.name} plain{path.suffix}"
        raise PictureError(f"a texture of {path} is {kind}, which is not supported", hint, code="unknown-format")

    def _find_surfaces(self) -> None:
        shown, bare = set[int](), set[str]()
        for primitive in self._meshes.primitives():
            shown |= set(primitive.materials)
            seen = set[tuple[int, int, str, tuple[Wrap, Wrap]]]()
            for material in primitive.materials:
                for slot in self._slots:
                    if slot.path[1] != material:
                        continue
                    if f"TEXCOORD_{slot.coordinates}" not in primitive.attributes:
                        bare.add(self._material(material))
                        continue
                    number, wrap = self._number(slot), self._wrap(slot)
                    key = number, slot.coordinates, str(slot.transform), wrap
                    if key not in seen:
                        self.surfaces.append(self._surface(primitive, material, slot, number, wrap))
                        seen.add(key)
        if bare:
            self.notes.append(f"parts without coordinates for their texture are not painted: {_listed(sorted(bare))}")
        plain = sorted(shown - {int(slot.path[1]) for slot in self._slots if slot.role == "color"})
        if plain:
            several = "materials have no texture and are not painted"
            what = several if len(plain) > 1 else "material has no texture and is not painted"
            self.notes.append(f"{len(plain)} {what}: {_listed([self._material(one) for one in plain])}")

    def _material(self, index: int) -> str:
        return name_of(self._file.item("materials", index)) or f"material {index}"

    def _number(self, slot: Slot) -> int:
        """Return the number of a picture's texture. Add the texture at its first use."""
        place = self._file.place_of(slot.image)
        if place not in self._numbers:
            self._numbers[place] = len(self.textures)
            self.textures.append(self._texture(slot))
        return self._numbers[place]

    def _texture(self, slot: Slot) -> Texture:
        data, one = self._file.image(slot.image), self._file.item("images", slot.image)
        suffix = image_suffix(data)
        if suffix == ".ktx2":
            self._refuse("KTX2")
        uri = one.get("uri", "data:")
        name = name_of(one) or (name_of({"name": self._file.path_of(uri).stem}) if is_file(uri) else "")
        return Texture(name or f"image {slot.image}", data, suffix or ".png", slot.role)

    def _wrap(self, slot: Slot) -> tuple[Wrap, Wrap]:
        texture = self._file.item("textures", slot.info["index"])
        sampler = self._file.item("samplers", texture["sampler"]) if "sampler" in texture else {}
        return _WRAPS[sampler.get("wrapS", 10497)], _WRAPS[sampler.get("wrapT", 10497)]

    def _surface(
        self, primitive: Primitive, material: int, slot: Slot, number: int, wrap: tuple[Wrap, Wrap]
    ) -> Surface:
        meshes = self._meshes
        points = moved(meshes.positions(primitive), meshes.first_way(primitive.mesh))
        coordinates = _transformed(meshes.coordinates(primitive, slot.coordinates), slot.transform)
        if len(coordinates) != len(points):
            raise ValueError("positions and texture coordinates differ in number")
        triangles = meshes.triangles(primitive, len(points))
        return Surface(
            points[triangles],
            coordinates[triangles],
            number,
            wrap,
            self._material(material),
            meshes.parts(primitive.mesh),
            meshes.groups(primitive, triangles),
            meshes.copies(primitive.mesh),
        )

    def _built(self, target: Path, painted: Mapping[int, bytes], label: str) -> dict[Path, bytes]:
        with damaged(self._file.path):
            edits = Edits(self._file, target, label)
            numbers = {number: place for place, number in self._numbers.items()}
            slots = [
                (slot, painted[number])
                for number in sorted(painted)
                for slot in self._slots
                if self._file.place_of(slot.image) == numbers[number]
            ]
            images = {slot.image: data for slot, data in slots}
            for slot, data in slots:
                if slot.fallback >= 0 and slot.fallback not in images:
                    images[slot.fallback] = self._again(data, slot.fallback)
            edits.replace_images(images, [(slot.path, slot.info["index"]) for slot, _ in slots])
            return edits.files()

    def _again(self, data: bytes, fallback: int) -> bytes:
        """Convert a painted picture to the format of the fallback."""
        if not data:  # only the names of the files are requested
            return data
        picture = Picture.open(data, max_pixels=self._max_pixels)
        return encoded(picture, image_suffix(self._file.image(fallback)) or ".png")


def open_gltf(path: Path, *, emissive: bool = False, max_pixels: int = MAX_PIXELS) -> Model:
    """Read a .glb or .gltf file.

    Make texture coordinates and a texture if the model has no color texture.

    Args:
        emissive: paint emissive textures as well.
        max_pixels: refuse textures with more pixels.
    Raises:
        PictureError: the file is missing, damaged, of another version, has no triangles, or has textures in an
            unsupported format.
        MissingExtra: the model has no texture coordinates, and xatlas, which makes them, is not installed.
    """
    file = GltfFile.open(path)
    with damaged(path), np.errstate(all="ignore"):  # invalid numbers are found where they are used
        meshes = Meshes(file)
        model = Gltf(file, meshes, emissive, max_pixels)
        if model.textures:
            return model
        from impasto.textures.gltf_unwrapped import with_texture
        from impasto.textures.unwrap import NOTE

        textured = with_texture(file, meshes)
        model = Gltf(textured, Meshes(textured), emissive, max_pixels)
        model.notes.insert(0, NOTE)
        return model


def _transformed(coordinates: NDArray[np.float64], transform: dict[str, Any]) -> NDArray[np.float64]:
    """Apply KHR_texture_transform to texture coordinates. It rotates counterclockwise as seen in the picture."""
    scale = np.array(transform.get("scale", [1, 1]), np.float64).reshape(2)
    offset = np.array(transform.get("offset", [0, 0]), np.float64).reshape(2)
    angle = float(transform.get("rotation", 0))
    cosine, sine = np.cos(angle), np.sin(angle)
    found: NDArray[np.float64] = (coordinates * scale) @ np.array([[cosine, -sine], [sine, cosine]]) + offset
    if not np.isfinite(found).all():
        raise ValueError("a texture coordinate is not a number")
    return found


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")

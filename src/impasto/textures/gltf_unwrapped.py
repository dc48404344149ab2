"""Texture a glTF model that has no texture: coordinates from xatlas, colors from its materials and vertices."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import PictureError
from impasto.pixels.colorimetry import encoded
from impasto.textures.gltf_file import GltfFile, refuse_packed
from impasto.textures.gltf_meshes import Meshes, Primitive, moved
from impasto.textures.gltf_writing import Edits
from impasto.textures.unwrap import Unwrapped, drawn, unwrap

_KINDS = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "uint32": 5125, "float32": 5126}
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
_VERTICES, _INDICES = 34962, 34963  # targets of buffer views
_MADE = ("bufferView", "byteOffset", "sparse", "min", "max")  # keys of an accessor that describe its own bytes
_CLAMPED = {"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}
_GLOSSINESS = "KHR_materials_pbrSpecularGlossiness"


@dataclass(frozen=True, eq=False)
class _Part:
    """A primitive with its triangles, T x 3 vertices, and their positions in the scene, V x 3."""

    primitive: Primitive
    points: NDArray[np.float64]
    triangles: NDArray[np.int64]

    @property
    def material(self) -> int:
        """The number of the material; -1 if there is none."""
        found: int = self.primitive.value.get("material", -1)
        return found

    @property
    def next_set(self) -> int:
        """The number of the first unused set of texture coordinates."""
        return next(number for number in range(1000) if f"TEXCOORD_{number}" not in self.primitive.attributes)


def with_texture(file: GltfFile, meshes: Meshes) -> GltfFile:
    """Return a copy of the model with texture coordinates and a color texture, which its materials show.

    Vertices are duplicated at the borders of charts. The vertices' colors move into the texture.

    Raises:
        PictureError: the model has no triangles, or its geometry is compressed.
        MissingExtra: xatlas is not installed.
    """
    parts = [part for part in (_read(file, meshes, one) for one in meshes.primitives()) if len(part.triangles)]
    if not parts:
        raise PictureError(f"{file.path} has no triangles to paint", code="no-pictures")
    layout = unwrap([(part.points, part.triangles) for part in parts])
    picture = drawn(layout, np.concatenate([_colors(file, meshes, part) for part in parts]))
    edits = Edits(file, file.path, "")
    image = edits.add("images", {"name": "colors", "bufferView": edits.add_data(picture), "mimeType": "image/png"})
    texture = edits.add("textures", {"sampler": edits.add("samplers", _CLAMPED), "source": image})
    materials = _materials(file, edits, parts, texture)
    for part, one in zip(parts, layout, strict=True):
        place = "meshes", part.primitive.mesh, "primitives", part.primitive.index
        edits.change(place, _primitive(file, edits, part, one, materials[part.material, part.next_set]))
    return edits.file()


def _read(file: GltfFile, meshes: Meshes, primitive: Primitive) -> _Part:
    if primitive.draco is not None:
        refuse_packed(file.path, "Draco, and it has no texture coordinates")
    points = moved(meshes.positions(primitive), meshes.first_way(primitive.mesh))
    return _Part(primitive, points, meshes.triangles(primitive, len(points)))


def _colors(file: GltfFile, meshes: Meshes, part: _Part) -> NDArray[np.float64]:
    """Return each triangle's color and alpha, T x 4, in sRGB: the material's color times its vertices' mean color."""
    material = file.item("materials", part.material) if part.material >= 0 else {}
    factor = material.get("pbrMetallicRoughness", {}).get("baseColorFactor", [1, 1, 1, 1])
    factor = material.get("extensions", {}).get(_GLOSSINESS, {}).get("diffuseFactor", factor)
    found = np.ones((len(part.triangles), 4))
    if "COLOR_0" in part.primitive.attributes:
        vertices = meshes.attribute(part.primitive, "COLOR_0")
        found[:, : vertices.shape[1]] = vertices[part.triangles].mean(axis=1)
    found[:, :3] = encoded((found[:, :3] * np.array(factor, np.float64)[:3]).astype(np.float32))
    return found


def _materials(file: GltfFile, edits: Edits, parts: list[_Part], texture: int) -> dict[tuple[int, int], int]:
    """Make materials show the texture. Return their numbers, by old numbers and sets of texture coordinates.

    A material is copied if it is used with several sets, by other parts, or in variants.
    """
    painted = {(part.primitive.mesh, part.primitive.index) for part in parts}
    elsewhere = {
        value.get("material")
        for mesh, one in enumerate(file.items("meshes"))
        for index, value in enumerate(one["primitives"])
        if (mesh, index) not in painted
    }
    elsewhere |= {one for part in parts for one in part.primitive.materials if one != part.material}
    found: dict[tuple[int, int], int] = {}
    for key in dict.fromkeys((part.material, part.next_set) for part in parts):
        old, number = key
        new = _textured(file.items("materials")[old] if old >= 0 else {}, {"index": texture, "texCoord": number})
        if old < 0 or old in elsewhere or any(one == old for one, _ in found):
            found[key] = edits.add("materials", new)
        else:
            found[key] = old
            edits.change(("materials", old), new)
    return found


def _textured(material: Mapping[str, Any], info: dict[str, int]) -> dict[str, Any]:
    """Return a material that shows a texture instead of its color. Its alpha stays."""
    info = info if info["texCoord"] else {"index": info["index"]}
    found = copy.deepcopy(dict(material))
    shown = [(found.setdefault("pbrMetallicRoughness", {}), "baseColor")]
    if _GLOSSINESS in found.get("extensions", {}):
        shown.append((found["extensions"][_GLOSSINESS], "diffuse"))
    for where, what in shown:
        where[f"{what}Texture"] = info
        if f"{what}Factor" in where:
            where[f"{what}Factor"] = [1, 1, 1, *where[f"{what}Factor"][3:4]]
    return found


def _primitive(file: GltfFile, edits: Edits, part: _Part, layout: Unwrapped, material: int) -> dict[str, Any]:
    """Return a primitive with texture coordinates."""

    def gathered(attributes: Mapping[str, object]) -> dict[str, int]:
        return {
            name: _gathered(file, edits, index, layout.vertices, name == "POSITION")
            for name, index in attributes.items()
            if not name.startswith("COLOR_")
        }

    found = dict(part.primitive.value)
    found.pop("mode", None)
    placed = _accessor(edits, layout.coordinates, _VERTICES, {})
    found["attributes"] = {**gathered(found["attributes"]), f"TEXCOORD_{part.next_set}": placed}
    kind = np.uint16 if len(layout.vertices) < 2**16 else np.uint32  # glTF does not allow the index 65535
    found["indices"] = _accessor(edits, layout.triangles.astype(kind).reshape(-1, 1), _INDICES, {})
    found["material"] = material
    if "targets" in found:
        found["targets"] = [gathered(one) for one in found["targets"]]
    return found


def _gathered(file: GltfFile, edits: Edits, index: object, rows: NDArray[np.int64], bounded: bool) -> int:
    """Add an accessor with some rows of another one."""
    values, one = file.accessor(index, normalized=False), file.item("accessors", index)
    if "bufferView" in one and file.packed(one["bufferView"]):
        refuse_packed(file.path, "meshoptimizer, and it has no texture coordinates")
    if len(rows) and rows.max() >= len(values):
        raise ValueError("a mesh has attributes of different lengths")
    values = values[rows]
    said = {key: value for key, value in one.items() if key not in _MADE}
    if bounded:
        said |= {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}
    return _accessor(edits, values, _VERTICES, said)


def _accessor(edits: Edits, values: NDArray[Any], target: int, said: Mapping[str, Any]) -> int:
    """Add numbers, N x components. Attributes of vertices are aligned to four bytes."""
    width = values.shape[1] * values.itemsize
    step = width + (-width % 4 if target == _VERTICES else 0)
    rows = np.zeros((len(values), step), np.uint8)
    rows[:, :width] = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), width)
    view = edits.add_data(rows.tobytes(), target=target, **({"byteStride": step} if step != width else {}))
    kind = {"componentType": _KINDS[values.dtype.name], "count": len(values), "type": _TYPES[values.shape[1]]}
    return edits.add("accessors", {"bufferView": view, **kind, **said, "count": len(values)})

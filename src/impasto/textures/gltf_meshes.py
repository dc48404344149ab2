"""Read the triangles of a glTF file, and their places in its scene."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import PictureError
from impasto.textures.gltf_file import GltfFile, checked, whole

_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_MOST = 10_000_000  # triangles; a few bytes can repeat the same triangles very often
_FARTHEST = 1e15  # largest position and texture coordinate; squares of larger numbers overflow
_DRACO = "KHR_draco_mesh_compression"


@dataclass(frozen=True)
class Primitive:
    """A part of a mesh.

    Attributes:
        mesh, index: the numbers of the mesh and of the part.
        value: its entry in the file.
    """

    mesh: int
    index: int
    value: dict[str, Any]

    @property
    def materials(self) -> list[int]:
        """The part's material, and those in variants of the model."""
        used = [self.value["material"]] if "material" in self.value else []
        variants = self.value.get("extensions", {}).get("KHR_materials_variants", {})
        used += [one["material"] for one in variants.get("mappings", [])]
        return list(dict.fromkeys(whole(one) for one in used))

    @property
    def attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = self.value["attributes"]
        return found

    @property
    def draco(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.value.get("extensions", {}).get(_DRACO)
        return found


class Meshes:
    """Read the meshes of a file."""

    def __init__(self, file: GltfFile) -> None:
        self._file = file
        self._nodes: dict[int, list[int]] = {}
        self._parents: dict[int, int] = {}
        self._ways: dict[int, NDArray[np.float64]] = {}
        self._left = _MOST
        for number, node in enumerate(file.items("nodes")):
            if "mesh" in node:
                self._nodes.setdefault(whole(node["mesh"]), []).append(number)
            self._parents |= {whole(child): number for child in node.get("children", [])}
        self._check_tree()

    def primitives(self) -> Iterator[Primitive]:
        """Yield all parts of meshes that consist of triangles."""
        for number, mesh in enumerate(self._file.items("meshes")):
            for index, value in enumerate(mesh["primitives"]):
                if value.get("mode", _TRIANGLES) in (_TRIANGLES, _STRIP, _FAN):
                    yield Primitive(number, index, value)

    def attribute(self, primitive: Primitive, name: str) -> NDArray[Any]:
        """Return the values of an attribute, V x components. Normalized integers become 0..1 or -1..1."""
        packed = primitive.draco
        if packed is None or name not in packed["attributes"]:
            return self._file.accessor(primitive.attributes[name])
        found = self._file.draco(packed["bufferView"]).get_attribute_by_unique_id(packed["attributes"][name])
        values = np.asarray(found["data"])
        if self._file.item("accessors", primitive.attributes[name]).get("normalized"):
            return np.maximum(values / np.iinfo(values.dtype).max, -1.0)
        return values

    def positions(self, primitive: Primitive) -> NDArray[np.float64]:
        """Return the positions in the mesh, V x 3."""
        return _vectors(self.attribute(primitive, "POSITION"), 3)

    def coordinates(self, primitive: Primitive, number: int) -> NDArray[np.float64]:
        """Return one set of texture coordinates, V x 2."""
        return _vectors(self.attribute(primitive, f"TEXCOORD_{number}"), 2)

    def triangles(self, primitive: Primitive, count: int) -> NDArray[np.int64]:
        """Return the triangles, T x 3, of a part with `count` vertices.

        Raises:
            PictureError: the model has too many triangles.
        """
        mode, value = primitive.value.get("mode", _TRIANGLES), primitive.value
        if primitive.draco is not None:  # Draco decodes strips to triangles, too
            mode, indices = _TRIANGLES, np.asarray(self._file.draco(primitive.draco["bufferView"]).faces).reshape(-1)
        elif "indices" in value:
            indices = self._file.accessor(value["indices"], normalized=False)[:, 0]
        else:
            indices = np.arange(count)
        found = _triangles(checked(indices, count), mode)
        self._left -= len(found)
        if self._left < 0:
            raise PictureError(
                f"{self._file.path} has more than {_MOST:,} triangles",
                "split it into several models",
                code="too-large",
            )
        return found

    def first_way(self, mesh: int) -> NDArray[np.float64]:
        """Return the matrix, 4 x 4, that puts a mesh into the scene, at its first node. Skinned meshes stay."""
        nodes = self._nodes.get(mesh, [])
        return np.eye(4) if not nodes or self._skin(nodes[0]) is not None else self._way(nodes[0])

    def copies(self, mesh: int) -> NDArray[np.float64]:
        """Return matrices, N x 4 x 4, from the mesh's first place to its other places in the scene."""
        others = [node for node in self._nodes.get(mesh, [])[1:] if self._skin(node) is None]
        back = np.linalg.pinv(self.first_way(mesh))
        return np.array([self._way(node) @ back for node in others]).reshape(-1, 4, 4)

    def parts(self, mesh: int) -> frozenset[str]:
        """Return the names of a mesh and of the nodes that show it."""
        shown = [self._file.items("nodes")[node] for node in self._nodes.get(mesh, [])]
        return frozenset(name_of(one) for one in (self._file.item("meshes", mesh), *shown) if one.get("name"))

    def groups(self, primitive: Primitive, triangles: NDArray[np.int64]) -> Mapping[str, NDArray[np.float32]]:
        """Return the corners' weights in joints and named attributes: {name: T x 3, 0..1}."""
        nodes = self._nodes.get(primitive.mesh, [])
        skin = self._skin(nodes[0]) if nodes else None
        numbered = [] if skin is None else self._file.item("skins", skin)["joints"]
        joints = [self._file.item("nodes", one) for one in numbered]
        numbers, weights = list[NDArray[np.int64]](), list[NDArray[np.float32]]()
        while joints and f"JOINTS_{len(numbers)}" in primitive.attributes:
            weights.append(np.asarray(self.attribute(primitive, f"WEIGHTS_{len(numbers)}"), np.float32))
            numbers.append(checked(self.attribute(primitive, f"JOINTS_{len(numbers)}"), len(joints)))
        own = {
            name[1:]: np.asarray(self.attribute(primitive, name), np.float32)[:, 0]
            for name, index in primitive.attributes.items()
            if name.startswith("_") and self._file.item("accessors", index)["type"] == "SCALAR"
        }
        names = [name_of(one) or f"joint {number}" for number, one in enumerate(joints)]
        return _Groups(triangles, names, numbers, weights, own)

    def _skin(self, node: int) -> int | None:
        found: int | None = self._file.items("nodes")[node].get("skin")
        return found

    def _way(self, node: int) -> NDArray[np.float64]:
        """Return the matrix that puts a node's mesh into the scene."""
        chain = [node]
        while chain[-1] not in self._ways and chain[-1] in self._parents:
            chain.append(self._parents[chain[-1]])
        for one in reversed(chain):
            if one not in self._ways:
                above = self._ways[self._parents[one]] if one in self._parents else np.eye(4)
                self._ways[one] = above @ _matrix(self._file.items("nodes")[one])
        if not np.isfinite(self._ways[node]).all():
            raise ValueError("a node's transform is not a number")
        return self._ways[node]

    def _check_tree(self) -> None:
        """Check the nodes. Raise ValueError if a node is below itself, IndexError if one is missing."""
        if self._parents and max(self._parents) >= len(self._file.items("nodes")):
            raise IndexError("a node has a missing child")
        fine = set[int]()
        for node in self._parents:
            way, at = set[int](), node
            while at in self._parents and at not in fine:
                if at in way:
                    raise ValueError("a node lies below itself")
                way.add(at)
                at = self._parents[at]
            fine |= way


class _Groups(Mapping[str, NDArray[np.float32]]):
    """Weights of corners, computed on access: a figure may have hundreds of joints."""

    def __init__(
        self,
        triangles: NDArray[np.int64],
        joints: list[str],
        numbers: list[NDArray[np.int64]],
        weights: list[NDArray[np.float32]],
        own: dict[str, NDArray[np.float32]],
    ) -> None:
        count = int(triangles.max(initial=-1)) + 1
        everything: list[NDArray[Any]] = [*numbers, *weights, *own.values()]
        if any(len(one) < count for one in everything):
            raise ValueError("a mesh has fewer weights than positions")
        if any(one.shape != other.shape for one, other in zip(numbers, weights, strict=True)):
            raise ValueError("a mesh has different numbers of weights and joints")
        self._triangles, self._numbers, self._own = triangles, numbers, own
        self._weights = [np.nan_to_num(one, nan=0, posinf=0, neginf=0) for one in weights]
        self._joints: dict[str, list[int]] = {}
        used = [np.unique(one[weight > 0]) for one, weight in zip(numbers, self._weights, strict=True)]
        for number in sorted({int(one) for some in used for one in some}):
            self._joints.setdefault(joints[number], []).append(number)

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        if name not in self._joints and name not in self._own:
            raise KeyError(name)
        values = np.nan_to_num(self._own[name], nan=0) if name in self._own else np.float32(0)
        for numbers, weights in zip(self._numbers, self._weights, strict=True):
            values = values + np.where(np.isin(numbers, self._joints.get(name, [])), weights, 0).sum(axis=1)
        found: NDArray[np.float32] = np.asarray(values, np.float32).clip(0, 1)[self._triangles]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._own, *self._joints]))

    def __len__(self) -> int:
        return len({*self._own, *self._joints})


def moved(points: NDArray[np.float64], way: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apply a matrix to points, V x 3. Raise ValueError if they are not numbers, or too large."""
    return _vectors(points @ way[:3, :3].T + way[:3, 3], 3)


def name_of(one: Mapping[str, Any]) -> str:
    """Return a name without unprintable characters."""
    return "".join(each if each.isprintable() else "\ufffd" for each in str(one.get("name", "")))


def _vectors(values: NDArray[Any], width: int) -> NDArray[np.float64]:
    if values.ndim != 2 or values.shape[1] != width:
        raise ValueError(f"an attribute does not have {width} numbers for each vertex")
    found = values.astype(np.float64)
    if not (np.abs(found) < _FARTHEST).all():
        raise ValueError("a position is not a number, or is too large")
    return found


def _triangles(indices: NDArray[np.int64], mode: int) -> NDArray[np.int64]:
    """Return the vertices, T x 3, of triangles, strips or fans."""
    if mode == _TRIANGLES:
        return indices[: len(indices) // 3 * 3].reshape(-1, 3)
    count = max(0, len(indices) - 2)
    if mode == _FAN:
        return np.stack([indices[1 : count + 1], indices[2 : count + 2], np.repeat(indices[:1], count)], axis=1)
    found = np.stack([indices[:count], indices[1 : count + 1], indices[2 : count + 2]], axis=1)
    found[1::2] = found[1::2][:, [0, 2, 1]]
    return found


def _matrix(node: dict[str, Any]) -> NDArray[np.float64]:
    """Return the matrix of a node."""
    found = np.eye(4)
    if "matrix" in node:
        found[:] = np.array(node["matrix"], np.float64).reshape(4, 4).T
        return found
    x, y, z, w = (float(one) for one in node.get("rotation", [0, 0, 0, 1]))
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    found[:3, :3] = turn * np.array(node.get("scale", [1, 1, 1]), np.float64).reshape(3)
    found[:3, 3] = np.array(node.get("translation", [0, 0, 0]), np.float64).reshape(3)
    return found

"""glTF models that tests make themselves, small and with nothing in them that is not asked for."""

from __future__ import annotations

import base64
import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import objects
from helpers import file_bytes, scene
from numpy.typing import NDArray
from PIL import Image

POINTS = np.array([[0, 0, 0], [2, 0, 0], [0, 1, 0], [2, 1, 0]], np.float32)
PLACES = np.array([[0, 1], [1, 1], [0, 0], [1, 0]], np.float32)
CORNERS = np.array([0, 1, 2, 1, 3, 2], np.uint16)
"""A rectangle that shows its picture upright: four vertices, two triangles."""

_KINDS = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "uint32": 5125, "float32": 5126}
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}


def picture(seed: int = 0, width: int = 32, height: int = 16, file_format: str = "PNG") -> bytes:
    """A picture file; another seed, another picture."""
    return file_bytes(scene(width, height, seed), file_format)


def pixels(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


class Build:
    """A model, step by step.

    Attributes:
        root: its JSON; tests write into it.
        data: its first buffer.
    """

    def __init__(self) -> None:
        self.root: dict[str, Any] = {"asset": {"version": "2.0"}}
        self.data = bytearray()

    def add(self, kind: str, /, **one: Any) -> int:
        """Add to a list of the file; the number of what is added."""
        self.root.setdefault(kind, []).append(one)
        return len(self.root[kind]) - 1

    def view(self, data: bytes, **more: Any) -> int:
        self.data += bytes(-len(self.data) % 4)
        start = len(self.data)
        self.data += data
        return self.add("bufferViews", buffer=0, byteOffset=start, byteLength=len(data), **more)

    def accessor(self, values: NDArray[Any], stride: int = 0, target: int = 34962, **more: Any) -> int:
        """N or N x components. Args: stride: bytes from one element to the next; 0, they follow each other."""
        rows = np.ascontiguousarray(values.reshape(len(values), -1))
        packed = rows.view(np.uint8).reshape(len(rows), -1)
        if stride:
            packed = np.pad(packed, ((0, 0), (0, stride - packed.shape[1])))
            more["bufferView"] = self.view(packed.tobytes(), target=target, byteStride=stride)
        else:
            more.setdefault("bufferView", self.view(packed.tobytes(), target=target))
        return self.add("accessors", **_said(rows), **more)

    def indices(self, values: NDArray[Any]) -> int:
        return self.accessor(values, target=34963)

    def image(self, data: bytes, **more: Any) -> int:
        """A picture in a buffer view."""
        mime = {b"\x89P": "image/png", b"\xff\xd8": "image/jpeg", b"RI": "image/webp"}[data[:2]]
        return self.add("images", bufferView=self.view(data), mimeType=mime, **more)

    def texture(self, data: bytes, **more: Any) -> int:
        return self.add("textures", source=self.image(data), **more)

    def material(self, texture: int, name: str = "wall", **info: Any) -> int:
        """Args: info: of the texture: texCoord, extensions."""
        color = {"baseColorTexture": {"index": texture, **info}}
        return self.add("materials", name=name, pbrMetallicRoughness=color)

    def rectangle(self, material: int, **attributes: int) -> dict[str, Any]:
        """A primitive that shows a material."""
        own = {"POSITION": self.positions(POINTS), "TEXCOORD_0": self.accessor(PLACES)}
        return {"attributes": own | attributes, "indices": self.indices(CORNERS), "material": material}

    def positions(self, values: NDArray[Any], **more: Any) -> int:
        return self.accessor(values, min=values.min(axis=0).tolist(), max=values.max(axis=0).tolist(), **more)

    def mesh(self, *primitives: dict[str, Any], name: str = "sheet", **node: Any) -> int:
        """A mesh and a node of the scene that shows it; the mesh's number."""
        mesh = self.add("meshes", name=name, primitives=list(primitives))
        self.node(mesh=mesh, **node)
        return mesh

    def node(self, **node: Any) -> int:
        number = self.add("nodes", **node)
        self.root.setdefault("scene", 0)
        self.root.setdefault("scenes", [{"nodes": []}])[0]["nodes"].append(number)
        return number

    def use(self, *extensions: str) -> None:
        self.root["extensionsUsed"] = list(extensions)

    def text(self, indent: int | None = None) -> str:
        return json.dumps(self.root, indent=indent)

    def glb(self) -> bytes:
        if self.data:
            self.root["buffers"] = [{"byteLength": len(self.data)}]
        return packed(self.text(), bytes(self.data))

    def write(self, path: Path, embedded: bool = False) -> Path:
        """A .glb; or a .gltf with its buffer beside it, or embedded in it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".glb":
            path.write_bytes(self.glb())
            return path
        if self.data:
            uri = "data:application/octet-stream;base64," + base64.b64encode(self.data).decode()
            self.root["buffers"] = [{"byteLength": len(self.data), "uri": uri if embedded else f"{path.stem}.bin"}]
            if not embedded:
                path.with_suffix(".bin").write_bytes(self.data)
        path.write_text(self.text(indent=2))
        return path


def packed(text: str | bytes, data: bytes = b"", version: int = 2) -> bytes:
    """A .glb of a JSON text and a buffer."""
    said = text.encode() if isinstance(text, str) else text
    said += b" " * (-len(said) % 4)
    body = struct.pack("<I4s", len(said), b"JSON") + said
    if data:
        data += bytes(-len(data) % 4)
        body += struct.pack("<I4s", len(data), b"BIN\0") + data
    return b"glTF" + struct.pack("<II", version, 12 + len(body)) + body


def unpacked(path: Path) -> tuple[str, bytes]:
    """The JSON text and the buffer of a .glb."""
    data = path.read_bytes()
    length = struct.unpack_from("<I", data, 12)[0]
    return data[20 : 20 + length].decode(), data[28 + length :]


def sheet(data: bytes | None = None, **info: Any) -> Build:
    """A rectangle with a picture. Args: info: of its texture."""
    build = Build()
    build.mesh(build.rectangle(build.material(build.texture(picture() if data is None else data), **info)))
    return build


def write_cube(path: Path, side: int = 128) -> Path:
    """A cube with a texture, each face turned its own way: a .glb, or a .gltf with its files."""
    surfaces, texture = objects.cube(side)
    build = Build()
    shown = build.texture(file_bytes(texture))
    materials = {name: build.material(shown, name) for name in ("front", "side")}
    primitives = []
    for surface in surfaces:
        points = surface.positions.reshape(-1, 3).astype(np.float32)
        places = surface.coordinates.reshape(-1, 2).astype(np.float32)
        attributes = {"POSITION": build.positions(points), "TEXCOORD_0": build.accessor(places)}
        primitives.append({"attributes": attributes, "material": materials[surface.material]})
    build.mesh(*primitives, name="cube")
    return build.write(path)


def _said(rows: NDArray[Any]) -> dict[str, Any]:
    return {"componentType": _KINDS[rows.dtype.name], "count": len(rows), "type": _TYPES[rows.shape[1]]}

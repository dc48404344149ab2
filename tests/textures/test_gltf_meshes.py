"""The meshes of glTF models: what is packed, what is far away, what is too much."""

from __future__ import annotations

from pathlib import Path

import gltf_models as models
import numpy as np
import pytest
from gltf_models import CORNERS, PLACES, POINTS, Build, picture, sheet
from helpers import refused

from impasto.errors import PictureError
from impasto.textures.gltf import open_gltf

TRIANGLES = POINTS[CORNERS].reshape(-1, 3, 3)
NEW = picture(9)


def test_meshopt(tmp_path: Path) -> None:
    meshopt = pytest.importorskip("meshoptimizer")
    build = sheet()
    primitive = build.root["meshes"][0]["primitives"][0]
    packed = {
        primitive["attributes"]["POSITION"]: (meshopt.encode_vertex_buffer(POINTS, 4, 12), 12, "ATTRIBUTES", 4),
        primitive["attributes"]["TEXCOORD_0"]: (meshopt.encode_vertex_buffer(PLACES, 4, 8), 8, "ATTRIBUTES", 4),
        primitive["indices"]: (meshopt.encode_index_buffer(CORNERS.astype(np.uint32), 6, 4), 2, "TRIANGLES", 6),
    }
    for index, (data, step, mode, count) in packed.items():
        view = build.root["bufferViews"][build.root["accessors"][index]["bufferView"]]
        start = build.root["bufferViews"][build.view(data)]["byteOffset"]
        said = {
            "buffer": 0,
            "byteOffset": start,
            "byteLength": len(data),
            "byteStride": step,
            "mode": mode,
            "count": count,
        }
        view |= {"buffer": 1, "byteOffset": 0, "extensions": {"EXT_meshopt_compression": said}}
        build.root["bufferViews"].pop()
    build.use("EXT_meshopt_compression")
    build.root["extensionsRequired"] = ["EXT_meshopt_compression"]
    build.root["buffers"] = [
        {"byteLength": len(build.data)},
        {"byteLength": 80, "extensions": {"EXT_meshopt_compression": {"fallback": True}}},
    ]
    path = tmp_path / "a.glb"
    path.write_bytes(models.packed(build.text(), bytes(build.data)))
    expected = {frozenset(map(tuple, one)) for one in TRIANGLES.tolist()}
    for number, new in enumerate((picture(1, 90, 90), picture(1, 2, 2))):
        target = tmp_path / f"{number}.glb"
        open_gltf(path).save(target, {0: new}, "painted", overwrite=False)
        for one in (path, target):
            surface = open_gltf(one).surfaces[0]
            assert {frozenset(map(tuple, triangle)) for triangle in surface.positions.tolist()} == expected


def test_joints_and_numbers_with_names_are_groups_and_skins_ignore_their_node(tmp_path: Path) -> None:
    build = Build()
    material = build.material(build.texture(picture()))
    joints = build.accessor(np.array([[0, 1, 0, 0]] * 4, np.uint8))
    weights = build.accessor(np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0]], np.float32))
    own = build.accessor(np.array([0, 0.25, 2, -1], np.float32))
    primitive = build.rectangle(material, JOINTS_0=joints, WEIGHTS_0=weights, _Brow=own)
    build.mesh(primitive, translation=[9, 9, 9])
    build.node(name="arm")
    build.node()
    build.root["skins"] = [{"joints": [1, 2]}]
    build.root["nodes"][0]["skin"] = 0
    surface = open_gltf(build.write(tmp_path / "a.glb")).surfaces[0]
    assert np.array_equal(surface.positions, TRIANGLES)
    assert set(surface.groups) == {"arm", "joint 1", "Brow"}
    assert np.array_equal(surface.groups["arm"], np.array([1, 0.5, 0, 0], np.float32)[CORNERS].reshape(-1, 3))
    assert np.array_equal(surface.groups["Brow"], np.array([0, 0.25, 1, 0], np.float32)[CORNERS].reshape(-1, 3))
    assert surface.groups["arm"].dtype == np.float32


def test_triangles_that_are_named_again_and_again_take_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impasto.textures.gltf_meshes._MOST", 1000)
    build = sheet()
    build.root["meshes"][0]["primitives"] *= 501
    with refused(PictureError, "too-large"):
        open_gltf(build.write(tmp_path / "a.glb"))


def test_numbers_without_bytes_take_no_memory(tmp_path: Path) -> None:
    build = sheet()
    for one in build.root["accessors"]:
        one.pop("bufferView")
        one["count"] = 3 * 10**9
    with refused(PictureError, "damaged-file"):
        open_gltf(build.write(tmp_path / "a.glb"))


def test_a_long_row_of_nodes_is_read(tmp_path: Path) -> None:
    build = sheet()
    count = 5000
    build.root["nodes"] = [{"children": [index + 1]} for index in range(count)] + [
        {"mesh": 0, "translation": [1, 0, 0]}
    ]
    assert np.allclose(open_gltf(build.write(tmp_path / "a.glb")).surfaces[0].positions, np.add(TRIANGLES, (1, 0, 0)))


def test_names_cannot_break_lines(tmp_path: Path) -> None:
    build = sheet()
    build.root["materials"][0]["name"] = "a\n\x1b[31mb\ud800"
    surface = open_gltf(build.write(tmp_path / "a.glb")).surfaces[0]
    assert surface.material.isprintable()
    surface.material.encode()

"""glTF models without textures: they get coordinates and a picture of their colors."""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from gltf_models import CORNERS, PLACES, POINTS, Build, picture, pixels, unpacked
from helpers import ROOT, refused
from PIL import Image

from impasto.errors import MissingExtra, PictureError
from impasto.textures.gltf import open_gltf
from impasto.textures.model import Model

xatlas = pytest.importorskip("xatlas")

NEW = picture(9, 32, 32)
TRIANGLES = POINTS[CORNERS].reshape(-1, 3, 3)


def paint(model: Model, target: Path, new: bytes = NEW) -> list[Path]:
    expected = model.files(target, "painted")
    files = model.save(target, {0: new}, "painted", overwrite=False)
    assert files == expected
    return files


def root_of(path: Path) -> Any:
    return json.loads(path.read_text() if path.suffix == ".gltf" else unpacked(path)[0])


def bare(**attributes: Any) -> Build:
    """Two rectangles without texture, in two colors."""
    build = Build()
    for name, color in (("red", [1, 0, 0, 1]), ("blue", [0, 0, 1, 0.5])):
        material = build.add("materials", name=name, pbrMetallicRoughness={"baseColorFactor": color})
        one = build.rectangle(material)
        del one["attributes"]["TEXCOORD_0"]
        one["attributes"] |= {key: build.accessor(value) for key, value in attributes.items()}
        build.mesh(one, translation=[3 * material, 0, 0])
    return build


def colors_under(model: Model, surface: int) -> np.ndarray:
    """What a texture shows in the middle of each of a surface's triangles."""
    one = model.surfaces[surface]
    shown = pixels(model.textures[one.texture].data)
    at = (one.coordinates.mean(axis=1) * shown.shape[1::-1]).astype(int)
    return shown[at[:, 1], at[:, 0]]


@pytest.mark.parametrize("ending", ["glb", "gltf"])
def test_a_model_without_texture_gets_one(tmp_path: Path, ending: str) -> None:
    path = bare().write(tmp_path / f"a.{ending}")
    model = open_gltf(path)
    assert len(model.textures) == 1
    assert pixels(model.textures[0].data).shape == (1024, 1024, 3)
    assert (colors_under(model, 0) == (255, 0, 0)).all()
    assert (colors_under(model, 1) == (0, 0, 255)).all()
    assert np.allclose(
        np.sort(model.surfaces[1].positions.reshape(-1, 9)), np.sort(np.add(TRIANGLES, (3, 0, 0)).reshape(-1, 9))
    )
    target = tmp_path / "out" / f"b.{ending}"
    paint(model, target)
    again = open_gltf(target)
    assert np.array_equal(pixels(again.textures[0].data), pixels(NEW))
    for one, other in zip(model.surfaces, again.surfaces, strict=True):
        assert np.array_equal(one.positions, other.positions)
        assert np.array_equal(one.coordinates, other.coordinates)
    root = root_of(target)
    assert [one["pbrMetallicRoughness"]["baseColorFactor"] for one in root["materials"]] == [
        [1, 1, 1, 1],
        [1, 1, 1, 0.5],
    ]


def test_the_colors_of_vertices_go_into_the_texture(tmp_path: Path) -> None:
    colors = np.array([[255, 255, 0, 255]] * 4, np.uint8)
    build = bare()
    for mesh in build.root["meshes"]:
        mesh["primitives"][0]["attributes"]["COLOR_0"] = build.accessor(colors, normalized=True)
        del mesh["primitives"][0]["material"]
    path = build.write(tmp_path / "a.glb")
    model = open_gltf(path)
    assert (colors_under(model, 0) == (255, 255, 0)).all()
    paint(model, tmp_path / "b.glb")
    root = root_of(tmp_path / "b.glb")
    assert all("COLOR_0" not in mesh["primitives"][0]["attributes"] for mesh in root["meshes"])
    assert len({mesh["primitives"][0]["material"] for mesh in root["meshes"]}) == 1


def test_all_that_vertices_have_goes_with_them(tmp_path: Path) -> None:
    """A cube of eight vertices is cut at its edges; normals, joints and morph targets are those of the old vertices."""
    box = trimesh.creation.box()
    build = Build()
    points = box.vertices.astype(np.float32)
    marks = np.arange(8, dtype=np.uint8)[:, None].repeat(4, axis=1)
    attributes = {"POSITION": build.positions(points), "_MARK": build.accessor(np.arange(8, dtype=np.float32))}
    attributes["JOINTS_0"] = build.accessor(marks)
    attributes["WEIGHTS_0"] = build.accessor(np.eye(4, dtype=np.float32)[np.zeros(8, int)])
    targets = [{"POSITION": build.positions(points * 2)}]
    indices = build.indices(box.faces.reshape(-1).astype(np.uint16))
    build.mesh({"attributes": attributes, "indices": indices, "targets": targets})
    path = build.write(tmp_path / "a.glb")
    paint(open_gltf(path), tmp_path / "b.glb")
    text, data = unpacked(tmp_path / "b.glb")
    root = json.loads(text)
    one = root["meshes"][0]["primitives"][0]

    def read(index: int) -> np.ndarray:
        said = root["accessors"][index]
        view = root["bufferViews"][said["bufferView"]]
        kind = {5126: np.float32, 5121: np.uint8, 5123: np.uint16}[said["componentType"]]
        values = np.frombuffer(data, kind, view["byteLength"] // np.dtype(kind).itemsize, view["byteOffset"])
        return values.reshape(said["count"], -1)

    mark = read(one["attributes"]["_MARK"])[:, 0].astype(int)
    assert len(mark) > 8
    assert np.array_equal(read(one["attributes"]["POSITION"]), points[mark])
    assert np.array_equal(read(one["attributes"]["JOINTS_0"]), marks[mark])
    assert np.array_equal(read(one["targets"][0]["POSITION"]), points[mark] * 2)
    assert np.array_equal(mark[read(one["indices"])[:, 0]], box.faces.reshape(-1))


def test_a_material_that_lines_show_too_is_copied(tmp_path: Path) -> None:
    build = bare()
    line = build.rectangle(0) | {"mode": 1}
    del line["attributes"]["TEXCOORD_0"]
    build.mesh(line)
    path = build.write(tmp_path / "a.glb")
    paint(open_gltf(path), tmp_path / "b.glb")
    root = root_of(tmp_path / "b.glb")
    assert root["materials"][0] == build.root["materials"][0]
    assert root["meshes"][2] == build.root["meshes"][2]
    assert (
        "baseColorTexture" in root["materials"][root["meshes"][0]["primitives"][0]["material"]]["pbrMetallicRoughness"]
    )


def test_coordinates_for_other_textures_stay_beside_the_new_ones(tmp_path: Path) -> None:
    build = bare(TEXCOORD_0=PLACES)
    build.root["materials"][0]["normalTexture"] = {"index": build.texture(picture(3))}
    path = build.write(tmp_path / "a.glb")
    paint(open_gltf(path), tmp_path / "b.glb")
    root = root_of(tmp_path / "b.glb")
    assert root["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]["texCoord"] == 1
    assert root["materials"][0]["normalTexture"] == {"index": 0}
    assert set(root["meshes"][0]["primitives"][0]["attributes"]) == {"POSITION", "TEXCOORD_0", "TEXCOORD_1"}


def test_coordinates_cannot_be_made_without_xatlas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "xatlas" else find(name, *rest)
    )
    monkeypatch.setitem(sys.modules, "xatlas", None)
    with pytest.raises(MissingExtra, match="coordinates"):
        open_gltf(bare().write(tmp_path / "a.glb"))


def test_a_model_without_triangles_is_refused(tmp_path: Path) -> None:
    build = bare()
    for mesh in build.root["meshes"]:
        mesh["primitives"][0]["mode"] = 0
    with refused(PictureError, "no-pictures"):
        open_gltf(build.write(tmp_path / "a.glb"))
    path = tmp_path / "b.gltf"
    path.write_text('{"asset": {"version": "2.0"}}')
    with refused(PictureError, "no-pictures"):
        open_gltf(path)


def test_what_is_compressed_is_refused_with_a_way_on(tmp_path: Path) -> None:
    build = bare()
    one = build.root["meshes"][0]["primitives"][0]
    one["extensions"] = {
        "KHR_draco_mesh_compression": {"bufferView": build.view(b"abcd"), "attributes": {"POSITION": 0}}
    }
    with refused(PictureError, "unknown-format", "gltf-transform copy a.glb"):
        open_gltf(build.write(tmp_path / "a.glb"))


def test_a_part_seen_through_stays_so(tmp_path: Path) -> None:
    colors = np.array([[1, 1, 1, 0.5]] * 4, np.float32)
    model = open_gltf(bare(COLOR_0=colors).write(tmp_path / "a.glb"))
    with Image.open(io.BytesIO(model.textures[0].data)) as shown:
        alpha = np.asarray(shown.convert("RGBA"))[..., 3]
    one = model.surfaces[0]
    at = (one.coordinates.mean(axis=1) * 1024).astype(int)
    assert (np.abs(alpha[at[:, 1], at[:, 0]].astype(int) - 128) <= 1).all()


def validated(*paths: Path) -> list[list[tuple[str, int]]]:
    """What the validator of Khronos says of models: the kind of each issue and how grave it is."""
    if shutil.which("node") is None or not (ROOT / "node_modules/gltf-validator").is_dir():
        pytest.skip("no node with gltf-validator")
    command = ["node", str(ROOT / "tests/textures/validate.mjs"), *map(str, paths)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [[(code, severity) for code, severity, _ in json.loads(line)] for line in done.stdout.splitlines()]


def test_the_validator_finds_no_fault_in_what_is_unwrapped(tmp_path: Path) -> None:
    for ending in ("glb", "gltf"):
        path, target = bare().write(tmp_path / f"a.{ending}"), tmp_path / f"b.{ending}"
        paint(open_gltf(path), target)
        before, after = validated(path, target)
        assert {one for one in after if one[1] < 2} <= set(before)
        assert {code for code, _ in after} <= {code for code, _ in before} | {"UNUSED_OBJECT"}

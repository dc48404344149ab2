"""glTF models: what is read of them, what is written, and that nothing else changes."""

from __future__ import annotations

import base64
import copy
import json
import os
import random
import shutil
import struct
import subprocess
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gltf_models import (
    CORNERS,
    PLACES,
    POINTS,
    Build,
    packed,
    picture,
    pixels,
    sheet,
    unpacked,
    write_cube,
)
from helpers import ROOT, refused
from numpy.typing import NDArray

from impasto.errors import ImpastoError, MissingExtra, PictureError, UsageError
from impasto.textures.gltf import Gltf, open_gltf
from impasto.textures.model import Surface

OLD, NEW, OTHER = picture(0), picture(1), picture(2, 40, 30)
SHOWN = PLACES[CORNERS].reshape(2, 3, 2)
STANDING = POINTS[CORNERS].reshape(2, 3, 3)


def opened(build: Build, folder: Path, emissive: bool = False) -> Gltf:
    return open_gltf(build.write(folder / "model.glb"), emissive=emissive)


def surface(build: Build, folder: Path) -> Surface:
    """The only one of a model."""
    (found,) = opened(build, folder).surfaces
    return found


def saved(path: Path, target: Path, *painted: bytes, emissive: bool = False, **how: bool) -> list[Path]:
    """Paint the textures of a model, in their order; with nothing given, all by NEW."""
    model = open_gltf(path, emissive=emissive)
    data = painted or (NEW,) * len(model.textures)
    expected = model.files(target, "udnie")
    files = model.save(target, dict(enumerate(data)), "udnie", **{"overwrite": False, **how})
    assert files == expected
    return files


def shows(path: Path, *place: str | int) -> bytes:
    """The picture that a program shows which knows no extensions. Args: place: below "materials"."""
    return _Read(path).shown(place)


class _Read:
    """A file as any other program would read it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text, chunk = unpacked(path) if path.suffix == ".glb" else (path.read_text(), b"")
        self.root = json.loads(self.text)
        self.buffers = [self.at(one["uri"]) if "uri" in one else chunk for one in self.root.get("buffers", [])]

    def at(self, uri: str) -> bytes:
        from urllib.parse import unquote

        if uri.startswith("data:"):
            return base64.b64decode(uri.partition(",")[2])
        return (self.path.parent / unquote(uri)).read_bytes()

    def view(self, index: int) -> bytes:
        one = self.root["bufferViews"][index]
        start = one.get("byteOffset", 0)
        assert start % 4 == 0
        assert start + one["byteLength"] <= self.root["buffers"][one["buffer"]]["byteLength"]
        return self.buffers[one["buffer"]][start : start + one["byteLength"]]

    def image(self, index: int) -> bytes:
        one = self.root["images"][index]
        return self.at(one["uri"]) if "uri" in one else self.view(one["bufferView"])

    def shown(self, place: tuple[str | int, ...]) -> bytes:
        info: Any = self.root["materials"]
        for step in place:
            info = info[step]
        texture = self.root["textures"][info["index"]]
        return self.image(texture["source"])

    def others(self) -> list[bytes]:
        """What all buffer views hold that are no pictures, and in which order."""
        pictures = {one.get("bufferView") for one in self.root.get("images", [])}
        return [self.view(index) for index in range(len(self.root.get("bufferViews", []))) if index not in pictures]


BASE = (0, "pbrMetallicRoughness", "baseColorTexture")


# What is read


def test_a_rectangle_is_read_as_it_is(tmp_path: Path) -> None:
    model = opened(sheet(), tmp_path)
    (texture,), (found,) = model.textures, model.surfaces
    assert (texture.data, texture.suffix, texture.role) == (OLD, ".png", "color")
    np.testing.assert_array_equal(found.positions, STANDING)
    np.testing.assert_array_equal(found.coordinates, SHOWN)
    assert (found.material, found.wrap, found.texture) == ("wall", ("repeat", "repeat"), 0)
    assert found.parts == {"sheet"}
    assert found.copies.shape == (0, 4, 4)
    assert model.notes == []


@pytest.mark.parametrize("kind", ["uint8", "uint16", "uint32", None])
def test_indices_of_every_kind_and_none(tmp_path: Path, kind: str | None) -> None:
    build = sheet()
    primitive = build.root["meshes"][0]["primitives"][0]
    if kind is None:
        del primitive["indices"]
        primitive["attributes"] = {
            "POSITION": build.positions(POINTS[CORNERS]),
            "TEXCOORD_0": build.accessor(PLACES[CORNERS]),
        }
    else:
        primitive["indices"] = build.indices(CORNERS.astype(kind))
    found = surface(build, tmp_path)
    np.testing.assert_array_equal(found.positions, STANDING)
    np.testing.assert_array_equal(found.coordinates, SHOWN)


def test_strips_and_fans_become_triangles_that_face_one_way(tmp_path: Path) -> None:
    for mode, order in ((5, [0, 1, 2, 3]), (6, [0, 1, 3, 2])):
        build = sheet()
        primitive = build.root["meshes"][0]["primitives"][0]
        primitive |= {"mode": mode, "indices": build.indices(np.array(order, np.uint8))}
        found = surface(build, tmp_path)
        sides = found.positions[:, 1:] - found.positions[:, :1]
        areas = np.cross(sides[:, 0], sides[:, 1])[:, 2]
        np.testing.assert_allclose(areas, 2)  # of parallelograms; below zero if one is turned over
        assert {tuple(corner) for corner in found.positions.reshape(-1, 3)} == {
            tuple(map(float, one)) for one in POINTS
        }


def test_points_and_lines_are_no_surfaces(tmp_path: Path) -> None:
    build = sheet()
    primitive = build.root["meshes"][0]["primitives"][0]
    build.root["meshes"][0]["primitives"] += [primitive | {"mode": mode} for mode in (0, 1, 2, 3)]
    assert len(opened(build, tmp_path).surfaces) == 1


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int8", "int16"])
def test_quantized_and_normalized_numbers_at_strides(tmp_path: Path, kind: str) -> None:
    top = np.iinfo(kind).max
    build = sheet()
    build.use("KHR_mesh_quantization")
    attributes = build.root["meshes"][0]["primitives"][0]["attributes"]
    attributes["POSITION"] = build.positions(POINTS.astype(kind), stride=8)
    attributes["TEXCOORD_0"] = build.accessor((PLACES * top).astype(kind), stride=12, normalized=True)
    found = surface(build, tmp_path)
    np.testing.assert_array_equal(found.positions, STANDING)
    np.testing.assert_allclose(found.coordinates, SHOWN)


def test_the_lowest_signed_number_is_minus_one(tmp_path: Path) -> None:
    build = sheet()
    values = np.full((4, 2), -128, np.int8)
    attributes = build.root["meshes"][0]["primitives"][0]["attributes"]
    attributes["TEXCOORD_0"] = build.accessor(values, stride=4, normalized=True)
    assert surface(build, tmp_path).coordinates.min() == -1


@pytest.mark.parametrize("over", [True, False])
def test_sparse_accessors_change_some_numbers_of_others_or_of_zeros(tmp_path: Path, over: bool) -> None:
    build = sheet()
    rows, values = np.array([1, 3], np.uint8), np.array([[9, 0, 0], [9, 9, 0]], np.float32)
    sparse = {
        "count": 2,
        "indices": {"bufferView": build.view(rows.tobytes()), "componentType": 5121},
        "values": {"bufferView": build.view(values.tobytes())},
    }
    number = build.root["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
    accessor = build.root["accessors"][number]
    accessor |= {"sparse": sparse, "max": [9, 9, 0]}
    expected = POINTS.copy() if over else np.zeros_like(POINTS)
    expected[rows] = values
    if not over:
        del accessor["bufferView"]
    np.testing.assert_array_equal(surface(build, tmp_path).positions, expected[CORNERS].reshape(2, 3, 3))


def test_the_transform_of_a_texture_is_that_of_other_viewers(tmp_path: Path) -> None:
    """Scaled, turned against the clock as the picture is seen, moved; and it may name other coordinates."""
    turn = {"offset": [0.25, 0.5], "rotation": np.pi / 2, "scale": [2, 3], "texCoord": 1}
    build = sheet(texCoord=0, extensions={"KHR_texture_transform": turn})
    build.use("KHR_texture_transform")
    places = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    build.root["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_1"] = build.accessor(places)
    # u, v becomes 3 v + 0.25, -2 u + 0.5: what pointed right on the picture points up.
    expected = np.array([[0.25, 0.5], [0.25, -1.5], [3.25, 0.5], [3.25, -1.5]])
    np.testing.assert_allclose(surface(build, tmp_path).coordinates, expected[CORNERS].reshape(2, 3, 2), atol=1e-12)


@pytest.mark.parametrize(("code", "wrap"), [(10497, "repeat"), (33648, "mirror"), (33071, "clamp")])
def test_wrap_modes(tmp_path: Path, code: int, wrap: str) -> None:
    build = sheet()
    build.root["textures"][0]["sampler"] = build.add("samplers", wrapS=code)
    assert surface(build, tmp_path).wrap == (wrap, "repeat")
    build.root["samplers"][0] = {"wrapT": code, "magFilter": 9728}
    assert surface(build, tmp_path).wrap == ("repeat", wrap)


def test_nodes_put_meshes_into_the_scene(tmp_path: Path) -> None:
    build = sheet()
    child = {"mesh": 0, "name": "child", "translation": [1, 0, 0], "scale": [2, 2, 2]}
    quarter = [0, 0, np.sin(np.pi / 4), np.cos(np.pi / 4)]  # around z
    build.root["nodes"] = [child, {"children": [0], "rotation": quarter}, {"children": [1], "matrix": _moved(0, 0, 5)}]
    build.root["scenes"][0]["nodes"] = [2]
    scaled = 2 * STANDING + np.array([1, 0, 0])
    expected = np.stack([-scaled[..., 1], scaled[..., 0], scaled[..., 2] + 5], axis=-1)
    found = surface(build, tmp_path)
    np.testing.assert_allclose(found.positions, expected, atol=1e-12)
    assert found.parts == {"sheet", "child"}


def test_a_mesh_that_is_shown_several_times_has_copies(tmp_path: Path) -> None:
    build = sheet()
    build.root["nodes"][0] = {"mesh": 0, "scale": [2, 1, 1]}
    build.node(mesh=0, translation=[0, 0, 7])
    found = surface(build, tmp_path)
    np.testing.assert_allclose(found.positions, STANDING * [2, 1, 1])
    (way,) = found.copies
    np.testing.assert_allclose(found.positions @ way[:3, :3].T + way[:3, 3], STANDING + np.array([0, 0, 7]), atol=1e-12)


def test_joints_and_the_numbers_of_programs_are_groups(tmp_path: Path) -> None:
    build = sheet()
    attributes = build.root["meshes"][0]["primitives"][0]["attributes"]
    joints = np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]], np.uint8)
    weights = np.array([[0.25, 0.75, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]], np.float32)
    attributes["JOINTS_0"], attributes["WEIGHTS_0"] = build.accessor(joints), build.accessor(weights)
    attributes["_PAINTED"] = build.accessor(np.array([0, 0.5, 1, 2], np.float32))
    arm, leg = build.node(name="arm"), build.node(name="leg")
    build.root["nodes"][0] |= {"skin": build.add("skins", joints=[arm, leg]), "translation": [9, 9, 9]}
    found = surface(build, tmp_path)
    np.testing.assert_array_equal(found.positions, STANDING)  # the node's own place does not count
    assert set(found.groups) == {"arm", "leg", "PAINTED"}
    np.testing.assert_allclose(found.groups["arm"], np.array([0.25, 0, 1, 0])[CORNERS].reshape(2, 3))
    np.testing.assert_allclose(found.groups["leg"], np.array([0.75, 1, 0, 1])[CORNERS].reshape(2, 3))
    np.testing.assert_allclose(found.groups["PAINTED"], np.array([0, 0.5, 1, 1])[CORNERS].reshape(2, 3))


def test_variants_of_materials_are_painted_too(tmp_path: Path) -> None:
    build = sheet()
    build.use("KHR_materials_variants")
    build.root["extensions"] = {"KHR_materials_variants": {"variants": [{"name": "day"}, {"name": "night"}]}}
    other = build.material(build.texture(OTHER), "night wall")
    mappings = [{"material": 0, "variants": [0]}, {"material": other, "variants": [1]}]
    build.root["meshes"][0]["primitives"][0]["extensions"] = {"KHR_materials_variants": {"mappings": mappings}}
    model = opened(build, tmp_path)
    assert [one.data for one in model.textures] == [OLD, OTHER]
    assert [one.material for one in model.surfaces] == ["wall", "night wall"]


def test_a_picture_that_two_ways_lead_to_shows_once(tmp_path: Path) -> None:
    """One texture for both kinds of materials, and for two variants: the triangles are not there twice."""
    build = sheet()
    other = build.material(0, "other")
    build.root["materials"][0]["extensions"] = {"KHR_materials_pbrSpecularGlossiness": {"diffuseTexture": {"index": 0}}}
    mappings = [{"material": other, "variants": [0]}]
    build.root["extensions"] = {"KHR_materials_variants": {"variants": [{"name": "day"}]}}
    build.root["meshes"][0]["primitives"][0]["extensions"] = {"KHR_materials_variants": {"mappings": mappings}}
    build.use("KHR_materials_variants", "KHR_materials_pbrSpecularGlossiness")
    model = opened(build, tmp_path)
    assert len(model.surfaces) == len(model.textures) == 1
    saved(tmp_path / "model.glb", tmp_path / "out.glb")
    assert shows(tmp_path / "out.glb", other, *BASE[1:]) == NEW


def test_the_diffuse_picture_of_glossy_materials_is_painted(tmp_path: Path) -> None:
    build = sheet()
    glossy = {"diffuseTexture": {"index": 0}, "specularGlossinessTexture": {"index": build.texture(OTHER)}}
    build.root["materials"][0] = {"extensions": {"KHR_materials_pbrSpecularGlossiness": glossy}}
    build.use("KHR_materials_pbrSpecularGlossiness")
    build.write(tmp_path / "model.glb")
    saved(tmp_path / "model.glb", tmp_path / "out.glb")
    place = (0, "extensions", "KHR_materials_pbrSpecularGlossiness")
    assert shows(tmp_path / "out.glb", *place, "diffuseTexture") == NEW
    assert shows(tmp_path / "out.glb", *place, "specularGlossinessTexture") == OTHER


def test_what_glows_is_painted_on_request_only(tmp_path: Path) -> None:
    build = sheet()
    build.root["materials"][0]["emissiveTexture"] = {"index": build.texture(OTHER)}
    path = build.write(tmp_path / "model.glb")
    assert [one.role for one in open_gltf(path).textures] == ["color"]
    assert [(one.data, one.role) for one in open_gltf(path, emissive=True).textures] == [
        (OLD, "color"),
        (OTHER, "emissive"),
    ]
    saved(path, tmp_path / "plain.glb")
    assert shows(tmp_path / "plain.glb", 0, "emissiveTexture") == OTHER
    saved(path, tmp_path / "glowing.glb", NEW, picture(5), emissive=True)
    assert shows(tmp_path / "glowing.glb", 0, "emissiveTexture") == picture(5)


def test_notes_name_what_stays_in_the_words_of_its_number(tmp_path: Path) -> None:
    build = sheet()
    build.add("materials", name="glass")
    build.mesh(build.rectangle(1))
    (note,) = opened(build, tmp_path).notes
    assert "glass" in note
    assert "1 material has" in note
    assert "is not painted" in note
    build.mesh(build.rectangle(build.add("materials")))
    (note,) = opened(build, tmp_path).notes
    assert "2 materials have" in note
    assert "are not painted" in note


def test_a_part_without_coordinates_stays_and_is_noted(tmp_path: Path) -> None:
    build = sheet()
    build.root["meshes"][0]["primitives"].append({"attributes": {"POSITION": 0}, "material": 0})
    model = opened(build, tmp_path)
    assert len(model.surfaces) == 1
    assert any("coordinates" in note for note in model.notes)


def test_draco_geometry_is_unpacked(tmp_path: Path) -> None:
    draco = pytest.importorskip("DracoPy")
    build = sheet()
    primitive = build.root["meshes"][0]["primitives"][0]
    data = draco.encode(POINTS, CORNERS.reshape(-1, 3), quantization_bits=14, tex_coord=PLACES.astype(np.float64))
    mesh = draco.decode(data)
    ids = {one["attribute_type"]: one["unique_id"] for one in mesh.attributes}
    view = build.view(data)
    for index in [*primitive["attributes"].values(), primitive["indices"]]:
        del build.root["accessors"][index]["bufferView"]
    attributes = {"POSITION": ids[0], "TEXCOORD_0": ids[3]}
    primitive["extensions"] = {"KHR_draco_mesh_compression": {"bufferView": view, "attributes": attributes}}
    build.use("KHR_draco_mesh_compression")
    found = surface(build, tmp_path)
    np.testing.assert_allclose(_ordered(found), _ordered(Surface(STANDING, SHOWN, 0)), atol=1e-3)
    saved(tmp_path / "model.glb", tmp_path / "out.glb")
    assert shows(tmp_path / "out.glb", *BASE) == NEW
    assert data in (tmp_path / "out.glb").read_bytes()


@pytest.mark.parametrize("fallback", [False, True])
def test_geometry_that_meshoptimizer_has_packed_is_unpacked(tmp_path: Path, fallback: bool) -> None:
    """What it stands for may be there, too, in a buffer for programs that do not unpack it, or not."""
    meshoptimizer = pytest.importorskip("meshoptimizer")
    build = sheet()
    build.use("EXT_meshopt_compression")
    number = build.root["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
    data = bytes(meshoptimizer.encode_vertex_buffer(POINTS, 4, 12))
    plain = build.root["bufferViews"][build.root["accessors"][number]["bufferView"]]
    start = build.root["bufferViews"][build.view(data)]["byteOffset"]
    build.root["bufferViews"].pop()
    build.write(tmp_path / "model.glb")
    packed_part = {"buffer": 0, "byteOffset": start, "byteLength": len(data)}
    more = {"byteStride": 12, "count": 4, "mode": "ATTRIBUTES"}
    plain |= {"extensions": {"EXT_meshopt_compression": packed_part | more}}
    if not fallback:
        length = plain["byteOffset"] + plain["byteLength"]
        build.root["buffers"].append(
            {"byteLength": length, "extensions": {"EXT_meshopt_compression": {"fallback": True}}}
        )
        plain["buffer"] = 1
        build.root["extensionsRequired"] = ["EXT_meshopt_compression"]
    path = tmp_path / "model.glb"
    path.write_bytes(packed(build.text(), bytes(build.data)))
    for data in (picture(4), picture(5, 90, 70)):
        (found,) = open_gltf(path).surfaces
        np.testing.assert_array_equal(found.positions, STANDING)
        saved(path, tmp_path / "out.glb", data, overwrite=True)
        (found,) = open_gltf(tmp_path / "out.glb").surfaces
        np.testing.assert_array_equal(found.positions, STANDING)
        assert open_gltf(tmp_path / "out.glb").textures[0].data == data


def test_packed_geometry_with_flipped_bytes_never_ends_in_another_error(tmp_path: Path) -> None:
    draco = pytest.importorskip("DracoPy")
    rng, data = random.Random(2), draco.encode(POINTS, CORNERS.reshape(-1, 3), tex_coord=PLACES.astype(np.float64))
    for _ in range(60):
        broken = bytearray(data)
        for _ in range(rng.choice((1, 3))):
            broken[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        build = sheet()
        extension = {"bufferView": build.view(bytes(broken)), "attributes": {"POSITION": 0, "TEXCOORD_0": 1}}
        build.root["meshes"][0]["primitives"][0]["extensions"] = {"KHR_draco_mesh_compression": extension}
        _survives(build.write(tmp_path / "model.glb"), tmp_path)


def test_without_what_unpacks_draco_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    build = sheet()
    build.root["meshes"][0]["primitives"][0]["extensions"] = {
        "KHR_draco_mesh_compression": {"bufferView": build.view(b"DRACO"), "attributes": {"POSITION": 0}}
    }
    monkeypatch.setitem(sys.modules, "DracoPy", None)
    with refused(MissingExtra, "missing-extra", "textures"):
        opened(build, tmp_path)


@pytest.mark.parametrize("name", ["rectangle", "cube"])
def test_other_readers_find_the_same_triangles(tmp_path: Path, name: str) -> None:
    trimesh = pytest.importorskip("trimesh")
    path = write_cube(tmp_path / "model.glb") if name == "cube" else sheet().write(tmp_path / "model.glb")
    theirs = trimesh.load_scene(path).dump() if hasattr(trimesh, "load_scene") else trimesh.load(path).dump()
    rows = []
    for mesh in theirs:
        flipped = np.asarray(mesh.visual.uv) * [1, -1] + [0, 1]
        rows.append(np.concatenate([mesh.vertices, flipped], axis=1)[mesh.faces].reshape(-1, 15))
    expected = np.concatenate(rows)
    ours = np.concatenate([_rows(one) for one in open_gltf(path).surfaces])
    np.testing.assert_allclose(ours[np.lexsort(ours.T)], expected[np.lexsort(expected.T)], atol=1e-6)


# What is written


def _view_image(build: Build, folder: Path) -> None:
    build.texture(OLD)


def _data_image(build: Build, folder: Path) -> None:
    uri = "data:image/png;base64," + base64.b64encode(OLD).decode()
    build.add("textures", source=build.add("images", uri=uri))


def _outer_image(build: Build, folder: Path) -> None:
    (folder / "my wall ü%.png").write_bytes(OLD)
    build.add("textures", source=build.add("images", uri="my%20wall%20%C3%BC%25.png"))


@pytest.mark.parametrize("ending", [".glb", ".gltf", "embedded"])
@pytest.mark.parametrize("store", [_view_image, _data_image, _outer_image])
def test_a_picture_is_replaced_wherever_it_is_stored(tmp_path: Path, store: Callable, ending: str) -> None:
    build = Build()
    store(build, tmp_path)
    build.mesh(build.rectangle(build.material(0)))
    suffix = ".gltf" if ending == "embedded" else ending
    path = build.write(tmp_path / f"model{suffix}", embedded=ending == "embedded")
    before = {one: one.read_bytes() for one in tmp_path.iterdir()}
    target = tmp_path / f"out{suffix}"
    assert open_gltf(path).textures[0].data == OLD
    for data in (NEW, OTHER, b"\x89PNG\r\n\x1a\nshort"):
        files = saved(path, target, data, overwrite=True)
        assert files[0] == target
        assert open_gltf(target).textures[0].data == data
        after, old = _Read(target), _Read(path)
        assert after.others() == old.others()
        assert {one: one.read_bytes() for one in before} == before
        assert set(tmp_path.iterdir()) == {*before, *files}


@pytest.mark.parametrize("ending", [".glb", ".gltf"])
def test_the_text_stays_but_for_what_changes(tmp_path: Path, ending: str) -> None:
    """Numbers, spaces, order, keys that nobody knows."""
    build = sheet()
    build.root["nodes"][0]["translation"] = [1e-07, 2.5, -0.0]
    build.root["extras"] = {"unknown": [{"z": 1, "a": "é \u2028"}]}
    path = build.write(tmp_path / "model.gltf")
    text = path.read_text().replace('"name": "wall"', '"name"  :\t"wall"').replace("1e-07", "1.000E-7")
    path.write_text(text)
    if ending == ".glb":
        root = json.loads(text)
        text = text.replace('"uri": "model.bin"', '"extras": {}')
        path = tmp_path / "model.glb"
        path.write_bytes(packed(text, bytes(build.data)))
        assert root["buffers"][0]["uri"] == "model.bin"
    target = tmp_path / f"out{ending}"
    saved(path, target)
    changed = _Read(target).text.rstrip()
    view = build.root["images"][0]["bufferView"]
    offsets = [one["byteOffset"] for one in json.loads(changed)["bufferViews"]]
    assert json.loads(changed)["bufferViews"][view]["byteLength"] == len(NEW)
    old_lines, new_lines = text.rstrip().split("\n"), changed.split("\n")
    differing = [(one, other) for one, other in zip(old_lines, new_lines, strict=True) if one != other]
    assert differing
    for one, other in differing:
        keys = {line.partition(":")[0].strip() for line in (one, other)}
        assert len(keys) == 1
        assert keys <= {'"byteOffset"', '"byteLength"', '"uri"'}
    assert all(offset % 4 == 0 for offset in offsets)


def test_the_same_pictures_give_the_same_file(tmp_path: Path) -> None:
    path = write_cube(tmp_path / "model.glb")
    saved(path, tmp_path / "out.glb", open_gltf(path).textures[0].data)
    assert (tmp_path / "out.glb").read_bytes() == path.read_bytes()


def test_views_behind_a_picture_move_and_keep_what_they_hold(tmp_path: Path) -> None:
    build = sheet(picture(3, 7, 5))  # its view comes first
    assert build.root["images"][0]["bufferView"] == 0
    path = build.write(tmp_path / "model.glb")
    for data in (picture(4, 60, 50), b"\x89PNG\r\n\x1a\n" + bytes(1)):
        saved(path, tmp_path / "out.glb", data, overwrite=True)
        assert _Read(tmp_path / "out.glb").others() == _Read(path).others()
        np.testing.assert_array_equal(open_gltf(tmp_path / "out.glb").surfaces[0].positions, STANDING)


def test_the_views_of_other_extensions_move_too(tmp_path: Path) -> None:
    """A view that meshoptimizer has compressed says twice where its bytes lie."""
    build = sheet()
    plain = build.view(bytes(range(48)))
    packed_part = {"buffer": 0, "byteOffset": build.root["bufferViews"][plain]["byteOffset"], "byteLength": 48}
    more = {"byteStride": 4, "count": 12, "mode": "ATTRIBUTES"}
    build.root["bufferViews"][plain]["extensions"] = {"EXT_meshopt_compression": packed_part | more}
    build.use("EXT_meshopt_compression")
    path = build.write(tmp_path / "model.glb")
    saved(path, tmp_path / "out.glb", OTHER)
    read = _Read(tmp_path / "out.glb")
    moved = read.root["bufferViews"][plain]["extensions"]["EXT_meshopt_compression"]["byteOffset"]
    assert read.buffers[0][moved : moved + 48] == bytes(range(48))
    assert moved != packed_part["byteOffset"]


def test_two_pictures_are_replaced_each_by_its_own(tmp_path: Path) -> None:
    build = sheet()
    build.mesh(build.rectangle(build.material(build.texture(OTHER), "second")))
    path = build.write(tmp_path / "model.glb")
    assert len(open_gltf(path).textures) == 2
    saved(path, tmp_path / "out.glb", picture(8), picture(9))
    assert shows(tmp_path / "out.glb", *BASE) == picture(8)
    assert shows(tmp_path / "out.glb", 1, *BASE[1:]) == picture(9)


@pytest.mark.parametrize("store", [_view_image, _data_image, _outer_image])
def test_a_picture_that_something_else_shows_is_copied(tmp_path: Path, store: Callable) -> None:
    build = Build()
    store(build, tmp_path)
    build.mesh(build.rectangle(build.material(0)))
    build.root["materials"][0]["occlusionTexture"] = {"index": 0}
    build.root["materials"][0]["normalTexture"] = {"index": build.texture(OTHER)}
    path = build.write(tmp_path / "model.glb")
    saved(path, tmp_path / "out.glb")
    assert shows(tmp_path / "out.glb", *BASE) == NEW
    assert shows(tmp_path / "out.glb", 0, "occlusionTexture") == OLD
    assert shows(tmp_path / "out.glb", 0, "normalTexture") == OTHER
    assert _Read(tmp_path / "out.glb").others()[: len(_Read(path).others())] == _Read(path).others()


def test_other_textures_of_a_material_keep_their_bytes(tmp_path: Path) -> None:
    build = sheet()
    material = build.root["materials"][0]
    names = ("metallicRoughnessTexture", "normalTexture", "occlusionTexture", "emissiveTexture")
    for number, name in enumerate(names):
        where = material["pbrMetallicRoughness"] if number == 0 else material
        where[name] = {"index": build.texture(picture(20 + number))}
    material["extensions"] = {"KHR_materials_clearcoat": {"clearcoatTexture": {"index": build.texture(picture(30))}}}
    build.use("KHR_materials_clearcoat")
    path = build.write(tmp_path / "model.glb")
    saved(path, tmp_path / "out.glb", OTHER)
    out = tmp_path / "out.glb"
    assert shows(out, *BASE) == OTHER
    assert shows(out, 0, "pbrMetallicRoughness", names[0]) == picture(20)
    assert [shows(out, 0, name) for name in names[1:]] == [picture(21), picture(22), picture(23)]
    assert shows(out, 0, "extensions", "KHR_materials_clearcoat", "clearcoatTexture") == picture(30)


def test_images_with_the_same_bytes_are_one_picture(tmp_path: Path) -> None:
    build = sheet()
    twin = build.add("images", bufferView=build.root["images"][0]["bufferView"], mimeType="image/png")
    build.mesh(build.rectangle(build.material(build.add("textures", source=twin), "twin")))
    path = build.write(tmp_path / "model.glb")
    model = open_gltf(path)
    assert len(model.textures) == 1
    assert [one.texture for one in model.surfaces] == [0, 0]
    saved(path, tmp_path / "out.glb")
    assert shows(tmp_path / "out.glb", *BASE) == shows(tmp_path / "out.glb", 1, *BASE[1:]) == NEW
    assert OLD not in (tmp_path / "out.glb").read_bytes()


@pytest.mark.parametrize("shared", [False, True])
def test_webp_is_painted_and_its_fallback_with_it(tmp_path: Path, shared: bool) -> None:
    webp, fallback = picture(0, file_format="WEBP"), picture(0, file_format="JPEG")
    build = Build()
    build.image(fallback)
    build.add("textures", source=0, extensions={"EXT_texture_webp": {"source": build.image(webp)}})
    build.mesh(build.rectangle(build.material(0)))
    build.use("EXT_texture_webp")
    if shared:
        build.root["materials"][0]["occlusionTexture"] = {"index": build.add("textures", source=0)}
    path = build.write(tmp_path / "model.glb")
    (texture,) = open_gltf(path).textures
    assert (texture.data, texture.suffix) == (webp, ".webp")
    new = picture(1, file_format="WEBP")
    saved(path, tmp_path / "out.glb", new)
    assert open_gltf(tmp_path / "out.glb").textures[0].data == new
    seen = shows(tmp_path / "out.glb", *BASE)
    assert seen[:2] == b"\xff\xd8"
    assert np.abs(pixels(seen).astype(int) - pixels(new)).mean() < 6
    if shared:
        assert shows(tmp_path / "out.glb", 0, "occlusionTexture") == fallback


@pytest.mark.parametrize("extension", ["KHR_texture_basisu", "MSFT_texture_dds"])
def test_formats_of_graphics_cards_are_refused_with_a_way_on(tmp_path: Path, extension: str) -> None:
    build = sheet()
    build.root["textures"][0] = {"source": 0, "extensions": {extension: {"source": 0}}}
    build.use(extension)
    with refused(PictureError, "unknown-format", "model.glb") as caught:
        opened(build, tmp_path)
    assert caught.value.hint


@pytest.mark.parametrize("store", [_data_image, _outer_image])
def test_a_picture_in_a_format_that_gltf_does_not_have_becomes_a_png(tmp_path: Path, store: Callable) -> None:
    """Programs write such files, and others read them."""
    build = Build()
    store(build, tmp_path)
    bitmap = picture(0, file_format="BMP")
    if store is _outer_image:
        (tmp_path / "wall.bmp").write_bytes(bitmap)
        build.root["images"][0]["uri"] = "wall.bmp"
    else:
        build.root["images"][0]["uri"] = "data:image/bmp;base64," + base64.b64encode(bitmap).decode()
    build.root["images"][0]["mimeType"] = "image/bmp"
    build.mesh(build.rectangle(build.material(0)))
    path = build.write(tmp_path / "model.gltf")
    assert open_gltf(path).textures[0].suffix == ".png"
    saved(path, tmp_path / "out.gltf")
    image = _Read(tmp_path / "out.gltf").root["images"][0]
    assert image["mimeType"] == "image/png"
    assert image["uri"].startswith("data:image/png;base64,") or image["uri"] == "wall-udnie.png"
    assert shows(tmp_path / "out.gltf", *BASE) == NEW


# Files beside


def _outside(tmp_path: Path) -> Path:
    """A model with its buffer and three pictures, one of which is painted and one lies above it."""
    folder = tmp_path / "in" / "model"
    (folder / "maps").mkdir(parents=True)
    build = Build()
    for name, data in (("maps/color.png", OLD), ("maps/normal map.png", OTHER), ("../above.png", picture(7))):
        (folder / name).write_bytes(data)
        build.add("textures", source=build.add("images", uri=name.replace(" ", "%20")))
    build.mesh(build.rectangle(build.material(0)))
    build.root["materials"][0] |= {"normalTexture": {"index": 1}, "occlusionTexture": {"index": 2}}
    return build.write(folder / "model.gltf")


def test_a_model_in_another_folder_takes_its_files_along(tmp_path: Path) -> None:
    path = _outside(tmp_path)
    before = {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}
    target = tmp_path / "out" / "deep" / "painted.gltf"
    files = saved(path, target)
    assert all(one.resolve().is_relative_to(target.parent) for one in files)
    assert {one for one in tmp_path.rglob("*") if one.is_file()} == {*before, *files}
    assert {one: one.read_bytes() for one in before} == before
    shutil.rmtree(tmp_path / "in")
    assert shows(target, *BASE) == NEW
    assert shows(target, 0, "normalTexture") == OTHER
    assert shows(target, 0, "occlusionTexture") == picture(7)
    np.testing.assert_array_equal(open_gltf(target).surfaces[0].positions, STANDING)


def test_files_of_one_name_from_several_folders_do_not_replace_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "model"
    folder.mkdir(parents=True)
    build = Build()
    names = ("wall.png", "../wall.png", "../other/wall.png", "out.gltf", "wall-udnie.png")
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(picture(number))
        build.add("textures", source=build.add("images", uri=name))
    build.mesh(build.rectangle(build.material(0)))
    others = ("normalTexture", "occlusionTexture", "emissiveTexture")
    build.root["materials"][0] |= {name: {"index": number + 1} for number, name in enumerate(others)}
    build.root["materials"][0]["pbrMetallicRoughness"]["metallicRoughnessTexture"] = {"index": 4}
    path = build.write(folder / "model.gltf")
    for target in (tmp_path / "out" / "out.gltf", folder / "painted.gltf"):
        saved(path, target)
        assert shows(target, *BASE) == NEW
        assert [shows(target, 0, name) for name in others] == [picture(1), picture(2), picture(3)]
        assert shows(target, 0, "pbrMetallicRoughness", "metallicRoughnessTexture") == picture(4)


def test_files_that_are_there_already_and_the_same_do_not_stand_in_the_way(tmp_path: Path) -> None:
    path = _outside(tmp_path)
    saved(path, tmp_path / "out" / "one.gltf")
    (tmp_path / "out" / "color-udnie.png").unlink()
    saved(path, tmp_path / "out" / "two.gltf")
    assert shows(tmp_path / "out" / "two.gltf", 0, "normalTexture") == OTHER


@pytest.mark.parametrize("ending", [".glb", ".gltf"])
def test_the_model_itself_is_not_written_over(tmp_path: Path, ending: str) -> None:
    path = sheet().write(tmp_path / f"model{ending}")
    (tmp_path / f"link{ending}").symlink_to(path)
    os.link(path, tmp_path / f"hard{ending}")
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    for target in (path, tmp_path / f"link{ending}", tmp_path / f"hard{ending}", tmp_path / "." / path.name):
        with refused(UsageError, "same-file"):
            saved(path, target, overwrite=True)
    model = open_gltf(path)
    with refused(UsageError, "same-file"):
        model.save(path, {0: NEW}, "udnie", overwrite=True)
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == before


def test_a_picture_of_the_model_is_not_written_over(tmp_path: Path) -> None:
    path = _outside(tmp_path)
    (path.parent / "color-udnie.png").symlink_to(path.parent / "maps" / "color.png")
    with refused(UsageError, "same-file"):
        saved(path, path.parent / "out.gltf", overwrite=True)
    assert (path.parent / "maps" / "color.png").read_bytes() == OLD
    assert not (path.parent / "out.gltf").exists()


def test_the_target_has_the_models_ending(tmp_path: Path) -> None:
    path = sheet().write(tmp_path / "model.glb")
    for name in ("out.gltf", "out.obj", "out", "out.png"):
        with refused(UsageError, "unknown-format", name):
            open_gltf(path).files(tmp_path / name, "udnie")
        with refused(UsageError, "unknown-format", name):
            open_gltf(path).save(tmp_path / name, {0: NEW}, "udnie", overwrite=True)
    saved(path, tmp_path / "out.GLB")


def test_what_is_there_stays_unless_asked(tmp_path: Path) -> None:
    path = _outside(tmp_path)
    target = tmp_path / "out" / "painted.gltf"
    files = saved(path, target)
    for present in files:
        for one in files:
            one.unlink(missing_ok=True)
        present.write_bytes(b"the user's")
        with refused(PictureError, "already-there"):
            saved(path, target)
        assert [one for one in tmp_path.joinpath("out").rglob("*") if one.is_file()] == [present]
        assert present.read_bytes() == b"the user's"
    saved(path, target, overwrite=True)
    assert shows(target, *BASE) == NEW


def test_nothing_of_a_model_stays_when_a_file_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from impasto.textures import writing

    path = _outside(tmp_path)
    model, real, count = open_gltf(path), writing.write_atomically, 0

    def failing(*args: Any, **how: Any) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise PictureError("the disk is full", code="disk-full")
        real(*args, **how)

    monkeypatch.setattr(writing, "write_atomically", failing)
    with refused(PictureError, "disk-full"):
        model.save(tmp_path / "out" / "painted.gltf", {0: NEW}, "udnie", overwrite=False)
    assert [one for one in (tmp_path / "out").rglob("*") if one.is_file()] == []


@pytest.mark.parametrize("missing", ["model.bin", "maps/color.png"])
def test_missing_files_are_named(tmp_path: Path, missing: str) -> None:
    path = _outside(tmp_path)
    (path.parent / missing).unlink()
    with refused(PictureError, "no-such-file", missing):
        open_gltf(path)


def test_a_missing_model_and_a_folder(tmp_path: Path) -> None:
    with refused(PictureError, "no-such-file", "none.glb"):
        open_gltf(tmp_path / "none.glb")
    with refused(PictureError, "not-a-file"):
        open_gltf(tmp_path)


@pytest.mark.parametrize(
    "uri", ["https://example.com/wall.png", "file:///etc/passwd", "", ".", "x" * 5000, "a\0b", "//x/y"]
)
def test_names_that_no_file_beside_can_have(tmp_path: Path, uri: str) -> None:
    build = sheet()
    build.root["images"][0] = {"uri": uri}
    with pytest.raises(PictureError) as caught:
        opened(build, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_long_name_of_a_picture_is_shortened_for_the_painted_one(tmp_path: Path) -> None:
    build = Build()
    name = "w" * 251 + ".png"
    (tmp_path / name).write_bytes(OLD)
    build.add("textures", source=build.add("images", uri=name))
    build.mesh(build.rectangle(build.material(0)))
    path = build.write(tmp_path / "model.gltf")
    saved(path, tmp_path / "out.gltf")
    assert shows(tmp_path / "out.gltf", *BASE) == NEW


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = sheet().write(tmp_path / "model.gltf")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    saved(path, tmp_path / "out.gltf")
    assert open_gltf(tmp_path / "out.gltf").textures[0].data == NEW


# What other programs say


def test_another_reader_finds_the_new_picture_on_the_same_triangles(tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh")
    load = getattr(trimesh, "load_scene", trimesh.load)
    path = write_cube(tmp_path / "model.glb")
    saved(path, tmp_path / "out.glb", OTHER)
    before, after = load(path), load(tmp_path / "out.glb")
    assert before.geometry.keys() == after.geometry.keys()
    for name, mesh in after.geometry.items():
        np.testing.assert_array_equal(mesh.vertices, before.geometry[name].vertices)
        np.testing.assert_array_equal(mesh.visual.uv, before.geometry[name].visual.uv)
        np.testing.assert_array_equal(np.asarray(mesh.visual.material.baseColorTexture.convert("RGB")), pixels(OTHER))


def _kinds(folder: Path) -> Iterator[Path]:
    """A model of each kind that is written in its own way."""
    write_cube(folder / "cube.glb")
    yield folder / "cube.glb"
    write_cube(folder / "cube.gltf")
    yield folder / "cube.gltf"
    yield sheet().write(folder / "embedded.gltf", embedded=True)
    for name, store in {"data": _data_image, "outer": _outer_image}.items():
        build = Build()
        store(build, folder)
        build.mesh(build.rectangle(build.material(0)))
        yield build.write(folder / f"{name}.glb")
        yield build.write(folder / f"{name}.gltf")
    build = sheet()
    build.root["materials"][0]["occlusionTexture"] = {"index": 0}
    yield build.write(folder / "shared.glb")
    yield build.write(folder / "shared.gltf")
    build = Build()
    build.image(picture(0, file_format="JPEG"))
    build.add(
        "textures", source=0, extensions={"EXT_texture_webp": {"source": build.image(picture(0, file_format="WEBP"))}}
    )
    build.mesh(build.rectangle(build.material(0)))
    build.use("EXT_texture_webp")
    yield build.write(folder / "webp.glb")


def test_khronos_validator_says_no_more_than_before(tmp_path: Path) -> None:
    if shutil.which("node") is None or not (ROOT / "node_modules" / "gltf-validator").is_dir():
        pytest.skip("Khronos' validator is not installed")
    source = tmp_path / "in"
    source.mkdir()
    pairs = []
    for path in _kinds(source):
        target = tmp_path / "out" / f"{path.stem}{path.suffix}"
        file_format = {".png": "PNG", ".webp": "WEBP"}
        painted = [picture(3, file_format=file_format[one.suffix]) for one in open_gltf(path).textures]
        saved(path, target, *painted, overwrite=True)
        pairs.append((path, target))
    script = Path(__file__).with_name("validate.mjs")
    names = [str(path) for pair in pairs for path in pair]
    ran = subprocess.run(["node", script, *names], capture_output=True, text=True, check=True, cwd=ROOT)
    said = [json.loads(line) for line in ran.stdout.splitlines()]
    for (path, _), before, after in zip(pairs, said[::2], said[1::2], strict=True):
        counts = [[one[:2] for one in messages] for messages in (before, after)]
        assert sorted(counts[1]) == sorted(counts[0]), path.name
        assert not [one for one in before if one[1] == 0], path.name  # the test's own models have no errors


# Broken files


def _survives(path: Path, folder: Path) -> bool:
    """Whether a file is read and written; if not, one line says why. No other error comes, and no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            model = open_gltf(path, emissive=True)
            for one in model.surfaces:
                assert np.isfinite(one.positions).all()
                assert np.isfinite(one.coordinates).all()
                assert len(one.positions) <= 10_000
                assert all(values.shape == one.positions.shape[:2] for values in one.groups.values())
                assert 0 <= one.texture < len(model.textures)
            painted = {number: one.data for number, one in enumerate(model.textures)}
            target = folder / f"out{path.suffix}"
            model.save(target, painted, "udnie", overwrite=True)
        except ImpastoError as error:
            assert "\n" not in str(error)
            assert len(str(error)) < 600 + 2 * len(str(path))
            return False
        return True


def _rich(folder: Path) -> Build:
    """A model with a bit of everything."""
    build = sheet(extensions={"KHR_texture_transform": {"offset": [0.5, 0], "rotation": 0.1, "scale": [1, 2]}})
    primitive = build.root["meshes"][0]["primitives"][0]
    primitive["attributes"]["JOINTS_0"] = build.accessor(np.zeros((4, 4), np.uint8))
    primitive["attributes"]["WEIGHTS_0"] = build.accessor(np.ones((4, 4), np.float32) / 4)
    primitive["attributes"]["_ID"] = build.accessor(np.ones((4, 1), np.float32))
    places = (PLACES * 255).astype(np.uint8)
    primitive["attributes"]["TEXCOORD_1"] = build.accessor(places, stride=4, normalized=True)
    build.root["textures"][0]["sampler"] = build.add("samplers", wrapS=33071, wrapT=33648)
    bone = build.node(name="bone", rotation=[0, 0, 0, 1], scale=[1, 1, 1], children=[])
    build.root["nodes"][0]["skin"] = build.add("skins", joints=[bone])
    build.node(mesh=0, matrix=_moved(1, 2, 3))
    rows, values = np.array([1], np.uint8), np.array([[9, 0, 0]], np.float32)
    build.root["accessors"][primitive["attributes"]["POSITION"]]["sparse"] = {
        "count": 1,
        "indices": {"bufferView": build.view(rows.tobytes()), "componentType": 5121, "byteOffset": 0},
        "values": {"bufferView": build.view(values.tobytes()), "byteOffset": 0},
    }
    other = build.material(build.texture(OTHER, name="other"), "other", texCoord=1)
    variants = {"mappings": [{"material": other, "variants": [0]}]}
    primitive["extensions"] = {"KHR_materials_variants": variants}
    build.root["extensions"] = {"KHR_materials_variants": {"variants": [{"name": "x"}]}}
    webp = build.add(
        "textures", source=1, extensions={"EXT_texture_webp": {"source": build.image(picture(3, file_format="WEBP"))}}
    )
    material = build.root["materials"][0]
    material["emissiveTexture"] = {"index": webp}
    material["occlusionTexture"] = {"index": 0}
    (folder / "side.png").write_bytes(OLD)
    outer = build.add("images", uri="side.png")
    material["extensions"] = {
        "KHR_materials_pbrSpecularGlossiness": {"diffuseTexture": {"index": build.add("textures", source=outer)}}
    }
    return build


def test_the_rich_model_itself_is_whole(tmp_path: Path) -> None:
    assert _survives(_rich(tmp_path).write(tmp_path / "model.glb"), tmp_path)
    assert _survives(_rich(tmp_path).write(tmp_path / "model.gltf"), tmp_path)


def test_files_cut_short_are_refused(tmp_path: Path) -> None:
    data = _rich(tmp_path).glb()
    lengths = {0, 1, 3, 4, 8, 11, 12, 16, 19, 20, 21, len(data) - 1, *range(0, len(data), len(data) // 60)}
    for length in sorted(lengths):
        (tmp_path / "cut.glb").write_bytes(data[:length])
        assert not _survives(tmp_path / "cut.glb", tmp_path), length
        honest = data[:8] + struct.pack("<I", length) + data[12:length]  # cut, and says so
        if length >= 12:
            (tmp_path / "cut.glb").write_bytes(honest)
            assert not _survives(tmp_path / "cut.glb", tmp_path), length


def test_flipped_bytes_never_end_in_another_error(tmp_path: Path) -> None:
    rng = random.Random(1)
    data = _rich(tmp_path).glb()
    end = 20 + struct.unpack_from("<I", data, 12)[0]
    for case in range(300):
        broken = bytearray(data)
        for _ in range(rng.choice((1, 2, 8))):
            broken[rng.randrange(end if case % 2 else len(data))] ^= 1 << rng.randrange(8)
        (tmp_path / "flipped.glb").write_bytes(broken)
        _survives(tmp_path / "flipped.glb", tmp_path)


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in members for place in [(*path, key), *_places(inner, (*path, key))]]


WRONG = [None, -1, 0, 3.5, "x", [], {}, True, 1e99, 2**31, 10**30, [[]], [None], {"index": 99}]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_wrong_values_anywhere_never_end_in_another_error(tmp_path: Path, wrong: object) -> None:
    build = _rich(tmp_path)
    data = build.glb()
    root, binary = json.loads(unpacked(build.write(tmp_path / "model.glb"))[0]), bytes(build.data)
    refusals = 0
    for place in _places(root):
        broken = copy.deepcopy(root)
        within: Any = broken
        for step in place[:-1]:
            within = within[step]
        within[place[-1]] = wrong
        (tmp_path / "broken.glb").write_bytes(packed(json.dumps(broken), binary))
        refusals += not _survives(tmp_path / "broken.glb", tmp_path)
    assert refusals > 10
    assert data


def test_missing_keys_never_end_in_another_error(tmp_path: Path) -> None:
    build = _rich(tmp_path)
    build.glb()
    for place in _places(build.root):
        broken = copy.deepcopy(build.root)
        within: Any = broken
        for step in place[:-1]:
            within = within[step]
        del within[place[-1]]
        (tmp_path / "broken.glb").write_bytes(packed(json.dumps(broken), bytes(build.data)))
        _survives(tmp_path / "broken.glb", tmp_path)


def _circle(build: Build) -> None:
    build.root["nodes"] = [{"mesh": 0, "children": [1]}, {"children": [0]}]


def _own_child(build: Build) -> None:
    build.root["nodes"] = [{"mesh": 0, "children": [0]}]


def _long(build: Build) -> None:
    for accessor in build.root["accessors"]:
        accessor["count"] = 2**40


def _long_without_bytes(build: Build) -> None:
    for accessor in build.root["accessors"]:
        accessor["count"] = 2**31
        del accessor["bufferView"]


def _no_number(build: Build) -> None:
    start = build.root["bufferViews"][1]["byteOffset"]
    build.data[start : start + 4] = struct.pack("<f", float("nan"))


def _endless(build: Build) -> None:
    start = build.root["bufferViews"][1]["byteOffset"]
    build.data[start : start + 4] = struct.pack("<f", float("inf"))


def _beyond(build: Build) -> None:
    build.root["meshes"][0]["primitives"][0]["indices"] = build.indices(np.array([0, 1, 4], np.uint8))


def _other_coordinates(build: Build) -> None:
    build.root["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_0"] = build.accessor(PLACES[:3])


def _no_such_material(build: Build) -> None:
    build.root["meshes"][0]["primitives"][0]["material"] = 7


def _far_away(build: Build) -> None:
    build.root["nodes"][0]["scale"] = [1e200, 1e200, 1e200]


def _whole_buffer_missing(build: Build) -> None:
    build.data = bytearray(b"\0\0\0\0")


@pytest.mark.parametrize(
    "harm",
    [
        _circle,
        _own_child,
        _long,
        _long_without_bytes,
        _no_number,
        _endless,
        _beyond,
        _other_coordinates,
        _no_such_material,
        _far_away,
        _whole_buffer_missing,
    ],
)
def test_damage_is_said_in_one_line(tmp_path: Path, harm: Callable[[Build], None]) -> None:
    build = sheet()
    harm(build)
    path = build.write(tmp_path / "model.glb")
    with refused(PictureError, "damaged-file", "model.glb") as caught:
        open_gltf(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '"x"', "{}", '{"asset": {}}', "[" * 100_000, '{"asset": {"version": "2.0"}, "nodes": 3}'],
)
def test_texts_that_are_no_models(tmp_path: Path, text: str) -> None:
    for name, data in (("model.gltf", text.encode()), ("model.glb", packed(text))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(PictureError):
            open_gltf(tmp_path / name)


@pytest.mark.parametrize("version", ["1.0", "3.0"])
def test_other_versions_are_refused(tmp_path: Path, version: str) -> None:
    build = sheet()
    build.root["asset"]["version"] = version
    with refused(PictureError, "unknown-format", version):
        opened(build, tmp_path)
    (tmp_path / "old.glb").write_bytes(packed("{}", version=int(float(version))))
    with refused(PictureError, "unknown-format"):
        open_gltf(tmp_path / "old.glb")


def test_of_keys_that_are_there_twice_the_last_counts_when_reading_and_writing(tmp_path: Path) -> None:
    build = sheet()
    build.glb()
    text = build.text()
    assert text.startswith('{"asset"')
    doubled = '{"images": [], "textures": [{"source": 9}], ' + text[1:]
    (tmp_path / "model.glb").write_bytes(packed(doubled, bytes(build.data)))
    saved(tmp_path / "model.glb", tmp_path / "out.glb")
    assert shows(tmp_path / "out.glb", *BASE) == NEW


def test_other_chunks_of_a_glb_stay(tmp_path: Path) -> None:
    data = sheet().glb()
    data += struct.pack("<I4s", 4, b"XTRA") + b"abcd"
    data = data[:8] + struct.pack("<I", len(data)) + data[12:]
    (tmp_path / "model.glb").write_bytes(data)
    saved(tmp_path / "model.glb", tmp_path / "out.glb", OTHER)
    assert (tmp_path / "out.glb").read_bytes().endswith(struct.pack("<I4s", 4, b"XTRA") + b"abcd")


def _moved(x: float, y: float, z: float) -> list[float]:
    return [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, x, y, z, 1]


def _rows(one: Surface) -> NDArray[np.float64]:
    return np.concatenate([one.positions, one.coordinates], axis=2).reshape(-1, 15)


def _ordered(one: Surface) -> NDArray[np.float64]:
    """The triangles in an order of their own, each from its first corner."""
    found = []
    for row in _rows(one).reshape(-1, 3, 5).round(2):
        first = min(range(3), key=lambda corner: tuple(row[corner]))
        found.append(np.roll(row, -first, axis=0).reshape(-1))
    return np.array(sorted(found, key=tuple))

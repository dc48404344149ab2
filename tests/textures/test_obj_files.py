"""OBJ models as programs and people leave them: names of files from elsewhere, odd lines; and what others read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import obj_models
import pytest
from helpers import refused
from obj_models import CORNERS, FACE, SKIN, SQUARE, picture, write

from impasto.errors import PictureError
from impasto.picture import Picture
from impasto.textures.obj import open_obj


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("corners", [3, 5, 8])
def test_polygons_become_triangles_of_their_area(tmp_path: Path, corners: int) -> None:
    angles = 2 * np.pi * np.arange(corners) / corners
    vertices = "".join(f"v {np.cos(a)} {np.sin(a)} 0\nvt {np.cos(a)} {np.sin(a)}\n" for a in angles)
    face = " ".join(f"{index + 1}/{index + 1}" for index in range(corners))
    (surface,) = open_obj(write(tmp_path, f"mtllib model.mtl\n{vertices}usemtl skin\nf {face}\n")).surfaces
    assert len(surface.positions) == corners - 2
    sides = surface.positions[:, 1:, :2] - surface.positions[:, :1, :2]
    assert 0.5 * np.abs(np.linalg.det(sides)).sum() == pytest.approx(0.5 * corners * np.sin(2 * np.pi / corners))


@pytest.mark.parametrize("form", ["{0}", "{0}//{0}"])
def test_faces_without_coordinates_get_some(tmp_path: Path, form: str) -> None:
    pytest.importorskip("xatlas")
    model = open_obj(write(tmp_path, obj_models.grid(7, form)))
    assert "no texture" in model.notes[0]


def test_coordinates_may_have_one_number(tmp_path: Path) -> None:
    vertices = "".join(f"v {index} {index % 3} 0\n" for index in range(12))
    single = "".join(f"vt 0.{index:02}\n" for index in range(12))
    (surface,) = open_obj(write(tmp_path, f"mtllib model.mtl\n{vertices}{single}usemtl skin\nf 1/1 2/2 3/3\n")).surfaces
    np.testing.assert_array_equal(surface.coordinates[0], [[0, 1], [0.01, 1], [0.02, 1]])


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("./maps/../skin.png", "skin.png"),
        ('"a skin.png"', "a skin.png"),
        ("Maps/Skin.png", "Maps/skin.PNG"),
        ("/home/me/nowhere/Skin.png", "skin.png"),
        ("\u00e4 skin.png", "a\u0308 skin.png"),
        ("skin (1) #2.png", "skin (1) #2.png"),
        ("gone/skin.png", "skin.png"),
    ],
)
def test_pictures_are_found_by_many_names(tmp_path: Path, name: str, file: str) -> None:
    path = write(tmp_path, mtl=f"newmtl skin\nmap_Kd {name}\n", files={file: picture(), "maps/other.png": b""})
    model = open_obj(path)
    assert model.textures[0].data == picture()
    new, *_ = model.save(tmp_path / "new.obj", {0: b"painted"}, "style", overwrite=False)
    assert open_obj(new).textures[0].data == b"painted"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("name", [b"k\xf6rper.png", "k\u00f6rper.png".encode()])
def test_names_in_an_older_encoding_than_the_disks(tmp_path: Path, name: bytes) -> None:
    mtl = b"newmtl h\xe4nde\nmap_Kd k\xf6rper.png\nmap_Bump \xff\xfe.png\n"
    path = write(tmp_path, SQUARE.encode().replace(b"usemtl skin", b"usemtl h\xe4nde"), mtl, {})
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(picture())
    model = open_obj(path)
    assert model.surfaces[0].material == "h\u00e4nde"
    model.save(tmp_path / "new.obj", {0: b"painted"}, "style", overwrite=False)
    assert (tmp_path / "new.mtl").read_bytes().endswith(b"\nmap_Bump \xff\xfe.png\n")
    assert open_obj(tmp_path / "new.obj").textures[0].data == b"painted"


def test_a_library_by_another_computers_name(tmp_path: Path) -> None:
    model = open_obj(write(tmp_path, SQUARE.replace("model.mtl", "D:\\work\\Model.MTL")))
    model.save(tmp_path / "out" / "new.obj", {0: b"a"}, "x", overwrite=False)
    assert (tmp_path / "out" / "new.obj").read_text() == SQUARE.replace("model.mtl", "new.mtl")


def test_libraries_that_are_missing_are_named_whole(tmp_path: Path) -> None:
    with refused(PictureError, "no-such-file", "my skin.mtl"):
        open_obj(write(tmp_path, SQUARE.replace("model.mtl", "my skin.mtl")))
    with refused(PictureError, "no-such-file", "two.mtl"):
        open_obj(write(tmp_path, SQUARE.replace("model.mtl", "model.mtl two.mtl")))


def test_names_from_elsewhere_lead_into_the_new_folder(tmp_path: Path) -> None:
    """What is found without the folders in its line comes along without them."""
    mtl = f"{SKIN}disp C:\\me\\Deep.PNG\nmap_Ks /home/me/deep.png\nmap_Bump maps\\Bump.png\n"
    files = {"skin.png": picture(), "deep.png": b"deep", "maps/Bump.png": b"bump"}
    model = open_obj(write(tmp_path / "in", mtl=mtl, files=files))
    out = tmp_path / "out"
    model.save(out / "new.obj", {0: b"painted"}, "x", overwrite=False)
    assert files_of(out) == {
        "new.obj": SQUARE.replace("model.mtl", "new.mtl").encode(),
        "new.mtl": b"newmtl skin\nmap_Kd skin-x.png\ndisp deep.png\nmap_Ks deep.png\nmap_Bump maps\\Bump.png\n",
        "skin-x.png": b"painted",
        "deep.png": b"deep",
        "maps/Bump.png": b"bump",
    }


def test_a_material_defined_twice_shows_its_last_picture(tmp_path: Path) -> None:
    mtl = "newmtl skin\nmap_Kd old.png\nnewmtl skin\nmap_Kd \nmap_Kd skin.png\n"
    model = open_obj(write(tmp_path, mtl=mtl, files={"skin.png": picture(), "old.png": b"old"}))
    assert [one.name for one in model.textures] == ["skin"]
    assert len(model.surfaces) == 1


def test_models_without_a_texture_get_one(tmp_path: Path) -> None:
    pytest.importorskip("xatlas")
    texts = {
        "library": (SQUARE.replace("mtllib model.mtl\n", ""), SKIN),
        "material": (SQUARE.replace("usemtl skin\n", ""), SKIN),
        "picture": (SQUARE, "newmtl skin\nKd 1 0 0\n"),
        "name of the picture": (SQUARE, "newmtl skin\nmap_Kd \n"),
        "name": (SQUARE, SKIN.replace("newmtl skin", "newmtl Skin2")),
    }
    for name, (obj, mtl) in texts.items():
        model = open_obj(write(tmp_path / name, obj, mtl))
        assert len(model.textures) == 1
        assert "no texture" in model.notes[0]


def test_coordinates_out_of_all_reach_are_none(tmp_path: Path) -> None:
    model = open_obj(
        write(tmp_path / "far", f"mtllib model.mtl\n{CORNERS}vt 1e20 0\nusemtl skin\n{FACE}f 1/1 2/2 3/5\n")
    )
    assert sum(len(one.positions) for one in model.surfaces) == 2
    assert any("skin" in note for note in model.notes)
    mtl = "newmtl skin\nmap_Kd -s 1e308 1e308 skin.png\n"
    pytest.importorskip("xatlas")
    scaled = open_obj(write(tmp_path / "scaled", SQUARE.replace("vt 1 1", "vt 9 9").replace("vt 0 0", "vt 9 0"), mtl))
    assert "no texture" in scaled.notes[0]


def test_another_reader_shows_the_new_picture_where_this_one_does(tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh")
    model = open_obj(write(tmp_path / "in", mtl=f"{SKIN}map_Ka skin.png\n"))
    white = Picture(np.full((16, 16, 3), 255, np.uint8)).encode("PNG")
    written = model.save(tmp_path / "out" / "new.obj", {0: white}, "x", overwrite=False)
    mesh = trimesh.load(written[0], force="mesh", process=False)
    assert np.asarray(mesh.visual.material.image.convert("RGB")).min() == 255
    (surface,) = model.surfaces
    for place, (u, v) in zip(surface.positions.reshape(-1, 3), surface.coordinates.reshape(-1, 2), strict=True):
        (found,) = mesh.visual.uv[(np.asarray(mesh.vertices) == place).all(axis=1)]
        np.testing.assert_allclose(found, [u, 1 - v])

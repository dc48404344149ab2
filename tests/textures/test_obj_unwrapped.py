"""OBJ models without textures get one of their colors."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import file_bytes, refused

from impasto.errors import MissingExtra, UsageError
from impasto.picture import Picture
from impasto.textures.obj import Obj, open_obj

pytest.importorskip("xatlas")

POINTS = b"".join(b"v %d %d %d\n" % (x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)) + b"vn 0 0 1\n"
FACES = b"o box\nusemtl red\nf 1//1 2//1 4//1 3//1\nf -4 -3 -1 \\\n -2\nusemtl blue\nf 1 2 6 5\nf 3 4 8 7 # a side\n"
BOX = b"mtllib model.mtl\n" + POINTS + FACES
COLORS = b"newmtl red\nKd 1 0 0\nnewmtl blue\nKa 1 1 1\nKd 0 0 1\n"


def model_of(folder: Path, obj: bytes = BOX, mtl: bytes = COLORS) -> Obj:
    (folder / "model.mtl").write_bytes(mtl)
    (folder / "skin.png").write_bytes(file_bytes(np.zeros((8, 8, 3), np.uint8)))
    (folder / "model.obj").write_bytes(obj)
    return open_obj(folder / "model.obj")


def words(path: Path, kind: str) -> list[list[str]]:
    return [line.split()[1:] for line in path.read_text().splitlines() if line.split()[:1] == [kind]]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_the_texture_has_the_materials_colors(tmp_path: Path, newline: bytes) -> None:
    model = model_of(tmp_path, *(one.replace(b"\n", newline) for one in (BOX, COLORS)))
    (texture,) = model.textures
    pixels = Picture.open(texture.data).pixels
    expected = {"red": (1, 0, 0), "blue": (0, 0, 1)}
    assert {one.material for one in model.surfaces} == set(expected)
    for surface in model.surfaces:
        assert surface.parts == {"box"}
        middles = (surface.coordinates.mean(axis=1) * pixels.shape[1::-1]).astype(int)
        assert np.allclose(pixels[middles[:, 1], middles[:, 0]], expected[surface.material])


def test_the_written_model_shows_the_painted_picture_at_the_same_places(tmp_path: Path) -> None:
    model = model_of(tmp_path)
    painted = file_bytes(np.full((8, 8, 3), 90, np.uint8))
    target = tmp_path / "out" / "new.obj"
    model.save(target, {0: painted}, "udnie", overwrite=False)
    again = open_obj(target)
    assert [one.data for one in again.textures] == [painted]
    for one, other in zip(again.surfaces, model.surfaces, strict=True):
        assert np.array_equal(one.positions, other.positions)
        assert np.allclose(one.coordinates, other.coordinates, atol=1e-5)
    assert words(target, "v") == words(tmp_path / "model.obj", "v")
    assert [one.split("/")[2] for one in words(target, "f")[0]] == ["1", "1", "1"]
    assert all(one == ["1", "1", "1"] for one in words(target.with_suffix(".mtl"), "Kd"))  # the picture has the color


@pytest.mark.parametrize(
    ("obj", "mtl"),
    [
        (POINTS + b"f 1 2 4 3\nusemtl other\nf 5 6 8 7\n", b""),
        (BOX, COLORS.rstrip()),
        (BOX, b"newmtl red\nmap_Kd -s 2 2 skin.png\nnewmtl blue\nmap_Kd skin.png\n"),
        (b"vt 0 0\n" + BOX + b"vt 1 1\nf 1/1 2/-1 3/2\n", COLORS),
        (BOX, b"newmtl unused\nKd 1 1 1\n"),
    ],
    ids=["no library", "no last line end", "no coordinates", "other coordinates", "no such materials"],
)
def test_models_that_lack_other_things(tmp_path: Path, obj: bytes, mtl: bytes) -> None:
    model = model_of(tmp_path, obj, mtl)
    target = tmp_path / "new.obj"
    model.save(target, {0: file_bytes(np.zeros((8, 8, 3), np.uint8))}, "udnie", overwrite=False)
    again = open_obj(target)
    assert len(again.textures) == 1
    assert [len(one.positions) for one in again.surfaces] == [len(one.positions) for one in model.surfaces]
    for one, other in zip(again.surfaces, model.surfaces, strict=True):
        assert np.allclose(one.coordinates, other.coordinates, atol=1e-5)


def test_a_texture_that_is_not_painted_is_written_all_the_same(tmp_path: Path) -> None:
    model = model_of(tmp_path)
    files = model.save(tmp_path / "new.obj", {}, "udnie", overwrite=False)
    assert {path.suffix for path in files} == {".obj", ".mtl", ".png"}
    assert open_obj(tmp_path / "new.obj").textures[0].data == model.textures[0].data


def test_coordinates_of_other_textures_are_kept(tmp_path: Path) -> None:
    with refused(UsageError, "nothing-given", "model.obj"):
        model_of(tmp_path, BOX + b"vt 0 0\nusemtl red\nf 1/1 2/1 3/1\n", COLORS + b"newmtl red\nbump skin.png\n")


def test_without_xatlas_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xatlas", None)
    with pytest.raises(MissingExtra, match="xatlas"):
        model_of(tmp_path)

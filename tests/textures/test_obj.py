"""OBJ models with their MTL files: what is read of them, and what of them is written."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from helpers import file_bytes, refused
from numpy.typing import NDArray

from impasto.errors import ImpastoError, PictureError, UsageError
from impasto.picture import Picture
from impasto.textures.obj import Obj, open_obj

POINTS = b"v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"
CORNERS = b"vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
QUAD = b"mtllib model.mtl\n" + POINTS + CORNERS
FACE = b"usemtl a\nf 1/1 2/2 3/3 4/4\n"
MTL = b"newmtl a\nmap_Kd one.png\n"
LABEL = "udnie"
PLACES = np.array([[[0, 1], [1, 1], [1, 0]], [[0, 1], [1, 0], [0, 0]]], float)
"""Texture coordinates of the triangles of `FACE`; 0, 0 is the upper left corner."""


def picture(level: int) -> bytes:
    return file_bytes(np.full((8, 8, 3), level, np.uint8))


ONE, TWO = picture(40), picture(200)


def write(folder: Path, obj: bytes = QUAD + FACE, mtl: bytes = MTL, others: Mapping[str, bytes] | None = None) -> Path:
    """model.obj with model.mtl, one.png and two.png; `others` are further files, or replace these."""
    files = {"model.obj": obj, "model.mtl": mtl, "one.png": ONE, "two.png": TWO, **(others or {})}
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder / "model.obj"


def model_of(
    folder: Path,
    obj: bytes = QUAD + FACE,
    mtl: bytes = MTL,
    others: Mapping[str, bytes] | None = None,
    *,
    emissive: bool = False,
) -> Obj:
    return open_obj(write(folder, obj, mtl, others), emissive=emissive)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def saved(model: Obj, target: Path, *, overwrite: bool = False, **painted: bytes) -> dict[str, bytes]:
    """What `save` has written, by name in the target's folder. `painted` has what texture NAME becomes."""
    names = {texture.name: index for index, texture in enumerate(model.textures)}
    given = {names[name]: data for name, data in painted.items()}
    files = model.save(target, given, LABEL, overwrite=overwrite)
    assert files[0] == target
    return {path.relative_to(target.parent).as_posix(): path.read_bytes() for path in files}


def named(mtl: bytes) -> dict[str, str]:
    """{the first word of each line: its last one} of an MTL file."""
    return {words[0]: words[-1] for words in map(str.split, mtl.decode("latin-1").splitlines()) if words}


# What is read


def test_a_square_is_two_triangles_with_the_picture_upright(tmp_path: Path) -> None:
    model = model_of(tmp_path)
    (texture,), (surface,) = model.textures, model.surfaces
    assert (texture.name, texture.data, texture.suffix, texture.role) == ("one", ONE, ".png", "color")
    assert surface.positions.tolist() == [
        [[0, 0, 0], [1, 0, 0], [1, 1, 0]],
        [[0, 0, 0], [1, 1, 0], [0, 1, 0]],
    ]
    assert np.array_equal(surface.coordinates, PLACES)
    assert (surface.texture, surface.wrap, surface.material) == (0, ("repeat", "repeat"), "a")
    assert not model.notes


@pytest.mark.parametrize(
    "face",
    [
        b"f 1/1/1 2/2/1 3/3/1 4/4/1\n",
        b"f -4/-4 -3/-3 -2/-2 -1/-1\n",
        b"f -4/1 2/-3 -2/3 4/-1\n",
        b"f 1/1 2/2 \\\n  3/3 \\\r\n4/4\n",
        b"  f\t1/1  2/2 3/3 4/4 # a square\n",
        b"# f 1/1 2/2 \\\nf 1/1 2/2 3/3 4/4",
        b"f 1/1 2/2 3/3\nf 1/1 3/3 4/4\n",
        b"s 1\nf +1/+1 2/2 3/3 4/4\n",
    ],
    ids=["normals", "negative", "mixed", "continued", "comment", "backslash in a comment", "triangles", "plus"],
)
def test_faces_in_every_notation(tmp_path: Path, face: bytes) -> None:
    (surface,) = model_of(tmp_path, QUAD + b"vn 0 0 1\nusemtl a\n" + face).surfaces
    assert np.array_equal(surface.coordinates, PLACES)


@pytest.mark.parametrize("form", ["{0}/{0}", "{0}/{0}/1", "-{1}/-{1}", "-{1}/{0}/-1"])
def test_many_faces_are_read_as_single_ones_are(tmp_path: Path, form: str) -> None:
    count = 2500
    numbers = np.random.RandomState(0).randint(0, 5000, (count, 4))
    lines = (
        [f"v {one} 0.5 -1e2\n" for one in range(5000)] + [f"vt {one / 8} 0\n" for one in range(5000)] + ["vn 0 0 1\n"]
    )
    lines += ["usemtl a\n"] + [
        f"f {' '.join(form.format(one + 1, 5000 - one) for one in row)}\n" for row in numbers.tolist()
    ]
    at_once = model_of(tmp_path / "many", b"mtllib model.mtl\n" + "".join(lines).encode())
    single = model_of(tmp_path / "few", b"mtllib model.mtl\n" + "#\n".join(lines).replace("\n#", "\n#\n").encode())
    fans = numbers[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)
    for model in (at_once, single):
        (surface,) = model.surfaces
        assert np.array_equal(surface.positions[..., 0], fans)
        assert (surface.positions[..., 1:] == (0.5, -100)).all()
        assert np.array_equal(surface.coordinates[..., 0], fans / 8)


def test_colors_of_vertices_and_depths_of_coordinates_are_skipped(tmp_path: Path) -> None:
    points = POINTS.replace(b" 0\n", b" 0 0.1 0.2 0.3\n")
    (surface,) = model_of(tmp_path, b"mtllib model.mtl\n" + points + CORNERS.replace(b"\n", b" 0\n") + FACE).surfaces
    assert np.array_equal(surface.coordinates, PLACES)
    assert surface.positions[0].tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]


def test_lines_may_end_as_on_windows_and_begin_with_a_mark(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    obj, mtl = (mark + one.replace(b"\n", b"\r\n") for one in (QUAD + FACE, MTL))
    (surface,) = model_of(tmp_path, obj, mtl).surfaces
    assert np.array_equal(surface.coordinates, PLACES)


def test_objects_and_groups_are_parts(tmp_path: Path) -> None:
    faces = b"o Left Wing\ng tip feathers\nusemtl a\nf 1/1 2/2 3/3\ng\nf 1/1 3/3 4/4\no Tail\nf 1/1 2/2 4/4\n"
    surfaces = model_of(tmp_path, QUAD + faces).surfaces
    assert [one.parts for one in surfaces] == [
        frozenset({"Left Wing", "tip", "feathers"}),
        frozenset({"Left Wing"}),
        frozenset({"Tail"}),
    ]
    assert all((one.groups[name] == 1).all() for one in surfaces for name in one.parts)


def test_what_has_no_texture_or_no_coordinates_is_left_out_and_noted(tmp_path: Path) -> None:
    faces = FACE + b"f 1 2 3\nf 1//1 2//1 3//1\nusemtl Glass\nf 1/1 2/2 3/3\nusemtl Nowhere\nf 1/1 2/2 3/3\n"
    model = model_of(tmp_path, QUAD + b"vn 0 0 1\n" + faces, MTL + b"newmtl Glass\nKd 1 0 0\n")
    assert [len(one.positions) for one in model.surfaces] == [2]
    assert any("coordinates" in note and "a" in note.split() for note in model.notes)
    assert any("Glass" in note and "Nowhere" in note for note in model.notes)


def test_names_in_any_encoding(tmp_path: Path) -> None:
    obj = b"# \xff\xfe\n" + QUAD + b"g Fl\xfcgel\nusemtl Gl\xe4s\nf 1/1 2/2 3/3 4/4\n"
    model = model_of(tmp_path, obj, b"# \xe9\nnewmtl Gl\xe4s\nmap_Kd one.png\n")
    (surface,) = model.surfaces
    assert len(surface.positions) == 2
    assert saved(model, tmp_path / "out" / "new.obj", one=b"x")["new.obj"] == obj.replace(b"model.mtl", b"new.mtl")


# Pictures


@pytest.mark.parametrize(
    ("line", "wrap", "first", "last"),
    [
        ("map_Kd one.png", "repeat", (0, 1), (0, 0)),
        ("map_Kd -clamp on one.png", "clamp", (0, 1), (0, 0)),
        ("map_Kd -clamp off -blendu on -blendv off one.png", "repeat", (0, 1), (0, 0)),
        ("map_Kd -s 2 4 1 one.png", "repeat", (0, 1), (0, -3)),
        ("map_Kd -s 2 -o 0.5 0.25 one.png", "repeat", (0.5, 0.75), (0.5, -0.25)),
        ("map_Kd -mm 0.1 0.9 -bm 2 -imfchan l -texres 64 -t 1 1 one.png", "repeat", (0, 1), (0, 0)),
        ("\tmap_kd\tone.png  ", "repeat", (0, 1), (0, 0)),
        ("map_Kd C:\\work\\textures\\one.png", "repeat", (0, 1), (0, 0)),
        ("map_Kd ONE.PNG", "repeat", (0, 1), (0, 0)),
        ("map_Kd two.png\nmap_Kd one.png", "repeat", (0, 1), (0, 0)),
        ("map_Kd one.png\nmap_Kd", "repeat", (0, 1), (0, 0)),
        ("Kd spectral file.rfl\nmap_Kd one.png", "repeat", (0, 1), (0, 0)),
    ],
)
def test_options_before_a_picture(
    tmp_path: Path, line: str, wrap: str, first: tuple[float, float], last: tuple[float, float]
) -> None:
    model = model_of(tmp_path, mtl=f"newmtl a\n{line}\n".encode())
    (surface,) = model.surfaces
    assert [one.data for one in model.textures] == [ONE]
    assert surface.wrap == (wrap, wrap)
    assert np.allclose(surface.coordinates[0, 0], first)
    assert np.allclose(surface.coordinates[1, 2], last)


@pytest.mark.parametrize("name", ["my own.png", "deep/er/one.png", "deep\\er\\one.png", "-s.png", "ü.png"])
def test_names_of_pictures(tmp_path: Path, name: str) -> None:
    model = model_of(tmp_path, mtl=f"newmtl a\nmap_Kd -s 1 1 {name}\n".encode(), others={name.replace("\\", "/"): TWO})
    assert [one.data for one in model.textures] == [TWO]


def test_a_picture_by_its_whole_path(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    far = tmp_path / "elsewhere" / "far.png"
    far.write_bytes(TWO)
    model = model_of(tmp_path / "model", mtl=f"newmtl a\nmap_Kd {far}\n".encode())
    assert [one.data for one in model.textures] == [TWO]


@pytest.mark.parametrize(
    "lines",
    [b"mtllib model.mtl more.mtl\n", b"mtllib model.mtl\nmtllib more.mtl\n", b"mtllib my own.mtl\nmtllib model.mtl\n"],
)
def test_several_libraries(tmp_path: Path, lines: bytes) -> None:
    more = b"newmtl b\nmap_Kd two.png\n"
    obj = lines + POINTS + CORNERS + FACE + b"usemtl b\nf 1/1 2/2 3/3\n"
    model = model_of(tmp_path, obj, others={"more.mtl": more, "my own.mtl": more})
    assert {one.data for one in model.textures} == {ONE, TWO}
    out = saved(model, tmp_path / "out" / "my new.obj", one=b"first", two=b"second")
    again = open_obj(tmp_path / "out" / "my new.obj")
    assert {one.data for one in again.textures} == {b"first", b"second"}
    assert sum(name.endswith(".mtl") for name in out) == 2


def test_materials_share_a_picture(tmp_path: Path) -> None:
    obj = QUAD + FACE + b"usemtl b\nf 1/1 2/2 3/3\n"
    model = model_of(tmp_path, obj, MTL + b"newmtl b\nmap_Kd ./one.png\n")
    assert [one.texture for one in model.surfaces] == [0, 0]
    out = saved(model, tmp_path / "new.obj", one=b"x")
    assert out["new.mtl"].count(b"one-udnie.png") == 2


def test_what_glows_is_painted_on_request(tmp_path: Path) -> None:
    mtl = MTL + b"map_Ke two.png\n"
    assert [one.role for one in model_of(tmp_path, mtl=mtl).textures] == ["color"]
    model = model_of(tmp_path, mtl=mtl, emissive=True)
    assert [(one.name, one.role) for one in model.textures] == [("one", "color"), ("two", "emissive")]
    assert [one.texture for one in model.surfaces] == [0, 1]


def test_a_picture_that_glows_and_colors_is_shown_once(tmp_path: Path) -> None:
    model = model_of(tmp_path, mtl=MTL + b"map_Ke one.png\n", emissive=True)
    assert len(model.textures) == len(model.surfaces) == 1
    assert named(saved(model, tmp_path / "new.obj", one=b"x")["new.mtl"])["map_Ke"] == "one-udnie.png"


@pytest.mark.parametrize(
    ("name", "suffix"), [("p.jpg", ".jpg"), ("p.webp", ".webp"), ("p.tga", ".png"), ("p.PNG", ".png")]
)
def test_painted_pictures_have_a_format_that_is_written(tmp_path: Path, name: str, suffix: str) -> None:
    model = model_of(tmp_path, mtl=b"newmtl a\nmap_Kd " + name.encode(), others={name: ONE})
    (texture,) = model.textures
    assert (texture.data, texture.suffix) == (ONE, suffix)
    assert f"p-udnie{suffix}" in saved(model, tmp_path / "new.obj", p=b"x")


# What is written


def test_nothing_changes_but_the_names(tmp_path: Path) -> None:
    obj = b"# by hand\r\n" + QUAD + b"\n\n  usemtl a\nf 1/1 2/2 \\\n 3/3\nl 1 2\nfoo bar"
    mtl = b"# \xff\r\nnewmtl a\r\n  Kd 1 1 1\r\nmap_Kd -s 1 1 one.png\r\nillum 2"
    before = contents(write(tmp_path, obj, mtl).parent)
    out = saved(open_obj(tmp_path / "model.obj"), tmp_path / "new.obj", one=b"painted")
    assert out == {
        "new.obj": obj.replace(b"model.mtl", b"new.mtl"),
        "new.mtl": mtl.replace(b"one.png", b"one-udnie.png"),
        "one-udnie.png": b"painted",
    }
    assert contents(tmp_path) == {**before, **out}


def test_files_says_what_save_writes(tmp_path: Path) -> None:
    model = model_of(tmp_path, mtl=MTL + b"map_Bump two.png\n")
    for target in (tmp_path / "new.obj", tmp_path / "out" / "new.obj"):
        promised = model.files(target, LABEL)
        assert not any(path.exists() for path in promised)
        assert model.save(target, {0: b"x"}, LABEL, overwrite=False) == promised
        assert all(path.is_file() for path in promised)


def test_only_color_is_painted_though_other_maps_name_the_same_file(tmp_path: Path) -> None:
    maps = ("map_Bump", "bump", "norm", "map_Ks", "map_d", "disp", "refl", "map_Ke")
    mtl = MTL + b"map_Ka one.png\n" + "".join(f"{one} one.png\n" for one in maps).encode()
    out = saved(model_of(tmp_path, mtl=mtl), tmp_path / "out" / "new.obj", one=b"x")
    names = named(out["new.mtl"])
    assert names["map_Kd"] == names["map_Ka"] == "one-udnie.png"
    assert {names[one] for one in maps} == {"one.png"}
    assert out["one.png"] == ONE


def test_an_ambient_map_of_its_own_stays(tmp_path: Path) -> None:
    out = saved(model_of(tmp_path, mtl=MTL + b"map_Ka two.png\n"), tmp_path / "new.obj", one=b"x")
    assert named(out["new.mtl"])["map_Ka"] == "two.png"


def test_other_pictures_come_along_to_another_folder(tmp_path: Path) -> None:
    lines = b"map_Bump -bm 2 maps/bump.png\nnorm two.png\nmap_d gone.png\n"
    model = model_of(tmp_path / "model", mtl=MTL + lines, others={"maps/bump.png": b"bump"})
    out = saved(model, tmp_path / "out" / "new.obj", one=b"x")
    assert (out["maps/bump.png"], out["two.png"]) == (b"bump", TWO)
    assert out["new.mtl"].endswith(lines)
    assert "one.png" not in out


def test_pictures_from_beside_the_models_folder_come_into_the_targets(tmp_path: Path) -> None:
    folders = {"here": b"1", "there": b"2"}
    for name, data in folders.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "n.png").write_bytes(data)
    mtl = MTL + b"norm ../here/n.png\nbump ../there/n.png\n"
    model = model_of(tmp_path / "model", mtl=mtl)
    target = tmp_path / "far" / "away" / "out" / "new.obj"
    out = saved(model, target, one=b"x")
    names = named(out["new.mtl"])
    assert (out[names["norm"]], out[names["bump"]]) == (b"1", b"2")
    assert all((target.parent / name).is_file() for name in (names["norm"], names["bump"]))


def test_a_library_in_a_folder_of_its_own(tmp_path: Path) -> None:
    mtl = b"newmtl a\nmap_Kd skin.png\nnorm n.png\n"
    obj = QUAD.replace(b"model.mtl", b"lib/m.mtl") + FACE
    model = model_of(tmp_path, obj, others={"lib/m.mtl": mtl, "lib/skin.png": TWO, "lib/n.png": b"n"})
    target = tmp_path / "new.obj"
    out = saved(model, target, skin=b"x")
    assert (tmp_path / named(out["new.mtl"])["norm"]).read_bytes() == b"n"
    assert [one.data for one in open_obj(target).textures] == [b"x"]


def test_painted_pictures_never_take_the_name_of_another(tmp_path: Path) -> None:
    names = {"a": "one.png", "b": "other/one.png", "c": "one.jpg"}
    mtl = "".join(f"newmtl {material}\nmap_Kd {name}\n" for material, name in names.items()) + "norm one-udnie.png\n"
    obj = QUAD + b"".join(b"usemtl %s\nf 1/1 2/2 3/3\n" % one.encode() for one in names)
    others = {"other/one.png": TWO, "one.jpg": TWO, "one-udnie.png": b"a normal map"}
    model = model_of(tmp_path / "model", obj, mtl.encode(), others)
    painted = {0: b"first", 1: b"second", 2: b"third"}
    for target in (tmp_path / "out" / "new.obj", tmp_path / "model" / "new.obj"):
        model.save(target, painted, LABEL, overwrite=False)
        assert [one.data for one in open_obj(target).textures] == list(painted.values())
        assert (target.parent / "one-udnie.png").read_bytes() == b"a normal map"


def test_textures_that_are_not_painted_stay(tmp_path: Path) -> None:
    out = saved(model_of(tmp_path / "model"), tmp_path / "out" / "new.obj")
    assert out == {"new.obj": (QUAD + FACE).replace(b"model.mtl", b"new.mtl"), "new.mtl": MTL, "one.png": ONE}


def test_a_painted_model_can_be_painted_again(tmp_path: Path) -> None:
    model = model_of(tmp_path, QUAD + b"o thing\n" + FACE, MTL + b"map_Ka one.png\n")
    saved(model, tmp_path / "out" / "new.obj", one=TWO)
    again = open_obj(tmp_path / "out" / "new.obj")
    assert [one.data for one in again.textures] == [TWO]
    assert np.array_equal(again.surfaces[0].positions, model.surfaces[0].positions)
    assert np.array_equal(again.surfaces[0].coordinates, model.surfaces[0].coordinates)


# What is refused


@pytest.mark.parametrize(
    ("target", "obj", "library"),
    [
        ("model.obj", "model.obj", "model.mtl"),
        ("lib.obj", "model.obj", "lib.mtl"),
        ("link.obj", "model.obj", "model.mtl"),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_no_source_is_written_over(tmp_path: Path, target: str, obj: str, library: str, overwrite: bool) -> None:
    write(tmp_path, QUAD.replace(b"model.mtl", library.encode()) + FACE, others={library: MTL})
    (tmp_path / "link.obj").symlink_to(tmp_path / "model.obj")
    model, before = open_obj(tmp_path / obj), contents(tmp_path)
    with refused(UsageError, "same-file"):
        model.files(tmp_path / target, LABEL)
    with refused(UsageError, "same-file"):
        model.save(tmp_path / target, {0: b"x"}, LABEL, overwrite=overwrite)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["new.obj", "new.mtl", "one-udnie.png", "two.png"])
def test_nothing_is_written_where_one_file_is_there(tmp_path: Path, name: str) -> None:
    model = model_of(tmp_path / "model", mtl=MTL + b"norm two.png\n")
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_bytes(b"mine")
    with refused(PictureError, "already-there", name):
        model.save(out / "new.obj", {0: b"x"}, LABEL, overwrite=False)
    assert contents(out) == {name: b"mine"}
    assert saved(model, out / "new.obj", overwrite=True, one=b"x")[name] != b"mine"


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with refused(UsageError, "unknown-format", "new.glb"):
        model_of(tmp_path).files(tmp_path / "new.glb", LABEL)


@pytest.mark.parametrize("missing", ["model.mtl", "one.png"])
def test_files_that_are_not_there_are_named(tmp_path: Path, missing: str) -> None:
    path = write(tmp_path)
    (tmp_path / missing).unlink()
    with refused(PictureError, "no-such-file", missing) as caught:
        open_obj(path)
    assert caught.value.hint


def test_pictures_of_materials_that_no_face_has_may_be_missing(tmp_path: Path) -> None:
    assert len(model_of(tmp_path, mtl=MTL + b"newmtl unused\nmap_Kd gone.png\n").textures) == 1


LINE = QUAD.count(b"\n") + 1
"""Number of the line behind `QUAD`."""


@pytest.mark.parametrize(
    "line",
    [
        b"f 1/1 2/2 5/3",
        b"f 1/1 2/2 3/5",
        b"f 0/1 2/2 3/3",
        b"f -5/1 2/2 3/3",
        b"f 1/1 2/2",
        b"f",
        b"f 1/1 b/2 3/3",
        b"f 1.5/1 2/2 3/3",
        b"f " + b"9" * 5000 + b"/1 2/2 3/3",
        b"v 1 2",
        b"v 1 two 3",
        b"v 1 2 nan",
        b"v 1 2 1e999",
        b"vt",
        b"vt x",
        b"vt 1 inf",
    ],
)
def test_damaged_lines_are_told_by_their_number(tmp_path: Path, line: bytes) -> None:
    with refused(PictureError, "damaged-file", "model.obj", f"line {LINE}"):
        model_of(tmp_path, QUAD + line + b"\n" + FACE)
    many = FACE + 50 * b"f 1/1 2/2 3/3\n"  # what is read at once
    number = (QUAD + many).count(b"\n") + 1
    with refused(PictureError, "damaged-file", "model.obj", f"line {number}"):
        model_of(tmp_path, QUAD + many + line + b"\n" + many)


@pytest.mark.parametrize("data", [b"", b"\n\n", QUAD, b"# nothing\n", bytes(range(256)) * 20, picture(1)])
def test_files_without_faces_are_refused(tmp_path: Path, data: bytes) -> None:
    with refused(PictureError, "damaged-file", "model.obj"):
        model_of(tmp_path, data)


SEEDS: Mapping[str, bytes] = {
    "model.obj": b"# seed\nmtllib model.mtl\no one\n" + POINTS + CORNERS + b"vn 0 0 1\ng a b\n" + FACE
    + b"f -4/-4/1 -3/-3/1 \\\n-2/-2/1\n" + 12 * b"f 1/1 2/2 3/3\n" + b"usemtl b\nf 1 2 3\nf 1//1 2//1 3//1\n",
    "model.mtl": MTL + b"Kd 1 0.5 0\nmap_Ka one.png\nmap_Bump -bm 2 two.png\nnewmtl b\n"
    b"map_Kd -s 2 2 1 -o 0.5 0 -clamp on -mm 0 1 two.png\nmap_Ke one.png\n",
}  # fmt: skip


def _broken(data: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.3:
        return data[: chance.randrange(len(data))]
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(out))
        way = chance.random()
        if way < 0.4:
            out[at] = chance.randrange(256)
        elif way < 0.7:
            out[at] = chance.choice(b"0123456789/-. \n\t\\eE#nvf\r\x00")
        elif way < 0.85:
            del out[at : at + chance.choice((1, 3, 20))]
        else:
            out[at:at] = data[at : at + chance.choice((1, 3, 20, 300))]
        out = out or bytearray(b"\n")
    return bytes(out)


@pytest.mark.parametrize("seed", range(4))
def test_broken_files_give_a_model_or_one_line(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xatlas", None)  # it takes its time
    chance = random.Random(seed)
    opened = 0
    for _ in range(250):
        name = chance.choice(sorted(SEEDS))
        path = write(tmp_path, others={**SEEDS, name: _broken(SEEDS[name], chance)})
        try:
            model = open_obj(path, emissive=True)
            model.files(tmp_path / "out" / "new.obj", LABEL)
            model.files(tmp_path / "new.obj", LABEL)
        except ImpastoError:
            continue
        opened += 1
        for surface in model.surfaces:
            _check(surface.positions, surface.coordinates)
    assert opened > 20


def _check(positions: NDArray[np.float64], coordinates: NDArray[np.float64]) -> None:
    assert len(positions) == len(coordinates) > 0
    assert np.isfinite(positions).all()
    assert np.isfinite(coordinates).all()


def test_a_name_that_no_file_can_have_is_as_one_that_is_not_there(tmp_path: Path) -> None:
    for name in (b"x\0y.png", b"x" * 5000 + b".png"):
        model = model_of(tmp_path / "model", mtl=MTL + b"map_Bump " + name + b"\n")
        assert "one-udnie.png" in saved(model, tmp_path / "out" / "new.obj", overwrite=True, one=b"x")
        with refused(PictureError, "no-such-file"):
            model_of(tmp_path / "model", mtl=b"newmtl a\nmap_Kd " + name + b"\n")


def test_pictures_are_read_by_the_bytes_that_a_texture_has(tmp_path: Path) -> None:
    (texture,) = model_of(tmp_path, mtl=b"newmtl a\nmap_Kd p.tga\n", others={"p.tga": TWO}).textures
    assert (Picture.open(texture.data).to_numpy() == 200).all()

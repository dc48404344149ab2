"""Painted glTF models: where the pictures go, and that nothing of the model that is read is lost."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gltf_models as models
import numpy as np
import pytest
from gltf_models import Build, picture, pixels, sheet, unpacked
from PIL import Image

from impasto.errors import ImpastoError, UsageError
from impasto.textures.gltf import open_gltf
from impasto.textures.model import Model

NEW = picture(9)


def paint(model: Model, target: Path, new: bytes = NEW, **options: Any) -> list[Path]:
    """Save a model with other pictures, each in its format."""
    formats = {".png": "PNG", ".jpg": "JPEG", ".webp": "WEBP", ".avif": "AVIF"}
    data = {}
    for index, one in enumerate(model.textures):
        out = io.BytesIO()
        Image.open(io.BytesIO(new)).save(out, formats[one.suffix])
        data[index] = out.getvalue()
    expected = model.files(target, "painted")
    files = model.save(target, data, "painted", **{"overwrite": False, **options})
    assert files == expected
    assert files[0] == target
    return files


def check_same_views(before: Path, after: Path, changed: set[int]) -> None:
    """All bytes of a .glb that no changed view holds are the same and in the same order."""
    (old_text, old), (new_text, new) = unpacked(before), unpacked(after)
    views = [json.loads(text)["bufferViews"] for text in (old_text, new_text)]
    for index, (one, other) in enumerate(zip(views[0], views[1], strict=False)):
        starts = [view.get("byteOffset", 0) for view in (one, other)]
        assert (starts[1] - starts[0]) % 4 == 0
        if index not in changed:
            assert one["byteLength"] == other["byteLength"]
            data = [part[start : start + one["byteLength"]] for part, start in zip((old, new), starts, strict=True)]
            assert data[0] == data[1]


@pytest.mark.parametrize("style", ["file", "spaces", "plain data", "base64", "url-safe base64 with breaks"])
def test_a_picture_is_read_and_replaced_wherever_it_is(tmp_path: Path, style: str) -> None:
    build = Build()
    data, name = picture(), "my wall%.png" if style == "spaces" else "wall.png"
    coded = base64.b64encode(data).decode()
    uris = {
        "file": name,
        "spaces": quote(name),
        "plain data": "data:image/png," + quote(data),
        "base64": "data:image/png;base64," + coded,
        "url-safe base64 with breaks": "DATA:image/png;base64," + quote(coded.rstrip("=")),
    }
    build.add("images", uri=uris[style])
    build.add("textures", source=0)
    build.mesh(build.rectangle(build.material(0)))
    (tmp_path / name).write_bytes(data)
    path = build.write(tmp_path / "a.gltf")
    model = open_gltf(path)
    assert model.textures[0].data == data
    target = tmp_path / "b.gltf"
    files = paint(model, target)
    assert (tmp_path / name).read_bytes() == data
    old, new = (json.loads(one.read_text()) for one in (path, target))
    uri = new["images"][0].pop("uri")
    if "data" in style or "base64" in style:
        assert files == [target]
        assert uri.startswith(("data:image/png", "DATA:image/png"))
        assert np.array_equal(pixels(base64.b64decode(uri.partition(",")[2])), pixels(NEW))
    else:
        stem = name.removesuffix(".png")
        assert files == [target, tmp_path / f"{stem}-painted.png"]
        assert uri == quote(f"{stem}-painted.png")
    old["images"][0].pop("uri")
    assert new == old
    assert np.array_equal(pixels(open_gltf(target).textures[0].data), pixels(NEW))


def test_only_the_picture_and_its_length_change_in_a_glb(tmp_path: Path) -> None:
    build = sheet()
    build.accessor(np.arange(7, dtype=np.float32))  # lies behind the picture
    build.root["extras"] = {"n": 1.50, "é": [1, 2]}
    path = tmp_path / "a.glb"
    path.write_bytes(models.packed(build.text(indent=1).replace("1.5", "1.500"), bytes(build.data)))
    build.root["buffers"] = [{"byteLength": len(build.data)}]
    path.write_bytes(models.packed(build.text(indent=1).replace("1.5", "1.500"), bytes(build.data)))
    for new in (picture(1, 60, 50), picture(2, 3, 2), picture()):
        target = tmp_path / "b.glb"
        paint(open_gltf(path), target, new, overwrite=True)
        check_same_views(path, target, {0})
        lines = [unpacked(one)[0].rstrip().splitlines() for one in (path, target)]
        assert len(lines[0]) == len(lines[1])
        differing = {line.strip().partition(":")[0] for line, other in zip(*lines, strict=True) if line != other}
        assert differing <= {'"byteLength"', '"byteOffset"'}
        assert any("1.500" in line for line in lines[1])


def test_what_does_not_change_at_all_is_written_byte_by_byte(tmp_path: Path) -> None:
    path = sheet().write(tmp_path / "a.glb")
    open_gltf(path).save(tmp_path / "b.glb", {}, "painted", overwrite=False)
    assert (tmp_path / "b.glb").read_bytes() == path.read_bytes()
    text = sheet().write(tmp_path / "a.gltf", embedded=True)
    text.write_bytes(b"\xef\xbb\xbf" + text.read_bytes().replace(b"\n", b"\r\n"))
    open_gltf(text).save(tmp_path / "b.gltf", {}, "painted", overwrite=False)
    assert (tmp_path / "b.gltf").read_bytes() == text.read_bytes()
    paint(open_gltf(text), tmp_path / "c.gltf")
    assert (tmp_path / "c.gltf").read_bytes()[:5] == b"\xef\xbb\xbf{\r"


def test_a_view_that_something_else_uses_is_left_and_a_new_one_is_added(tmp_path: Path) -> None:
    build = sheet()
    build.add("bufferViews", buffer=0, byteOffset=4, byteLength=8, name="overlaps the picture")
    path = build.write(tmp_path / "a.glb")
    paint(open_gltf(path), tmp_path / "b.glb")
    check_same_views(path, tmp_path / "b.glb", set())
    assert np.array_equal(pixels(open_gltf(tmp_path / "b.glb").textures[0].data), pixels(NEW))


@pytest.mark.parametrize("where", ["occlusionTexture", "emissiveTexture", "clearcoatTexture"])
@pytest.mark.parametrize("storage", ["glb", "gltf"])
def test_a_picture_that_something_else_shows_is_copied(tmp_path: Path, where: str, storage: str) -> None:
    build = Build()
    if storage == "gltf":
        (tmp_path / "wall.png").write_bytes(picture())
        build.add("textures", source=build.add("images", uri="wall.png"), sampler=build.add("samplers"), name="t")
    else:
        build.texture(picture(), sampler=build.add("samplers"), name="t")
    build.material(0)
    one = build.root["materials"][0]
    if where == "clearcoatTexture":
        one["extensions"] = {"KHR_materials_clearcoat": {where: {"index": 0}}}
        build.use("KHR_materials_clearcoat")
    else:
        one[where] = {"index": 0}
    build.mesh(build.rectangle(0))
    path = build.write(tmp_path / f"a.{storage}")
    target = tmp_path / f"b.{storage}"
    paint(open_gltf(path), target)
    root = json.loads(target.read_text() if storage == "gltf" else unpacked(target)[0])
    assert root["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"] == {"index": 1}
    assert '"index": 0' in json.dumps(
        {key: value for key, value in root["materials"][0].items() if key != "pbrMetallicRoughness"}
    )
    assert root["textures"][1] == {"source": 1, "sampler": 0, "name": "t"}
    again = open_gltf(target, emissive=True)
    assert np.array_equal(pixels(again.textures[0].data), pixels(NEW))
    if where == "emissiveTexture":
        assert again.textures[1].data == picture()
        both = open_gltf(path, emissive=True)
        assert [texture.role for texture in both.textures] == ["color"]
        assert len(both.surfaces) == 1
        third = tmp_path / "c" / f"c.{storage}"
        paint(both, third)
        assert len(json.loads(third.read_text() if storage == "gltf" else unpacked(third)[0])["textures"]) == 1


def with_files(folder: Path) -> Path:
    """A .gltf with a buffer, a picture that is painted, and one that is not."""
    build = Build()
    (folder / "maps").mkdir(parents=True, exist_ok=True)
    (folder / "maps/wall.png").write_bytes(picture())
    (folder / "maps/bumps.png").write_bytes(picture(1))
    for name in ("wall", "bumps"):
        build.add("textures", source=build.add("images", uri=f"maps/{name}.png"))
    build.material(0)
    build.root["materials"][0]["normalTexture"] = {"index": 1}
    build.mesh(build.rectangle(0))
    return build.write(folder / "a.gltf")


def test_files_elsewhere_come_along_under_their_own_names(tmp_path: Path) -> None:
    path = with_files(tmp_path / "in/deep")
    (tmp_path / "in/bumps.png").write_bytes(picture(3))
    (tmp_path / "in/wall.png").write_bytes(picture(4))
    root = json.loads(path.read_text())
    root["images"][1]["uri"] = "../bumps.png"
    root["images"].append({"uri": str(tmp_path / "in/deep/maps/bumps.png")})
    root["images"].append({"uri": "../wall.png"})
    path.write_text(json.dumps(root))
    target = tmp_path / "out/b.gltf"
    files = paint(open_gltf(path), target)
    uris = [one["uri"] for one in json.loads(target.read_text())["images"]]
    held = [(tmp_path / "out" / uri).read_bytes() for uri in uris]
    assert np.array_equal(pixels(held[0]), pixels(NEW))
    assert held[1:] == [picture(3), picture(1), picture(4)]
    assert all(one.parent == tmp_path / "out" for one in files)
    assert len(set(uris)) == 4


@pytest.mark.parametrize("how", ["same", "link", "hard link", "a picture", "case"])
def test_no_source_is_written_over(tmp_path: Path, how: str) -> None:
    path = with_files(tmp_path)
    target = tmp_path / "b.gltf"
    if how == "same":
        target = path
    elif how == "link":
        target.symlink_to(path)
    elif how == "hard link":
        target.hardlink_to(path)
    elif how == "a picture":
        target.symlink_to(tmp_path / "maps/wall.png")
    else:
        target = tmp_path / "x/../a.gltf"
        (tmp_path / "x").mkdir()
    model = open_gltf(path)
    before = {one: one.read_bytes() for one in tmp_path.rglob("*.*") if one.is_file()}
    for act in (
        lambda: model.files(target, "painted"),
        lambda: model.save(target, {0: NEW}, "painted", overwrite=True),
    ):
        with pytest.raises(UsageError) as found:
            act()
        assert found.value.code == "same-file"
    assert {one: one.read_bytes() for one in tmp_path.rglob("*.*") if one.is_file()} == before


@pytest.mark.parametrize(
    "uri", ["gone.png", "maps", "https://example.org/wall.png", "//host/share/wall.png", "x" * 300]
)
def test_a_picture_that_is_not_there_is_named(tmp_path: Path, uri: str) -> None:
    build = Build()
    (tmp_path / "maps").mkdir()
    build.add("textures", source=build.add("images", uri=uri))
    build.mesh(build.rectangle(build.material(0)))
    path = build.write(tmp_path / "a.gltf")
    with pytest.raises(ImpastoError, match=uri[:20]) as found:
        open_gltf(path)
    assert found.value.code in ("no-such-file", "web-address")

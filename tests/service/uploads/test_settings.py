"""Settings read back out of what Impasto has saved: asked for again, they give the same picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from helpers import file_bytes, scene
from services import Running

from impasto.controls import Controls
from impasto.painting.regions import Region
from impasto.painting.stylizer import Stylizer
from impasto.picture.metadata import comment_text, made_with_in
from impasto.presets.made_with import fields_of

PHOTO = file_bytes(scene(96, 64), "JPEG")
CONTROLS = {"strength": 70.0, "detail": 20.0, "keep_color": "luminance", "seed": 3}


def painted(service: Running, fields: Any, **files: Any) -> bytes:
    sent = {"image": ("p.jpg", PHOTO)} | files
    answer = requests.post(f"{service.url}/v1/stylize", fields, files=sent, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.content


def settings(service: Running, data: bytes, name: str) -> dict[str, Any]:
    answer = requests.post(f"{service.url}/v1/uploads", data, params={"name": name}, timeout=60)
    assert answer.status_code == 201, answer.text
    return answer.json()["settings"]


def asked_again(found: dict[str, Any]) -> list[tuple[str, str]]:
    """The fields of a request out of settings."""
    fields = [(name, str(one)) for name in ("style", "weight") for one in found[name]]
    plain = {name: value for name, value in found.items() if not isinstance(value, list) and name != "left_out"}
    fields += [(name, str(value)) for name, value in plain.items()]
    for region in found["regions"]:
        size = "" if region["brush_size"] is None else str(region["brush_size"])
        fields += [("mask", region["mask"]), ("region_style", region["style"])]
        fields += [("region_strength", str(region["strength"])), ("region_brush_size", size)]
    return fields


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "avif", "gif"])
def test_a_blend_with_regions_that_find_themselves_comes_back(service: Running, ending: str) -> None:
    form: list[tuple[str, str]] = [("style", "udnie"), ("style", "great-wave"), ("weight", "3"), ("weight", "1")]
    form += [("engine", "light"), *((name, str(value)) for name, value in CONTROLS.items())]
    form += [("mask", "background"), ("region_style", ""), ("region_strength", "50"), ("region_brush_size", "2")]
    form += [("mask", "person"), ("region_style", "none"), ("region_strength", ""), ("region_brush_size", "")]
    form += [("mask", "faces"), ("region_style", "the-scream"), ("region_strength", "40"), ("region_brush_size", "")]
    data = painted(service, [*form, ("format", ending)])
    found = settings(service, data, f"a.{ending}")
    assert (found["style"], found["weight"]) == (["udnie", "great-wave"], [0.75, 0.25])
    assert (found["engine"], found["left_out"]) == ("light", 0)
    assert CONTROLS.items() <= found.items()
    assert found["regions"] == [
        {"mask": "background", "style": "", "strength": 50, "brush_size": 2},
        {"mask": "person", "style": "none", "strength": 100, "brush_size": None},
        {"mask": "faces", "style": "the-scream", "strength": 40, "brush_size": None},
    ]
    assert painted(service, [*asked_again(found), ("format", ending)]) == data


def test_a_single_style_has_a_weight_too(service: Running) -> None:
    found = settings(service, painted(service, {"style": "udnie", "engine": "light"}), "a.jpg")
    assert (found["style"], found["weight"], found["regions"]) == (["udnie"], [1], [])


def test_nothing_is_read_out_of_a_picture_that_does_not_say(service: Running) -> None:
    assert settings(service, PHOTO, "a.jpg") is None
    data = painted(service, {"style": "udnie", "engine": "light", "mark": "false"})
    assert settings(service, data, "a.jpg") is None


def test_masks_that_were_drawn_are_counted(service: Running) -> None:
    fields = {"style": "udnie", "engine": "light", "region_style": "great-wave", "region_strength": "50"}
    data = painted(service, fields, mask=("m.png", file_bytes(scene(20, 20))))
    found = settings(service, data, "a.jpg")
    assert (found["regions"], found["left_out"]) == ([], 1)


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".webm", ".gif"])
def test_a_clip_says_its_settings(service: Running, tmp_path: Path, ending: str) -> None:
    pytest.importorskip("av")
    from clips import moving, write

    from impasto.video.paint_video import paint_video

    style: Any = {"udnie": 0.6, "great-wave": 0.4}
    source = write(tmp_path / "in.mp4", moving(3))
    regions = [Region("person", "none", 60)]
    paint_video(source, style, tmp_path / f"out{ending}", strength=80, regions=regions)
    found = settings(service, (tmp_path / f"out{ending}").read_bytes(), f"out{ending}")
    assert (found["style"], found["weight"]) == (["udnie", "great-wave"], [0.6, 0.4])
    assert (found["strength"], found["engine"]) == (80, "light")
    assert found["regions"] == [{"mask": "person", "style": "none", "strength": 60, "brush_size": None}]


@pytest.mark.parametrize("name", ["a + b.jpg", "sky:0.5.jpg", "strength=3.jpg", "Größe.png"])
def test_a_paintings_name_may_hold_anything(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(file_bytes(scene(64, 64)))
    for request in ([tmp_path / name], [(tmp_path / name, 1.0), ("udnie", 3.0)]):
        found = fields_of(Stylizer(request, controls=Controls(), regions={"person": tmp_path / name}).made_with())
        assert found is not None
        assert found["style"][0] == name
        assert found["regions"] == [{"mask": "person", "style": name, "strength": 100, "brush_size": None}]


@pytest.mark.parametrize(
    "said",
    [
        {"style": ["udnie"]},
        {"style": "a:1 + b:2" * 1000},
        {"style": "a:0 + b:0"},
        {"style": "\x1b[31m"},
        {"style": ""},
        {"controls": {}},
    ],
)
def test_what_is_no_style_is_not_read(said: dict[str, object]) -> None:
    assert fields_of(said) is None


def test_what_is_out_of_range_is_left_out() -> None:
    controls = {"strength": 1e9, "detail": "a", "seed": 2, "nonsense": 1}
    labels = ["faces=udnie,strength=500", "faces=udnie,brush-size=90", "dogs=udnie", 7, "person=udnie"]
    found = fields_of({"style": "udnie", "engine": "/bin/sh", "controls": controls, "regions": labels})
    regions = [{"mask": "person", "style": "udnie", "strength": 100, "brush_size": None}]
    assert found == {"style": ["udnie"], "weight": [1.0], "seed": 2, "regions": regions, "left_out": 4}


def test_a_comment_is_found_behind_others() -> None:
    made_with = {"style": "udnie", "note": "a\nb"}
    found = made_with_in("By hand\n" + comment_text(made_with))
    assert found is not None
    assert made_with.items() <= found.items()
    for other in ("", "By hand", "{}", '{"style": "udnie"}', "[" * 100_000):
        assert made_with_in(other) is None

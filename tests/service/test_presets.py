"""Presets over HTTP: listed, used by name, and changed on one's own computer only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from helpers import file_bytes, scene
from services import Running, ThreadHosts, running

from impasto.painting.regions import Region
from impasto.presets import store
from impasto.presets.preset import Preset
from impasto.service.config import ServiceConfig

PHOTO = file_bytes(scene(72, 48), "JPEG")
QUIET = Preset(
    (("udnie", 0.7), ("great-wave", 0.3)),
    {"strength": 60.0, "keep_color": "luminance"},
    (Region("background", "none"), Region("faces", strength=40, brush_size=0.5)),
    "light",
    "Quiet",
)


@pytest.fixture
def at_home() -> Iterator[Running]:
    with running(ThreadHosts(), ServiceConfig(learn=True)) as found:
        found.service.at_home = True
        yield found


def paint(service: Running, path: str = "stylize", **fields: Any) -> requests.Response:
    files = [("image", ("photo.jpg", PHOTO))]
    return requests.post(f"{service.url}/v1/{path}", data=fields, files=files, timeout=60)


def assert_refused(answer: requests.Response, status: int, code: str, word: str = "") -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert word in answer.json()["detail"]


def test_a_preset_is_its_fields(service: Running) -> None:
    store.save("quiet", QUIET)
    fields = {
        "style": ["udnie", "great-wave"],
        "weight": ["0.7", "0.3"],
        "strength": "60",
        "keep_color": "luminance",
        "mask": ["background", "faces"],
        "region_style": ["none", ""],
        "region_strength": ["100", "40"],
        "region_brush_size": ["", "0.5"],
        "engine": "light",
    }
    by_name, by_hand = paint(service, preset="quiet"), paint(service, **fields)
    assert by_name.status_code == 200, by_name.text
    assert by_name.content == by_hand.content
    assert by_name.headers["ETag"] == by_hand.headers["ETag"]
    assert (
        paint(service, preset="quiet", strength="10").content == paint(service, **fields | {"strength": "10"}).content
    )
    others = fields | {"style": "the-scream"}
    del others["weight"]
    assert paint(service, preset="quiet", style="the-scream").content == paint(service, **others).content


def test_they_are_listed_without_places(service: Running, home: Path, tmp_path: Path) -> None:
    store.save("quiet", QUIET)
    store.save("painting", Preset(((str(tmp_path / "secret.jpg"), 1.0),)))
    (home / "presets" / "broken.json").write_text("{")
    answer = requests.get(f"{service.url}/v1/presets", timeout=9)
    assert answer.json() == {"presets": [{"name": "quiet", **QUIET.as_dict()}]}
    for name, code in (("painting", "unknown-style"), ("broken", "damaged-file")):
        answer = paint(service, preset=name)
        assert_refused(answer, 422, code)
        assert str(tmp_path) not in answer.text
        assert str(home) not in answer.text


def test_no_field_names_a_file(service: Running, tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_bytes(QUIET.as_json())
    for name in (str(path), "../presets/quiet", "", "quite"):
        assert_refused(paint(service, preset=name), 422, "unknown-preset")
    answer = requests.post(f"{service.url}/v1/enlarge", data={"preset": "quiet"}, files={"image": PHOTO}, timeout=9)
    assert_refused(answer, 422, "unknown-setting", "preset")


def test_they_are_changed_at_home_alone(service: Running, at_home: Running) -> None:
    store.save("quiet", QUIET)
    said = Preset((("udnie", 1.0),), {"strength": 20.0}, title="Soft").as_dict()
    for answer in (
        requests.put(f"{service.url}/v1/presets/soft", json=said, timeout=9),
        requests.delete(f"{service.url}/v1/presets/quiet", timeout=9),
    ):
        assert_refused(answer, 403, "not-allowed")
    assert store.names() == ["quiet"]
    assert requests.get(f"{service.url}/v1/limits", timeout=9).json()["presets"] is False
    assert requests.get(f"{at_home.url}/v1/limits", timeout=9).json()["presets"] is True
    assert requests.put(f"{at_home.url}/v1/presets/soft", json=said, timeout=9).json() == {"name": "soft", **said}
    assert Preset.open("soft").as_dict() == said
    assert requests.delete(f"{at_home.url}/v1/presets/quiet", timeout=9).status_code == 204
    assert_refused(requests.delete(f"{at_home.url}/v1/presets/quiet", timeout=9), 404, "no-such-preset", "quiet")
    assert store.names() == ["soft"]


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("Soft", b"{}", 400, "malformed"),
        ("Soft", b'{"styles": [{"style": "udnie"}]}', 422, "bad-name"),
        ("soft", b"{", 400, "malformed"),
        ("soft", b'{"styles": [{"style": "udnie"}]}' + b" " * 100_000, 400, "malformed"),
        ("soft", json.dumps({"styles": [{"style": "/etc/passwd"}]}).encode(), 422, "unknown-style"),
        ("soft", json.dumps({"styles": [{"style": "own:k"}]}).encode(), 422, "unknown-style"),
        ("soft", json.dumps({"controls": {"strength": 101}}).encode(), 422, "out-of-range"),
    ],
)
def test_what_is_no_preset_is_not_saved(at_home: Running, name: str, body: bytes, status: int, code: str) -> None:
    assert_refused(requests.put(f"{at_home.url}/v1/presets/{name}", data=body, timeout=9), status, code)
    assert store.names() == []


def test_none_is_replaced_that_the_page_cannot_know(at_home: Running, tmp_path: Path) -> None:
    hidden = Preset(((str(tmp_path / "painting.jpg"), 1.0),))
    store.save("hidden", hidden)
    store.save("quiet", QUIET)
    said = Preset((("udnie", 1.0),)).as_dict()
    new = {"If-None-Match": "*"}
    for name, headers in (("hidden", {}), ("hidden", new), ("quiet", new)):
        answer = requests.put(f"{at_home.url}/v1/presets/{name}", json=said, headers=headers, timeout=9)
        assert_refused(answer, 409, "name-taken", name)
    assert (Preset.open("hidden"), Preset.open("quiet")) == (hidden, QUIET)
    assert requests.put(f"{at_home.url}/v1/presets/new", json=said, headers=new, timeout=9).status_code == 200


@pytest.mark.parametrize(("learn", "alone"), [(False, True), (True, False)])
def test_whoever_runs_it_must_have_allowed_changes(learn: bool, alone: bool) -> None:
    store.save("quiet", QUIET)
    with running(ThreadHosts(), ServiceConfig(learn=learn)) as found:
        found.service.at_home = alone
        assert_refused(requests.delete(f"{found.url}/v1/presets/quiet", timeout=9), 403, "not-allowed")
    assert store.names() == ["quiet"]

"""Presets: what their files say, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import refused

import impasto
from impasto import PictureError, Preset, Region, UsageError
from impasto.presets import store

QUIET = Preset(
    (("udnie", 0.7), ("great-wave", 0.3)),
    {"strength": 60.0, "keep_color": "luminance"},
    (Region("person", "none"), Region("faces", strength=40, brush_size=0.5)),
    "light",
    "Quiet",
)


def written(tmp_path: Path, said: Any) -> Path:
    path = tmp_path / "one.json"
    path.write_text(said if isinstance(said, str) else json.dumps(said), encoding="utf-8")
    return path


def test_a_preset_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "quiet.json"
    path.write_bytes(QUIET.as_json())
    assert Preset.open(path) == QUIET
    path.write_bytes(b"\xef\xbb\xbf" + QUIET.as_json())  # as some editors save it
    assert Preset.open(path) == QUIET


@pytest.mark.filterwarnings("ignore:no.* was found")
def test_it_paints_as_its_arguments_do(photo: Path) -> None:
    plain = impasto.stylize(
        photo,
        {"udnie": 0.7, "great-wave": 0.3},
        regions=[Region("person", "none"), Region("faces", strength=40, brush_size=0.5)],
        engine="light",
        strength=60,
        keep_color="luminance",
    )
    np.testing.assert_array_equal(impasto.stylize(photo, **QUIET.arguments).to_numpy(), plain.to_numpy())
    assert Preset(controls={"size": 40}).arguments == {"size": 40}


def test_what_the_page_shares_is_a_preset(tmp_path: Path) -> None:
    look = {
        "styles": [{"style": "udnie", "weight": 2}],
        "controls": {"strength": 80, "detail": 20, "of_a_later_version": 1},
        "layers": [{"id": "k", "style": "none", "strength": None, "brush_size": None, "found": "faces", "mask": ""}],
        "names": {"udnie": "Udnie"},
    }
    found = Preset.open(written(tmp_path, look))
    assert found == Preset((("udnie", 2.0),), {"strength": 80, "detail": 20}, (Region("faces", "none"),))


def test_what_was_drawn_or_is_kept_by_the_page_is_said(tmp_path: Path) -> None:
    drawn = {"styles": [], "controls": {}, "layers": [{"style": "udnie", "found": "", "mask": "k"}]}
    found = Preset.open(written(tmp_path, drawn))
    assert (found.regions, found.left_out) == ((), 1)
    own = {"styles": [{"style": "own:k", "weight": 1}], "names": {"own:k": "My flower"}}
    with refused(UsageError, "unknown-style", "My flower"):
        Preset.open(written(tmp_path, own))


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("", "malformed"),
        ("{", "malformed"),
        ("[" * 100_000, "malformed"),
        ("[]", "malformed"),
        ({}, "malformed"),
        ({"styles": 1}, "malformed"),
        ({"styles": [1]}, "malformed"),
        ({"styles": [{"style": ""}]}, "malformed"),
        ({"styles": [{"style": "udnie", "weight": "much"}]}, "malformed"),
        ({"styles": [{"style": "udnie", "weight": True}]}, "malformed"),
        ({"styles": [], "layers": [1]}, "malformed"),
        ({"styles": [], "layers": [{"found": "faces", "style": 1}]}, "malformed"),
        ({"styles": [{"style": "udnie", "weight": -1}]}, "out-of-range"),
        ({"styles": [{"style": "udnie"}] * 17}, "out-of-range"),
        ({"styles": [{"style": "udnie", "weight": 0}]}, "zero-weights"),
        ({"controls": {"strength": 101}}, "out-of-range"),
        ({"controls": {"strength": "much"}}, "not-a-number"),
        ({"controls": {"keep_color": "yes"}}, "unknown-choice"),
        ({"styles": [], "title": 1}, "malformed"),
        ({"styles": [], "title": "\x1b[2J"}, "malformed"),
        ({"styles": [{"style": "\ud800"}]}, "malformed"),
        ({"styles": [], "layers": [{"found": "faces"}] * 17}, "out-of-range"),
        ("[" + " " * 1_000_000 + "]", "malformed"),
        ({"styles": [], "format": 2}, "other-version"),
        ({"styles": [], "engine": "steam"}, "unknown-choice"),
        ({"styles": [], "engine": ["light"]}, "unknown-choice"),
    ],
)
def test_a_file_that_is_none_is_refused_by_its_name(tmp_path: Path, said: Any, code: str) -> None:
    with refused(UsageError, code, "one.json"):
        Preset.open(written(tmp_path, said))


def test_a_painting_is_looked_for_beside_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, {"styles": [{"style": "my.jpg", "weight": 1}, {"style": "gone.jpg", "weight": 1}]})
    (tmp_path / "my.jpg").write_bytes(b"")
    assert [style for style, _ in Preset.open(path).styles] == [str(tmp_path / "my.jpg"), "gone.jpg"]
    written(tmp_path, {"styles": [], "layers": [{"found": "faces", "style": "my.jpg"}]})
    assert Preset.open(path).regions[0].style == str(tmp_path / "my.jpg")


@pytest.mark.filterwarnings("ignore:no.* was found")
def test_a_picture_gives_its_settings_back(photo: Path, painting: Path, tmp_path: Path) -> None:
    regions = [Region("faces", strength=40)]
    made = {"strength": 70, "brush_size": 0.5, "engine": "light"}
    impasto.stylize(photo, {painting: 0.6, "udnie": 0.4}, regions=regions, **made).save(tmp_path / "a.png")
    found = Preset.like(tmp_path / "a.png")
    assert dict(found.styles) == {str(painting): 0.6, "udnie": 0.4}
    again = impasto.stylize(photo, **found.arguments)
    np.testing.assert_array_equal(again.to_numpy(), impasto.Picture.open(tmp_path / "a.png").to_numpy())
    with refused(UsageError, "nothing-given", photo.name):
        Preset.like(photo)
    with refused(PictureError, "no-such-file"):
        Preset.like(tmp_path / "gone.png")


def test_the_user_s_presets(tmp_path: Path) -> None:
    assert store.names() == []
    path = store.save("quiet", QUIET)
    assert Preset.open("quiet") == QUIET
    with refused(PictureError, "already-there"):
        store.save("quiet", Preset())
    assert Preset.open(path) == QUIET
    store.save("quiet", Preset(controls={"strength": 1}), replace=True)
    assert store.names() == ["quiet"]
    for name in ("../x", "Loud", "none", "a" * 65, ""):
        with refused(UsageError, "bad-name"):
            store.save(name, QUIET)
    with refused(UsageError, "unknown-preset", "did you mean 'quiet'?"):
        Preset.open("quite")
    with refused(UsageError, "unknown-preset"):
        store.remove(str(path))
    store.remove("quiet")
    assert store.names() == []


def test_a_user_without_a_home_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMPASTO_HOME")
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: Path())
    assert store.names() == []
    with refused(UsageError, "unknown-preset"):
        Preset.open("quiet")

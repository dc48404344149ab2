"""The contact sheet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from helpers import refused, scene

from impasto.controls import Controls
from impasto.errors import UsageError
from impasto.painting.contact_sheet import GAP, SMALLEST_FONT, contact_sheet
from impasto.picture import Picture
from impasto.picture.metadata import SOURCE_TYPE
from impasto.progress import Progress


def test_a_tile_for_the_photo_and_each_style() -> None:
    seen: list[Progress] = []
    styles = ["udnie", "the-dance", {"udnie": 1, "the-kiss": 1}]
    sheet = contact_sheet(Picture.from_array(scene()), styles, columns=2, tile=96, on_progress=seen.append)
    assert [(now.step, now.total) for now in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [now.message for now in seen] == ["photo", "udnie", "the-dance", "udnie:0.5 + the-kiss:0.5"]
    cell = 64 + SMALLEST_FONT * 3 // 2 + GAP
    assert (sheet.width, sheet.height) == (2 * (96 + GAP) + GAP, 2 * cell + GAP)
    tiles = [
        sheet.to_numpy()[GAP + row * cell : GAP + row * cell + 64, GAP + column * (96 + GAP) :][:, :96]
        for row in range(2)
        for column in range(2)
    ]
    assert np.abs(tiles[0].astype(float) - scene()).mean() < 8  # the photo, twice resampled
    for tile in tiles[1:]:
        assert np.abs(tile.astype(float) - tiles[0]).mean() > 10
    labels = sheet.to_numpy()[GAP + 64 : GAP + 64 + SMALLEST_FONT * 3 // 2]
    assert (labels < 100).any()  # ink


def test_a_stopped_sheet_keeps_its_tiles() -> None:
    photo = Picture.from_array(scene())
    whole = contact_sheet(photo, ["udnie", "the-dance"], columns=3, tile=96).to_numpy()
    part = contact_sheet(
        photo, ["udnie", "the-dance"], columns=3, tile=96, on_progress=lambda now: now.step < 2
    ).to_numpy()
    assert part.shape == whole.shape
    edge = GAP + 2 * (96 + GAP)
    np.testing.assert_array_equal(part[:, :edge], whole[:, :edge])
    assert len(np.unique(part[:, edge:].reshape(-1, 3), axis=0)) == 1  # paper


def test_controls_apply() -> None:
    photo = Picture.from_array(scene())
    plain = contact_sheet(photo, ["udnie"], tile=96)
    faint = contact_sheet(photo, ["udnie"], tile=96, controls=Controls(strength=10))
    assert np.abs(plain.pixels - faint.pixels).mean() > 0.01


def test_a_sheet_says_how_it_was_made(painting: Path, tmp_path: Path) -> None:
    sheet = contact_sheet(Picture.from_array(scene()), ["udnie", painting], tile=64, controls=Controls(strength=80))
    assert sheet.made_with["style"] == "udnie, painting.png"
    assert sheet.made_with["controls"] == Controls(strength=80).as_dict()
    for mark in (True, False):
        sheet.save(tmp_path / "sheet.png", mark=mark)
        assert (SOURCE_TYPE.encode() in (tmp_path / "sheet.png").read_bytes()) == mark
    assert contact_sheet(Picture.from_array(scene()), [], tile=64).made_with == {}


def test_nonsense_is_refused() -> None:
    photo = Picture.from_array(scene())
    for options, word in (({"tile": 5}, "5 pixels"), ({"columns": 0}, "0 columns")):
        with refused(UsageError, "out-of-range", word):
            contact_sheet(photo, ["udnie"], **options)  # type: ignore[arg-type]

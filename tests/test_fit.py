"""Fitting a style vector: nearer to the painting than what the encoder sees, on photographs it was not fitted to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, Outcome, assert_refused, file_bytes, scene

from impasto.errors import UsageError
from impasto.gallery import Gallery
from impasto.painter import default_painter
from impasto.picture import Picture
from impasto.training import fit
from impasto.training.fit import fit_style

PAINTING = ROOT / "examples" / "almond-blossom.jpg"


def test_a_fitted_vector_is_a_better_likeness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "_SIDE", 160)  # pixels of a crop: a third of the time
    seen: list[int] = []
    painting = Picture.open(PAINTING).resized(160, 128)
    fitted = fit_style(painting, steps=12, on_step=lambda step, total, loss: seen.append(step))
    assert seen == list(range(1, 13))
    assert fitted.vector.shape == (512,)
    assert np.isfinite(fitted.vector).all()
    assert fitted.after["style"] < 0.95 * fitted.before["style"]
    assert not np.array_equal(fitted.vector, default_painter().encode(painting.pixels))


def test_a_tiny_painting_is_refused() -> None:
    with pytest.raises(UsageError, match="64 a side"):
        fit_style(Picture(np.zeros((20, 90, 3), np.float32)))


def test_the_command_stores_it_in_the_gallery(run: Callable[..., Outcome], tmp_path: Path, painting: Path) -> None:
    photos = tmp_path / "photos"
    (photos / "deep").mkdir(parents=True)
    (photos / "deep" / "a.png").write_bytes(file_bytes(scene(200, 150)))
    (photos / "broken.jpg").write_text("no picture")
    done = run("styles", "fit", painting, "--name", "likeness", "--steps", 2, "--photos", photos, "--json")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert set(record["before"]) == {"style", "content"}
    plain = default_painter().encode(Picture.open(painting).pixels)
    assert not np.array_equal(Gallery().vector("likeness"), plain)
    assert_refused(run("styles", "fit", painting, "--name", "likeness", "--steps", 2), 2, "already")
    assert_refused(run("styles", "fit", painting, "--name", "b", "--photos", tmp_path / "no"), 1, "no folder")
    (tmp_path / "text.png").write_text("x")
    assert_refused(run("styles", "fit", tmp_path / "text.png", "--name", "b"), 1, "text.png")

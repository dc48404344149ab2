"""`impasto texture`, as it is typed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gltf_models import sheet, write_cube
from helpers import Outcome, assert_refused
from PIL import Image

from impasto.picture import Picture
from impasto.textures.open import open_model

Run = Callable[..., Outcome]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_cube(tmp_path / "cube.glb")


def texture_of(path: Path) -> np.ndarray:
    (found,) = open_model(path).textures
    return Picture.open(found.data).samples


def test_a_model_is_painted(run: Run, model: Path, tmp_path: Path) -> None:
    result = run("texture", model, "--style", "udnie", "--engine", "light", "-o", tmp_path / "painted.glb")
    assert result.code == 0
    assert "painted.glb" in result.out
    assert texture_of(tmp_path / "painted.glb").shape == texture_of(model).shape
    assert not np.array_equal(texture_of(tmp_path / "painted.glb"), texture_of(model))


def test_the_record_tells_of_the_seams(run: Run, model: Path, tmp_path: Path) -> None:
    result = run("texture", model, "-s", "udnie", "--engine", "light", "--json", "-o", tmp_path / "painted.glb")
    found = json.loads(result.out)
    assert found["output"] == str(tmp_path / "painted.glb")
    assert found["seam_score"] <= 1.2
    assert found["seam_step"]["after"] < 0.1


def test_without_output_the_result_lies_beside_the_model(run: Run, model: Path) -> None:
    assert run("texture", model, "-s", "udnie", "--engine", "light", "-q").code == 0
    assert model.with_name("cube-painted.glb").is_file()


def test_a_strength_of_nothing_gives_the_model_back(run: Run, model: Path, tmp_path: Path) -> None:
    assert run("texture", model, "-s", "udnie", "--strength", 0, "-o", tmp_path / "same.glb").code == 0
    assert (tmp_path / "same.glb").read_bytes() == model.read_bytes()


def test_the_preview_turns(run: Run, model: Path, tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    words = ("-s", "udnie", "--engine", "light", "-o", tmp_path / "painted.glb", "--preview", tmp_path / "turn.gif")
    assert run("texture", model, *words).code == 0
    assert len(Picture.open(tmp_path / "turn.gif").frames) > 10


@pytest.mark.parametrize("engine", ["adain", "painter"])
def test_every_engine_paints(run: Run, model: Path, tmp_path: Path, engine: str) -> None:
    assert run("texture", model, "-s", "udnie", "--engine", engine, "-o", tmp_path / "painted.glb").code == 0
    assert not np.array_equal(texture_of(tmp_path / "painted.glb"), texture_of(model))


def test_the_optimizer_paints(run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from impasto.optimization import recipe

    short = replace(recipe.DEFAULT, iterations=2, largest=96, start="photo")
    monkeypatch.setitem(recipe.RECIPES, "fast", short)
    words = ("-s", "udnie", "--optimize", "--recipe", "fast", "-o", tmp_path / "painted.glb")
    assert run("texture", model, *words).code == 0
    assert not np.array_equal(texture_of(tmp_path / "painted.glb"), texture_of(model))


def test_a_masks_white_is_painted_in_its_style(run: Run, model: Path, tmp_path: Path) -> None:
    side = texture_of(model).shape[0]
    mask = np.zeros((side, side), np.uint8)
    mask[:, : side // 2] = 255
    Picture.from_array(mask).save(tmp_path / "mask.png")
    words = ("-s", "udnie", "--engine", "light", "--region", f"{tmp_path / 'mask.png'}=none")
    assert run("texture", model, *words, "-o", tmp_path / "painted.glb").code == 0
    before, after = texture_of(model).astype(int), texture_of(tmp_path / "painted.glb").astype(int)
    kept, changed = (
        np.abs(after - before)[:, part].mean() for part in (slice(0, side // 2 - 24), slice(side // 2, side))
    )
    assert changed > 5 * kept


def test_what_makes_no_sense_is_refused(run: Run, model: Path, tmp_path: Path) -> None:
    words = ("-s", "udnie", "--engine", "light")
    assert_refused(run("texture", model, *words, "-o", model), 2, "same-file", "cube.glb")
    assert_refused(run("texture", model, *words, "-o", tmp_path / "painted.obj"), 2, "unknown-format", "painted.obj")
    assert_refused(run("texture", model, *words, "--region", "material:Glass=none"), 2, "unknown-choice", "Glass")
    assert_refused(run("texture", model, *words, "--region", "person=none"), 2, "conflict", "person")
    assert_refused(run("texture", tmp_path / "photo.jpg", *words), 2, "unknown-format", "photo.jpg")
    assert_refused(run("texture", tmp_path, *words), 2, "not-a-file", str(tmp_path))
    assert_refused(run("texture", model, "-s", "udni"), 2, "unknown-style", "udni")
    assert_refused(run("texture", model, *words, "--preview", tmp_path / "turn.mp4"), 2, "unknown-format", "turn.mp4")


def test_options_that_do_nothing_are_refused(run: Run, model: Path, tmp_path: Path) -> None:
    words = ("texture", model, "-s", "udnie", "-o", tmp_path / "painted.glb")
    assert_refused(run(*words, "--recipe", "fast"), 2, "conflict", "--recipe")
    assert_refused(run(*words, "--device", "cpu"), 2, "conflict", "--device")
    assert_refused(run(*words, "--optimize", "--engine", "light"), 2, "conflict", "--engine")
    assert run(*words, "--optimize", "--recipe", "none-such").code == 2
    assert_refused(run(*words, "--region", "foo:bar=none"), 2, "no-such-file", "foo:bar")
    assert_refused(run("texture", model, "-s", "udnie", "-o", tmp_path), 2, "not-a-file", str(tmp_path))


def test_the_preview_replaces_nothing_of_the_model(run: Run, tmp_path: Path) -> None:
    source = write_cube(tmp_path / "cube.gltf")
    link = tmp_path / "turn.png"
    link.symlink_to(tmp_path / "cube.bin")
    before = (tmp_path / "cube.bin").read_bytes()
    words = ("-s", "udnie", "--engine", "light", "-o", tmp_path / "painted.gltf", "--overwrite", "--preview", link)
    assert_refused(run("texture", source, *words), 2, "same-file", "turn.png")
    assert (tmp_path / "cube.bin").read_bytes() == before


def test_a_preview_that_cannot_be_written_is_refused_before_the_work(run: Run, model: Path, tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    words = ("-s", "udnie", "--engine", "light", "-o", tmp_path / "painted.glb")
    assert run("texture", model, *words, "--preview", "/proc/turn.gif").code == 1
    assert not (tmp_path / "painted.glb").exists()


def test_a_textures_orientation_is_not_applied(run: Run, tmp_path: Path) -> None:
    side = Picture.from_array(np.random.RandomState(0).randint(0, 256, (32, 64, 3), np.uint8)).to_pil()
    exif = side.getexif()
    exif[0x0112] = 6
    data = io.BytesIO()
    side.save(data, "JPEG", exif=exif)
    path = tmp_path / "turned.glb"
    sheet(data.getvalue()).write(path)
    assert run("texture", path, "-s", "udnie", "--engine", "light", "-o", tmp_path / "painted.glb").code == 0
    (texture,) = open_model(tmp_path / "painted.glb").textures
    assert Image.open(io.BytesIO(texture.data)).size == (64, 32)


def test_a_stop_leaves_nothing(run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from impasto.cli.console import INTERRUPTED
    from impasto.progress import Stopped

    def stopped(*_words: object, **_values: object) -> None:
        raise Stopped

    monkeypatch.setattr("impasto.textures.paint.paint_textures", stopped)
    result = run("texture", model, "-s", "udnie", "-o", tmp_path / "painted.glb")
    assert result.code == INTERRUPTED
    assert "nothing was written" in result.err


def test_what_is_there_is_not_overwritten_unasked(run: Run, model: Path, tmp_path: Path) -> None:
    target = tmp_path / "painted.glb"
    target.write_text("mine")
    result = run("texture", model, "-s", "udnie", "--engine", "light", "-o", target)
    assert (result.code, result.error_code) == (1, "already-there")
    assert target.read_text() == "mine"
    assert run("texture", model, "-s", "udnie", "--engine", "light", "-o", target, "--overwrite").code == 0
    assert target.read_bytes()[:4] == b"glTF"


def test_damaged_and_missing_models_say_so_in_one_line(run: Run, model: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.glb"
    cut.write_bytes(model.read_bytes()[:500])
    text = tmp_path / "text.glb"
    text.write_text("hello")
    for path, code in ((cut, "damaged-file"), (text, "damaged-file"), (tmp_path / "none.glb", "no-such-file")):
        result = run("texture", path, "-s", "udnie", "-o", tmp_path / "painted.glb")
        assert (result.code, result.error_code) == (1, code)
        assert path.name in result.err
    assert not (tmp_path / "painted.glb").exists()

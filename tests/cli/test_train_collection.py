"""`impasto train collection` and `train pairs`: what they learn becomes a style; bad folders are refused at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import Outcome, assert_refused, file_bytes, scene

from impasto.engines.by_name import engine_of
from impasto.engines.network import Network
from impasto.picture import Picture
from impasto.styles.gallery import Gallery
from impasto.styles.store import trial_photo

Run = Callable[..., Outcome]

RUNNING = ("--iterations", 4, "--size", 64, "--precision", "float32", "--workers", 0, "--unchecked")
CRITIC = ("--critic-width", 4, "--patch", 16)


@pytest.fixture
def paintings(tmp_path: Path) -> Path:
    folder = tmp_path / "paintings"
    folder.mkdir()
    for seed in range(4):
        (folder / f"{seed}.png").write_bytes(file_bytes(scene(90, 120, 50 + seed)))
    return folder


def painted(run: Run, photo: Path, name: str, out: Path, *options: object) -> np.ndarray:
    done = run("stylize", photo, "--style", name, "-o", out, *options)
    assert done.code == 0, done.err
    return Picture.open(out).pixels


@pytest.mark.parametrize("engine", ["painter", "light"])
def test_a_collection_becomes_a_style_of_the_engine(
    run: Run, photos: Path, paintings: Path, photo: Path, tmp_path: Path, engine: str
) -> None:
    done = run(
        *("train", "collection", "--paintings", paintings, "--photos", photos, "--name", "mine"),
        *("--generator", engine, "--patches", 16, "--json", *RUNNING, *CRITIC),
    )
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert (record["styles"], record["step"]) == (["mine"], 4)
    out = tmp_path / "out.png"
    whole = painted(run, photo, "mine", out, "--engine", engine, "--overwrite")
    half = painted(run, photo, "mine", out, "--engine", engine, "--strength", 50, "--overwrite")
    assert np.abs(whole - Picture.open(photo).pixels).mean() > np.abs(half - Picture.open(photo).pixels).mean() > 0.01
    card = json.loads(run("styles", "show", "mine", "--json").out)["card"]
    assert (card["steps"], card["paintings"]["count"], card["recipe"]["generator"]) == (4, 4, engine)
    done = run("train", "export", "mine", "--onnx", tmp_path / "mine.onnx")
    assert done.code == 0, done.err
    network = Network(tmp_path / "mine.onnx", trial_photo)
    style, pixels = Gallery(painter=engine_of(engine)).style("mine"), trial_photo()
    np.testing.assert_allclose(
        network.paint(pixels, network.style()), style.engine.paint(pixels, style.vector), atol=2e-4
    )
    assert_refused(run("styles", "learn", "mine"), 2, "network-style", "learned from a collection")
    assert_refused(run("train", "export", "mine", "--safetensors", tmp_path / "x"), 2, "conflict", "onnx")


def test_two_ways_become_two_networks(run: Run, photos: Path, paintings: Path, photo: Path, tmp_path: Path) -> None:
    done = run(
        *("train", "collection", "--paintings", paintings, "--photos", photos, "--name", "mine", "--quiet"),
        *("--recipe", "cyclegan", "--generator", "resnet6", "--width", 4, *RUNNING, *CRITIC),
    )
    assert done.code == 0, done.err
    assert {"mine", "mine-back"} <= set(Gallery().names())
    for name in ("mine", "mine-back"):
        assert painted(run, photo, name, tmp_path / f"{name}.png").shape == (64, 96, 3)
    done = run("train", "export", "mine", "--onnx", tmp_path / "m.onnx", "--safetensors", tmp_path / "m.safetensors")
    assert done.code == 0, done.err
    done = run("styles", "import", tmp_path / "m.safetensors", "--name", "again")
    assert done.code == 0, done.err
    np.testing.assert_array_equal(
        painted(run, photo, "again", tmp_path / "again.png"), Picture.open(tmp_path / "mine.png").pixels
    )


def test_pairs_become_a_network_and_training_goes_on(run: Run, photos: Path, photo: Path, tmp_path: Path) -> None:
    arguments = ("train", "pairs", "--inputs", photos, "--targets", photos, "--name", "same", "--generator", "unet64")
    arguments += ("--width", 4, *RUNNING, *CRITIC)
    done = run(*arguments)
    assert done.code == 0, done.err
    assert "impasto stylize photo.jpg --style same" in done.out
    assert painted(run, photo, "same", tmp_path / "out.png").shape == (64, 96, 3)
    assert_refused(run(*arguments), 2, "name-taken", "same")
    assert_refused(run(*arguments, "--resume", "--width", 8, "--quiet"), 2, "changed-settings", "width")


def test_bad_folders_are_refused_at_once(run: Run, photos: Path, paintings: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    start = ("train", "collection", "--quiet", "--name", "mine", "--photos", photos, "--paintings")
    assert_refused(run(*start, empty), 1, "no-pictures", "no paintings")
    assert_refused(run(*start, tmp_path / "none"), 1, "no-such-folder", "none")
    assert_refused(run(*start, photos), 2, "conflict", "also among")
    (paintings / "3.png").unlink()
    assert_refused(run(*start, paintings), 2, "no-pictures", "3 paintings")
    start = ("train", "pairs", "--quiet", "--name", "mine", "--inputs", photos, "--targets")
    assert_refused(run(*start, empty), 1, "no-pictures", "no targets")
    (paintings / "a.png").write_bytes(file_bytes(scene()))
    for file in ("0.png", "1.png", "2.png"):
        (paintings / file).rename(paintings / f"x{file}")
    assert_refused(run(*start, paintings), 2, "mismatch", "same name")
    assert_refused(
        run("train", "collection", "--name", "starry-night", "--photos", photos, "--paintings", paintings),
        2,
        "built-in",
        "starry-night",
    )

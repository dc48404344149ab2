"""`impasto enlarge` and `impasto train enlarger`, as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from films import Sound, film, looked_at, of_kind
from helpers import Outcome, assert_refused, file_bytes, scene
from PIL import Image

from impasto.picture import Picture

Run = Callable[..., Outcome]


def test_one_picture(run: Run, photo: Path, tmp_path: Path) -> None:
    done = run("enlarge", photo, "--scale", 2, "-o", tmp_path / "big.png", "--json")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert (record["size"], record["style"], record["engine"]) == ([192, 128], "photo-2x", "enlarger")
    assert (Picture.open(tmp_path / "big.png").width, Picture.open(tmp_path / "big.png").height) == (192, 128)
    assert_refused(run("enlarge", photo, "-o", tmp_path / "big.png"), 1, "already-there", "big.png")
    assert_refused(run("enlarge", photo, "--size", 50, "-o", tmp_path / "x.png"), 2, "out-of-range", "96 x 64")
    assert_refused(run("enlarge", photo, "--kind", "dog", "-o", tmp_path / "x.png"), 2, "unknown-choice", "dog")
    assert_refused(run("enlarge", tmp_path / "gone.jpg", "-o", tmp_path / "x.png"), 1, "no-such-file", "gone.jpg")
    assert not (tmp_path / "x.png").exists()


def test_a_folder_goes_on_past_a_bad_file_and_skips_what_is_done(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    for index in range(2):
        (folder / f"{index}.jpg").write_bytes(file_bytes(scene(40, 30, index), "JPEG"))
    (folder / "text.png").write_text("no picture")
    done = run("enlarge", folder, "--kind", "painting", "--scale", 2, "-o", tmp_path / "large")
    assert done.code == 1
    assert "text.png" in done.err
    assert Picture.open(tmp_path / "large" / "1.jpg").width == 80
    again = run("enlarge", folder, "--kind", "painting", "--scale", 2, "-o", tmp_path / "large")
    assert "2 skipped" in again.out
    other = run("enlarge", folder / "0.jpg", folder / "1.jpg", "--scale", 4, "-o", tmp_path / "more")
    assert other.code == 0, other.err


def test_a_pipe(run: Run, photo: Path, tmp_path: Path) -> None:
    done = run("enlarge", photo, "--scale", 3, "-o", "-")
    assert done.code == 0, done.err
    (tmp_path / "piped.png").write_bytes(done.raw)
    assert Picture.open(tmp_path / "piped.png").width == 288


def test_a_clip_keeps_its_sound(run: Run, tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4", sounds=[Sound()])
    done = run("enlarge", clip, "--scale", 2, "-o", tmp_path / "large.mp4", "--quiet")
    assert done.code == 0, done.err
    before, after = looked_at(clip), looked_at(tmp_path / "large.mp4")
    with av.open(str(tmp_path / "large.mp4")) as file:
        assert (file.streams.video[0].width, file.streams.video[0].height) == (128, 96)
        assert sum(1 for _ in file.decode(video=0)) == 24
    assert len(of_kind(before, "audio")) == len(of_kind(after, "audio")) == 1
    assert_refused(run("enlarge", clip, "-o", clip, "--overwrite"), 2, "same-file", "clip.mp4")


def test_one_of_the_users_own(run: Run, photos: Path, photo: Path, tmp_path: Path) -> None:
    small = ["--width", 8, "--blocks", 1, "--size", 96, "--batch-size", 2, "--precision", "float32", "--workers", 0]
    words = ["train", "enlarger", "--photos", photos, "--scale", 2, "--name", "mine", *small]
    done = run(*words, "--iterations", 6, "--pixel-iterations", 6, "--json")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert (record["name"], record["scale"], record["step"]) == ("mine", 2, 6)
    done = run("enlarge", photo, "--kind", "mine", "--scale", 4, "-o", tmp_path / "big.png")
    assert done.code == 0, done.err
    assert np.asarray(Image.open(tmp_path / "big.png")).shape == (256, 384, 3)
    assert_refused(run(*words), 2, "already-there", "mine")
    assert_refused(run(*words[: -len(small)][:-1], "photo", *small), 2, "bad-name", "photo")
    targets = [tmp_path / "mine.onnx", tmp_path / "mine.safetensors"]
    done = run("train", "export", "mine", "--onnx", targets[0], "--safetensors", targets[1])
    assert done.code == 0, done.err
    assert all(path.stat().st_size > 1000 for path in targets)

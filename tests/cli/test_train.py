"""`impasto train`: a network becomes a style; stopped or killed, it goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import ROOT, Outcome, assert_refused, file_bytes, scene
from trainings import OPTIONS, TINY, metrics, weights

from impasto.picture import Picture
from impasto.styles.gallery import Gallery
from impasto.training.loop import train
from impasto.training.style_job import StyleJob

Run = Callable[..., Outcome]


def test_trained_from_the_command_line_it_is_a_style(
    run: Run, photos: Path, painting: Path, photo: Path, tmp_path: Path
) -> None:
    done = run("train", "style", "--style", painting, "--photos", photos, "--name", "mine", *OPTIONS, "--json")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert (record["styles"], record["step"], record["stopped"]) == (["mine"], 12, False)
    done = run("stylize", photo, "--style", "mine", "-o", tmp_path / "out.png")
    assert done.code == 0, done.err
    painted = Picture.open(tmp_path / "out.png")
    assert (painted.width, painted.height) == (96, 64)
    assert_refused(
        run("train", "style", "--style", painting, "--photos", photos, "--name", "mine", *OPTIONS),
        2,
        "name-taken",
        "mine",
    )
    targets = [tmp_path / name for name in ("my.onnx", "my.pt2", "my.safetensors")]
    done = run(
        "train", "export", "mine", "--onnx", targets[0], "--torch-export", targets[1], "--safetensors", targets[2]
    )
    assert done.code == 0, done.err
    assert all(path.stat().st_size > 1000 for path in targets)
    assert_refused(run("train", "export", "mine", "--onnx", targets[0]), 1, "already-there", "my.onnx")
    assert_refused(run("train", "export", "none-such", "--onnx", tmp_path / "x.onnx"), 2, "unknown-style", "none-such")
    assert run("train", "export", "starry-night", "--onnx", tmp_path / "x.onnx").code == 0
    assert_refused(run("train", "export", "starry-night", "--safetensors", tmp_path / "x"), 2, "conflict", "onnx")
    assert_refused(run("train", "export", "mine"), 2, "nothing-given", "--onnx")


def test_several_paintings_make_one_network_of_several_styles(
    run: Run, photos: Path, painting: Path, photo: Path, tmp_path: Path
) -> None:
    paintings = tmp_path / "paintings"
    paintings.mkdir()
    (paintings / "First One.png").write_bytes(painting.read_bytes())
    (paintings / "second.png").write_bytes(file_bytes(scene(70, 70, 4)))
    done = run("train", "style", "--styles", paintings, "--photos", photos, *OPTIONS, "--quiet")
    assert done.code == 0, done.err
    names = Gallery().names()
    assert [name for name in names if name.startswith("paintings")] == ["paintings/first-one", "paintings/second"]
    done = run(
        "stylize", photo, "-s", "paintings/first-one:0.5", "-s", "paintings/second:0.5", "-o", tmp_path / "o.png"
    )
    assert done.code == 0, done.err
    assert_refused(
        run("stylize", photo, "-s", "paintings", "-o", tmp_path / "x.png"), 2, "several-styles", "paintings/second"
    )
    assert_refused(
        run("stylize", photo, "-s", "paintings/third", "-o", tmp_path / "x.png"), 2, "unknown-style", "paintings/third"
    )


def test_bad_training_commands_are_refused_in_one_line(run: Run, photos: Path, painting: Path, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "none").mkdir()
    base = ["train", "style", "--photos", photos, "--name", "x", *OPTIONS]
    assert_refused(run(*base), 2, "nothing-given", "--style")
    assert_refused(run(*base, "--style", tmp_path / "text.jpg", "--quiet"), 1, "not-a-picture", "text.jpg")
    assert_refused(run(*base, "--style", tmp_path / "gone.jpg", "--quiet"), 1, "no-such-file", "gone.jpg")
    assert_refused(run(*base, "--style", painting, "--recipe", "none"), 2, "unknown-choice", "none")
    assert_refused(run(*base, "--style", painting, "--resume"), 2, "nothing-to-resume")
    assert_refused(run(*base, "--style", painting, "--style", painting), 2, "name-taken", "painting")
    assert_refused(run(*base, "--style", painting, "--name", "starry-night"), 2, "built-in", "starry-night")
    empty = ["train", "style", "--photos", tmp_path / "none", "--style", painting, "--name", "x", *OPTIONS]
    assert_refused(run(*empty), 1, "no-pictures", "none")
    vgg16 = [*base, "--style", painting, "--loss-network", "vgg16", "--quiet"]
    assert_refused(run(*vgg16), 2, "no-such-file", "VGG-16")


def test_ctrl_c_saves_what_has_been_learned(photos: Path, painting: Path, tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "run"
    words = ["train", "style", "--style", painting, "--photos", photos, "--name", "mine", "--folder", folder, *OPTIONS]
    command = [sys.executable, "-m", "impasto", *map(str, words), "--iterations", "100000"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while len(metrics(folder) if (folder / "metrics.csv").exists() else []) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert all(line.startswith("impasto: note: ") for line in err.splitlines()), err
    assert "of 100000; --resume continues" in err
    assert "mine" in Gallery()
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    assert state["step"] > 10


def test_killed_at_any_moment_it_goes_on_exactly(
    job: StyleJob, tmp_path: Path, photos: Path, painting: Path, home: Path
) -> None:
    """SIGKILL between checkpoints: what was not saved is computed again, to the same weights."""
    whole = train(replace(job, recipe=replace(TINY, iterations=40)))
    folder = tmp_path / "killed"
    words = [
        sys.executable,
        "-m",
        "impasto",
        "train",
        "style",
        "--style",
        painting,
        "--photos",
        photos,
        "--name",
        "one",
    ]
    words += ["--folder", folder, *OPTIONS, "--iterations", 40, "--checkpoint-every", 3, "--quiet"]
    command = [str(word) for word in words]
    process = subprocess.Popen(command, cwd=ROOT)
    deadline = time.monotonic() + 120
    while not (folder / "checkpoint.pt").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    step = torch.load(folder / "checkpoint.pt", weights_only=True)["step"]
    assert 3 <= step < 40
    subprocess.run([*command, "--resume"], check=True, cwd=ROOT, timeout=120)
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    assert state["step"] == 40
    for name, value in weights(whole).items():
        assert torch.equal(state["average"][name], value), name


def test_two_processes_compute_what_one_computes(job: StyleJob, tmp_path: Path, photos: Path, painting: Path) -> None:
    """The same global batch: the loss curve to 1e-3, since sums are rounded in another order."""
    words = [*("-m", "impasto", "train", "style", "--style", painting, "--photos", photos, "--name", "one"), *OPTIONS]
    words += ["--device", "cpu", "--quiet"]
    folder = tmp_path / "two"
    torchrun = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--master-port",
        "0",
        "--rdzv-backend",
        "c10d",
        "--rdzv-endpoint",
        "localhost:0",
    ]
    command = [*torchrun, *map(str, words), "--folder", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, timeout=240, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    train(job)
    one, two = metrics(job.folder), metrics(folder)
    assert [row["step"] for row in one] == [row["step"] for row in two]
    for ours, theirs in zip(one, two, strict=True):
        assert float(theirs["total"]) == pytest.approx(float(ours["total"]), rel=1e-3)
    assert "one" in Gallery()


def test_photographs_are_counted_and_coco_is_explained(run: Run, photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").write_text("no picture")
    done = run("train", "photos", photos, "--json")
    assert json.loads(done.out) == {"photographs": 5, "damaged": 1, "tiny": 0}
    assert "train2017.zip" in run("train", "photos").out
    assert_refused(run("train", "photos", tmp_path / "gone"), 1, "no-such-folder", "gone")

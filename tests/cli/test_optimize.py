"""`impasto optimize` as it is typed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import Outcome, assert_refused, file_bytes, scene
from PIL import Image

import impasto.optimization

Run = Callable[..., Outcome]
QUICK = ("--iterations", "4", "--pyramid", "1", "--start", "photo")


def test_a_photo_with_previews_and_losses(run: Run, photo: Path, painting: Path, tmp_path: Path) -> None:
    out, steps = tmp_path / "out.png", tmp_path / "steps"
    words = ("--preview", steps, "--preview-every", 2, "--losses", tmp_path / "curve.csv")
    outcome = run("optimize", photo, "--style", painting, "-o", out, *QUICK, *words)
    assert outcome.code == 0, outcome.err
    assert "96 x 64" in outcome.out
    assert "4 evaluations" in outcome.out
    assert "GB of memory" in outcome.err
    assert Image.open(out).size == (96, 64)
    assert sorted(path.name for path in steps.iterdir()) == [f"step-{n:05d}.png" for n in (1, 2, 4)]
    lines = (tmp_path / "curve.csv").read_text().splitlines()
    assert lines[0] == "step,scale,seconds,content,style,variation,total"
    assert len(lines) == 5


@pytest.mark.parametrize("ending", ["json", "png"])
def test_other_curves_and_json(run: Run, photo: Path, painting: Path, tmp_path: Path, ending: str) -> None:
    curve = tmp_path / f"curve.{ending}"
    out = tmp_path / "out.jpg"
    outcome = run("optimize", photo, "--style", painting, "-o", out, *QUICK, "--losses", curve, "--json")
    assert outcome.code == 0, outcome.err
    record = json.loads(outcome.out)
    assert record["evaluations"] == 4
    assert set(record["losses"]) == {"content", "style", "variation", "total"}
    if ending == "json":
        assert [row["step"] for row in json.loads(curve.read_text())] == [1, 2, 3, 4]
    else:
        assert Image.open(curve).size[0] > 500


def test_two_styles_and_regions(run: Run, photo: Path, painting: Path, tmp_path: Path) -> None:
    mask = tmp_path / "face.png"
    half = np.zeros((64, 96), np.uint8)
    half[:, :48] = 255
    mask.write_bytes(file_bytes(half))
    styles = ("--style", f"{painting}:0.7", "--style", "starry-night:0.3", "--size", 96)
    out = tmp_path / "out.png"
    outcome = run("optimize", photo, *styles, "--region", f"{mask}=none", "-o", out, *QUICK)
    assert outcome.code == 0, outcome.err
    same = np.abs(np.asarray(Image.open(out), float) - np.asarray(Image.open(photo), float))
    assert same[:, :40].max() == 0
    assert same[:, 56:].max() > 0


def test_a_texture(run: Run, painting: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.png"
    outcome = run("optimize", "--texture", "--style", painting, "--size", "96x64", "--iterations", 3, "-o", out)
    assert outcome.code == 0, outcome.err
    assert Image.open(out).size == (96, 64)


def test_nothing_is_replaced_unasked(run: Run, photo: Path, painting: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    out.write_text("mine")
    assert_refused(run("optimize", photo, "--style", painting, "-o", out, *QUICK), 1, "already-there", "--overwrite")
    assert out.read_text() == "mine"
    assert_refused(run("optimize", photo, "-s", painting, "-o", photo, "--overwrite", *QUICK), 2, "same-file")


@pytest.mark.parametrize(
    ("words", "exit_code", "code", "said"),
    [
        (("--style-layers", "relu9_1"), 2, "unknown-choice", ("relu9_1", "relu1_1")),
        (("--size", "12"), 2, "too-small", ("relu5_1", "32 pixels a side")),
        (("--size", "100x50"), 2, "malformed", ("100x50",)),
        (("--size", "big"), 2, "malformed", ("--size big",)),
        (("--tileable",), 2, "conflict", ("--tileable",)),
        (("--texture",), 2, "conflict", ("--texture",)),
        (("--recipe", "best"), 2, "unknown-choice", ("best", "gatys2016")),
        (("--optimizer", "newton"), 2, "usage", ("newton",)),
        (("--style-scales", "1,x"), 2, "usage", ("1,x",)),
        (("--bits", "12"), 2, "unknown-choice", ("8 or 16",)),
        (("--losses", "curve.txt"), 2, "unknown-format", ("curve.txt", ".csv")),
        (("--device", "tpu"), 2, "unknown-choice", ("tpu",)),
        (("--network", "none.pth"), 1, "no-such-file", ("none.pth",)),
        (("--start", "there.png"), 1, "no-such-file", ("there.png",)),
        (("--style", "starry-nite"), 2, "unknown-style", ("starry-night",)),
    ],
)
def test_refusals(
    run: Run,
    photo: Path,
    painting: Path,
    tmp_path: Path,
    words: tuple[str, ...],
    exit_code: int,
    code: str,
    said: tuple[str, ...],
) -> None:
    out = tmp_path / "out.png"
    options = () if "--start" in words else ("--start", "photo")
    assert_refused(run("optimize", photo, "-s", painting, "-o", out, "-q", *options, *words), exit_code, code, *said)
    assert not out.exists()


def test_textures_refuse_what_needs_a_photo(run: Run, painting: Path, tmp_path: Path) -> None:
    for words, said in ((("--strength", "50"), "--strength"), (("--region", "a=b"), "--region")):
        assert_refused(
            run("optimize", "--texture", "-s", painting, "-o", tmp_path / "t.png", *words), 2, "conflict", said
        )
    assert_refused(run("optimize", "-s", painting), 2, "nothing-given", "--texture")


def test_small_styles_and_damaged_photos(run: Run, photo: Path, painting: Path, tmp_path: Path) -> None:
    small, text = tmp_path / "small.png", tmp_path / "text.png"
    small.write_bytes(file_bytes(scene(60, 60)))
    text.write_text("no picture")
    out = tmp_path / "out.png"
    assert_refused(
        run("optimize", photo, "-s", small, "-o", out, "-q", *QUICK), 2, "too-small", "60 x 60", "64 pixels a side"
    )
    assert_refused(run("optimize", text, "-s", painting, "-o", out, "-q", *QUICK), 1, "not-a-picture", "text.png")


def test_without_pytorch(
    run: Run, photo: Path, painting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "impasto.optimization.optimize", None)
    monkeypatch.delattr(impasto.optimization, "optimize", raising=False)
    outcome = run("optimize", photo, "-s", painting, "-o", photo.with_name("o.png"))
    assert_refused(outcome, 1, "missing-extra", "pip install 'impasto[torch]'")


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_keeps_the_best_picture_and_one_can_go_on(photo: Path, painting: Path, tmp_path: Path) -> None:
    out, steps = tmp_path / "out.png", tmp_path / "steps"
    command = [sys.executable, "-m", "impasto", "optimize", str(photo), "-s", str(painting), "-o", str(out)]
    endless = ["--iterations", "100000", "--tolerance", "0", "--pyramid", "1", "--start", "photo"]
    preview = ["--preview", str(steps), "--preview-every", "3"]
    process = subprocess.Popen(
        [*command, *endless, *preview],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    waiting = time.monotonic() + 120
    while not (steps / "step-00006.png").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < waiting
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert all(line.startswith("impasto: note: ") for line in err.splitlines()), err
    assert f"{out} is the best picture so far" in err
    assert Image.open(out).size == (96, 64)
    before = np.asarray(Image.open(out), float)
    assert np.abs(before - np.asarray(Image.open(photo), float)).mean() > 1
    again = [*command, "--iterations", "2", "--pyramid", "1", "--start", str(out), "--overwrite", "-q"]
    subprocess.run(again, check=True)
    assert np.abs(np.asarray(Image.open(out), float) - before).mean() < 10

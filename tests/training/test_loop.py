"""Training: it learns, stops, goes on exactly, survives being killed, and says what is wrong."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import ROOT, Outcome, assert_refused, file_bytes, hears_ctrl_c, scene

from impasto.errors import PictureError, StyleError, UsageError
from impasto.nn import device
from impasto.nn.losses import content_loss, gram
from impasto.nn.tensors import to_tensor
from impasto.nn.vgg import shipped_vgg
from impasto.picture import Picture
from impasto.styles.gallery import Gallery
from impasto.training import loop
from impasto.training.loop import Job, Step, learning_rate, train
from impasto.training.objective import TrainingObjective, disturbed, stability
from impasto.training.recipe import DEFAULT, RECIPES, TrainingRecipe

TINY = replace(
    DEFAULT,
    width=4,
    blocks=1,
    iterations=12,
    batch_size=2,
    size=32,
    style_size=64,
    content_layers=("relu2_1",),
    style_layers=("relu1_1", "relu2_1"),
    warmup=2,
)
OPTIONS = [
    *("--width", 4, "--blocks", 1, "--iterations", 12, "--batch-size", 2, "--size", 32, "--style-size", 64),
    *("--content-layers", "relu2_1", "--style-layers", "relu1_1,relu2_1", "--warmup", 2),
    *("--precision", "float32", "--workers", 0),
]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(5):
        (folder / f"{index}.jpg").write_bytes(file_bytes(scene(96, 80, index), "JPEG"))
    return folder


@pytest.fixture
def job(tmp_path: Path, photos: Path, painting: Path) -> Job:
    return Job({"one": painting}, str(photos), tmp_path / "run", TINY, precision="float32", workers=0)


def weights(result: loop.Trained | None) -> dict[str, torch.Tensor]:
    assert result is not None
    return result.net.state_dict()


def metrics(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_it_learns_and_leaves_what_one_looks_at(job: Job) -> None:
    job = replace(
        job, recipe=replace(TINY, iterations=60, learning_rate=5e-3), sample_every=30, samples=(job.styles["one"],)
    )
    seen: list[Step] = []
    result = train(job, on_step=seen.append)
    assert result is not None
    assert (result.step, result.stopped) == (60, False)
    assert [step.step for step in seen] == list(range(1, 61))
    rows = metrics(job.folder)
    assert [int(row["step"]) for row in rows] == [1, 10, 20, 30, 40, 50, 60]
    assert float(rows[-1]["total"]) < 0.5 * float(rows[0]["total"])
    for row in rows:
        terms = sum(float(row[name]) for name in ("content", "style", "variation"))
        assert terms == pytest.approx(float(row["total"]), rel=1e-3)
    assert result.losses["total"] == pytest.approx(float(rows[-1]["total"]), rel=1e-4)
    for name in ("curves.png", "samples/step-0000030.png", "samples/step-0000060.png"):
        assert Picture.open(job.folder / name).width > 100
    assert list((job.folder / "tensorboard").glob("events*"))
    assert result.card["recipe"]["iterations"] == 60
    assert result.card["photographs"]["count"] == 5


def test_a_training_goes_on_exactly_where_it_stopped(job: Job, tmp_path: Path) -> None:
    whole = train(job)
    parts = replace(job, folder=tmp_path / "parts")
    first = train(parts, on_step=lambda step: step.step < 5)
    assert first is not None
    assert (first.step, first.stopped) == (5, True)
    second = train(parts, resume=True)
    assert second is not None
    assert second.step == 12
    for name, value in weights(whole).items():
        assert torch.equal(weights(second)[name], value), name
    without_time = [
        [
            {key: value for key, value in row.items() if key not in ("seconds", "images_per_second")}
            for row in metrics(folder)
        ]
        for folder in (job.folder, parts.folder)
    ]
    assert without_time[0] == [row for row in without_time[1] if int(row["step"]) in (1, 10, 12)]


@pytest.mark.filterwarnings("ignore:.*copying from a non-meta parameter")
def test_going_on_the_optimiser_is_on_the_networks_device(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fabric moves a network, and leaves the optimiser's state where it is."""
    train(job, on_step=lambda step: step.step < 3)
    there, found = torch.device("meta"), set[torch.device]()

    class Reached(Exception):
        pass

    def setup(net: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        net.to(there)
        for parameter in net.parameters():
            found.update(optimizer.state[parameter][name].device for name in ("exp_avg", "exp_avg_sq"))
        raise Reached

    fabric = SimpleNamespace(device=there, global_rank=0, world_size=1, barrier=lambda: None, setup=setup)
    monkeypatch.setattr(loop, "_fabric", lambda device, half: fabric)
    with pytest.raises(Reached):
        train(job, resume=True)
    assert found == {there}


def test_killed_at_any_moment_it_goes_on_exactly(
    job: Job, tmp_path: Path, photos: Path, painting: Path, home: Path
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


def test_two_processes_compute_what_one_computes(job: Job, tmp_path: Path, photos: Path, painting: Path) -> None:
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


def test_changed_settings_are_named_and_refused(job: Job, painting: Path) -> None:
    train(job, on_step=lambda step: step.step < 2)
    with pytest.raises(UsageError, match="holds a training already"):
        train(job)
    with pytest.raises(UsageError, match="learning rate was 0.001 and is 0.01 now"):
        train(replace(job, recipe=replace(TINY, learning_rate=0.01)), resume=True)
    painting.write_bytes(file_bytes(scene(90, 90, 3)))
    with pytest.raises(UsageError, match="styles was"):
        train(job, resume=True)
    (job.folder / "run.json").write_text("{")
    with pytest.raises(StyleError, match="missing or damaged"):
        train(job, resume=True)
    result = train(job, overwrite=True)
    assert result is not None
    assert result.step == 12


def test_a_training_keeps_the_type_that_was_measured(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another measurement, on a busier processor or another one, changes nothing in a training that goes on."""
    wanted = train(replace(job, folder=job.folder / "whole"))
    open_job = replace(job, precision="auto")
    monkeypatch.setattr(device, "multiplies_bfloat16", lambda _: False)
    train(open_job, on_step=lambda step: step.step < 4)
    monkeypatch.setattr(device, "multiplies_bfloat16", lambda _: True)
    result = train(open_job, resume=True)
    assert json.loads((job.folder / "run.json").read_text())["precision"] == "float32"
    torch.testing.assert_close(weights(result), weights(wanted), rtol=0, atol=0)


def test_a_damaged_checkpoint_is_said_to_be_that(job: Job) -> None:
    train(job, on_step=lambda step: step.step < 2)
    data = (job.folder / "checkpoint.pt").read_bytes()
    (job.folder / "checkpoint.pt").write_bytes(data[: len(data) // 2])
    with pytest.raises(StyleError, match="cannot be resumed from"):
        train(job, resume=True)


def test_a_full_disk_keeps_the_last_checkpoint(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    train(job, on_step=lambda step: step.step < 3)
    before = (job.folder / "checkpoint.pt").read_bytes()
    plain = os.fsync

    def full(descriptor: int) -> None:
        if "checkpoint" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(28, "No space left on device")
        plain(descriptor)

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(PictureError, match="No space left on device"):
        train(replace(job, checkpoint_every=2), resume=True)
    monkeypatch.undo()
    assert (job.folder / "checkpoint.pt").read_bytes() == before
    assert not list(job.folder.glob("*.part")) + list(job.folder.glob(".*.part"))
    result = train(job, resume=True)
    assert result is not None
    assert result.step == 12


def test_losses_that_are_no_numbers_end_it(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impasto.training.objective.total_variation", lambda x: x.sum() * float("nan"))
    job = replace(job, recipe=replace(TINY, iterations=50))
    with pytest.raises(StyleError, match="no numbers any more"):
        train(job)


def test_the_rate_rises_and_falls() -> None:
    recipe = replace(DEFAULT, learning_rate=0.01, warmup=10, iterations=110)
    rates = [learning_rate(recipe, step) for step in range(110)]
    assert rates[0] == pytest.approx(0.001)
    assert max(rates) == pytest.approx(0.01)
    assert rates.index(max(rates)) in (9, 10)
    assert rates[60] == pytest.approx(0.01 * (0.01 + 0.99 / 2))
    assert rates[-1] < 0.0002
    constant = replace(recipe, cosine=False)
    assert {learning_rate(constant, step) for step in range(10, 110)} == {0.01}


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_other_optimisers_and_steadiness(job: Job, optimizer: str) -> None:
    recipe = replace(TINY, optimizer=optimizer, stability_weight=10.0, learning_rate=1e-3)
    result = train(replace(job, recipe=recipe))
    assert result is not None
    assert result.losses["stability"] > 0
    assert np.isfinite(result.losses["total"])


def test_steadiness_compares_what_both_pictures_show() -> None:
    photos = torch.rand(2, 3, 40, 48, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(4)
    moved, shift = disturbed(photos, generator)
    assert shift != (0, 0)
    noise = float(stability(photos, moved, shift))
    assert noise < 2 * (2 / 255) ** 2  # a network that does nothing is as steady as the photo
    assert float(stability(photos, moved, (0, 0))) > 10 * noise


def test_the_objective_is_the_sum_that_is_documented(painting: Path) -> None:
    net = shipped_vgg("average", "replicate")
    style, photo = to_tensor(Picture.open(painting).pixels), to_tensor(scene().astype(np.float32) / 255)
    other = to_tensor(scene(72, 64, 9).astype(np.float32) / 255)
    painted = (photo * 0.8 + 0.1).repeat(2, 1, 1, 1)
    recipe = replace(TINY, content_layers=("relu2_1:3", "relu1_1"), style_weight=5.0, variation_weight=0.5)
    terms = TrainingObjective(net, recipe, [style, other])(painted, photo.repeat(2, 1, 1, 1), torch.tensor([1, 0]))
    features = {
        name: net(picture, ["relu1_1", "relu2_1"])
        for name, picture in {"photo": photo, "style": style, "other": other, "painted": painted[:1]}.items()
    }
    content = 0.75 * content_loss(features["painted"]["relu2_1"], features["photo"]["relu2_1"])
    content += 0.25 * content_loss(features["painted"]["relu1_1"], features["photo"]["relu1_1"])
    assert float(terms["content"]) == pytest.approx(float(content), rel=1e-5)
    style_loss = 0.0
    for layer in ("relu1_1", "relu2_1"):
        for name in ("other", "style"):
            ours, target = gram(features["painted"][layer]), gram(features[name][layer])
            style_loss += float((ours - target).square().mean() / target.square().mean()) / 4
    assert float(terms["style"]) == pytest.approx(5 * style_loss, rel=1e-4)


def test_the_classic_recipe_has_the_examples_numbers() -> None:
    """The example sums mean squared errors of Gram matrices divided by C H W, and weighs them 1e10."""
    from impasto.optimization.recipe import weigh

    recipe = RECIPES["johnson2016"]
    factors = weigh(recipe.style_layers)
    for layer, channels in {"relu1_2": 64, "relu2_2": 128, "relu3_3": 256, "relu4_3": 512}.items():
        assert recipe.style_weight * factors[layer] == pytest.approx(1e10 / channels**2)
    assert (recipe.content_weight, recipe.content_layers, recipe.loss_network) == (1e5, ("relu2_2",), "vgg16")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"iterations": 0}, "iterations 0 is not in"),
        ({"loss_network": "resnet"}, "loss network 'resnet' is unknown"),
        ({"style_layers": ()}, "no style layers"),
        ({"learning_rate": float("nan")}, "learning rate nan"),
        ({"content_layers": ("relu2_1:-1",)}, "not 0 or more"),
    ],
)
def test_bad_recipes(values: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        TrainingRecipe(**values)  # type: ignore[arg-type]


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
        run("train", "style", "--style", painting, "--photos", photos, "--name", "mine", *OPTIONS), 2, "already"
    )
    targets = [tmp_path / name for name in ("my.onnx", "my.pt2", "my.safetensors")]
    done = run(
        "train", "export", "mine", "--onnx", targets[0], "--torch-export", targets[1], "--safetensors", targets[2]
    )
    assert done.code == 0, done.err
    assert all(path.stat().st_size > 1000 for path in targets)
    assert_refused(run("train", "export", "mine", "--onnx", targets[0]), 1, "exists already")
    assert_refused(run("train", "export", "starry-night", "--onnx", tmp_path / "x.onnx"), 2, "no network of yours")
    assert_refused(run("train", "export", "mine"), 2, "nothing to write")


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
        run("stylize", photo, "-s", "paintings", "-o", tmp_path / "x.png"), 2, "holds 2 styles", "paintings/second"
    )
    assert_refused(run("stylize", photo, "-s", "paintings/third", "-o", tmp_path / "x.png"), 2, "no style")


def test_bad_training_commands_are_refused_in_one_line(run: Run, photos: Path, painting: Path, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "none").mkdir()
    base = ["train", "style", "--photos", photos, "--name", "x", *OPTIONS]
    assert_refused(run(*base), 2, "no painting")
    assert_refused(run(*base, "--style", tmp_path / "text.jpg", "--quiet"), 1, "text.jpg")
    assert_refused(run(*base, "--style", tmp_path / "gone.jpg", "--quiet"), 1, "gone.jpg")
    assert_refused(run(*base, "--style", painting, "--recipe", "none"), 2, "none is no recipe")
    assert_refused(run(*base, "--style", painting, "--resume"), 2, "nothing to resume")
    assert_refused(run(*base, "--style", painting, "--style", painting), 2, "both be called")
    assert_refused(run(*base, "--style", painting, "--name", "starry-night"), 2, "built-in")
    empty = ["train", "style", "--photos", tmp_path / "none", "--style", painting, "--name", "x", *OPTIONS]
    assert_refused(run(*empty), 1, "no photographs")
    vgg16 = [*base, "--style", painting, "--loss-network", "vgg16", "--quiet"]
    assert_refused(run(*vgg16), 2, "no VGG-16 here")


def test_ctrl_c_saves_what_has_been_learned(photos: Path, painting: Path, tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "run"
    words = ["train", "style", "--style", painting, "--photos", photos, "--name", "mine", "--folder", folder, *OPTIONS]
    command = [sys.executable, "-m", "impasto", *map(str, words), "--iterations", "100000"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=hears_ctrl_c)
    deadline = time.monotonic() + 120
    while len(metrics(folder) if (folder / "metrics.csv").exists() else []) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert all(line.startswith("impasto: note: ") for line in err.splitlines()), err
    assert "of 100000; --resume goes on" in err
    assert "mine" in Gallery()
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    assert state["step"] > 10


def test_photographs_are_counted_and_coco_is_explained(run: Run, photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").write_text("no picture")
    done = run("train", "photos", photos, "--json")
    assert json.loads(done.out) == {"photographs": 5, "damaged": 1, "tiny": 0}
    assert "train2017.zip" in run("train", "photos").out
    assert_refused(run("train", "photos", tmp_path / "gone"), 1, "no folder")

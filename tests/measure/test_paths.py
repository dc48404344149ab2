"""Paths from one style to another: their length, detour and jump, their pictures, and how they end early."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import Outcome, file_bytes, scene
from networks import torchvision_like
from safetensors.torch import save_file

from impasto.errors import PictureError
from impasto.measure.engines import EnginePaint, painting_with
from impasto.measure.evaluate import Evaluation, evaluate
from impasto.measure.judge import Judge, Scorer
from impasto.measure.metrics import path_metrics
from impasto.measure.paths import Route, StylePath, means, measured, routes_of
from impasto.nn.vgg import shipped_vgg
from impasto.picture import Picture
from impasto.progress import Progress
from impasto.styles import resolve

Run = Callable[..., Outcome]

ROUTE = Route("light", "photo0", "s0", "s1")


class ByColor(Scorer):
    """A stand-in: the distance is the squared difference of mean colors."""

    def glance(self, picture: Picture) -> dict[str, torch.Tensor]:
        return {"mean": torch.from_numpy(picture.pixels.mean((0, 1)).astype(np.float64))}

    def distance(self, one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
        return float((one["mean"] - other["mean"]).square().sum())


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(shipped_vgg(), "the shipped one", independent=False)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two photos and three paintings."""
    photos, styles = tmp_path / "photos", tmp_path / "styles"
    for folder in (photos, styles):
        folder.mkdir()
    for index in range(2):
        (photos / f"photo{index}.png").write_bytes(file_bytes(scene(64, 48, seed=index)))
    for index, tint in enumerate(([1, 0.4, 0.1], [0.1, 0.5, 1], [0.3, 1, 0.3])):
        painting = scene(64, 48, seed=9 + index)[::-1] * np.array(tint)
        (styles / f"s{index}.png").write_bytes(file_bytes(painting.astype(np.uint8)))
    return photos, styles


def colors(*values: tuple[float, float, float]) -> list[Picture]:
    return [Picture(np.full((4, 4, 3), value, np.float32)) for value in values]


def test_a_straight_and_even_path(judge: Judge) -> None:
    steps, direct = measured(ByColor(judge), colors(*((0.2 + 0.1 * n, 0.5, 0.9 - 0.1 * n) for n in range(5))))
    assert steps == pytest.approx([0.02] * 4, rel=1e-5)
    assert path_metrics(steps, direct) == pytest.approx(
        {"path_length": 0.02 * 4**2, "path_detour": 1, "path_jump": 1}, rel=1e-5
    )


def test_a_jump_and_a_detour(judge: Judge) -> None:
    jump = path_metrics(*measured(ByColor(judge), colors((0, 0, 0), (0, 0, 0), (0.5, 0, 0), (0.5, 0, 0), (0.5, 0, 0))))
    assert jump == pytest.approx({"path_length": 0.25 / 4 * 4**2, "path_detour": 1, "path_jump": 4})
    corner = path_metrics(*measured(ByColor(judge), colors((0, 0, 0), (0.3, 0, 0), (0.3, 0.4, 0))))
    wanted = {"path_length": (0.09 + 0.16) / 2 * 2**2, "path_detour": 1.4, "path_jump": 0.4 / 0.35}
    assert corner == pytest.approx(wanted, rel=1e-5)


def test_what_is_undefined_is_left_out(judge: Judge) -> None:
    there_and_back = path_metrics(*measured(ByColor(judge), colors((0, 0, 0), (0.5, 0, 0), (0, 0, 0))))
    assert there_and_back == pytest.approx({"path_length": 1, "path_jump": 1})
    still = path_metrics(*measured(ByColor(judge), colors((0, 0, 0), (0, 0, 0))))
    assert still == {"path_length": 0}
    every = [StylePath(ROUTE, [0.25, 0.25], 0.0, []), StylePath(ROUTE, [1.0, 9.0], 4.0, [])]
    assert means(every) == pytest.approx({"path_length": 10.5, "path_detour": 2, "path_jump": 1.25})


def test_no_path_is_shorter_than_the_direct_way() -> None:
    """Roots of LPIPS are lengths; LPIPS itself is a squared distance, a fourth of it at half the way."""
    scorer = Scorer(Judge(shipped_vgg(), "with heads", {"relu1_2": torch.ones(1, 64, 1, 1)}))
    one, other = scene(64, 48, seed=1) / 255, scene(64, 48, seed=2)[:, ::-1] / 255
    blends = [Picture((one + n / 4 * (other - one)).astype(np.float32)) for n in range(5)]
    steps, direct = measured(scorer, blends)
    assert path_metrics(steps, direct)["path_detour"] >= 1
    assert sum(steps) < direct


def test_routes_go_from_each_style_to_the_one_after_it() -> None:
    routes = routes_of(["a", "b"], [f"p{n}" for n in range(6)], ["s0", "s1", "s2", "s3", "s4"])
    assert len(routes) == 2 * 3 * 4
    assert list(dict.fromkeys((one.first, one.second) for one in routes)) == [("s0", "s1"), ("s1", "s2"), ("s2", "s3")]
    assert {one.photo for one in routes} == {"p0", "p1", "p2", "p3"}
    assert routes_of(["a"], ["p"], ["alone"]) == []


def test_a_blend_begins_and_ends_at_its_paintings_and_reads_each_once(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, first, second = Picture.open(folders[0] / "photo0.png"), folders[1] / "s0.png", folders[1] / "s1.png"
    paint = painting_with("light")
    assert isinstance(paint, EnginePaint)
    read: list[object] = []
    find = resolve._find
    monkeypatch.setattr(resolve, "_find", lambda source, *rest: read.append(source) or find(source, *rest))
    ends = [paint.blend(first, second, photo, weight).pixels for weight in (0, 1)]
    middle = paint.blend(first, second, photo, 0.5).pixels
    for end, style in zip(ends, (first, second), strict=True):
        assert np.abs(end - paint(style, photo, 100).pixels).max() < 1e-6
        assert np.abs(end - middle).mean() > 1e-3
    assert read == [first, second]


def test_the_verb_writes_the_three_numbers_and_the_strip(run: Run, folders: tuple[Path, Path], tmp_path: Path) -> None:
    weights = tmp_path / "vgg16.safetensors"
    heads = {f"lpips.lin{i}.weight": torch.rand(1, width, 1, 1) for i, width in enumerate((64, 128, 256, 512, 512))}
    save_file(torchvision_like(16) | heads, weights)
    words = ("evaluate", "--photos", folders[0], "--styles", folders[1], "--size", 64, "--judge", weights)
    words = (*words, "--engine", "light", "--strengths", 100, "--blend-steps", 2, "-o", tmp_path / "report")
    outcome = run(*words)
    assert outcome.code == 0, outcome.err
    assert "path_detour" in outcome.out
    results = json.loads((tmp_path / "report" / "results.json").read_text())
    paths = results["paths"]
    assert [(one["first"], one["second"], one["photo"]) for one in paths] == [
        (first, second, photo) for first, second in (("s0", "s1"), ("s1", "s2")) for photo in ("photo0", "photo1")
    ]
    for one in paths:
        assert len(one["steps"]) == 2
        assert one["path_length"] == pytest.approx(2 * sum(one["steps"]), abs=1e-5)
        roots = np.sqrt(one["steps"])
        assert one["path_detour"] == pytest.approx(roots.sum() / np.sqrt(one["direct"]), rel=1e-3)
        assert one["path_detour"] >= 0.999
        assert 1 <= one["path_jump"] <= 2
    for name in ("path_length", "path_detour", "path_jump"):
        mean = np.mean([one[name] for one in paths])
        assert results["sets"]["light"][name] == pytest.approx(mean, abs=1e-5)
        assert results["table"][0][name] == f"{results['sets']['light'][name]:.3f}"
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.count("data:image/jpeg") == 2 * 3 + 3
    strip = page[page.index("From one style to another") : page.index("<h2>Pictures")]
    assert strip.count("data:image/jpeg") == 3
    for step in paths[0]["steps"]:
        assert f"{step:.3f}" in strip


def run_watched(
    judge: Judge, folders: tuple[Path, Path], goes_on: Callable[[Progress], bool]
) -> tuple[Evaluation, list[Progress]]:
    seen: list[Progress] = []

    def watch(now: Progress) -> bool:
        seen.append(now)
        return goes_on(now)

    found = evaluate(
        Scorer(judge, 64), *folders, engines=["light"], strengths=[100], limit=2, blend_steps=2, on_progress=watch
    )
    return found, seen


def test_progress_counts_the_paths_pictures(judge: Judge, folders: tuple[Path, Path]) -> None:
    found, seen = run_watched(judge, folders, lambda _: True)
    assert [now.step for now in seen] == list(range(1, 11))  # two photos in two styles, and two paths of three pictures
    assert {now.total for now in seen} == {10}
    assert seen[-1].fraction == 1
    assert seen[4].message == "light: photo0 from s0 to s1"
    assert [len(path.pictures) for path in found.paths] == [3, 0]


@pytest.mark.parametrize(("last", "paths"), [(4, 0), (5, 0), (7, 1), (8, 1)])
def test_stopping_keeps_the_paths_that_are_whole(
    judge: Judge, folders: tuple[Path, Path], last: int, paths: int
) -> None:
    found, seen = run_watched(judge, folders, lambda now: now.step < last)
    assert seen[-1].step == last
    assert len(found.scores) == 4
    assert len(found.paths) == paths
    assert found.failures == []
    assert ("path_length" in found.sets["light"]) == bool(paths)


def test_a_path_that_fails_is_reported_and_the_rest_goes_on(
    judge: Judge, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    blend, calls = EnginePaint.blend, []

    def fails_once(self: EnginePaint, *what: object) -> Picture:
        calls.append(what)
        if len(calls) == 2:
            raise PictureError("the paint ran out")
        return blend(self, *what)

    monkeypatch.setattr(EnginePaint, "blend", fails_once)
    found, seen = run_watched(judge, folders, lambda _: True)
    assert found.failures == ["light: photo0 from s0 to s1: the paint ran out"]
    assert [path.route.photo for path in found.paths] == ["photo1"]
    assert len(found.paths[0].pictures) == 3
    assert seen[-1].fraction == 1

"""`impasto evaluate`: scores that mean what they say, a report that opens, and bad input."""

from __future__ import annotations

import csv
import html
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import Outcome, assert_refused, file_bytes, presses_ctrl_c, scene
from networks import torchvision_like
from safetensors.torch import save_file

from impasto.cli import progress
from impasto.controls import Controls
from impasto.measure.evaluate import Evaluation, Score, evaluate
from impasto.measure.judge import Judge, Scorer, find_judge
from impasto.measure.paths import Route, StylePath
from impasto.measure.report import write_report
from impasto.nn.vgg import shipped_vgg
from impasto.optimization.recipe import RECIPES
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.progress import Progress

Run = Callable[..., Outcome]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(shipped_vgg(), "the shipped one", independent=False)


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path]:
    photos, styles = tmp_path / "photos", tmp_path / "styles"
    for folder in (photos, styles):
        folder.mkdir()
    for index in range(2):
        (photos / f"photo{index}.png").write_bytes(file_bytes(scene(96, 80, seed=index)))
    stripes = np.kron(np.arange(16 * 20).reshape(16, 20) % 3 * 100, np.ones((5, 5)))[:, :, None] * [1, 0.6, 0.2]
    dots = np.random.default_rng(3).integers(0, 255, (80, 96, 3)) * [0.2, 0.5, 1]
    for name, style in (("stripes", stripes), ("dots", dots)):
        (styles / f"{name}.png").write_bytes(file_bytes(style.astype(np.uint8)))
    return photos, styles


def test_the_photo_scores_one_and_the_style_zero(judge: Judge, pictures: tuple[Path, Path]) -> None:
    scorer = Scorer(judge, 96)
    photo = scorer.add("p", Picture.open(pictures[0] / "photo0.png"))
    style = scorer.add("s", Picture.open(pictures[1] / "dots.png"))
    untouched, perfect = scorer.score("p", "s", photo), scorer.score("p", "s", style)
    assert untouched["style"] == pytest.approx(1)
    assert untouched["content"] == 0
    assert untouched["ssim"] == pytest.approx(1)
    assert perfect["style"] == pytest.approx(0, abs=1e-6)
    assert perfect["color"] == 0
    assert perfect["content"] > 0.5


def test_engines_and_folders_are_scored_alike(judge: Judge, pictures: tuple[Path, Path], tmp_path: Path) -> None:
    photos, styles = pictures
    other = tmp_path / "other"
    other.mkdir()
    for photo in photos.iterdir():
        for style in styles.iterdir():
            painted = Stylizer(style, controls=Controls())(Picture.open(photo))
            painted.save(other / f"{photo.stem}__{style.stem}.png")
    (other / "photo0__nothing.png").write_bytes(file_bytes(scene()))
    (other / "unnamed.png").write_bytes(file_bytes(scene()))
    (other / "photo1__dots.jpg").write_bytes(b"cut")
    names = ["painter", "adain"]
    found = evaluate(
        Scorer(judge, 96), photos, styles, engines=names, results=[other], strengths=[50, 100], blend_steps=0
    )
    assert found.methods() == [*names, "other"]
    assert [len(found.of(method, strength=None)) for method in found.methods()] == [8, 8, 4]
    for mine, theirs in zip(found.of("painter"), found.of("adain"), strict=True):
        assert mine.values["content"] < theirs.values["content"]
    for score in found.of("other"):
        (own,) = [s for s in found.of("painter") if (s.photo, s.style) == (score.photo, score.style)]
        for name, value in score.values.items():
            assert value == pytest.approx(own.values[name], rel=1e-4, abs=1e-6), name
        assert "seconds" in own.values
    assert len(found.failures) == 3
    half, whole = (np.median([s.values["content"] for s in found.of("painter", strength=at)]) for at in (50, 100))
    assert half < whole
    assert np.asarray(found.confusions["painter"]).sum() == 4
    assert {"diversity", "recognized", "frechet"} <= set(found.sets["painter"])


def test_the_report(run: Run, pictures: tuple[Path, Path], tmp_path: Path) -> None:
    photos, styles = pictures
    weights = tmp_path / "vgg16.safetensors"
    heads = {f"lpips.lin{i}.weight": torch.rand(1, width, 1, 1) for i, width in enumerate((64, 128, 256, 512, 512))}
    save_file(torchvision_like(16) | heads, weights)
    words = ("evaluate", "--photos", photos, "--styles", styles, "--size", 96, "--judge", weights)
    words = (*words, "--blend-steps", 0, "-o", tmp_path / "report")
    outcome = run(*words, "--engine", "painter", "--strengths", "40,100", "--limit", 2)
    assert outcome.code == 0, outcome.err
    assert "painter" in outcome.out
    assert "VGG-16 (vgg16.safetensors)" in outcome.out
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.count("data:image/jpeg") == 4
    assert page.count("data:image/png") == 1
    assert "http://" not in page
    assert "https://" not in page
    results = json.loads((tmp_path / "report" / "results.json").read_text())
    assert results["independent"] is True
    assert results["paths"] == []
    assert not {"path_length", "path_detour", "path_jump"} & set(results["sets"]["painter"])
    assert "From one style to another" not in page
    assert len(results["results"]) == 8
    assert {"style", "content", "lpips", "ssim", "style_relu1_2", "content_relu3_3"} <= set(results["results"][0])
    rows = list(csv.DictReader((tmp_path / "report" / "results.csv").open()))
    assert len(rows) == 8
    assert {(row["photo"], row["painting"]) for row in rows} == {
        (f"photo{index}", painting) for index in range(2) for painting in ("stripes", "dots")
    }
    assert float(rows[0]["style"]) == pytest.approx(results["results"][0]["style"])
    assert_refused(run(*words, "--engine", "painter"), 2, "already-there")


def test_ctrl_c_keeps_the_scores_so_far(
    run: Run, pictures: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "bar", presses_ctrl_c)
    words = ("--judge", tmp_path / "vgg16.safetensors", "--engine", "light", "--size", 64, "-o", tmp_path / "report")
    save_file(torchvision_like(16), tmp_path / "vgg16.safetensors")
    done = run("evaluate", "--photos", pictures[0], "--styles", pictures[1], *words)
    assert done.code == 130
    assert "report.html has the scores so far" in done.err
    results = json.loads((tmp_path / "report" / "results.json").read_text())
    assert results["stopped"] is True
    assert len(results["results"]) == 1


@pytest.mark.filterwarnings("default")
def test_a_judge_that_flatters_says_so(
    run: Run, pictures: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impasto.measure.judge.cached_vgg", lambda depth: None)
    with pytest.warns(UserWarning, match="flatters an optimizer"):
        assert not find_judge().independent
    photos, styles = pictures
    words = ("evaluate", "--photos", photos, "--styles", styles, "--size", 64, "--limit", 1, "--strengths", 100)
    outcome = run(*words, "--engine", "painter", "-o", tmp_path / "report", "--json")
    assert "flatters an optimizer" in outcome.err
    assert json.loads(outcome.out)["independent"] is False
    assert "flatter" in (tmp_path / "report" / "report.html").read_text()


def test_lpips_weights_are_found_in_the_package_s_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_file(torchvision_like(16), tmp_path / "vgg16.safetensors")
    folder = tmp_path / "lpips" / "weights" / "v0.1"
    folder.mkdir(parents=True)
    (tmp_path / "lpips" / "__init__.py").write_text("raise RuntimeError('is not to be imported')")
    torch.save({f"lin{i}.model.1.weight": torch.full((1, 4, 1, 1), float(i)) for i in range(5)}, folder / "vgg.pth")
    assert find_judge(tmp_path / "vgg16.safetensors").heads == {}
    monkeypatch.syspath_prepend(tmp_path)
    heads = find_judge(tmp_path / "vgg16.safetensors").heads
    assert list(heads) == ["relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"]
    assert float(heads["relu4_3"].mean()) == 3


def test_bad_input(run: Run, pictures: tuple[Path, Path], tmp_path: Path) -> None:
    photos, styles = pictures
    empty = tmp_path / "empty"
    empty.mkdir()
    base = ("evaluate", "--size", 64, "-o", tmp_path / "report")
    both = (*base, "--photos", photos, "--styles", styles)
    weights = tmp_path / "vgg16.safetensors"
    save_file(torchvision_like(16), weights)
    judged = (*both, "--judge", weights, "--blend-steps", 0)
    assert_refused(run(*judged), 2, "nothing-given", "--engine")
    assert_refused(
        run(*judged, "--engine", "magic"), 2, "unknown-choice", "'magic'", "painter, light, adain, wct, optimize"
    )
    assert_refused(run(*judged, "--engine", "painter", "--strengths", "a,b"), 2, "not-a-number", "a,b")
    assert_refused(run(*judged, "--engine", "painter", "--strengths", "120"), 2, "out-of-range", "120")
    assert_refused(run(*judged, "--results", tmp_path / "no"), 1, "no-such-folder")
    assert_refused(run(*both, "--engine", "light", "--blend-steps", "33"), 2, "usage", "33", "0<=x<=32")
    nothing = run(*base, "--photos", empty, "--styles", styles, "--judge", weights, "--engine", "painter")
    assert_refused(nothing, 1, "no-pictures", "empty")
    assert_refused(
        run(*both, "--judge", photos / "photo0.png", "--engine", "painter"), 1, "not-a-network", "photo0.png"
    )
    (empty / "bad.png").write_text("text")
    only_bad = run(*base, "--photos", empty, "--styles", styles, "--judge", weights, "--engine", "painter")
    assert_refused(only_bad, 1, "no-pictures", "bad.png")
    (photos / "photo2.png").write_text("text")
    some = run(*judged, "--engine", "painter", "--strengths", "100", "--limit", 3)
    assert some.code == 1
    assert "photo2.png" in some.err
    assert len(json.loads((tmp_path / "report" / "results.json").read_text())["results"]) == 4


def test_a_photo_too_thin_for_the_judge_is_reported_and_the_rest_goes_on(
    judge: Judge, pictures: tuple[Path, Path]
) -> None:
    (pictures[0] / "thin.png").write_bytes(file_bytes(scene(600, 3)))
    found = evaluate(Scorer(judge, 128), *pictures, engines=["painter"], strengths=[100], blend_steps=0)
    assert len(found.scores) == 4
    assert len(found.failures) == 2
    assert "128 x 1 pixels are too few for relu4_4  (use at least 16 pixels a side)" in found.failures[0]


def test_one_picture_alone_is_scored(judge: Judge, pictures: tuple[Path, Path]) -> None:
    found = evaluate(Scorer(judge, 64), *pictures, engines=["painter"], strengths=[100], limit=1)
    assert len(found.scores) == 1
    assert found.sets["painter"] == {}
    assert found.paths == []
    assert found.failures == []


def test_progress_counts_the_pairs_and_stops_the_run(judge: Judge, pictures: tuple[Path, Path]) -> None:
    seen: list[Progress] = []

    def watch(now: Progress) -> bool:
        seen.append(now)
        return now.step < 3

    found = evaluate(Scorer(judge, 64), *pictures, engines=["light"], strengths=[100], blend_steps=0, on_progress=watch)
    assert [(now.step, now.total, now.fraction) for now in seen] == [(1, 4, 0.25), (2, 4, 0.5), (3, 4, 0.75)]
    assert seen[0].message == "light: photo0 in dots"
    assert len(found.scores) == 3
    assert found.stopped


def test_results_are_recognized_by_the_style_they_are_nearest_to(
    judge: Judge, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    photos, styles = pictures
    given = {"right": ("dots", "stripes"), "wrong": ("stripes", "dots"), "half": ("dots", "dots")}
    for name, sources in given.items():
        (tmp_path / name).mkdir()
        for style, source in zip(("dots", "stripes"), sources, strict=True):
            data = (styles / f"{source}.png").read_bytes()
            (tmp_path / name / f"photo0__{style}.png").write_bytes(data)
    found = evaluate(Scorer(judge, 96), photos, styles, results=[tmp_path / name for name in given])
    assert {name: found.sets[name]["recognized"] for name in given} == {"right": 1, "wrong": 0, "half": 0.5}
    assert found.confusions["half"] == [[1, 0], [1, 0]]
    assert found.paths == []  # results of other programs hold no blends


def test_the_optimizer_is_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Called with the painting, the photo at the common size, and the strength; its default recipe made short here."""
    monkeypatch.setitem(RECIPES, "default", replace(RECIPES["default"], iterations=12))
    for kind, seed in (("photos", 0), ("styles", 7)):
        (tmp_path / kind).mkdir()
        picture = scene(96, 80, seed=seed)
        (tmp_path / kind / f"{kind}.png").write_bytes(file_bytes(picture[:, :, ::-1] // 2 if seed else picture))
    scorer = Scorer(Judge(shipped_vgg(), "test", independent=False), 96)
    found = evaluate(scorer, tmp_path / "photos", tmp_path / "styles", engines=["optimize"], strengths=(0, 100))
    nothing, full = (found.of("optimize", strength=strength)[0].values for strength in (0, 100))
    assert nothing["content"] == pytest.approx(0, abs=1e-6)
    assert full["style"] < 0.9
    assert full["seconds"] > 0


def test_names_in_the_report_are_text_whatever_they_hold(tmp_path: Path) -> None:
    picture = Picture.from_array(scene())
    found = Evaluation("<judge>", False, 96, ["<i>photo"], ["<b>style"], failures=["<script>alert(1)</script>"])
    found.scores = [Score("<u>method", "<i>photo", "<b>style", 100, {"style": 0.5, "content": 0.5}, picture)]
    found.confusions = {"<u>method": [[1]]}
    found.paths = [StylePath(Route("<u>method", "<i>photo", "<b>style", "<s>other"), [0.5], 0.5, [picture, picture])]
    write_report(found, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    for text in ("<judge>", "<i>photo", "<b>style", "<u>method", "<s>other", "<script>alert(1)</script>"):
        assert text not in page
        assert html.escape(text) in page

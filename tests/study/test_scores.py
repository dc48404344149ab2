"""Metrics of a study's pictures: computed, kept, and read from tables of `impasto evaluate`."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from helpers import refused
from studies import make_pictures, make_results

from impasto.errors import PictureError
from impasto.measure.judge import Judge
from impasto.nn.vgg import shipped_vgg
from impasto.progress import Progress, Stopped
from impasto.study.making import make
from impasto.study.pictures import picture_file
from impasto.study.plan import METRICS, Plan, load_plan
from impasto.study.scores import read_scores, score_pictures


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    photos, styles = make_pictures(folder)
    ours = make_results(folder / "ours", 1)
    for path in ours.iterdir():  # the painting itself: no method comes closer to it
        shutil.copyfile(styles / f"{path.stem.partition('__')[2]}.png", path)
    make(folder / "study", photos, styles, results=[ours, make_results(folder / "theirs", 2)], size=64)
    return folder / "study"


@pytest.fixture
def study(_made: Path, tmp_path: Path) -> tuple[Path, Plan]:
    folder = Path(shutil.copytree(_made, tmp_path / "study"))
    return folder, load_plan(folder)


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped network judges, without the note that it flatters."""
    found = Judge(shipped_vgg(), "the shipped one", independent=False)
    monkeypatch.setattr("impasto.measure.judge.find_judge", lambda path=None: found)


@pytest.mark.usefixtures("judge")
def test_scores_are_computed_and_kept(study: tuple[Path, Plan]) -> None:
    folder, plan = study
    seen: list[Progress] = []
    found = score_pictures(folder, plan, None, failures=[], on_progress=seen.append)
    assert set(found) == {(one.name, name) for one in plan.scenes for name in ("ours", "theirs")}
    assert [now.step for now in seen] == list(range(1, 9))
    assert {now.total for now in seen} == {8}
    for one in plan.scenes:
        ours, theirs = found[one.name, "ours"], found[one.name, "theirs"]
        assert ours["style"] < theirs["style"]
        assert {"style", "content", "color", "ssim"} <= set(ours)
    again = read_scores(folder / METRICS)
    assert set(again) == set(found)
    for key, values in again.items():
        assert values == found[key]


@pytest.mark.usefixtures("judge")
def test_what_was_scored_before_a_stop_is_kept(study: tuple[Path, Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, plan = study
    with pytest.raises(Stopped):
        score_pictures(folder, plan, None, failures=[], on_progress=lambda now: now.step < 2)
    kept = read_scores(folder / METRICS)
    assert len(kept) == 2
    steps: list[Progress] = []
    found = score_pictures(folder, plan, None, failures=[], on_progress=steps.append)
    assert (len(found), len(steps)) == (8, 6)
    assert found.items() >= kept.items()
    other = Judge(shipped_vgg(), "another one", independent=False)
    monkeypatch.setattr("impasto.measure.judge.find_judge", lambda path=None: other)
    steps.clear()
    score_pictures(folder, plan, None, failures=[], on_progress=steps.append)
    assert len(steps) == 8  # numbers of two networks are not mixed


@pytest.mark.usefixtures("judge")
def test_a_picture_that_is_gone_is_named(study: tuple[Path, Plan]) -> None:
    folder, plan = study
    path = picture_file(folder, plan.scenes[0].results["ours"])
    path.unlink()
    failures: list[str] = []
    found = score_pictures(folder, plan, None, failures=failures)
    assert len(found) == 7
    (line,) = failures
    assert path.name in line


def test_results_of_evaluate_at_full_strength_are_read(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["method", "photo", "painting", "strength", "style", "content", "lpips"])
        writer.writerow(["light", "beach", "dots", 100.0, 0.25, 0.5, ""])
        writer.writerow(["light", "beach", "dots", 50.0, 0.75, 0.25, ""])
        writer.writerow(["ours, new", "street", "dots", 100, 0.125, 1, 0.5])
    assert read_scores(path) == {
        ("beach__dots", "light"): {"style": 0.25, "content": 0.5},
        ("street__dots", "ours, new"): {"style": 0.125, "content": 1.0, "lpips": 0.5},
    }
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_scores(path)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "just text\nand more\n",
        "method,photo,painting\nlight,beach,dots\n",
        "method,photo,painting,strength,style\nlight,beach,dots,full,1\n",
        "method,photo,painting,strength,style\nlight,beach,dots,100,good\n",
        "method,photo,painting,strength,style\nlight,beach,dots,100,1,2,3\n",
        "method,photo,painting,strength,style\nlight,beach\n",
        "strength\n100\n",
    ],
)
def test_what_is_no_table_of_metrics(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results.csv"
    path.write_text(text)
    with refused(PictureError, "malformed", "results.csv"):
        read_scores(path)


@pytest.mark.parametrize("data", [b"", bytes(range(256)) * 20, b"method,photo,painting,strength,style\n"])
def test_tables_without_metrics(tmp_path: Path, data: bytes) -> None:
    """Empty, binary, and a head alone: nobody wants a report that silently lacks what was asked for."""
    path = tmp_path / "results.csv"
    path.write_bytes(data)
    with refused(PictureError, "malformed", "results.csv"):
        read_scores(path)


def test_tables_of_metrics_that_are_not_there(tmp_path: Path) -> None:
    with refused(PictureError, "no-such-file", "no.csv"):
        read_scores(tmp_path / "no.csv")
    with refused(PictureError, "not-readable"):
        read_scores(tmp_path)

"""Reports: what the answers of simulated people show, and whatever else a source may hold."""

from __future__ import annotations

import builtins
import csv
import html
import io
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import refused
from studies import people, plan_of, strict_json, study_at

from impasto.errors import MissingExtra, PictureError, UsageError
from impasto.measure.judge import Judge
from impasto.nn.vgg import shipped_vgg
from impasto.study.answers import PWCMP, Answer, read_answers, written
from impasto.study.findings import Findings, find
from impasto.study.plan import METRICS, PICTURES, UNPAINTED, Plan, Question, Trial
from impasto.study.report import FILES, as_dict, check_free, place_for, write_report
from impasto.study.rows import observer_rows, ranking_rows, tables

TASTE = {"good": 1.5, "fair": 0.0, "poor": -1.5}
HEAD = "observer,scene,condition_A,condition_B,is_A_selected"


def order(found: Findings, question: int = 0) -> list[str]:
    ranking = found.results[question].overall
    return [ranking.conditions[place] for place in ranking.order()]


def reported(found: Findings, folder: Path) -> dict[str, Any]:
    """Write a report, look at all its files, and give what programs read."""
    write_report(found, folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert page.endswith(("</html>\n", "</html>"))
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    assert " nan" not in page
    assert "inf " not in page
    rows = list(csv.DictReader(io.StringIO((folder / "scores.csv").read_text(encoding="utf-8"))))
    assert list(rows[0]) == ["question", "of", "name", "condition", "score", "low", "high", "answers"]
    for row in rows:
        assert float(row["low"]) <= float(row["score"]) <= float(row["high"])
    assert {row["condition"] for row in rows} <= set(found.conditions)
    assert len(read_answers(folder / "answers.csv")) == len(found.answers)
    assert {one.preferred for one in read_answers(folder / "pwcmp.csv")} <= {0, 1}
    record: dict[str, Any] = strict_json((folder / "report.json").read_text(encoding="utf-8"))
    assert record == strict_json(json.dumps(as_dict(found)))
    for name, table in tables(found):
        assert name
        assert len({tuple(row) for row in table}) == 1
    return record


def table(folder: Path, *lines: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([HEAD, *lines, ""]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of(trials=14, repeats=2, catches=2)


@pytest.fixture(scope="module")
def answers(plan: Plan) -> Sequence[Answer]:
    return tuple(people(plan, TASTE, 12, clickers=3))


def test_people_s_order_is_found_and_random_clickers_are_named(
    plan: Plan, answers: Sequence[Answer], tmp_path: Path
) -> None:
    found = find([study_at(tmp_path / "study", plan, answers)], score=False)
    assert [result.name for result in found.results] == ["closer", "better"]
    assert order(found) == order(found, 1) == ["good", "fair", "poor"]
    clickers = {one.observer for one in answers if one.observer.startswith("c")}
    assert len(set(found.left_out) & clickers) >= 2
    assert len(set(found.left_out) - clickers) <= 1
    best = found.results[0].overall
    assert best.better_than(best.order()[0]) == ["fair", "poor"]
    assert [one for one in found.notes if found.left_out[0] in one and "--keep-random" in one]
    record = reported(found, tmp_path / "report")
    assert record["left_out"] == found.left_out
    assert record["questions"]["closer"]["overall"]["conditions"] == ["good", "fair", "poor"]
    assert {one["name"] for one in record["observers"] if one["at_random"]} == set(found.left_out)
    assert set(record["questions"]["closer"]["styles"]) == {"style0", "style1"}
    counted = {one.observer for one in read_answers(tmp_path / "report" / "pwcmp.csv")}
    assert counted.isdisjoint(found.left_out)
    assert counted


def test_random_clickers_may_be_kept(plan: Plan, answers: Sequence[Answer], tmp_path: Path) -> None:
    study = study_at(tmp_path / "study", plan, answers)
    some, every = find([study], score=False), find([study], score=False, keep_random=True)
    assert every.left_out == []
    assert some.results[0].overall.answers < every.results[0].overall.answers
    assert not any("left out" in one for one in every.notes)
    assert any("3 of 15 observers seem to click at random and are counted" in one for one in every.notes)


def test_whether_an_observer_looks_follows_from_enough_answers(
    plan: Plan, answers: Sequence[Answer], tmp_path: Path
) -> None:
    first = answers[0].observer
    given = [one for one in answers if one.observer != first or one.number <= 5]
    found = find([study_at(tmp_path / "study", plan, given)], score=False)
    rows = {row["observer"]: row["looks"] for row in observer_rows(found)}
    assert rows.pop(first) == "too few answers"
    assert {name for name, looks in rows.items() if looks == "at random"} == set(found.left_out)
    assert "yes" in rows.values()


def test_many_observers_are_not_all_shown_at_once(tmp_path: Path) -> None:
    study = table(tmp_path, *(f"{n},beach__dots,good,poor,{n % 2}" for n in range(30)))
    found = find([study], score=False)
    (people,) = [(name, rows) for name, rows in tables(found) if name.startswith("Observers")]
    assert people[0] == "Observers (20 of 30, the least evidence first)"
    assert len(people[1]) == 20
    write_report(found, tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert "<summary>All 30</summary>" in page
    assert page.count("too few answers") == 20 + 30


def test_copies_of_a_table_are_told(tmp_path: Path) -> None:
    first = table(tmp_path, "1,beach__dots,good,poor,1", name="first.csv")
    second = Path(shutil.copyfile(first, tmp_path / "second.csv"))
    (note,) = [one for one in find([first, second], score=False).notes if "similar" in one]
    assert str(first) in note
    assert str(second) in note
    assert not any("alike" in one for one in find([first, first], score=False).notes)


def test_repeats_and_catch_trials_do_not_score(plan: Plan, tmp_path: Path) -> None:
    given = people(plan, TASTE, 4)
    found = find([study_at(tmp_path / "study", plan, given)], score=False, keep_random=True)
    shown = 4 * (plan.trials - plan.repeats - plan.catches)
    assert [result.overall.answers for result in found.results] == [shown, shown]
    assert UNPAINTED not in found.conditions
    assert {(one.catches, one.repeats) for one in found.observers} == {(2, 4)}  # catches count for `closer` only


def test_chance_follows_from_the_seed(plan: Plan, answers: Sequence[Answer], tmp_path: Path) -> None:
    study = study_at(tmp_path / "study", plan, answers)
    first, again, other = (as_dict(find([study], score=False, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_one_observer(plan: Plan, answers: Sequence[Answer], tmp_path: Path) -> None:
    own = [one for one in answers if one.observer == answers[0].observer]
    found = find([study_at(tmp_path / "study", plan, own)], score=False)
    assert found.left_out == []
    assert any(note.startswith("there is only one observer") for note in found.notes)
    reported(found, tmp_path / "report")


def test_a_question_that_one_observer_answered_is_named(plan: Plan, answers: Sequence[Answer], tmp_path: Path) -> None:
    first = answers[0].observer
    given = [one for one in answers if one.observer == first or one.question == "closer"]
    found = find([study_at(tmp_path / "study", plan, given)], score=False)
    assert any(note.startswith("better: there is only one observer") for note in found.notes)


@pytest.mark.parametrize("preferred", [0, 0.5, 1])
def test_one_answer(plan: Plan, tmp_path: Path, preferred: float) -> None:
    only = Answer("0" * 16, 1, Trial("photo0__style0", "good", "poor"), preferred, "closer", 1, 2.0)
    found = find([study_at(tmp_path / "study", plan, [only])], score=False)
    record = reported(found, tmp_path / "report")
    assert record["answers"] == 1
    overall = record["questions"]["closer"]["overall"]
    assert set(overall["conditions"]) == {"good", "poor"}
    good, poor = (overall["scores"][overall["conditions"].index(name)] for name in ("good", "poor"))
    assert (good > poor, good < poor) == (preferred == 1, preferred == 0)
    for low, high in zip(overall["low"], overall["high"], strict=True):
        assert low < 0 < high  # one answer settles nothing


@pytest.mark.parametrize("preferred", [0.5, 0, 1])
def test_answers_that_are_all_alike(plan: Plan, answers: Sequence[Answer], tmp_path: Path, preferred: float) -> None:
    given = [replace(one, preferred=preferred) for one in answers]
    found = find([study_at(tmp_path / "study", plan, given)], score=False)
    record = reported(found, tmp_path / "report")
    if preferred == 0.5:
        assert record["questions"]["closer"]["overall"]["scores"] == pytest.approx([0, 0, 0], abs=1e-3)
        assert record["questions"]["closer"]["overall"]["ties"] == 1


def test_answers_to_catch_trials_alone(plan: Plan, answers: Sequence[Answer], tmp_path: Path) -> None:
    caught = [one for one in answers if UNPAINTED in one.trial.pair]
    with refused(PictureError, "nothing-given", "catch"):
        find([study_at(tmp_path / "study", plan, caught)], score=False)
    path = table(tmp_path, f"1,beach,{UNPAINTED},good,0")
    with refused(PictureError, "nothing-given", "catch"):
        find([path], score=False)


def test_no_answers(plan: Plan, tmp_path: Path) -> None:
    study = study_at(tmp_path / "study", plan)
    with refused(PictureError, "nothing-given", "impasto study serve", str(study)):
        find([study])
    (study / "answers.csv").write_text(written([]))
    with refused(PictureError, "nothing-given", "impasto study serve"):
        find([study])
    with refused(PictureError, "nothing-given"):
        find([table(tmp_path)])


def test_sources_that_are_not_there(plan: Plan, answers: Sequence[Answer], tmp_path: Path) -> None:
    study = study_at(tmp_path / "study", plan, answers)
    (tmp_path / "empty").mkdir()
    with refused(UsageError, "no-such-file", "empty"):
        find([tmp_path / "empty"])
    for missing in (tmp_path / "no.csv", study / "no.csv"):
        with refused(PictureError, "no-such-file", "no.csv"):
            find([study, missing], score=False)


def two_studies(folder: Path, first: tuple[str, str], second: tuple[str, str]) -> list[Path]:
    """Studies of other people each, who prefer the first of two conditions."""
    found = []
    for mark, conditions in (("0", first), ("9", second)):
        plan = plan_of(conditions, study=mark * 16)
        given = people(plan, dict(zip(conditions, (1.0, -1.0), strict=True)))
        given = [replace(one, observer=f"{mark}{one.observer[1:]}") for one in given]
        found.append(study_at(folder / mark, plan, given))
    return found


def test_two_studies_are_merged(tmp_path: Path) -> None:
    found = find(two_studies(tmp_path, ("good", "fair"), ("fair", "poor")), score=False)
    assert order(found) == ["good", "fair", "poor"]
    assert len(found.observers) == 24
    reported(found, tmp_path / "report")


def test_studies_that_share_no_condition_are_told_apart(tmp_path: Path) -> None:
    found = find(two_studies(tmp_path, ("a", "b"), ("c", "d")), score=False)
    notes = [note for note in found.notes if "never compared" in note]
    assert notes
    for note in notes:
        assert "1: a, b; 2: c, d" in note or "1: c, d; 2: a, b" in note
    rows = ranking_rows(found.results[0].overall)
    assert [row["group"] for row in rows] == ["1", "1", "2", "2"]
    assert {rows[0]["condition"], rows[1]["condition"]} in ({"a", "b"}, {"c", "d"})
    reported(found, tmp_path / "report")


def test_a_table_of_pwcmp_alone(plan: Plan, answers: Sequence[Answer], tmp_path: Path) -> None:
    path = tmp_path / "pwcmp.csv"
    path.write_text(written([one for one in answers if UNPAINTED not in one.trial.pair], PWCMP))
    found = find([path])
    assert order(found) == ["good", "fair", "poor"]
    assert found.seconds is None
    reported(found, tmp_path / "report")
    bare = table(tmp_path, "1,beach,good,poor,1", "2,street,poor,good,0", "2,beach,good,fair,1")
    found = find([bare])
    assert [result.name for result in found.results] == ["preferred"]
    reported(found, tmp_path / "bare")


def test_a_report_of_a_report_s_answers_is_the_same(plan: Plan, answers: Sequence[Answer], tmp_path: Path) -> None:
    found = find([study_at(tmp_path / "study", plan, answers)], score=False)
    write_report(found, tmp_path / "report")
    again = find([tmp_path / "report" / "answers.csv"], score=False)
    assert [one.name for one in again.observers] == [one.name for one in found.observers]
    for one, other in zip(again.observers, found.observers, strict=True):
        assert one.__dict__ == pytest.approx(other.__dict__)
    assert order(again) == order(found)


def test_own_questions(tmp_path: Path) -> None:
    plan = plan_of(questions=[Question("calmer", "Which is calmer?")])
    found = find([study_at(tmp_path / "study", plan, people(plan, TASTE))], score=False)
    assert [(one.name, one.text) for one in found.results] == [("calmer", "Which is calmer?")]
    assert all(one.catches == 0 for one in found.observers)
    assert "Which is calmer?" in (reported(found, tmp_path / "report")["questions"]["calmer"]["text"])


NAMES = {
    "script": ("<script>alert(1)</script>", "a&b", '"quoted"'),
    "dollar": ("a$b$^", "c$\\frac$", "d_$x"),
    "long": ("x" * 200, "y" * 200, "z"),
    "other scripts": ("画家", "художник", "painter"),
    "emoji": ("🎨", "🖌", "good"),
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_names_are_text_whatever_they_hold(names: tuple[str, str, str], tmp_path: Path) -> None:
    first, second, third = names
    question = (Question(first, f"{second} is {first}?"), Question(third, f"{third}?"))
    plan = plan_of(names, questions=question)
    scenes = {one.name: f"{first}{number}__{second}" for number, one in enumerate(plan.scenes)}
    taste = {first: 1.0, second: 0.0, third: -1.0}
    given = [
        replace(one, trial=replace(one.trial, scene=scenes[one.trial.scene]), observer=f"{first}{one.observer}")
        for one in people(plan, taste)
    ]
    path = tmp_path / "answers.csv"
    path.write_text(written(given), encoding="utf-8")
    found = find([study_at(tmp_path / "study", plan), path], score=False)
    record = reported(found, tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    for text in (*names, question[0].text, given[0].photo, given[0].observer):
        assert html.escape(text).replace("&quot;", "&#34;") in page
        assert text in page or html.escape(text) != text
    assert list(record["questions"]) == [first, third]


def test_a_report_is_replaced_only_if_that_is_asked_for(plan: Plan, answers: Sequence[Answer], tmp_path: Path) -> None:
    found = find([study_at(tmp_path / "study", plan, answers)], score=False)
    check_free(tmp_path / "report", False)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "scores.csv").write_text("mine")
    with refused(PictureError, "already-there", "scores.csv"):
        check_free(tmp_path / "report", False)
    with refused(PictureError, "already-there", "scores.csv"):
        write_report(found, tmp_path / "report")
    assert (tmp_path / "report" / "scores.csv").read_text() == "mine"
    check_free(tmp_path / "report", True)
    write_report(found, tmp_path / "report", overwrite=True)
    assert (tmp_path / "report" / "scores.csv").read_text().startswith("question,")


def test_where_a_report_goes(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "table.csv").touch()
    assert place_for([tmp_path / "table.csv", tmp_path / "study"]) == tmp_path / "study" / "report"
    with refused(UsageError, "nothing-given", "-o"):
        place_for([tmp_path / "table.csv"])


def metrics(folder: Path, plan: Plan, sign: int = 1, name: str = "results.csv") -> Path:
    """A table as evaluate writes it: style loss as people's taste has it, content at random, ssim against it."""
    lines = ["method,photo,painting,strength,style,content,ssim"]
    for number, one in enumerate(plan.scenes):
        for condition, score in TASTE.items():
            values = (-sign * score, (number * 7) % 5, -score)
            lines.append(f"{condition},{one.photo},{one.style},100.0,{','.join(map(str, values))}")
            lines.append(f"{condition},{one.photo},{one.style},50.0,{','.join(map(str, values[::-1]))}")
    path = folder / name
    path.write_text("\n".join([*lines, ""]))
    return path


def test_numbers_that_rank_as_people_do(plan: Plan, answers: Sequence[Answer], tmp_path: Path) -> None:
    study = study_at(tmp_path / "study", plan, answers)
    found = find([study], metrics=[metrics(tmp_path, plan)], score=False)
    held = {one.metric: one for one in found.results[0].agreements}
    assert next(iter(held)) == "other observers"
    assert held["style"].tau > 0.4 > held["content"].tau
    assert held["ssim"].tau == pytest.approx(-held["style"].tau)
    assert (held["style"].order, held["ssim"].order) == (1, -1)
    assert any("number" in name for name, _ in tables(found))
    record = reported(found, tmp_path / "report")
    assert {one["metric"] for one in record["questions"]["closer"]["agreements"]} == set(held)
    assert not (study / METRICS).exists()


def test_metrics_that_know_no_picture_of_the_study_are_told(
    plan: Plan, answers: Sequence[Answer], tmp_path: Path
) -> None:
    path = tmp_path / "results.csv"
    path.write_text("method,photo,painting,strength,style\nelse,nothing,nowhere,100,1\n")
    found = find([study_at(tmp_path / "study", plan, answers)], metrics=[path], score=False)
    assert any("results.csv" in note or "metrics" in note for note in found.notes)
    reported(found, tmp_path / "report")


def test_metrics_of_an_earlier_report_are_used(
    plan: Plan, answers: Sequence[Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr("impasto.study.findings.score_pictures", compute)
    study = study_at(tmp_path / "study", plan, answers)
    metrics(study, plan, name=METRICS)
    assert find([study]).results[0].agreements
    assert find([study], score=False).results[0].agreements == []


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Those packages are not installed."""
    real: Callable[..., Any] = builtins.__import__

    def imported(name: str, *given: Any, **named: Any) -> Any:
        if name.partition(".")[0] in packages:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *given, **named)

    monkeypatch.setattr(builtins, "__import__", imported)


def test_without_pytorch_a_note_says_so(
    plan: Plan, answers: Sequence[Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "impasto.measure.judge", raising=False)
    without(monkeypatch, "torch")
    study = study_at(tmp_path / "study", plan, answers)
    found = find([study])
    assert len([note for note in found.notes if "PyTorch" in note and "pip install" in note]) == 1
    assert found.results[0].agreements == []
    assert not any("PyTorch" in note for note in find([study], score=False).notes)


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_without_a_package_of_the_page_its_extra_is_named(
    plan: Plan, answers: Sequence[Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    found = find([study_at(tmp_path / "study", plan, answers)], score=False)
    without(monkeypatch, package)
    with refused(MissingExtra, "missing-extra", "impasto[study]"):
        write_report(found, tmp_path / "report")
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("score", [False, True])
def test_pictures_that_are_gone_do_not_cost_the_report(
    plan: Plan, answers: Sequence[Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, score: bool
) -> None:
    """What people have answered is worth a report without pictures and metrics."""
    judge = Judge(shipped_vgg(), "the shipped one", independent=False)
    monkeypatch.setattr("impasto.measure.judge.find_judge", lambda path=None: judge)
    study = study_at(tmp_path / "study", plan, answers)
    shutil.rmtree(study / PICTURES)
    found = find([study], score=score)
    assert order(found) == ["good", "fair", "poor"]
    assert any("metrics" in note for note in found.notes) == score
    reported(found, tmp_path / "report")

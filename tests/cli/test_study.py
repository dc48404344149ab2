"""`impasto study` as it is typed."""

from __future__ import annotations

import builtins
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import Outcome, assert_refused, file_bytes, scene
from studies import make_pictures, make_results, people, plan_of, strict_json, study_at

from impasto.cli.console import INTERRUPTED
from impasto.progress import Stopped
from impasto.study.answers import written
from impasto.study.plan import QUESTIONS, load_plan

Run = Callable[..., Outcome]
TASTE = {"good": 1.5, "fair": 0.0, "poor": -1.5}


@pytest.fixture
def words(tmp_path: Path) -> tuple[object, ...]:
    """A whole command that makes a study in tmp_path/study out of two folders of results."""
    photos, styles = make_pictures(tmp_path)
    ours, theirs = make_results(tmp_path / "ours", 1), make_results(tmp_path / "theirs", 2)
    given = ("--photos", photos, "--styles", styles, "--results", ours, "--results", theirs, "--size", 64)
    return ("study", "make", *given, "-o", tmp_path / "study")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study with answers."""
    plan = plan_of(trials=14)
    return study_at(tmp_path / "study", plan, people(plan, TASTE, 10, clickers=2))


def test_make(run: Run, words: tuple[object, ...], tmp_path: Path) -> None:
    outcome = run(*words)
    assert (outcome.code, outcome.err) == (0, "")
    for word in ("ours, theirs", f"impasto study serve {tmp_path / 'study'}", "study.html"):
        assert word in outcome.out
    assert (tmp_path / "study" / "study.html").is_file()
    assert load_plan(tmp_path / "study").questions == list(QUESTIONS)
    assert_refused(run(*words), 1, "already-there", "study.json")
    assert run(*words, "--overwrite", "--quiet").out == ""


def test_make_for_programs(run: Run, words: tuple[object, ...], tmp_path: Path) -> None:
    outcome = run(*words, "--json")
    assert outcome.code == 0
    assert strict_json(outcome.out) == {
        "study": str(tmp_path / "study"),
        "conditions": ["ours", "theirs"],
        "scenes": 4,
        "trials": 6,
        "page": str(tmp_path / "study" / "study.html"),
        "notes": [],
        "failures": [],
    }


def test_bad_pictures_are_told_and_the_study_is_made(run: Run, words: tuple[object, ...], tmp_path: Path) -> None:
    (tmp_path / "photos" / "a.png").write_text("text")
    (tmp_path / "ours" / "beach__dots.png").write_bytes(b"")
    (tmp_path / "theirs" / "street__dots.png").write_bytes(file_bytes(scene(10, 64)))
    outcome = run(*words, "--json")
    assert outcome.code == 1
    lines = outcome.err.splitlines()
    assert all(line.startswith("impasto: ") for line in lines)
    for name in ("a.png", "beach__dots.png", "street__dots.png"):
        assert name in outcome.err
    record: Any = strict_json(outcome.out)
    assert record["scenes"] == 2
    assert [f"impasto: {line}" for line in record["failures"]] == lines
    assert len(load_plan(tmp_path / "study").scenes) == 2


def test_make_by_the_light_engine(run: Run, words: tuple[object, ...], tmp_path: Path) -> None:
    outcome = run(*words, "--engine", "light", "--engine", "adain", "--limit", 1)
    assert "light, adain, ours, theirs" in outcome.out
    plan = load_plan(tmp_path / "study")
    assert plan.conditions == ["light", "adain", "ours", "theirs"]
    assert [len(one.results) for one in plan.scenes] == [5]


def test_wording(run: Run, words: tuple[object, ...], tmp_path: Path) -> None:
    nasty = '</script><script>alert("x")</script> 😀 \'&'
    texts = {"--title": f"t{nasty}", "--welcome": f"w{nasty}", "--consent": f"c{nasty}", "--mail": "me@example.org"}
    questions = ("--question", f"closer=Closer{nasty}=?", "--question", " calmer = Which is calmer? ")
    assert run(*words, *(word for pair in texts.items() for word in pair), *questions).code == 0
    plan = load_plan(tmp_path / "study")
    assert [plan.title, plan.welcome, plan.consent, plan.mail] == list(texts.values())
    assert [(one.name, one.text, one.catch) for one in plan.questions] == [
        ("closer", f"Closer{nasty}=?", True),
        ("calmer", "Which is calmer?", False),
    ]
    page = (tmp_path / "study" / "study.html").read_text(encoding="utf-8")
    assert page.count("<script") == 2
    assert page.count("</script>") == 2
    assert page.count("😀") >= 4


@pytest.mark.parametrize("question", ["calmer", "=Which?", "calmer=", " = ", ""])
def test_questions_without_a_name_or_words(run: Run, words: tuple[object, ...], question: str) -> None:
    assert_refused(run(*words, "--question", question), 2, "malformed", "NAME=TEXT", "--question")


def test_two_questions_of_one_name(run: Run, words: tuple[object, ...]) -> None:
    outcome = run(*words, "--question", "calmer=Which is calmer?", "--question", "calmer=Which is quieter?")
    assert_refused(outcome, 2, "name-taken", "calmer")


@pytest.mark.parametrize("name", ["a,b", 'a"b', "a\nb"])
def test_names_of_questions_fit_into_a_table(run: Run, words: tuple[object, ...], name: str) -> None:
    """The page without a server writes names as they are, so that a comma would cost all its answers."""
    assert_refused(run(*words, "--question", f"{name}=Which?"), 2, "bad-name")


def test_make_without_sense(run: Run, words: tuple[object, ...], tmp_path: Path) -> None:
    base = words[:6]
    out = ("-o", tmp_path / "study")
    assert_refused(run(*base, *out), 2, "nothing-given", "--engine")
    assert_refused(run(*base, *out, "--engine", "light"), 2, "nothing-given")
    assert_refused(run(*base, *out, "--engine", "magic", "--engine", "light"), 2, "unknown-choice", "magic")
    assert_refused(run(*base, *out, "--engine", "light", "--engine", "light"), 2, "name-taken", "light")
    assert_refused(run(*words, "--results", tmp_path / "ours"), 2, "name-taken", "ours")
    assert_refused(run(*words, "--results", tmp_path / "no"), 1, "no-such-folder", "no")
    assert_refused(run(*words, "--trials", 2), 2, "usage", "--trials")
    assert_refused(run(*words, "--repeats", 50), 2, "usage", "--repeats")
    assert_refused(run(*words, "--size", 10), 2, "usage", "--size")
    assert_refused(run(*words[:4], *out), 2, "usage", "--styles")
    assert not (tmp_path / "study").exists()


def test_course(run: Run, words: tuple[object, ...], tmp_path: Path) -> None:
    assert run(*words, "--trials", 4, "--repeats", 0, "--catches", 25, "--seed", 7).code == 0
    plan = load_plan(tmp_path / "study")
    assert (plan.trials, plan.repeats, plan.catches, plan.seed) == (4, 0, 1, 7)


@pytest.mark.skipif(sys.platform == "win32", reason="names there are Unicode")
def test_words_that_are_no_text(run: Run, words: tuple[object, ...], tmp_path: Path) -> None:
    outcome = run(*words, "--title", "\udcff title")  # as Python has a byte 0xff of the command line
    assert outcome.error_code != "unexpected", outcome.err
    shutil.copyfile(tmp_path / "photos" / "beach.png", tmp_path / "photos" / "\udcff.png")
    outcome = run(*words, "--overwrite")
    assert outcome.error_code != "unexpected", outcome.err


def test_report(run: Run, study: Path) -> None:
    outcome = run("study", "report", study, "--no-metrics")
    assert outcome.code == 0
    for word in ("Which is closer to the painting?", "good", "better than", "Observers", str(study / "report")):
        assert word in outcome.out
    assert "left out" in outcome.err
    assert (study / "report" / "report.html").is_file()
    assert_refused(run("study", "report", study, "--no-metrics"), 1, "already-there", "report.html")
    outcome = run("study", "report", study, "--no-metrics", "--overwrite", "--quiet", "--keep-random")
    assert (outcome.code, outcome.out) == (0, "")


def test_report_for_programs(run: Run, study: Path, tmp_path: Path) -> None:
    outcome = run("study", "report", study, "--no-metrics", "--json", "-o", tmp_path / "report")
    assert outcome.code == 0
    record = strict_json(outcome.out)
    assert record == strict_json((tmp_path / "report" / "report.json").read_text())
    assert not (study / "report").exists()


def test_report_of_a_table(run: Run, study: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    shutil.copyfile(study / "answers.csv", table)
    assert_refused(run("study", "report", table), 2, "nothing-given", "-o")
    outcome = run("study", "report", table, "-o", tmp_path / "report")
    assert outcome.code == 0
    assert (tmp_path / "report" / "pwcmp.csv").is_file()


def test_report_with_the_metrics_of_evaluate(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is made by impasto evaluate itself, of the pictures of the study; then the report makes its own."""
    photos, styles = make_pictures(tmp_path)
    engines = ("--engine", "light", "--engine", "adain", "--size", 64, "--limit", 1)
    both = ("--photos", photos, "--styles", styles, *engines)
    assert run("study", "make", *both, "-o", tmp_path / "study").code == 0
    scored = run("evaluate", *both, "--strengths", "50,100", "--blend-steps", 0, "-o", tmp_path / "evaluation")
    assert scored.code == 0, scored.err
    plan = load_plan(tmp_path / "study")
    answers = people(plan, {"light": -1.0, "adain": 1.0}, 6)
    (tmp_path / "study" / "answers.csv").write_text(written(answers))
    table = tmp_path / "evaluation" / "results.csv"
    outcome = run("study", "report", tmp_path / "study", "--metrics", table)
    assert outcome.code == 0
    for word in ("Which number to believe", "other observers", "content", "ssim"):
        assert word in outcome.out
    assert not (tmp_path / "study" / "metrics.csv").exists()
    outcome = run("study", "report", tmp_path / "study", "--overwrite")
    assert outcome.code == 0, outcome.err
    assert "Which number to believe" in outcome.out
    assert (tmp_path / "study" / "metrics.csv").exists()


def test_report_of_nothing(run: Run, study: Path, tmp_path: Path) -> None:
    (study / "answers.csv").unlink()
    outcome = run("study", "report", study)
    assert_refused(outcome, 1, "nothing-given", "there are no answers", f"impasto study serve {study}")
    assert not (study / "report").exists()
    (tmp_path / "empty").mkdir()
    assert_refused(run("study", "report", tmp_path / "empty"), 2, "no-such-file", "empty")
    table = tmp_path / "table.csv"
    table.write_bytes(bytes(range(256)))
    assert_refused(run("study", "report", table, "-o", tmp_path / "report"), 1, "malformed", "table.csv")
    assert_refused(run("study", "report", tmp_path / "no.csv", "-o", tmp_path / "report"), 1, "no-such-file")
    assert_refused(run("study", "report", study, tmp_path / "no.csv"), 1, "no-such-file", "no.csv")
    assert not (tmp_path / "report").exists()


def test_report_into_a_file(run: Run, study: Path, tmp_path: Path) -> None:
    (tmp_path / "report").write_text("mine")
    outcome = run("study", "report", study, "--no-metrics", "--quiet", "-o", tmp_path / "report")
    assert outcome.code == 1
    assert outcome.error_code
    assert (tmp_path / "report").read_text() == "mine"


@pytest.mark.parametrize("names", [("a$b$^", "c$\\frac$", "d"), ("画家", "художник", "🎨")])
def test_report_of_names_that_plots_cannot_show(run: Run, tmp_path: Path, names: tuple[str, str, str]) -> None:
    plan = plan_of(names, trials=14)
    study = study_at(tmp_path / "study", plan, people(plan, dict(zip(names, (1.0, 0.0, -1.0), strict=True)), 6))
    outcome = run("study", "report", study, "--no-metrics", "--keep-random")
    assert (outcome.code, outcome.err) == (0, "")
    assert all(name in outcome.out for name in names)


def test_an_extra_that_is_missing_is_named(
    run: Run, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., Any] = builtins.__import__

    def imported(name: str, *given: Any, **named: Any) -> Any:
        if name.partition(".")[0] == "choix":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *given, **named)

    for name in ("impasto.study.report", "choix"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr("impasto.study.report", raising=False)
    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", imported)
        outcome = run("study", "report", study, "--no-metrics")
    assert_refused(outcome, 1, "missing-extra", "choix", "impasto[study]")


def test_a_damaged_study(run: Run, study: Path) -> None:
    record = json.loads((study / "study.json").read_text())
    (study / "study.json").write_text(json.dumps(record | {"format": 2}))
    for verb in ("report", "serve"):
        assert_refused(run("study", verb, study), 1, "other-version", "study.json")
    (study / "study.json").write_text("{")
    for verb in ("report", "serve"):
        assert_refused(run("study", verb, study), 1, "damaged-file", "study.json")


def test_help(run: Run) -> None:
    outcome = run("study", "--help")
    assert outcome.code == 0
    for verb in ("make", "serve", "report"):
        assert f"impasto study {verb}" in outcome.out
        assert run("study", verb, "--help").code == 0
    assert_refused(run("study", "maek"), 2, "usage", "maek")


@pytest.mark.parametrize("verb", ["make", "report"])
def test_a_stop_is_said_and_told_to_the_shell(
    run: Run, words: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    def stopped(*_words: object, **_values: object) -> None:
        raise Stopped

    given = words
    if verb == "report":
        assert run(*words).code == 0
        given = ("study", "report", tmp_path / "study")
    monkeypatch.setattr({"make": "impasto.study.making.make", "report": "impasto.study.findings.find"}[verb], stopped)
    outcome = run(*given)
    assert outcome.code == INTERRUPTED
    assert "stopped" in outcome.err
    assert not (tmp_path / "study" / "report").exists()

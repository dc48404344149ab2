"""Tables of answers: our own, those of pwcmp, those of the single page, and what is none."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import refused
from studies import people, plan_of

from impasto.errors import PictureError
from impasto.study.answers import (
    COLUMNS,
    PWCMP,
    WHOLE,
    Answer,
    decided,
    merged,
    read_answers,
    written,
)
from impasto.study.plan import Plan, Trial

OURS, THEIRS = "0123456789abcdef", "fedcba9876543210"
HEAD = ",".join(COLUMNS)


def answer(preferred: float = 1, **given: Any) -> Answer:
    return replace(Answer(OURS, 1, Trial("beach__dots", "good", "poor"), preferred, "closer"), **given)


def table(folder: Path, *lines: str, name: str = "table.csv", end: str = "\n") -> Path:
    path = folder / name
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


def preferred(path: Path) -> list[float]:
    return [one.preferred for one in read_answers(path)]


def test_answers_are_read_as_they_were_written(tmp_path: Path) -> None:
    odd = Trial('café, "beach" 😀__dots', "a,b", "line\nbreak")
    given = [
        answer(1, number=1, seconds=2.25),
        answer(0.5, number=2),
        answer(0, number=3, session=4, question="better", seconds=0.0),
        answer(1, trial=odd, number=4),
        answer(1, observer="1"),
        answer(0, observer="1"),
    ]
    path = tmp_path / "answers.csv"
    path.write_text(written(given), encoding="utf-8")
    assert read_answers(path) == given
    assert read_answers(path)[3].style == "dots"
    assert given[0].row() == [OURS, "1", "beach__dots", "good", "poor", "1", "closer", "1", "2.25"]


def test_tables_of_pwcmp(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "observer,session_id,scene,condition_A,condition_B,is_A_selected",
        "1,1,beach,good,poor,1",
        "1,2,beach,poor,good,0",
        "2,1,street,good,poor,0.5",
    )
    assert read_answers(path) == [
        Answer("1", 1, Trial("beach", "good", "poor"), 1, WHOLE),
        Answer("1", 2, Trial("beach", "poor", "good"), 0, WHOLE),
        Answer("2", 1, Trial("street", "good", "poor"), 0.5, WHOLE),
    ]
    assert (read_answers(path)[0].photo, read_answers(path)[0].style) == ("beach", "")


def test_choices_by_number(tmp_path: Path) -> None:
    lines = [f"1,beach,good,poor,{choice}" for choice in (1, 2, 0)]
    for head in ("Observer,Scene,Condition_1,Condition_2,Selection", "observer,scene,condition_A,condition_B,selected"):
        assert preferred(table(tmp_path, head, *lines)) == [1, 0, 0.5]


def test_nobody_has_chosen_the_second_of_numbered_conditions(tmp_path: Path) -> None:
    """A selection that is never 2 says whether the first was chosen."""
    lines = [f"1,beach,good,poor,{choice}" for choice in (1, 0, 1)]
    assert preferred(table(tmp_path, "observer,scene,condition_1,condition_2,selection", *lines)) == [1, 0, 1]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_tables_of_other_programs(tmp_path: Path, end: str, mark: str) -> None:
    head = f"{mark}OBSERVER, Scene ,CONDITION_a,Condition_B,IS_A_SELECTED,comment"
    path = table(tmp_path, head, " 1 , beach__dots ,good, poor,1.0,bright", "2,beach__dots,good,poor, 0 ,", "", end=end)
    first, second = read_answers(path)
    assert first == Answer("1", 1, Trial("beach__dots", "good", "poor"), 1, WHOLE)
    assert (second.observer, second.preferred) == ("2", 0)


def test_questions_and_times_of_other_programs(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "observer,scene,condition_A,condition_B,is_A_selected,question,seconds,trial,session",
        "1,beach,good,poor,1,calmer,2.5,3,first",
        "1,beach,good,poor,1,,inf,,",
    )
    first, second = read_answers(path)
    assert (first.question, first.seconds, first.number, first.session) == ("calmer", 2.5, 3, 1)
    assert (second.question, second.seconds, second.number, second.session) == (WHOLE, None, 0, 1)


def test_sessions_that_are_no_numbers_are_kept_apart(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "observer,session_id,scene,condition_A,condition_B,is_A_selected,trial",
        "1,monday,beach,good,poor,1,1",
        "1,tuesday,beach,good,poor,0,1",
    )
    assert preferred(path) == [1, 0]


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ([], "empty"),
        ([""], "column"),
        (["just text"], "observer"),
        (["observer,scene,condition_A,condition_B"], "is_A_selected"),
        (["observer,scene,condition_A,is_A_selected"], "condition_b"),
        (["scene,condition_A,condition_B,is_A_selected", "beach,good,poor,1"], "observer"),
    ],
)
def test_what_is_no_table_of_answers(tmp_path: Path, lines: list[str], word: str) -> None:
    with refused(PictureError, "malformed", "table.csv", word, "is_A_selected"):
        read_answers(table(tmp_path, *lines))


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 40, b"\0" * 5000, b"\xff\xd8\xff"]
)
def test_binary_files_are_no_tables(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "picture.csv"
    path.write_bytes(data)
    with refused(PictureError, "malformed", "picture.csv"):
        read_answers(path)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with refused(PictureError, "no-such-file", "no.csv"):
        read_answers(tmp_path / "no.csv")
    with refused(PictureError, "not-readable"):
        read_answers(tmp_path)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("1,beach,good,poor,3", "'3'"),
        ("1,beach,good,poor,-1", "'-1'"),
        ("1,beach,good,poor,nan", "'nan'"),
        ("1,beach,good,poor,", "not 1, 0, or 0.5"),
        ("1,beach,good,poor,yes", "is_a_selected is 'yes'"),
        ("1,beach,good,good,1", "'good' is compared with itself"),
        ("1,beach,,poor,1", "a condition is empty"),
        (",beach,good,poor,1", "the observer is empty"),
        ("1,beach,good,poor", "4 of 5 columns"),
    ],
)
def test_a_line_that_is_no_answer(tmp_path: Path, line: str, why: str) -> None:
    head, good = "observer,scene,condition_A,condition_B,is_A_selected", "1,beach,good,poor,1"
    with refused(PictureError, "malformed", "table.csv", "line 3", why):
        read_answers(table(tmp_path, head, good, line, good))


@pytest.mark.parametrize("column", ["trial", "seconds"])
def test_a_number_that_is_none_is_named(tmp_path: Path, column: str) -> None:
    head = f"observer,scene,condition_A,condition_B,is_A_selected,{column}"
    for wrong in ("soon", *(["1.5", "nan"] if column == "trial" else [])):
        with refused(PictureError, "malformed", "line 2", f"{column} is '{wrong}'"):
            read_answers(table(tmp_path, head, f"1,beach,good,poor,1,{wrong}"))


def test_lines_of_commas_are_no_answers(tmp_path: Path) -> None:
    head, good = "observer,scene,condition_A,condition_B,is_A_selected", "1,beach,good,poor,1"
    assert len(read_answers(table(tmp_path, head, ",,,,", good, " , ,,,", "1,beach,poor,good,0"))) == 2


def test_a_line_number_is_that_of_the_file(tmp_path: Path) -> None:
    head, good = "observer,scene,condition_A,condition_B,is_A_selected", "1,beach,good,poor,1"
    with refused(PictureError, "malformed", "line 4"):
        read_answers(table(tmp_path, head, good, "", "1,beach,good,poor,7"))


def test_a_torn_last_line_does_not_count(tmp_path: Path) -> None:
    whole = written([answer(1, number=1), answer(0, number=2)])
    path = tmp_path / "answers.csv"
    for cut in range(1, 30):
        path.write_text(whole[:-cut])
        assert [one.number for one in read_answers(path)][:1] == [1]
    path.write_text(whole[:-20])
    assert preferred(path) == [1]


def test_whole_lines_of_another_length_are_told(tmp_path: Path) -> None:
    lines = [f"{number},beach,good,poor,1,a comment, with a comma" for number in range(9)]
    with refused(PictureError, "malformed", "table.csv", "line 2"):
        read_answers(table(tmp_path, "observer,scene,condition_A,condition_B,is_A_selected,comment", *lines))


def test_a_broken_line_is_not_called_an_empty_file(tmp_path: Path) -> None:
    path = table(tmp_path, HEAD, answer_line(), f"1,{'x' * 200_000},good,poor,1,closer,1,1,2")
    with refused(PictureError, "malformed") as caught:
        read_answers(path)
    assert "empty" not in str(caught.value)


def answer_line() -> str:
    return ",".join(answer().row())


def test_the_later_answer_counts(tmp_path: Path) -> None:
    given = [
        answer(1, number=1),
        answer(0, number=1, question="better"),
        answer(0, number=2),
        answer(0, number=1),
        answer(1, number=1, session=2),
        answer(1, number=1, observer=THEIRS),
    ]
    path = tmp_path / "answers.csv"
    path.write_text(written(given))
    found = read_answers(path)
    assert len(found) == 5
    assert given[0] not in found
    assert set(given[1:]) == set(found)


def test_pwcmp_takes_what_is_decided(tmp_path: Path) -> None:
    trial, other = Trial("beach__dots", "good", "poor"), Trial("beach__dots", "poor", "good")
    given = [answer(0.5, trial=one, number=n) for n, one in enumerate((trial, other, other, trial), start=1)]
    given += [answer(0.5, question="better", number=1), answer(1, number=5), answer(0, trial=other, number=6)]
    found = decided(given)
    chosen = [one.trial.a if one.preferred else one.trial.b for one in found]
    assert sorted(chosen[:4]) == ["good", "good", "poor", "poor"]
    assert chosen[5:] == ["good", "good"]
    assert {one.preferred for one in found} <= {0, 1}
    assert [replace(one, preferred=0) for one in found] == [replace(one, preferred=0) for one in given]
    rows = list(csv.reader(io.StringIO(written(found, PWCMP))))
    assert rows[0] == ["observer", "session", "scene", "condition_A", "condition_B", "is_A_selected", "criterion"]
    assert {row[5] for row in rows[1:]} <= {"0", "1"}
    assert {len(row) for row in rows} == {7}


def single_file_table(plan: Plan, answers: list[Answer], folder: Path, name: str = "mailed.csv") -> Path:
    """A table as the page without a server writes it: pictures in place of names."""
    lines = []
    for one in answers:
        scene, shown = plan.by_name[one.trial.scene], plan.as_pictures(one.trial)
        of = f"{plan.photos[scene.photo]}__{plan.styles[scene.style]}"
        named = replace(one, trial=Trial(of, shown["a"], shown["b"]))
        lines.append(",".join(named.row()))
    return table(folder, HEAD, *lines, name=name)


def test_tables_of_the_single_file_name_pictures(tmp_path: Path) -> None:
    plan = plan_of()
    given = people(plan, {"good": 1, "fair": 0, "poor": -1}, 2)
    path = single_file_table(plan, given, tmp_path)
    assert not any(",good," in line for line in path.read_text().splitlines())
    found = merged([path], [plan])
    assert [one.trial for one in found] == [one.trial for one in given]
    assert [one.preferred for one in found] == [one.preferred for one in given]


def test_pictures_of_two_scenes_are_no_answer(tmp_path: Path) -> None:
    plan = plan_of()
    first, second = (one.results["good"] for one in plan.scenes[:2])
    third = plan.scenes[0].results["poor"]
    for a, b in ((first, second), (first, first), (first, "elsewhere"), ("elsewhere", third)):
        path = table(tmp_path, HEAD, f"{OURS},1,x__y,{a},{b},1,closer,1,2")
        with refused(PictureError, "malformed", "line 2"):
            merged([path], [plan])


def test_pictures_of_no_study_are_told(tmp_path: Path) -> None:
    """A mailed table without its study: its conditions would be names of pictures."""
    plan, other = plan_of(), plan_of(study="ffffffffffffffff")
    path = table(tmp_path, HEAD, f"{OURS},1,{'1' * 16}__{'2' * 16},{'a' * 16},{'b' * 16},1,closer,1,2")
    for plans in ([], [plan, other]):
        with refused(PictureError, "malformed", "table.csv"):
            merged([path], plans)


def test_tables_of_two_studies_know_their_pictures(tmp_path: Path) -> None:
    first, second = plan_of(), plan_of(["good", "new"], study="ffffffffffffffff")
    answers = people(first, {"good": 1, "fair": 0, "poor": -1}, 1)
    others = [replace(one, observer=THEIRS) for one in people(second, {"good": 1, "new": 0}, 1)]
    paths = [single_file_table(first, answers, tmp_path, "a.csv"), single_file_table(second, others, tmp_path, "b.csv")]
    assert [one.trial for one in merged(paths, [first, second])] == [one.trial for one in [*answers, *others]]


def test_observers_of_several_tables(tmp_path: Path) -> None:
    head = "observer,scene,condition_A,condition_B,is_A_selected"
    study = tmp_path / "study"
    study.mkdir()
    own = study / "answers.csv"
    own.write_text(written([answer(1, number=1), answer(1, observer="guest", number=1)]))
    one, two = (table(tmp_path, head, "1,beach,good,poor,1", name=f"{name}.csv") for name in ("one", "two"))
    assert [a.observer for a in merged([one], [])] == ["1"]
    assert [a.observer for a in merged([own, one, two], [])] == [OURS, "study:guest", "one:1", "two:1"]


def test_observers_of_tables_of_one_name_are_not_one_person(tmp_path: Path) -> None:
    head = "observer,scene,condition_A,condition_B,is_A_selected"
    paths = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths.append(table(tmp_path / name, head, "1,beach,good,poor,1", name="data.csv"))
    assert len({one.observer for one in merged(paths, [])}) == 2


def test_a_file_that_was_mailed_twice_counts_once(tmp_path: Path) -> None:
    plan = plan_of()
    given = people(plan, {"good": 1, "fair": 0, "poor": -1}, 1)
    half = single_file_table(plan, given[:10], tmp_path, "half.csv")
    whole = single_file_table(plan, given, tmp_path, "whole.csv")
    copy = single_file_table(plan, given, tmp_path, "whole (1).csv")
    for paths in ([whole, whole], [half, whole, copy], [whole, half]):
        found = merged(paths, [plan])
        assert len(found) == len(given)
        assert set(found) == set(given_rounded(given))


def given_rounded(answers: list[Answer]) -> list[Answer]:
    return [replace(one, seconds=round(one.seconds or 0, 2)) for one in answers]


def test_one_table_named_twice_counts_once(tmp_path: Path) -> None:
    path = table(tmp_path, "observer,scene,condition_A,condition_B,is_A_selected", "1,beach,good,poor,1")
    assert len(merged([path, path], [])) == 1


def test_tables_of_excel_are_read(tmp_path: Path) -> None:
    lines = ["observer;scene;condition_A;condition_B;is_A_selected", "1;beach;good;poor;1", "1;beach;poor;good;0"]
    path = tmp_path / "table.csv"
    for encoding in ("utf-8-sig", "utf-16"):
        path.write_bytes("\r\n".join([*lines, ""]).encode(encoding))
        assert [(one.trial.a, one.preferred) for one in read_answers(path)] == [("good", 1), ("poor", 0)]

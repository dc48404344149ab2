"""Answers, and the tables that hold them: those of pwcmp (Perez-Ortiz & Mantiuk 2017), with further columns.

observer,session,scene,condition_A,condition_B,is_A_selected,criterion,trial,seconds

`is_A_selected` is 1, 0, or 0.5 for no difference. The scene is PHOTO__STYLE, the criterion a question's name.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from impasto.errors import PictureError
from impasto.measure.folders import SEPARATOR
from impasto.study.davidson import LOST, TIED, WON
from impasto.study.plan import ANSWERS, Plan, Trial

COLUMNS = (
    "observer",
    "session",
    "scene",
    "condition_A",
    "condition_B",
    "is_A_selected",
    "criterion",
    "trial",
    "seconds",
)
PWCMP = COLUMNS[:7]
_ALSO = {  # the names of other programs and of pwcmp's own tables
    "session_id": "session",
    "condition_1": "condition_a",
    "condition_2": "condition_b",
    "question": "criterion",
    "selected": "selection",
}
_NEEDED = ("observer", "scene", "condition_a", "condition_b")
_OURS = re.compile(r"[0-9a-f]{16}")
WHOLE = "preferred"
"""The question of a table that has no criterion."""


@dataclass(frozen=True)
class Answer:
    """What one observer said of one pair.

    Attributes:
        observer: an anonymous name.
        session: which round of this observer, from 1.
        trial: `a` was shown on the left, `b` on the right.
        preferred: 1, `a`; 0, `b`; 0.5, no difference.
        question: its name.
        number: the trial's place in the session, from 1; 0 if it is not known.
        seconds: how long the observer looked, or None.
    """

    observer: str
    session: int
    trial: Trial
    preferred: float
    question: str
    number: int = 0
    seconds: float | None = None

    @property
    def photo(self) -> str:
        return self.trial.scene.partition(SEPARATOR)[0]

    @property
    def style(self) -> str:
        return self.trial.scene.partition(SEPARATOR)[2]

    @property
    def chosen(self) -> str | None:
        """The condition that was preferred; None for no difference."""
        return None if self.preferred == 0.5 else self.trial.a if self.preferred == 1 else self.trial.b

    def outcome(self, first: str) -> int:
        """WON, LOST or TIED for one of the two conditions."""
        return TIED if self.chosen is None else WON if self.chosen == first else LOST

    def row(self) -> list[str]:
        """The answer in `COLUMNS`."""
        seconds = "" if self.seconds is None else f"{self.seconds:.2f}"
        head = [self.observer, str(self.session), self.trial.scene, self.trial.a, self.trial.b]
        return [*head, f"{self.preferred:g}", self.question, str(self.number), seconds]


def written(answers: Iterable[Answer], columns: Sequence[str] = COLUMNS) -> str:
    """Answers as a table with a head, of the first columns."""
    return as_table(columns, *(answer.row()[: len(columns)] for answer in answers))


def as_table(*rows: Sequence[object]) -> str:
    """Rows as a CSV file's text."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def decided(answers: Iterable[Answer]) -> list[Answer]:
    """Answers as pwcmp takes them: without "no difference", which goes to one side and the other by turns."""
    found, turns = [], dict[tuple[str, str, frozenset[str]], int]()
    for answer in answers:
        if answer.preferred == 0.5:
            key = answer.question, answer.trial.scene, answer.trial.pair
            turns[key] = turns.get(key, 0) + 1
            first = answer.trial.a == min(answer.trial.pair)
            answer = replace(answer, preferred=float(first == (turns[key] % 2 == 1)))
        found.append(answer)
    return found


def read_answers(path: Path, plans: Mapping[str, Plan] | None = None) -> list[Answer]:
    """Read a table of answers. Of several answers to one question in one trial the last one counts.

    Args:
        plans: studies by their pictures' names: a table that a page without a server has made names pictures.
    Raises:
        PictureError: no such file, or no table of answers.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise PictureError(f"there is no file {path}", code="no-such-file") from None
    except OSError as error:
        raise PictureError(f"cannot read {path}: {error.strerror}", code="not-readable") from None
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"  # Excel writes both
    return latest(_parsed(path, data.decode(encoding, errors="replace"), plans or {}))


def latest(answers: Iterable[Answer]) -> list[Answer]:
    """Leave out what the same observer has answered anew, and what is there twice."""
    found: dict[object, Answer] = {}
    for number, answer in enumerate(answers):
        trial = answer.trial
        key = (answer.observer, answer.session, answer.number, answer.question, trial.scene, trial.pair)
        found[key if answer.number else number] = answer
    return list(found.values())


def _parsed(path: Path, text: str, plans: Mapping[str, Plan]) -> list[Answer]:
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)  # Excel takes what the country's numbers leave free
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        lines = [(reader.line_num, line) for line in reader if any(cell.strip() for cell in line)]  # Excel leaves ,,,,
    except csv.Error as error:
        raise _no_table(path, f"line {reader.line_num}: {error}") from None
    if not lines:
        raise _no_table(path, "it is empty")
    names = [_ALSO.get(name.strip().lower(), name.strip().lower()) for name in lines[0][1]]
    missing = [name for name in _NEEDED if name not in names]
    choice = next((name for name in ("is_a_selected", "selection") if name in names), None)
    if missing or choice is None:
        raise _no_table(path, f"it has no column {(missing or ['is_A_selected'])[0]}")
    if len(lines[-1][1]) < len(names) and not text.endswith("\n"):
        del lines[-1]  # a server was killed while it wrote
    place = names.index(choice)
    by_number = choice == "selection" and any(line[place : place + 1] == ["2"] for _, line in lines[1:])
    sessions: dict[str, int] = {}
    found = []
    for number, line in lines[1:]:
        try:
            row = dict(zip(names, line, strict=True))
            found.append(_answer(row, _preferred(row, choice, by_number), plans, sessions))
        except ValueError as error:
            why = f": {error}" if len(line) == len(names) else f": it has {len(line)} of {len(names)} columns"
            hint = f"columns: {','.join(PWCMP)}"
            raise PictureError(f"{path}: line {number} is no answer{why}", hint, code="malformed") from None
        except LookupError:
            message = f"{path}: line {number} names pictures of a study that is not given"
            raise PictureError(message, f"impasto study report STUDY {path}", code="malformed") from None
    return found


def _answer(row: Mapping[str, str], preferred: float, plans: Mapping[str, Plan], sessions: dict[str, int]) -> Answer:
    """Read a line.

    Args:
        sessions: numbers of the sessions that are no numbers, by their names.
    Raises:
        ValueError: it is no answer.
        LookupError: it names pictures that no plan has.
    """
    a, b, scene, session = (row.get(name, "").strip() for name in ("condition_a", "condition_b", "scene", "session"))
    trial = Trial(scene, a, b)
    if _OURS.fullmatch(a) or _OURS.fullmatch(b):
        shown = plans[a].as_trial(a, b)
        if shown is None:
            raise LookupError(a)
        trial = shown
    if not a or not b:
        raise ValueError("a condition is missing")
    if a == b:
        raise ValueError(f"{a!a} beside itself")
    if not row["observer"].strip():
        raise ValueError("no observer")
    if not session or session.isdecimal():
        number = int(session or 1)
    else:
        number = sessions.setdefault(session, len(sessions) + 1)
    seconds = _number(row, "seconds", "nan")
    place = _number(row, "trial", "0")
    if not place.is_integer():
        raise ValueError(f"trial is {row['trial']!a}")
    return Answer(
        observer=row["observer"].strip(),
        session=number,
        trial=trial,
        preferred=preferred,
        question=row.get("criterion", "").strip() or WHOLE,
        number=int(place),
        seconds=seconds if math.isfinite(seconds) else None,
    )


def _number(row: Mapping[str, str], name: str, otherwise: str) -> float:
    text = row.get(name, "").strip() or otherwise
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name} is {text!a}") from None


def _preferred(row: Mapping[str, str], name: str, by_number: bool) -> float:
    """Read a choice: 1, 0 and 0.5; by number 1, 2 and 0 for no difference."""
    choices = {1.0: 1.0, 2.0: 0.0, 0.0: 0.5} if by_number else {1.0: 1.0, 0.0: 0.0, 0.5: 0.5}
    preferred = choices.get(_number(row, name, "nan"))
    if preferred is None:
        wanted = "1, 2, or 0 for no difference" if by_number else "1, 0, or 0.5 for no difference"
        raise ValueError(f"{name} is {row[name]!a}, not {wanted}")
    return preferred


def _no_table(path: Path, why: str) -> PictureError:
    return PictureError(f"{path} is no table of answers: {why}", f"columns: {','.join(PWCMP)}", code="malformed")


def kept_in(folder: Path) -> Path | None:
    """A study's table of answers; None while there is none, or one without its head: its server was killed early."""
    path = folder / ANSWERS
    return path if path.exists() and path.stat().st_size else None


def distinct(paths: Iterable[Path]) -> list[Path]:
    """Files without those that are named twice."""
    return list({path.resolve(): path for path in paths}.values())


def merged(sources: Sequence[Path], plans: Sequence[Plan]) -> list[Answer]:
    """The answers of several tables. Studies' folders are given by the table in them.

    An observer keeps its name if a page of ours has given it; others are named FILE:OBSERVER if there are several
    tables, since observer 1 of two tables need not be one person.
    """
    by_picture = {picture: plan for plan in plans for picture in plan.shown}
    tables = distinct(sources)
    places = [path.parent.name if path.name == ANSWERS else path.stem for path in tables]
    found: list[Answer] = []
    for number, (path, place) in enumerate(zip(tables, places, strict=True), start=1):
        name = place if places.count(place) == 1 else f"{place}-{number}"
        for answer in read_answers(path, by_picture):
            known = len(tables) == 1 or _OURS.fullmatch(answer.observer)
            found.append(answer if known else replace(answer, observer=f"{name}:{answer.observer}"))
    return latest(found)

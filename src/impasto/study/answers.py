"""Read and write tables of answers. They have the columns of pwcmp (Perez-Ortiz & Mantiuk 2017) and further ones.

observer,session,scene,condition_A,condition_B,is_A_selected,criterion,trial,seconds

`is_A_selected` is 1, 0, or 0.5 for no difference. The scene is PHOTO__STYLE, the criterion is a question's name.
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
_ALSO = {  # column names of other programs and of pwcmp's own tables
    "session_id": "session",
    "condition_1": "condition_a",
    "condition_2": "condition_b",
    "question": "criterion",
    "selected": "selection",
}
_NEEDED = ("observer", "scene", "condition_a", "condition_b")
_OURS = re.compile(r"[0-9a-f]{16}")
WHOLE = "preferred"
"""The question's name in a table without criteria."""


@dataclass(frozen=True)
class Answer:
    """One observer's answer to one question about a pair.

    Attributes:
        observer: an anonymous name.
        session: number of the observer's session, from 1.
        trial: the pair. `a` was shown on the left, `b` on the right.
        preferred: 1 for `a`, 0 for `b`, 0.5 for no difference.
        question: the question's name.
        number: number of the trial in the session, from 1; 0 if it is unknown.
        seconds: time until the answer, or None.
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
        """Return the preferred condition; None for no difference."""
        return None if self.preferred == 0.5 else self.trial.a if self.preferred == 1 else self.trial.b

    def outcome(self, first: str) -> int:
        """Return WON, LOST or TIED for one of the two conditions."""
        return TIED if self.chosen is None else WON if self.chosen == first else LOST

    def row(self) -> list[str]:
        """Return the answer as a row of `COLUMNS`."""
        seconds = "" if self.seconds is None else f"{self.seconds:.2f}"
        head = [self.observer, str(self.session), self.trial.scene, self.trial.a, self.trial.b]
        return [*head, f"{self.preferred:g}", self.question, str(self.number), seconds]


def written(answers: Iterable[Answer], columns: Sequence[str] = COLUMNS) -> str:
    """Format answers as a table with a header, with the first of the columns."""
    return as_table(columns, *(answer.row()[: len(columns)] for answer in answers))


def as_table(*rows: Sequence[object]) -> str:
    """Format rows as the text of a CSV file."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def decided(answers: Iterable[Answer]) -> list[Answer]:
    """Return answers for pwcmp, which has no "no difference": such answers go to either side in turn."""
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
    """Read a table of answers. If a trial has several answers to one question, the last one counts.

    Args:
        plans: studies by the names of their pictures. The single-file page writes tables that name pictures.
    Raises:
        PictureError: the file does not exist, or it is not a table of answers.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise PictureError(f"file {path} does not exist", code="no-such-file") from None
    except OSError as error:
        raise PictureError(f"cannot read {path}: {error.strerror}", code="not-readable") from None
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"  # Excel writes both encodings
    return latest(_parsed(path, data.decode(encoding, errors="replace"), plans or {}))


def latest(answers: Iterable[Answer]) -> list[Answer]:
    """Remove duplicates, and answers that the same observer has changed later."""
    found: dict[object, Answer] = {}
    for number, answer in enumerate(answers):
        trial = answer.trial
        key = (answer.observer, answer.session, answer.number, answer.question, trial.scene, trial.pair)
        found[key if answer.number else number] = answer
    return list(found.values())


def _parsed(path: Path, text: str, plans: Mapping[str, Plan]) -> list[Answer]:
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)  # Excel's separator depends on the country
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        lines = [(reader.line_num, line) for line in reader if any(cell.strip() for cell in line)]  # Excel writes ,,,,
    except csv.Error as error:
        raise _no_table(path, f"line {reader.line_num}: {error}") from None
    if not lines:
        raise _no_table(path, "it is empty")
    names = [_ALSO.get(name.strip().lower(), name.strip().lower()) for name in lines[0][1]]
    missing = [name for name in _NEEDED if name not in names]
    choice = next((name for name in ("is_a_selected", "selection") if name in names), None)
    if missing or choice is None:
        raise _no_table(path, f"the column is missing:  {(missing or ['is_A_selected'])[0]}")
    if len(lines[-1][1]) < len(names) and not text.endswith("\n"):
        del lines[-1]  # a server was killed while it wrote this line
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
            raise PictureError(f"{path}: line {number} is not an answer{why}", hint, code="malformed") from None
        except LookupError:
            message = f"{path}: line {number} names pictures of another study"
            raise PictureError(
                message, f"give the study's folder, too: impasto study report STUDY {path}", code="malformed"
            ) from None
    return found


def _answer(row: Mapping[str, str], preferred: float, plans: Mapping[str, Plan], sessions: dict[str, int]) -> Answer:
    """Parse a line.

    Args:
        sessions: numbers for the sessions that have names instead of numbers.
    Raises:
        ValueError: the line is not an answer.
        LookupError: it names pictures that no plan contains.
    """
    a, b, scene, session = (row.get(name, "").strip() for name in ("condition_a", "condition_b", "scene", "session"))
    trial = Trial(scene, a, b)
    if _OURS.fullmatch(a) or _OURS.fullmatch(b):
        shown = plans[a].as_trial(a, b)
        if shown is None:
            raise LookupError(a)
        trial = shown
    if not a or not b:
        raise ValueError("a condition is empty")
    if a == b:
        raise ValueError(f"{a!a} is compared with itself")
    if not row["observer"].strip():
        raise ValueError("the observer is empty")
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
    """Parse a choice: 1, 0 and 0.5. With `by_number`: 1, 2, and 0 for no difference."""
    choices = {1.0: 1.0, 2.0: 0.0, 0.0: 0.5} if by_number else {1.0: 1.0, 0.0: 0.0, 0.5: 0.5}
    preferred = choices.get(_number(row, name, "nan"))
    if preferred is None:
        wanted = "1, 2, or 0 for no difference" if by_number else "1, 0, or 0.5 for no difference"
        raise ValueError(f"{name} is {row[name]!a}, not {wanted}")
    return preferred


def _no_table(path: Path, why: str) -> PictureError:
    return PictureError(
        f"{path} is not a table of answers: {why}", f"required columns: {','.join(PWCMP)}", code="malformed"
    )


def kept_in(folder: Path) -> Path | None:
    """Return a study's table of answers, or None if there is none or if its server was killed before the header."""
    path = folder / ANSWERS
    return path if path.exists() and path.stat().st_size else None


def distinct(paths: Iterable[Path]) -> list[Path]:
    """Return the files without duplicates."""
    return list({path.resolve(): path for path in paths}.values())


def merged(sources: Sequence[Path], plans: Sequence[Plan]) -> list[Answer]:
    """Return the answers of several tables. A study's folder stands for its table.

    An observer keeps its name if a page of Impasto has given it. With several tables, other observers are named
    FILE:OBSERVER, because observer 1 of two tables may be different people.
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

"""Collect the answers of a running study: save each at once, and choose the next trials."""

from __future__ import annotations

import contextlib
import csv
import math
import os
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from impasto.errors import PictureError, UsageError, write_fault
from impasto.study.alone import alone
from impasto.study.answers import COLUMNS, Answer, as_table, kept_in, latest, read_answers
from impasto.study.choosing import Chooser
from impasto.study.plan import ANSWERS, Trial, load_plan
from impasto.study.trials import Chosen, pairs, trial_of

LARGEST = 100_000_000
"""The largest size of a study's answers in bytes, so that nobody can fill the disk."""
_LONGEST = 3600.0  # largest time of one answer in seconds
_OBSERVER = re.compile(r"[0-9a-f]{16}")
_CHOICES = {"a": 1.0, "b": 0.0, "none": 0.5}


class Gathering:
    """Collects answers in a study's answers.csv, for one server at a time.

    Every answer is on the disk before it is acknowledged. The state consists of the answers alone, so a server that was
    killed can continue where it stopped.

    Raises:
        UsageError: the folder contains no study, or another server collects its answers.
        PictureError: the folder's files cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.plan = load_plan(folder)
        self.path = folder / ANSWERS
        self._torn = False
        self._pairs = set(pairs(self.plan))
        self._questions = {question.name for question in self.plan.questions}
        self._lock = alone(folder)
        try:
            kept = read_answers(self.path) if kept_in(folder) else []
            self._file: IO[bytes] = self.path.open("ab", buffering=0)
            self._begin()
        except OSError as error:
            self._lock.close()
            raise self._cannot_write(error) from error
        except BaseException:
            self._lock.close()
            raise
        self._sessions: dict[tuple[str, int], dict[int, dict[str, Answer]]] = {}
        self._chooser = Chooser(self.plan)
        for answer in kept:
            scene = self.plan.by_name.get(answer.trial.scene)
            if scene and answer.trial.pair <= scene.results.keys() and answer.question in self._questions:
                self._remember(answer)

    def __enter__(self) -> Gathering:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the study for another server."""
        self._file.close()
        self._lock.close()

    @property
    def observers(self) -> int:
        """Return the number of observers with answers."""
        return len({observer for observer, _ in self._sessions})

    @property
    def answers(self) -> int:
        """Return the number of answers."""
        return sum(1 for _ in self._every())

    def take(self, request: Mapping[str, Any]) -> list[dict[str, str]]:
        """Save the answers of a request, and return the trials that it asks for.

        Args:
            request: `observer`, `session` and `answers`; `next`, the number of the first trial to return; `want`, the
                number of trials; `ahead`, the earlier trials without an answer.
        Returns:
            Trials as pictures. At the end of the session there are fewer than requested.
        Raises:
            UsageError: the request is invalid.
            PictureError: the answers cannot be written.
        """
        observer, session, answers, number, want, ahead = self._read(request)
        self._keep([answer for answer in latest(answers) if not self._known(answer)])
        earlier = {
            of: next(iter(kept.values())).trial for of, kept in self._sessions.get((observer, session), {}).items()
        }
        earlier |= {number - len(ahead) + place: trial for place, trial in enumerate(ahead)}
        found = []
        before = {
            (answer.trial.scene, answer.trial.pair)
            for (name, _), kept in self._sessions.items()
            if name == observer
            for trial in kept.values()
            for answer in trial.values()
        }

        def pick(seen: set[Chosen], chance: random.Random) -> Chosen:
            return self._chooser(seen if self._pairs <= seen | before else seen | before, chance)

        for place in range(number, min(number + want, self.plan.trials + 1)):
            earlier[place] = trial_of(self.plan, observer, session, place, earlier, pick)
            found.append(self.plan.as_pictures(earlier[place]))
        return found

    def _read(self, request: Mapping[str, Any]) -> tuple[str, int, list[Answer], int, int, list[Trial]]:
        try:
            observer = request["observer"]
            if not isinstance(observer, str) or not _OBSERVER.fullmatch(observer):
                raise ValueError
            session = _whole(request["session"], 1, 1000)
            answers = [self._answer(observer, session, one) for one in _listed(request["answers"], 2000)]
            number = _whole(request["next"], 1, self.plan.trials + 1)
            ahead = [self._trial(one) for one in _listed(request["ahead"], number - 1)]
            return observer, session, answers, number, _whole(request["want"], 0, 4), ahead
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            raise UsageError("the request does not fit this study", "reload the page", code="malformed") from None

    def _answer(self, observer: str, session: int, given: Mapping[str, Any]) -> Answer:
        if given["question"] not in self._questions:
            raise ValueError
        seconds = float(given["seconds"])
        if not math.isfinite(seconds):
            raise ValueError
        number = _whole(given["trial"], 1, self.plan.trials)
        preferred = _CHOICES[given["choice"]]
        seconds = round(min(max(seconds, 0.0), _LONGEST), 2)
        return Answer(observer, session, self._trial(given), preferred, given["question"], number, seconds)

    def _trial(self, given: Mapping[str, Any]) -> Trial:
        trial = self.plan.as_trial(given["a"], given["b"])
        if trial is None:
            raise ValueError
        return trial

    def _known(self, answer: Answer) -> bool:
        kept = self._sessions.get((answer.observer, answer.session), {}).get(answer.number, {})
        return kept.get(answer.question) == answer

    def _keep(self, answers: list[Answer]) -> None:
        """Write answers to the disk, all or none, and remember them."""
        if not answers:
            return
        text = as_table(*(answer.row() for answer in answers)).encode()
        if self._torn:
            self._begin()
        size = os.fstat(self._file.fileno()).st_size
        if size + len(text) > LARGEST:
            raise PictureError(f"{self.path} has reached its largest size", "move the file away", code="disk-full")
        try:
            _write(self._file, text)
        except OSError as error:
            self._torn = True
            with contextlib.suppress(OSError):
                self._file.truncate(size)
            raise self._cannot_write(error) from error
        anew = [self._remember(answer) for answer in answers]
        if any(anew):  # an observer has changed an answer
            self._chooser = Chooser(self.plan, self._every())

    def _every(self) -> Iterator[Answer]:
        for session in self._sessions.values():
            for trial in session.values():
                yield from trial.values()

    def _remember(self, answer: Answer) -> bool:
        """Remember an answer. Return True if it replaces another; otherwise pass it to the chooser."""
        trial = self._sessions.setdefault((answer.observer, answer.session), {}).setdefault(answer.number, {})
        anew = answer.question in trial
        trial[answer.question] = answer
        if not anew:
            self._chooser.add(answer)
        return anew

    def _begin(self) -> None:
        """Write the header, or cut off an incomplete line of a killed server or a full disk."""
        data = self.path.read_bytes()
        if not data:
            _write(self._file, as_table(COLUMNS).encode())
        elif not data.endswith(b"\n"):
            whole, _, last = data.rpartition(b"\n")
            if len(next(csv.reader([last.decode(errors="replace")]), [])) == len(COLUMNS):
                # An editor has removed the final line break.
                _write(self._file, b"\n")
            else:
                self._file.truncate(len(whole) + 1 if whole else 0)
                if not whole:
                    self._begin()
        self._torn = False

    def _cannot_write(self, error: OSError) -> PictureError:
        return PictureError(f"cannot write {self.path}: {error.strerror or error}", code=write_fault(error))


def _write(file: IO[bytes], data: bytes) -> None:
    """Append data and flush it to the disk."""
    while data:
        data = data[file.write(data) :]
    os.fsync(file.fileno())


def _whole(value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError
    return value


def _listed(value: object, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError
    return value

"""Distinguish attentive observers from those who click at random."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from impasto.study.answers import Answer
from impasto.study.davidson import TIES_SPREAD, Array, fit, pair_places
from impasto.study.plan import UNPAINTED

PERSONAL = 0.7
"""Prior standard deviation of a person's deviation from the common score."""
_ATTENTIVE = (0.94, 0.03, 0.03)  # an attentive observer's chances to choose the painted result, the photo, neither
_STEADY = 3.0, 2.0  # Beta distribution of an attentive observer's chance to repeat an answer
_EVEN = 20.0  # Dirichlet parameter for the shares of random clicks: larger is more even
ENOUGH = 20
"""The number of answers needed to judge an observer."""
DOUBT, UNTESTED = -0.5, -3.0
"""With less evidence, an observer seems to click at random. The second value holds without catch trials."""


@dataclass(frozen=True)
class Observer:
    """The statistics of one observer's answers.

    Attributes:
        name: an anonymous name.
        answers: number of answers, including repeats and catch trials.
        caught, catches: failed catch trials, in which the photo was not recognized as unpainted, and all catch trials.
        same, repeats: repeats answered as before, and all repeats.
        left, tied: shares of answers for the left side, and for no difference.
        seconds: median time of an answer, or None.
        evidence: log likelihood ratio of looking versus clicking at random.
    """

    name: str
    answers: int
    caught: int
    catches: int
    same: int
    repeats: int
    left: float
    tied: float
    seconds: float | None
    evidence: float

    @property
    def judged(self) -> bool:
        """Return True if there are enough answers to judge the observer."""
        return self.answers >= ENOUGH

    @property
    def at_random(self) -> bool:
        """Return True if the answers look more like chance than like a taste. With few answers, return False."""
        return self.judged and self.evidence < (DOUBT if self.catches else UNTESTED)


@dataclass(frozen=True)
class Sorted:
    """One observer's answers to one question: first answers, repeats and catch trials."""

    first: list[Answer]
    again: list[tuple[Answer, Answer]]
    catches: list[Answer]

    @property
    def every(self) -> list[Answer]:
        return [*self.first, *(again for _, again in self.again), *self.catches]


def sort(answers: Iterable[Answer]) -> Sorted:
    """Sort an observer's answers to one question. A pair that was shown before is a repeat."""
    found = Sorted([], [], [])
    before: dict[tuple[str, frozenset[str]], Answer] = {}
    for answer in sorted(answers, key=lambda one: (one.session, one.number)):
        key = answer.trial.scene, answer.trial.pair
        if UNPAINTED in answer.trial.pair:
            found.catches.append(answer)
        elif key in before and answer.number:
            found.again.append((before[key], answer))
        else:
            before[key] = answer
            found.first.append(answer)
    return found


def sort_all(answers: Iterable[Answer]) -> dict[str, dict[str, Sorted]]:
    """Return {question: {observer: sorted answers}}, in the order of the answers."""
    found: dict[str, dict[str, list[Answer]]] = {}
    for answer in answers:
        found.setdefault(answer.question, {}).setdefault(answer.observer, []).append(answer)
    return {question: {name: sort(theirs) for name, theirs in of.items()} for question, of in found.items()}


def observers(answers: Sequence[Answer], caught_by: Sequence[str], conditions: Sequence[str]) -> list[Observer]:
    """Judge every observer by all answers of a study.

    A likelihood ratio distinguishes looking from clicking at random. It combines three observations. Comparisons follow
    the other observers' scores, or a personal taste close to them (Laplace's approximation). Catch trials are answered
    correctly. Repeats are answered as before. The model of chance has free shares of left, right and no difference, so
    it also detects an observer who always clicks the left side.

    Args:
        caught_by: the questions for which the unpainted photo is a wrong answer.
        conditions: the names of the conditions.
    """
    names = list(dict.fromkeys(answer.observer for answer in answers))
    sorted_answers = sort_all(answers)
    evidence = dict.fromkeys(names, 0.0)
    for question, of in sorted_answers.items():
        present = list(of)
        counts = np.stack([_counts(of[name].first, conditions) for name in present])
        tastes = _taste_evidence(counts, len(conditions))
        ways = 3 if any(answer.chosen is None for parts in of.values() for answer in parts.every) else 2
        for name, taste in zip(present, tastes, strict=True):
            evidence[name] += float(taste)
            evidence[name] += _steady_evidence([_same(*pair) for pair in of[name].again], ways)
            tested = of[name].catches if question in caught_by else []
            evidence[name] += sum(math.log(_ATTENTIVE[_caught(answer)]) for answer in tested)
            untested = 0 if tested else len(of[name].catches)
            evidence[name] -= _chance_evidence(of[name].every, ways) + untested * math.log(ways)
    return [_observer(name, sorted_answers, caught_by, evidence[name]) for name in names]


def _counts(answers: Iterable[Answer], conditions: Sequence[str]) -> Array:
    places = pair_places(conditions)
    counts = np.zeros((len(places), 3))
    for answer in answers:
        place, first = places[answer.trial.pair]
        counts[place, answer.outcome(first)] += 1
    return counts


def _taste_evidence(counts: Array, conditions: int) -> Array:
    """Return the log evidence of each observer's counts (observers x pairs x 3) for a taste close to the others'."""
    others = fit(counts.sum(0) - counts, conditions)
    found = fit(counts, conditions, center=others.scores, spread=PERSONAL, ties=others.ties)
    weight = np.array([PERSONAL**-2] * conditions + [TIES_SPREAD**-2])
    away = np.concatenate([found.scores - others.scores, (found.ties - others.ties)[:, None]], axis=1)
    _, volume = np.linalg.slogdet(found.precision)
    return found.log_likelihood - (away**2 * weight).sum(1) / 2 - (volume - np.log(weight).sum()) / 2


def _chance_evidence(answers: Sequence[Answer], ways: int) -> float:
    """Return the log evidence of random clicks: with equal shares of left, right and neither, or with free shares.

    Args:
        ways: 3, or 2 if nobody could answer "no difference".
    """
    clicks = [sum(answer.preferred == side for answer in answers) for side in (1, 0, 0.5)][:ways]
    return float(np.logaddexp(_shares_evidence(clicks, _EVEN), _shares_evidence(clicks, 1.0)) - math.log(2))


def _shares_evidence(clicks: Sequence[int], alike: float) -> float:
    """Return the log evidence of counts whose shares have a symmetric Dirichlet prior."""
    prior = math.lgamma(len(clicks) * alike) - len(clicks) * math.lgamma(alike)
    return prior + sum(math.lgamma(count + alike) for count in clicks) - math.lgamma(sum(clicks) + len(clicks) * alike)


def _same(first: Answer, again: Answer) -> bool:
    return first.chosen == again.chosen


def _steady_evidence(same: Sequence[bool], ways: int) -> float:
    """Return the log evidence of repeats for an attentive observer. A changed answer is any other one."""
    alike, apart = sum(same), len(same) - sum(same)
    beta = [
        math.lgamma(x) + math.lgamma(y) - math.lgamma(x + y)
        for x, y in (_STEADY, (_STEADY[0] + alike, _STEADY[1] + apart))
    ]
    return beta[1] - beta[0] - apart * math.log(ways - 1)


def _caught(answer: Answer) -> int:
    """Return 0 if the painted result was chosen, 1 for the photo, 2 for neither."""
    return 2 if answer.chosen is None else int(answer.chosen == UNPAINTED)


def _observer(
    name: str, sorted_answers: Mapping[str, Mapping[str, Sorted]], caught_by: Sequence[str], evidence: float
) -> Observer:
    parts = {question: of[name] for question, of in sorted_answers.items() if name in of}
    every = [answer for part in parts.values() for answer in part.every]
    again = [pair for part in parts.values() for pair in part.again]
    tested = [answer for question, part in parts.items() if question in caught_by for answer in part.catches]
    seconds = [answer.seconds for answer in every if answer.seconds is not None]
    return Observer(
        name=name,
        answers=len(every),
        caught=sum(_caught(answer) != 0 for answer in tested),
        catches=len(tested),
        same=sum(_same(*pair) for pair in again),
        repeats=len(again),
        left=sum(answer.preferred == 1 for answer in every) / len(every),
        tied=sum(answer.preferred == 0.5 for answer in every) / len(every),
        seconds=median(seconds) if seconds else None,
        evidence=evidence,
    )

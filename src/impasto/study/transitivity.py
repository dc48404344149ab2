"""Find circles: A above B, B above C, and C above A. A scale of scores cannot show them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from impasto.study.answers import Answer
from impasto.study.davidson import Array, fit, pairs_of, probabilities
from impasto.study.ranking import Ranking

_DRAWS = 400


@dataclass(frozen=True)
class Circles:
    """How transitive the answers to one question are (Kendall & Babington Smith 1940).

    Attributes:
        triples: triples of conditions in which each two were compared.
        circular: triples whose majorities form a circle, as names.
        expected: expected number of circles if the scores are true.
        chance: probability of at least as many circles if the scores are true.
        own, own_circular: triples that one observer has answered completely in one scene, and circles among them.
    """

    triples: int
    circular: list[tuple[str, str, str]]
    expected: float
    chance: float
    own: int
    own_circular: int


def circles(ranking: Ranking, answers: Sequence[Answer], *, seed: int = 0) -> Circles:
    """Find the circles of the majorities, and those of single observers.

    Chance is simulated: answers are drawn from the fitted scores, as many for each pair as there are.
    """
    count = len(ranking.conditions)
    lead = _leads(ranking.counts[None], count)[0]
    asked = np.zeros((count, count), bool)
    for (i, j), number in zip(pairs_of(count), ranking.counts.sum(-1), strict=True):
        asked[i, j] = asked[j, i] = number > 0
    threes = [
        t for t in itertools.combinations(range(count), 3) if all(asked[i, j] for i, j in itertools.combinations(t, 2))
    ]
    places = np.array(threes, np.intp).reshape(-1, 3).T
    found = [_way(lead, threes[place]) for place in np.flatnonzero(_circular(lead, places))]
    expected, chance = 0.0, 1.0
    if threes:
        best = fit(ranking.counts[None], count)
        pairs = np.array(pairs_of(count))
        chances = probabilities(best.scores[0][pairs[:, 0]] - best.scores[0][pairs[:, 1]], best.ties[0])
        random = np.random.default_rng(seed)
        totals = ranking.counts.sum(-1).astype(int)
        drawn = random.multinomial(totals, chances, (_DRAWS, len(totals))).astype(np.float64)
        numbers = np.array([_circular(one, places).sum() for one in _leads(drawn, count)])
        expected, chance = float(numbers.mean()), float((numbers >= len(found)).mean())
    names = [tuple(ranking.conditions[place] for place in way) for way in found]
    own = _own(answers)
    return Circles(len(threes), names, expected, chance, len(own), sum(own))  # type: ignore[arg-type]


def _leads(counts: Array, conditions: int) -> Array:
    """Return each row condition's lead in votes over the column condition, R x K x K."""
    found = np.zeros((len(counts), conditions, conditions))
    for (i, j), of in zip(pairs_of(conditions), counts.swapaxes(0, 1), strict=True):
        found[:, i, j] = of[:, 0] - of[:, 1]
        found[:, j, i] = -found[:, i, j]
    return found


def _circular(lead: Array, places: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return True for each triple of conditions, 3 x N, that is a circle in either direction."""
    i, j, k = places
    around = np.stack([lead[i, j], lead[j, k], lead[k, i]])
    return np.asarray((around > 0).all(0) | (around < 0).all(0))


def _way(lead: Array, circle: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return a circle's conditions, each above the next and the last above the first."""
    i, j, k = circle
    return circle if lead[i, j] > 0 else (i, k, j)


def _own(answers: Sequence[Answer]) -> list[bool]:
    """Return, for each triple that one observer has answered completely in one scene, whether it is a circle."""
    by_sitting: dict[tuple[str, str], dict[tuple[str, str], float]] = {}
    for answer in answers:
        sitting = by_sitting.setdefault((answer.observer, answer.trial.scene), {})
        sitting[answer.trial.a, answer.trial.b] = answer.preferred - 0.5
        sitting[answer.trial.b, answer.trial.a] = 0.5 - answer.preferred
    return [circle for lead in by_sitting.values() for circle in _threes(lead)]


def _threes(lead: Mapping[tuple[str, str], float]) -> list[bool]:
    names = sorted({name for pair in lead for name in pair})
    found = []
    for a, b, c in itertools.combinations(names, 3):
        if {(a, b), (b, c), (c, a)} <= lead.keys():
            around = lead[a, b], lead[b, c], lead[c, a]
            if 0 in around:  # neither a circle nor an order
                continue
            found.append(min(around) > 0 or max(around) < 0)
    return found

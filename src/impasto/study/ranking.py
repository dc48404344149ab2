"""Rank conditions by the answers to one question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from impasto.study.answers import Answer
from impasto.study.davidson import TIED, Array, fit, pair_places, pairs_of
from impasto.study.resampling import ROUNDS, Groups, half_widths


@dataclass(frozen=True)
class Table:
    """Answers to one question as arrays, with one entry for each answer.

    Attributes:
        conditions: the K names to which `pair` refers.
        person, photo: numbers of the observer and of the photo, from 0.
        pair: index of the pair in `pairs_of(K)`.
        outcome: WON, LOST or TIED, for the pair's first condition.
    """

    conditions: tuple[str, ...]
    person: Groups
    photo: Groups
    pair: NDArray[np.intp]
    outcome: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.pair)

    def counts(self, groups: Groups | None = None) -> Array:
        """Count how often a pair's first condition WON, LOST, TIED: groups x pairs x 3. None puts all in one group."""
        of = np.zeros(len(self), np.intp) if groups is None else groups
        found = np.zeros((int(of.max(initial=0)) + 1, len(pairs_of(len(self.conditions))), 3))
        np.add.at(found, (of, self.pair, self.outcome), 1)
        return found


def as_table(answers: Sequence[Answer], conditions: Sequence[str]) -> Table:
    """Convert answers to arrays. Conditions without answers are left out."""
    used = {name for answer in answers for name in answer.trial.pair}
    names = tuple(name for name in conditions if name in used)
    places = pair_places(names)
    rows = []
    for answer in answers:
        place, first = places[answer.trial.pair]
        rows.append((place, answer.outcome(first)))
    pair, result = np.array(rows, np.intp).reshape(-1, 2).T
    person, photo = groups_of(answers)
    return Table(names, person, photo, pair, result)


def groups_of(answers: Sequence[Answer]) -> tuple[Groups, Groups]:
    """Return for each answer the numbers of its observer and of its photo."""
    found = []
    for names in ([answer.observer for answer in answers], [answer.photo for answer in answers]):
        numbers = {name: index for index, name in enumerate(dict.fromkeys(names))}
        found.append(np.array([numbers[name] for name in names], np.intp))
    return found[0], found[1]


@dataclass(frozen=True)
class Ranking:
    """The ranking of K conditions by the answers to one question.

    Attributes:
        conditions: their names.
        answers: number of answers.
        scores: K scores with mean 0. With a lead of 1, a condition is chosen e times as often as the other.
        low, high: K ends of the scores' 95 % intervals.
        margin: K x K, half the width of the 95 % interval of each difference of two scores.
        ties: t of Davidson's model.
        counts: pairs x 3.
    """

    conditions: tuple[str, ...]
    answers: int
    scores: Array
    low: Array
    high: Array
    margin: Array
    ties: float
    counts: Array

    def order(self) -> list[int]:
        """Return the indices of the conditions, the best first."""
        return [int(place) for place in np.argsort(-self.scores, kind="stable")]

    def better_than(self, place: int) -> list[str]:
        """Return the conditions that are significantly worse, the best first: the difference's interval is above 0."""
        lead = self.scores[place] - self.scores - self.margin[place]
        return [self.conditions[other] for other in self.order() if lead[other] > 0]

    def wins(self) -> Array:
        """Return how often the row's condition was chosen over the column's, K x K. A tie is half a choice for each."""
        count = len(self.conditions)
        found = np.zeros((count, count))
        for (i, j), (won, lost, tied) in zip(pairs_of(count), self.counts, strict=True):
            found[i, j], found[j, i] = won + tied / 2, lost + tied / 2
        return found

    def halved(self) -> Array:
        """Return K plain Bradley-Terry scores, computed by choix. No difference is half a win for each."""
        import choix

        scores: Array = choix.ilsr_pairwise_dense(self.wins(), alpha=0.01, max_iter=10_000)  # alpha keeps scores finite
        return scores - scores.mean()


def rank(answers: Sequence[Answer], conditions: Sequence[str], *, rounds: int = ROUNDS, seed: int = 0) -> Ranking:
    """Score the conditions by the answers to one question; see `rank_table`."""
    return rank_table(as_table(answers, conditions), rounds=rounds, seed=seed)


def rank_table(table: Table, *, rounds: int = ROUNDS, seed: int = 0) -> Ranking:
    """Score the conditions, with `half_widths` as intervals.

    Args:
        rounds: number of resamplings of people and photos.
    """
    count = len(table.conditions)
    unit = np.eye(count)
    contrasts = np.array([*(unit - 1 / count), *(unit[i] - unit[j] for i, j in pairs_of(count))]).reshape(-1, count)
    counts = table.counts()[0]
    found = fit(counts[None], count)
    covariance = np.linalg.inv(found.precision[0])[:-1, :-1]
    errors = half_widths(
        table.person,
        table.photo,
        table.counts,
        lambda counts: fit(counts, count).scores @ contrasts.T,
        least=np.einsum("ck,kl,cl->c", contrasts, covariance, contrasts) / 2,
        rounds=rounds,
        seed=seed,
    )
    margin = np.zeros((count, count))
    for (i, j), error in zip(pairs_of(count), errors[count:], strict=True):
        margin[i, j] = margin[j, i] = error
    scores = found.scores[0]
    return Ranking(
        table.conditions,
        len(table),
        scores,
        scores - errors[:count],
        scores + errors[:count],
        margin,
        float(found.ties[0]),
        counts,
    )


def islands(ranking: Ranking) -> list[list[str]]:
    """Return the groups of conditions that were compared with each other, directly or through others; best first."""
    compared = ranking.counts.sum(-1) > 0
    links = [pair for pair, some in zip(pairs_of(len(ranking.conditions)), compared, strict=True) if some]
    found: list[list[str]] = []
    left = ranking.order()
    while left:
        reached = {left[0]}
        while more := {place for pair in links if reached & set(pair) for place in pair} - reached:
            reached |= more
        found.append([ranking.conditions[place] for place in left if place in reached])
        left = [place for place in left if place not in reached]
    return found


def ties_share(ranking: Ranking) -> float:
    """Return the share of answers "no difference"."""
    return float(ranking.counts[:, TIED].sum() / max(1, ranking.counts.sum()))

"""Choose the most informative pair: the expected information gain (Mikhailiuk et al. 2021; Lindley 1956)."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterable

import numpy as np

from impasto.study.answers import Answer
from impasto.study.davidson import Array, differences, fit, pair_places, probabilities
from impasto.study.plan import UNPAINTED, Plan
from impasto.study.trials import Chosen, pairs

_WAITING = 16  # chosen pairs that wait for an answer; older ones are given up
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def information(counts: Array, conditions: int) -> Array:
    """Return the expected information about the scores of one more answer to each pair, in nats.

    It is the mutual information of answer and scores: the entropy of the expected answer, minus the mean entropy of the
    answer for known scores. The scores are approximated by a Gaussian around the fit.

    Args:
        counts: questions x pairs x 3.
    Returns:
        A value for each pair, summed over the questions.
    """
    found = fit(counts, conditions)
    matrix = differences(conditions)
    covariance = np.linalg.inv(found.precision)[:, :-1, :-1]
    mean = found.scores @ matrix.T
    spread = np.sqrt(np.einsum("pk,qkl,pl->qp", matrix, covariance, matrix, optimize=True).clip(0))
    chances = probabilities(mean[..., None] + spread[..., None] * _NODES, found.ties[:, None, None])
    expected = np.einsum("qpnc,n->qpc", chances, _WEIGHTS)
    return (_entropy(expected) - _entropy(chances) @ _WEIGHTS).clip(0).sum(0)


def _entropy(chances: Array) -> Array:
    return -(chances * np.log(np.maximum(chances, 1e-300))).sum(-1)


class Chooser:
    """Chooses pairs, given the answers of all observers.

    Args:
        answers: the answers so far. Later ones are passed to `add`.
    """

    def __init__(self, plan: Plan, answers: Iterable[Answer] = ()) -> None:
        self.plan = plan
        self._places = pair_places(plan.conditions)
        self._question = {question.name: index for index, question in enumerate(plan.questions)}
        self._counts = np.zeros((len(plan.questions), len(self._places), 3))
        self._every = pairs(plan)
        self._asked = Counter[Chosen]()
        self._seen: set[tuple[str, str, Chosen]] = set()
        self._waiting: deque[frozenset[str]] = deque(maxlen=_WAITING)
        for answer in answers:
            self.add(answer)

    def add(self, answer: Answer) -> None:
        """Add an answer. Catch trials and repeats do not count, because they say nothing new about the scores."""
        trial = answer.trial
        known = answer.question, answer.observer, (trial.scene, trial.pair)
        if UNPAINTED in trial.pair or known in self._seen:
            return
        self._seen.add(known)
        place, first = self._places[trial.pair]
        self._counts[self._question[answer.question], place, answer.outcome(first)] += 1
        if answer.question == self.plan.questions[0].name:
            self._asked[trial.scene, trial.pair] += 1
            if trial.pair in self._waiting:
                self._waiting.remove(trial.pair)

    def __call__(self, seen: set[Chosen], chance: random.Random) -> Chosen:
        """Choose the most informative pair, in the scene in which it was asked least often.

        Observers who come at the same time get different pairs, because a chosen pair without an answer counts less.
        """
        gains = information(self._counts, len(self.plan.conditions))
        free = [pair for pair in self._every if pair not in seen] or self._every

        def worth(pair: frozenset[str]) -> float:
            return float(gains[self._places[pair][0]]) / (1 + self._waiting.count(pair))

        best = max({pair for _, pair in free}, key=lambda pair: (worth(pair), sorted(pair)))
        scenes = [one for one in free if one[1] == best]
        least = min(self._asked[one] for one in scenes)
        chosen = chance.choice([one for one in scenes if self._asked[one] == least])
        self._waiting.append(best)
        return chosen

"""Fit Bradley-Terry scores to answers that include "no difference" (Davidson 1970).

P(i over j) : P(j over i) : P(no difference) = exp(s_i) : exp(s_j) : exp(t + (s_i + s_j) / 2)

s are the scores. t describes how often observers see no difference. Without such answers, it is the model of Bradley &
Terry (1952). Weak Gaussian priors keep the score of a condition finite that has always won.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WON, LOST, TIED = 0, 1, 2
SPREAD = 3.0  # the prior's standard deviation of a score
TIES, TIES_SPREAD = -1.0, 2.0  # the prior's mean and standard deviation of t
_STEPS = 60
_ENOUGH = 1e-7


@dataclass(frozen=True)
class Fit:
    """The most probable scores of R sets of answers.

    Attributes:
        scores: R x K, with mean 0.
        ties: R values of t, the tendency to answer "no difference".
        precision: R x (K + 1) x (K + 1), the negative Hessian for the scores and t at the fit, including the priors.
        log_likelihood: R values, of the answers alone.
    """

    scores: Array
    ties: Array
    precision: Array
    log_likelihood: Array


def pairs_of(conditions: int) -> list[tuple[int, int]]:
    """Return all pairs i < j of a number of conditions, in the order of the counts.

    >>> from impasto.study.davidson import pairs_of
    >>> pairs_of(3)
    [(0, 1), (0, 2), (1, 2)]
    """
    return list(itertools.combinations(range(conditions), 2))


def pair_places(conditions: Sequence[str]) -> dict[frozenset[str], tuple[int, str]]:
    """Return for each pair of names its index in `pairs_of`, and its first condition."""
    return {frozenset(pair): (place, pair[0]) for place, pair in enumerate(itertools.combinations(conditions, 2))}


@functools.lru_cache
def differences(conditions: int) -> Array:
    """Return a matrix, pairs x conditions: 1 for a pair's first condition, -1 for its second."""
    found = np.zeros((conditions * (conditions - 1) // 2, conditions))
    for row, (i, j) in enumerate(pairs_of(conditions)):
        found[row, i], found[row, j] = 1, -1
    return found


def probabilities(difference: Array, ties: Array | float) -> Array:
    """Return the probabilities of WON, LOST and TIED, ... x 3, for a difference of scores."""
    logits = np.stack(np.broadcast_arrays(difference / 2, -difference / 2, np.asarray(ties)), axis=-1)
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def curvature(chances: Array) -> Array:
    """Return Fisher's information of one answer about the difference of two scores, given `probabilities`."""
    half_lead = (chances[..., WON] - chances[..., LOST]) / 2
    found: Array = (1 - chances[..., TIED]) / 4 - half_lead**2
    return found


def laplacian(weights: Array, conditions: int) -> Array:
    """Return the weighted Laplacian, R x K x K: the sum over pairs of weight times squared difference of scores."""
    first, second = np.triu_indices(conditions, 1)  # the order of `pairs_of`
    links = np.zeros((len(weights), conditions, conditions))
    links[:, first, second] = weights
    links += links.swapaxes(1, 2)
    found: Array = links.sum(-1)[..., None] * np.eye(conditions) - links
    return found


def fit(
    counts: Array, conditions: int, *, center: Array | None = None, spread: float = SPREAD, ties: Array | float = TIES
) -> Fit:
    """Find the most probable scores by Newton's method, for several sets of answers at once.

    Args:
        counts: R x pairs x 3, how often a pair's first condition WON, LOST or TIED. Weights may be fractions.
        conditions: number of conditions.
        center: R x K, the prior's mean scores; None for 0.
        spread: the prior's standard deviation of a score.
        ties: the prior's mean of t, one value or R.
    """
    rows, matrix = len(counts), differences(conditions)
    start = np.zeros((rows, conditions)) if center is None else np.asarray(center, np.float64)
    expected = np.broadcast_to(np.asarray(ties, np.float64), rows)
    center = np.concatenate([start, expected[:, None]], axis=1)
    weight = np.array([spread**-2] * conditions + [TIES_SPREAD**-2])
    parameters = center.copy()
    total = counts.sum(-1)
    value = _objective(parameters, counts, matrix, center, weight)
    for _ in range(_STEPS):
        gradient, precision = _slopes(parameters, counts, total, matrix, center, weight)
        step = np.linalg.solve(precision, gradient[..., None])[..., 0]
        if np.abs(step).max(initial=0) < _ENOUGH:
            break
        length = np.ones(rows)
        for _halving in range(20):  # Newton's step may be too large where the curvature is small
            after = parameters + length[:, None] * step
            found = _objective(after, counts, matrix, center, weight)
            worse = found < value - 1e-9 * np.abs(value)
            if not worse.any():
                break
            length[worse] /= 2
        parameters, value = after, found
    _, precision = _slopes(parameters, counts, total, matrix, center, weight)
    scores = parameters[:, :-1] - parameters[:, :-1].mean(1, keepdims=True)
    return Fit(scores, parameters[:, -1], precision, _log_likelihood(parameters, counts, matrix))


def _log_likelihood(parameters: Array, counts: Array, matrix: Array) -> Array:
    chances = probabilities(parameters[:, :-1] @ matrix.T, parameters[:, -1:])
    return (counts * np.log(np.maximum(chances, 1e-300))).sum((1, 2))


def _objective(parameters: Array, counts: Array, matrix: Array, center: Array, weight: Array) -> Array:
    return _log_likelihood(parameters, counts, matrix) - ((parameters - center) ** 2 * weight).sum(1) / 2


def _slopes(
    parameters: Array, counts: Array, total: Array, matrix: Array, center: Array, weight: Array
) -> tuple[Array, Array]:
    """Return the objective's gradient and its negative Hessian."""
    chances = probabilities(parameters[:, :-1] @ matrix.T, parameters[:, -1:])
    lead = (chances[..., WON] - chances[..., LOST]) / 2
    tied = chances[..., TIED]
    by_difference = (counts[..., WON] - counts[..., LOST]) / 2 - total * lead
    by_ties = (counts[..., TIED] - total * tied).sum(1, keepdims=True)
    gradient = np.concatenate([by_difference @ matrix, by_ties], axis=1) - (parameters - center) * weight
    scores = laplacian(total * curvature(chances), matrix.shape[1])
    mixed = -(total * lead * tied) @ matrix
    both = (total * tied * (1 - tied)).sum(1)[:, None, None]
    hessian = np.block([[scores, mixed[..., None]], [mixed[:, None], both]])
    return gradient, hessian + np.diag(weight)

"""Compute intervals that treat people and photos as samples of all people and all photos."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from impasto.study.davidson import Array

ROUNDS = 300
"""Number of resamplings of people, of photos, and of both together."""

Groups = NDArray[np.intp]
"""For each answer the number of its group, from 0."""


def half_widths(
    person: Groups,
    photo: Groups,
    sums: Callable[[Groups], Array],
    statistic: Callable[[Array], Array],
    *,
    least: Array | float = 0.0,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Array:
    """Return half the width of the 95 % interval of each value of a statistic.

    Three groupings are resampled with replacement (Efron 1979): people, photos, and one person's answers on one photo.
    The first two variances each contain the third, so the interval uses their sum minus the third (Cameron, Gelbach &
    Miller 2011). The interval is Student's, with Satterthwaite's degrees of freedom.

    Args:
        sums: returns the statistic's inputs, summed over each group of answers: groups x ...
        statistic: maps the sums of several sets of answers to values: rounds x ... to rounds x values.
        least: lower bound of the variance of single answers, which is 0 if all answers agree.
    """
    from scipy.special import stdtrit

    random = np.random.default_rng(seed)

    def variance(groups: Groups) -> tuple[Array, int]:
        parts = sums(groups)
        size = len(parts)
        drawn = random.multinomial(size, np.full(size, 1 / size), rounds).astype(np.float64)
        values = statistic((drawn @ parts.reshape(size, -1)).reshape(rounds, *parts.shape[1:]))
        return values.var(0) * size / max(size - 1, 1), max(size - 1, 1)

    cell = _numbered(person * (int(photo.max(initial=0)) + 1) + photo)
    if not cell.any():  # every answer is its own group: one person's answers on one photo
        cell = np.arange(len(cell))
    alone, freedom = variance(cell)
    alone = np.maximum(alone, least)
    total, spread = alone, alone**2 / freedom
    for groups in (_numbered(person), _numbered(photo)):
        together, freedom = variance(groups)  # a single group gives 0, because it says nothing
        more = np.maximum(together - alone, 0)
        total, spread = total + more, spread + more * together / freedom
    freedoms = np.maximum(total**2 / np.maximum(spread, 1e-300), 1)
    found: Array = stdtrit(freedoms, 0.975) * np.sqrt(total)
    return found


def _numbered(groups: Groups) -> Groups:
    return np.unique(groups, return_inverse=True)[1].ravel()

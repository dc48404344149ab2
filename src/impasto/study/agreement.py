"""Measure how well metrics rank results as people do, with Kendall's tau over the pairs that people compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from impasto.study.answers import Answer
from impasto.study.davidson import Array
from impasto.study.ranking import Ranking, groups_of
from impasto.study.resampling import Groups, half_widths
from impasto.study.scores import Scores

BETTER = {
    "style": -1,
    "moments": -1,
    "color": -1,
    "content": -1,
    "lpips": -1,
    "ssim": 1,
    "ms_ssim": 1,
    "variation": -1,
}
"""{metric: 1 if more is better, -1 if less is better}"""
OTHERS = "other observers"
"""The name of the row that compares people with other people. A metric can hardly agree better."""


@dataclass(frozen=True)
class Agreement:
    """The agreement of one metric with the answers to one question.

    Attributes:
        metric: its name, or OTHERS.
        better: 1 if more is better, -1 if less is better.
        answers: number of answers to pairs for which the metric is known.
        tau, low, high: Kendall's tau-b and its 95 % interval: 1 agrees with all answers, 0 is chance, -1 contradicts
            all.
        right: share of decided answers that the metric predicts.
        order: tau between the order of the conditions by the metric's mean and by people's scores; None for two
            conditions.
    """

    metric: str
    better: int
    answers: int
    tau: float
    low: float
    high: float
    right: float
    order: float | None


def agreements(answers: Sequence[Answer], ranking: Ranking, scores: Scores, *, seed: int = 0) -> list[Agreement]:
    """Compare every metric with the answers to one question, best agreement first. Other observers come before them.

    Tau is computed over answers, each of which ranks two results. A metric ranks them by its values (Kendall 1945,
    tau-b).
    """
    found = []
    for name, better in BETTER.items():
        known = {key: values[name] * better for key, values in scores.items() if np.isfinite(values.get(name, np.nan))}
        there = [one for one in answers if all((one.trial.scene, side) in known for side in one.trial.pair)]
        if there:
            sides = [(known[one.trial.scene, one.trial.a], known[one.trial.scene, one.trial.b]) for one in there]
            lead = np.subtract(*np.array(sides).T)
            order = _order(ranking, known)
            found.append(_agreement(name, better, there, np.sign(lead), order, seed))
    found.sort(key=lambda one: -one.tau)
    votes = _votes(answers)
    there = [one for one, lead in zip(answers, votes, strict=True) if lead is not None]
    if there:
        lead = np.array([vote for vote in votes if vote is not None])
        found.insert(0, _agreement(OTHERS, 1, there, np.sign(lead), None, seed))
    return found


def _agreement(
    name: str, better: int, answers: Sequence[Answer], lead: Array, order: float | None, seed: int
) -> Agreement:
    chosen = np.array([np.sign(answer.preferred - 0.5) for answer in answers])
    products = np.stack([lead * chosen, lead**2, chosen**2], axis=1)

    def sums(groups: Groups) -> Array:
        found = np.zeros((int(groups.max(initial=0)) + 1, 3))
        np.add.at(found, groups, products)
        return found

    def tau(sums: Array) -> Array:
        return sums[:, :1] / np.sqrt(np.maximum(sums[:, 1:2] * sums[:, 2:], 1e-300))

    value = float(tau(products.sum(0)[None])[0, 0])
    count = len(answers)
    careful = value * count / (count + 4)  # as if two more answers had agreed and two had not
    least = (1 - careful**2) / count / 2
    error = float(half_widths(*groups_of(answers), sums, tau, least=least, seed=seed)[0])
    decided = (lead != 0) & (chosen != 0)
    right = float((lead == chosen)[decided].mean()) if decided.any() else 0.5
    return Agreement(name, better, len(answers), value, max(-1.0, value - error), min(1.0, value + error), right, order)


def _order(ranking: Ranking, known: dict[tuple[str, str], float]) -> float | None:
    from scipy.stats import kendalltau

    means = []
    scenes = [scene for scene, _ in known]
    whole = {scene for scene in scenes if all((scene, name) in known for name in ranking.conditions)}
    for name in ranking.conditions:
        values = [value for (scene, condition), value in known.items() if condition == name and scene in whole]
        means.append(float(np.mean(values)) if values else np.nan)
    if len(means) < 3 or not np.isfinite(means).all():
        return None
    tau = float(kendalltau(means, ranking.scores).statistic)
    return tau if np.isfinite(tau) else None


def _votes(answers: Sequence[Answer]) -> list[float | None]:
    """Return for each answer the other observers' votes on its pair, positive for `a`; None if nobody else answered."""
    total: dict[tuple[str, frozenset[str]], dict[str, list[float]]] = {}
    for answer in answers:
        first = min(answer.trial.pair)
        vote = (answer.preferred - 0.5) * (1 if answer.trial.a == first else -1)
        total.setdefault((answer.trial.scene, answer.trial.pair), {}).setdefault(answer.observer, []).append(vote)
    found: list[float | None] = []
    for answer in answers:
        votes = total[answer.trial.scene, answer.trial.pair]
        others = [vote for observer, theirs in votes.items() if observer != answer.observer for vote in theirs]
        side = 1 if answer.trial.a == min(answer.trial.pair) else -1
        found.append(side * sum(others) if others else None)
    return found

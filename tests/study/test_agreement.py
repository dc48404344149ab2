"""How well numbers rank results as people do."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import kendalltau

from impasto.study.agreement import OTHERS, agreements
from impasto.study.answers import Answer
from impasto.study.plan import Trial
from impasto.study.ranking import rank
from impasto.study.scores import Scores

CONDITIONS = ["a", "b", "c", "d"]
SCENES = [f"{n}__y" for n in range(6)]
TASTE = dict(zip(CONDITIONS, (4, 3, 2, 1), strict=True))


def asked(people: int = 5) -> list[Answer]:
    """All pairs of all scenes; everybody goes by TASTE, but for every seventh answer."""
    ways = list(itertools.product(range(people), SCENES, itertools.combinations(CONDITIONS, 2)))
    return [
        Answer(f"p{who}", 1, Trial(scene, a, b), float((TASTE[a] > TASTE[b]) != (n % 7 == 0)), "better", n + 1)
        for n, (who, scene, (a, b)) in enumerate(ways)
    ]


def table(**metrics: dict[str, float]) -> Scores:
    return {(s, c): {name: values[c] for name, values in metrics.items()} for s in SCENES for c in CONDITIONS}


def test_who_agrees_stands_above_who_does_not() -> None:
    answers = asked()
    scores = table(
        ssim={"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6},  # more is better
        style={"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4},  # less is
        content={"a": 4, "b": 3, "c": 2, "d": 1},  # the wrong way round
        color=dict.fromkeys(CONDITIONS, 1.0),  # no order at all
    )
    found = agreements(answers, rank(answers, CONDITIONS), scores)
    by_name = {one.metric: one for one in found}
    assert found[0].metric == OTHERS
    assert [one.metric for one in found[1:]] == ["style", "ssim", "color", "content"]
    assert by_name["ssim"].tau == pytest.approx(by_name["style"].tau) == pytest.approx(1 - 2 / 7, abs=0.02)
    assert by_name["content"].tau == pytest.approx(-by_name["ssim"].tau)
    assert by_name["ssim"].low > 0 > by_name["content"].high
    assert (by_name["color"].tau, by_name["color"].right) == (0, 0.5)
    assert (by_name["ssim"].order, by_name["content"].order) == (1, -1)
    assert by_name["ssim"].right == pytest.approx(6 / 7, abs=0.02)


def test_it_is_kendalls_tau() -> None:
    """One person who ranks one scene by distinct ranks: each pair of results is one answer."""
    ranks, values = [3, 1, 4, 2, 5], [0.2, 0.1, 0.9, 0.4, 0.3]
    names = list("vwxyz")
    answers = [
        Answer("p", 1, Trial("s__t", a, b), float(ranks[names.index(a)] > ranks[names.index(b)]), "better", 1)
        for a, b in itertools.combinations(names, 2)
    ]
    scores = {("s__t", name): {"ssim": value} for name, value in zip(names, values, strict=True)}
    (found,) = agreements(answers, rank(answers, names), scores)
    assert found.tau == pytest.approx(kendalltau(ranks, values).statistic)
    assert found.low <= found.tau <= found.high


def test_an_interval_is_wider_with_fewer_people() -> None:
    scores = table(ssim={"a": 0.9, "b": 0.6, "c": 0.8, "d": 0.7})
    widths = []
    for people in (3, 30):
        answers = asked(people)
        one = next(one for one in agreements(answers, rank(answers, CONDITIONS), scores) if one.metric == "ssim")
        widths.append(one.high - one.low)
    assert widths[0] > widths[1]


def test_a_number_that_is_missing_is_left_out() -> None:
    answers = asked(1)
    scores = table(lpips={"a": np.nan, "b": 1, "c": 2, "d": 3})
    (found,) = agreements(answers, rank(answers, CONDITIONS), scores)
    assert (found.metric, found.answers) == ("lpips", 18)

"""Rankings: intervals hold the truth as often as they say, and count people and photos."""

from __future__ import annotations

import numpy as np
import pytest

from impasto.study.answers import Answer
from impasto.study.davidson import pairs_of, probabilities
from impasto.study.plan import Trial
from impasto.study.ranking import Table, as_table, islands, rank, rank_table


def asked(random: np.random.Generator, scores: np.ndarray, people: int, photos: int, each: int, own: float) -> Table:
    """People who each answer so many pairs by chance; tastes of people and photos deviate by `own`."""
    count = len(scores)
    person = np.repeat(np.arange(people), each)
    photo = np.concatenate([random.permutation(np.arange(each) % photos) for _ in range(people)])
    pair = random.integers(0, count * (count - 1) // 2, len(person))
    tastes = scores + random.normal(0, own, (people, count))[person] + random.normal(0, own, (photos, count))[photo]
    i, j = np.array(pairs_of(count)).T
    number = np.arange(len(pair))
    chances = probabilities(tastes[number, i[pair]] - tastes[number, j[pair]], -1.0)
    outcome = (random.random((len(pair), 1)) > chances.cumsum(-1)).sum(-1).clip(0, 2)
    return Table(tuple("abcdefgh"[:count]), person, photo, pair, outcome)


@pytest.mark.parametrize("own", [0.0, 0.3])
def test_intervals_hold_the_truth_in_19_of_20_studies(own: float) -> None:
    scores = np.array([0.8, 0.1, -0.9])
    inside = []
    for seed in range(400):
        found = rank_table(asked(np.random.default_rng(seed), scores, 18, 8, 24, own), rounds=100, seed=seed)
        inside.append((found.low <= scores) & (scores <= found.high))
    assert 0.92 <= np.mean(inside) <= 0.98


def test_tastes_that_differ_widen_the_interval() -> None:
    scores = np.array([0.5, -0.5])
    alike, apart = (rank_table(asked(np.random.default_rng(3), scores, 20, 8, 40, own)) for own in (0.0, 1.0))
    assert (apart.high - apart.low)[0] > 1.5 * (alike.high - alike.low)[0]


def answer(a: str, b: str, preferred: float, observer: str = "p", scene: str = "x__y") -> Answer:
    return Answer(observer, 1, Trial(scene, a, b), preferred, "better")


def test_sides_do_not_matter() -> None:
    one = [answer("m", "n", 1)] * 3 + [answer("n", "m", 0)] * 2 + [answer("n", "m", 0.5)]
    table = as_table(one, ["m", "n", "unused"])
    assert table.conditions == ("m", "n")
    assert table.counts()[0].tolist() == [[5, 0, 1]]


def test_what_is_clear_and_what_is_not() -> None:
    ways = [(n, who, f"p{who}", f"{n % 5}__y") for n in range(10) for who in range(12)]
    clear = [answer("m", "n", float((n + who) % 10 != 0), name, scene) for n, who, name, scene in ways]
    even = [answer("n", "o", float((n // 5 + who) % 2), name, scene) for n, who, name, scene in ways]
    found = rank(clear + even, ["m", "n", "o"])
    assert found.order()[0] == 0
    assert set(found.better_than(0)) == {"n", "o"}
    assert found.better_than(1) == []
    assert found.wins()[0, 1] == 108
    assert found.wins()[1, 0] == 12


def test_one_person_and_one_photo_have_an_interval_too() -> None:
    found = rank([answer("m", "n", float(n % 3 > 0)) for n in range(30)], ["m", "n"])
    assert found.low[0] < found.scores[0] < found.high[0]
    assert found.high[0] - found.low[0] > 0.3


def test_all_ties_are_equal_with_certainty() -> None:
    people = [f"p{n}" for n in range(10)]
    found = rank([answer("m", "n", 0.5, who, f"{n}__y") for n in range(10) for who in people], ["m", "n"])
    assert found.scores == pytest.approx([0, 0], abs=1e-6)
    assert found.ties > 1


def test_islands_of_conditions_are_seen() -> None:
    apart = [answer("m", "n", 1), answer("p", "o", 1), answer("p", "o", 1)]
    assert islands(rank(apart, ["m", "n", "o", "p"], rounds=5)) == [["p", "o"], ["m", "n"]]
    (together,) = islands(rank([*apart, answer("n", "o", 0)], ["m", "n", "o", "p"], rounds=5))
    assert set(together) == {"m", "n", "o", "p"}


def test_halved_ties_by_choix() -> None:
    found = rank([answer("m", "n", 1)] * 60 + [answer("m", "n", 0)] * 20 + [answer("m", "n", 0.5)] * 40, ["m", "n"])
    assert found.halved() == pytest.approx(np.array([1, -1]) * np.log(80 / 40) / 2, abs=0.01)
    assert found.scores[0] > found.halved()[0]


@pytest.mark.parametrize("number", [1, 24])
def test_answers_that_all_agree_have_an_interval(number: int) -> None:
    found = rank([answer("m", "n", 1, f"p{n}", f"{n}__y") for n in range(number)], ["m", "n"])
    assert found.high[0] - found.low[0] > 0.5
    assert bool(found.better_than(0)) == (number > 1)

"""Circles of majorities and of single observers."""

from __future__ import annotations

import itertools

from impasto.study.answers import Answer
from impasto.study.plan import Trial
from impasto.study.ranking import rank
from impasto.study.transitivity import Circles, circles

CONDITIONS = ["rock", "paper", "scissors"]


def of(ways: list[tuple[str, str]], people: int = 10) -> Circles:
    answers = [
        Answer(f"p{n}", 1, Trial("x__y", winner, loser), 1.0, "better", k + 1)
        for n in range(people)
        for k, (winner, loser) in enumerate(ways)
    ]
    return circles(rank(answers, CONDITIONS, rounds=5), answers)


def test_a_circle_is_found_and_is_no_chance() -> None:
    found = of([("paper", "rock"), ("scissors", "paper"), ("rock", "scissors")])
    (way,) = found.circular
    assert set(way) == set(CONDITIONS)
    order = {"paper": "rock", "scissors": "paper", "rock": "scissors"}
    assert order[way[0]] == way[1]
    assert found.triples == 1
    assert found.chance < 0.5
    assert (found.own, found.own_circular) == (10, 10)


def test_of_many_conditions_every_circle_is_found() -> None:
    """Majorities of five: each over the next two, round and round; five of the ten threes are circles."""
    names = [f"c{n}" for n in range(5)]
    answers = [
        Answer("p", 1, Trial("x__y", names[n], names[(n + step) % 5]), 1.0, "better", 2 * n + step)
        for n in range(5)
        for step in (1, 2)
    ]
    found = circles(rank(answers, names, rounds=5), answers)
    assert found.triples == 10
    assert len(found.circular) == 5
    for way in found.circular:
        places = [names.index(name) for name in (*way, way[0])]
        assert all((after - before) % 5 in (1, 2) for before, after in itertools.pairwise(places))


def test_an_order_has_none() -> None:
    found = of([("paper", "rock"), ("scissors", "paper"), ("scissors", "rock")])
    assert (found.triples, found.circular, found.expected) == (1, [], 0.0)
    assert (found.own, found.own_circular) == (10, 0)


def test_what_was_not_compared_is_no_triple() -> None:
    found = of([("paper", "rock"), ("scissors", "paper")])
    assert (found.triples, found.own, found.chance) == (0, 0, 1.0)

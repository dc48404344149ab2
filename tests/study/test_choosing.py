"""The next pair is the one that tells most."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from studies import plan_of

from impasto.study.answers import Answer
from impasto.study.choosing import Chooser, information
from impasto.study.observers import sort
from impasto.study.plan import QUESTIONS, Plan, Trial
from impasto.study.ranking import rank
from impasto.study.simulated import Crowd, sitting
from impasto.study.trials import Pick, least_shown


def test_open_questions_tell_more_than_settled_ones() -> None:
    counts = np.zeros((1, 3, 3))
    counts[0, 0] = 50, 48, 5  # the first two are equal, and known to be
    counts[0, 1] = 60, 0, 0  # the third is far below
    counts[0, 2] = 4, 2, 1
    gains = information(counts, 3)
    assert gains.argmax() == 2
    assert information(np.zeros((1, 3, 3)), 3) == pytest.approx([information(np.zeros((1, 3, 3)), 3)[0]] * 3)


def test_more_answers_leave_less_to_be_learned() -> None:
    few, many = (information(np.array([[[10.0, 9, 2]]]) * times, 2)[0] for times in (1, 10))
    assert 0 < many < few


def answered(chooser: Chooser, scene: str, a: str, b: str, preferred: float, times: int = 1) -> None:
    for _ in range(times):
        for question in chooser.plan.questions:
            chooser.add(Answer("p", 1, Trial(scene, a, b), preferred, question.name, 1))


def test_a_pair_is_asked_in_the_scene_that_had_it_least() -> None:
    plan = plan_of(["m", "n"])
    chooser = Chooser(plan)
    for scene in plan.scenes[:-1]:
        answered(chooser, scene.name, "m", "n", 1)
    assert chooser(set(), random.Random(1))[0] == plan.scenes[-1].name
    assert chooser({(plan.scenes[-1].name, frozenset("mn"))}, random.Random(1))[0] != plan.scenes[-1].name


def test_observers_at_the_same_time_get_different_pairs() -> None:
    chooser = Chooser(plan_of(["m", "n", "o"]))
    chosen = {chooser(set(), random.Random(n))[1] for n in range(3)}
    assert len(chosen) == 3


def test_fewer_answers_for_the_same_intervals() -> None:
    """Of the differences of neighbors: a width goes with the root of the answers."""
    widths = {least_shown: 0.0, Chooser: 0.0}
    for seed in range(4):
        plan = replace(plan_of([f"c{n}" for n in range(8)], 4, 3, trials=40, questions=QUESTIONS[:1]), seed=seed)
        crowd = Crowd(dict(zip(plan.conditions, np.linspace(3, -3, 8), strict=True)), seed=seed)
        for make in widths:
            widths[make] += width(plan, crowd, make(plan))
    assert (widths[Chooser] / widths[least_shown]) ** 2 <= 0.7


def width(plan: Plan, crowd: Crowd, pick: Pick) -> float:
    sittings = [sitting(plan, crowd, f"p{n}", pick) for n in range(12)]
    found = rank([first for one in sittings for first in sort(one).first], plan.conditions, rounds=80)
    return float(np.mean([found.margin[n, n + 1] for n in range(7)]))


def test_who_leaves_does_not_change_the_choice_for_good() -> None:
    chooser = Chooser(plan_of(["m", "n", "o"]))
    for scene in chooser.plan.scenes:
        answered(chooser, scene.name, "m", "n", 1, times=1)
    for n in range(300):
        chooser(set(), random.Random(n))  # and nobody answers
    assert len(chooser._waiting) <= 16


def test_repeats_are_no_news() -> None:
    chooser = Chooser(plan_of(["m", "n", "o"]))
    answered(chooser, chooser.plan.scenes[0].name, "m", "n", 1)
    once = chooser._counts.copy()
    answered(chooser, chooser.plan.scenes[0].name, "n", "m", 1)
    assert (chooser._counts == once).all()

"""Who looks and who clicks at random."""

from __future__ import annotations

import random
from dataclasses import replace

from studies import plan_of

from impasto.study.answers import Answer
from impasto.study.observers import observers, sort
from impasto.study.plan import UNPAINTED, Question, Trial
from impasto.study.simulated import Crowd, sitting
from impasto.study.trials import least_shown

TASTES = {"good": 1.0, "fair": 0.0, "poor": -1.0}


def test_random_clickers_are_found_and_honest_people_are_not() -> None:
    found, taken = [], []
    for seed in range(30):
        plan = replace(plan_of(photos=4, styles=3, trials=40, repeats=4, catches=4), seed=seed)
        crowd, pick = Crowd(TASTES, of_people=0.5, of_photos=0.4, seed=seed), least_shown(plan)
        answers = [one for n in range(12) for one in sitting(plan, crowd, f"honest {n}", pick)]
        answers += [one for n in range(3) for one in sitting(plan, None, f"clicks {n}", pick)]
        for one in observers(answers, ["closer"], plan.conditions):
            (taken if one.name.startswith("honest") else found).append(one.at_random)
    assert sum(found) / len(found) >= 0.95
    assert sum(taken) / len(taken) <= 0.05


def test_who_always_clicks_one_side_is_found() -> None:
    plan = plan_of(trials=30, repeats=3, catches=3)
    pick, crowd = least_shown(plan), Crowd(TASTES)
    answers = [one for n in range(8) for one in sitting(plan, crowd, f"honest {n}", pick)]
    answers += [replace(one, preferred=1.0) for one in sitting(plan, None, "left", pick)]
    assert [one.name for one in observers(answers, ["closer"], plan.conditions) if one.at_random] == ["left"]


def test_another_taste_is_not_chance() -> None:
    plan = plan_of(trials=40, repeats=4, catches=4)
    pick, crowd = least_shown(plan), Crowd(TASTES)
    answers = [one for n in range(8) for one in sitting(plan, crowd, f"honest {n}", pick)]
    answers += sitting(plan, Crowd({name: -score for name, score in TASTES.items()}), "other", pick)
    other = next(one for one in observers(answers, ["closer"], plan.conditions) if one.name == "other")
    assert not other.at_random
    assert other.catches == 4


def answer(number: int, a: str, b: str, preferred: float, question: str = "closer", seconds: float = 2.0) -> Answer:
    return Answer("p", 1, Trial("x__y", a, b), preferred, question, number, seconds)


def test_what_is_said_of_an_observer() -> None:
    answers = [
        answer(1, "m", "n", 1, seconds=1),
        answer(2, "m", UNPAINTED, 1, seconds=2),
        answer(3, "n", UNPAINTED, 0, seconds=3),
        answer(4, "n", "m", 0, seconds=9),  # as before, on the other side
        answer(5, "o", "m", 0.5, seconds=4),
        answer(2, "m", UNPAINTED, 0, "better"),  # a photo may be the better picture
    ]
    (found,) = observers(answers, ["closer"], ["m", "n", "o"])
    assert (found.answers, found.caught, found.catches, found.same, found.repeats) == (6, 1, 2, 1, 1)
    assert (found.left, found.tied, found.seconds) == (2 / 6, 1 / 6, 2.5)


def test_repeats_and_catch_trials_are_no_comparisons() -> None:
    answers = [answer(1, "m", "n", 1), answer(2, "m", UNPAINTED, 1), answer(6, "n", "m", 0)]
    random.Random(1).shuffle(answers)
    found = sort(answers)
    assert [one.number for one in found.first] == [1]
    assert [(one.number, two.number) for one, two in found.again] == [(1, 6)]
    assert [one.number for one in found.catches] == [2]


def test_clickers_are_found_where_a_choice_is_forced() -> None:
    """Tables of other programs have no ties, no catch trials, and no repeats."""
    plan = plan_of(photos=4, styles=3, trials=40, repeats=0, catches=0, questions=[Question("better", "Which?")])
    pick, crowd = least_shown(plan), Crowd({"good": 2.0, "fair": 0.0, "poor": -2.0}, ties=-20.0)
    answers = [one for n in range(12) for one in sitting(plan, crowd, f"honest {n}", pick)]
    chance = random.Random(1)
    answers += [replace(one, observer="clicks", preferred=float(chance.random() < 0.5)) for one in answers[:40]]
    found = observers(answers, [], plan.conditions)
    assert [one.name for one in found if one.at_random] == ["clicks"]


def test_few_answers_condemn_nobody() -> None:
    plan = plan_of(trials=20)
    crowd, pick = Crowd(TASTES), least_shown(plan)
    answers = [one for n in range(6) for one in sitting(plan, crowd, f"honest {n}", pick)]
    answers += [replace(one, preferred=0.5) for one in sitting(plan, None, "short", pick)[:12]]
    assert not any(one.at_random for one in observers(answers, ["closer"], plan.conditions) if one.name == "short")

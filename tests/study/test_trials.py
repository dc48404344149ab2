"""Sessions: how many pairs, repeats and catch trials, which of them, and on which side."""

from __future__ import annotations

from collections import Counter

import pytest
from studies import plan_of

from impasto.study.plan import UNPAINTED, Plan, Trial
from impasto.study.trials import CATCH, PAIR, catches, dice, fixed_orders, least_shown, pairs, schedule, trial_of

PLANS = [
    plan_of(),
    plan_of(photos=5, styles=4, trials=40, repeats=4, catches=4),
    plan_of(("good", "poor"), 1, 1, trials=3, repeats=1, catches=1),
    plan_of(("good", "poor"), 1, 1, trials=1, repeats=0, catches=0),
    plan_of(("good", "poor"), 1, 1, trials=2, repeats=1, catches=0),
    plan_of(("good", "poor"), 1, 1, trials=2, repeats=0, catches=1),
    plan_of(("good", "poor"), 2, 1, trials=6, repeats=2, catches=2),
    plan_of(("good", "poor"), 4, 1, trials=12, repeats=4, catches=4),
]
OBSERVERS = [f"{number:016x}" for number in range(12)]


def session(plan: Plan, observer: str, number: int = 1) -> list[Trial]:
    """A whole session, each trial chosen with least_shown."""
    pick, trials = least_shown(plan), dict[int, Trial]()
    for place in range(1, plan.trials + 1):
        trials[place] = trial_of(plan, observer, number, place, trials, pick)
    return list(trials.values())


@pytest.mark.parametrize(
    "plan",
    PLANS,
    ids=lambda plan: f"{len(plan.scenes)}x{len(plan.conditions)}-{plan.trials}-{plan.repeats}-{plan.catches}",
)
def test_a_session_has_as_many_repeats_and_catches_as_the_plan_says(plan: Plan) -> None:
    for observer in OBSERVERS:
        kinds = schedule(plan, observer, 1)
        assert len(kinds) == plan.trials
        assert kinds.count(CATCH) == plan.catches
        repeats = [(place, kind - 1) for place, kind in enumerate(kinds) if kind > PAIR]
        assert len(repeats) == plan.repeats
        assert len({original for _, original in repeats}) == plan.repeats
        for place, original in repeats:
            assert original < place
            assert kinds[original] == PAIR
        assert kinds[0] == PAIR


def test_repeats_come_some_trials_after() -> None:
    plan = PLANS[1]
    apart = [place - (kind - 1) for one in OBSERVERS for place, kind in enumerate(schedule(plan, one, 1)) if kind > 0]
    assert min(apart) > 4
    assert len(set(apart)) > 5


def test_sessions_differ_and_follow_from_the_observer() -> None:
    plan = PLANS[1]
    assert session(plan, OBSERVERS[0]) == session(plan, OBSERVERS[0])
    every = [session(plan, one) for one in OBSERVERS] + [session(plan, OBSERVERS[0], 2)]
    assert len({tuple(one) for one in every}) == len(every)
    assert dice(plan, 1, 2).random() == dice(plan, 1, 2).random() != dice(plan, 1, 3).random()


@pytest.mark.parametrize(
    "plan",
    PLANS,
    ids=lambda plan: f"{len(plan.scenes)}x{len(plan.conditions)}-{plan.trials}-{plan.repeats}-{plan.catches}",
)
def test_no_pair_comes_twice_unasked_and_repeats_are_mirrored(plan: Plan) -> None:
    for observer in OBSERVERS:
        trials, kinds = session(plan, observer), schedule(plan, observer, 1)
        fresh = Counter((one.scene, one.pair) for one, kind in zip(trials, kinds, strict=True) if kind == PAIR)
        assert set(fresh.values()) == {1}
        for one, kind in zip(trials, kinds, strict=True):
            assert one.scene in plan.by_name
            assert (UNPAINTED in one.pair) == (kind == CATCH)
            if kind > PAIR:
                assert one == trials[kind - 1].mirrored()
        caught = [(one.scene, one.pair) for one, kind in zip(trials, kinds, strict=True) if kind == CATCH]
        assert len(set(caught)) == len(caught)


def test_sides_are_drawn() -> None:
    plan = PLANS[1]
    trials = [one for observer in OBSERVERS * 2 for one in session(plan, observer)]
    for name in ("good", UNPAINTED):
        left, right = sum(one.a == name for one in trials), sum(one.b == name for one in trials)
        assert 0.35 < left / (left + right) < 0.65


def test_pairs_and_catches_of_scenes_that_lack_a_result() -> None:
    plan = plan_of(photos=1, styles=2)
    del plan.scenes[0].results["fair"]
    assert Counter(scene for scene, _ in pairs(plan)) == {"photo0__style0": 1, "photo0__style1": 3}
    assert Counter(scene for scene, _ in catches(plan)) == {"photo0__style0": 2, "photo0__style1": 3}
    assert all(UNPAINTED in pair for _, pair in catches(plan))
    assert not any(UNPAINTED in pair for _, pair in pairs(plan))


def test_a_trial_that_was_lost_is_no_obstacle() -> None:
    """An observer's earlier trials may be gone: a repeat is then a pair of its own."""
    plan = PLANS[0]
    for number in range(1, plan.trials + 1):
        one = trial_of(plan, OBSERVERS[0], 1, number, {}, least_shown(plan))
        assert one.pair <= set(plan.by_name[one.scene].results)


def test_more_trials_than_pairs() -> None:
    plan = plan_of(("good", "poor"), 1, 1, trials=9, repeats=0, catches=4)
    trials = session(plan, OBSERVERS[0])
    assert len(trials) == 9
    assert {one.pair for one in trials if UNPAINTED not in one.pair} == {frozenset(("good", "poor"))}


@pytest.mark.parametrize("count", [1, 24])
def test_fixed_orders_show_every_pair_as_often_as_any_other(count: int) -> None:
    for plan in PLANS:
        orders = fixed_orders(plan, count)
        assert [len(order) for order in orders] == [plan.trials] * count
        shown = Counter[object]()
        for number, order in enumerate(orders):
            for one, kind in zip(order, schedule(plan, f"order {number}", 1), strict=True):
                if kind == PAIR:
                    shown[one.scene, one.pair] += 1
        counts = [shown[pair] for pair in pairs(plan)]
        assert max(counts) - min(counts) <= 1, plan
        assert sum(counts) == sum(shown.values())


def test_fixed_orders_differ() -> None:
    orders = fixed_orders(PLANS[1], 24)
    assert len({tuple(order) for order in orders}) == 24
    assert fixed_orders(PLANS[1], 24) == orders

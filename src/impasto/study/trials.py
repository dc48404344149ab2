"""Choose the trials of an observer: pairs, repeats and catch trials."""

from __future__ import annotations

import hashlib
import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from impasto.study.plan import UNPAINTED, Plan, Trial

CATCH = -1
PAIR = 0
_BEGINNING = 2  # the first trials are plain pairs
_ATTEMPTS = 20
_APART = 4  # smallest distance of a repeat from its pair, where there is room

Chosen = tuple[str, frozenset[str]]
"""A scene and the two conditions that are compared in it."""
Pick = Callable[[set[Chosen], random.Random], Chosen]
"""Chooses a pair for an observer, given the pairs seen before."""


def dice(plan: Plan, *what: object) -> random.Random:
    """Return a random generator, determined by the study's seed and by its purpose."""
    text = repr((plan.study, plan.seed, *what)).encode()
    return random.Random(hashlib.blake2b(text, digest_size=16).digest())  # noqa: S311


def planned(plan: Plan, trials: int, repeats: int, catches: int) -> Plan:
    """Plan the number of trials of a session.

    Args:
        trials: largest number of trials. With fewer pairs there are fewer, because only repeats show a pair twice.
        repeats, catches: their shares of the trials in per cent. Catch trials need a question with `catch`.
    """
    judged = any(question.catch for question in plan.questions)
    again, caught = (max(1, round(trials * share / 100)) if share else 0 for share in (repeats, catches * judged))
    wanted = max(1, trials - again - caught)
    shown = min(wanted, len(pairs(plan)))
    again, caught = (min(shown, math.ceil(number * shown / wanted)) for number in (again, caught))
    return replace(plan, trials=shown + again + caught, repeats=again, catches=caught)


def schedule(plan: Plan, observer: str, session: int) -> list[int]:
    """Return the kind of each trial: PAIR, CATCH, or for a repeat the number (from 1) of the earlier trial."""
    chance = dice(plan, "schedule", observer, session)
    kinds = [PAIR] * plan.trials
    pairs = plan.trials - plan.catches - plan.repeats
    for place in chance.sample(range(min(_BEGINNING, pairs), plan.trials), plan.catches):
        kinds[place] = CATCH
    free = [place for place, kind in enumerate(kinds) if kind == PAIR]
    repeats = _repeats(free, plan.repeats, chance)
    originals = [place for place in free if place not in repeats]
    chance.shuffle(originals)
    for place in repeats:
        earlier = sorted((one for one in originals if one < place), key=lambda one: place - one <= _APART)
        originals.remove(earlier[0])
        kinds[place] = earlier[0] + 1
    return kinds


def _repeats(free: list[int], count: int, chance: random.Random) -> list[int]:
    """Choose the places of repeats among the free ones. Before each repeat there are more originals than repeats."""
    late = [place for place in free if place > _APART]
    for _ in range(_ATTEMPTS if len(late) >= count else 0):
        repeats = sorted(chance.sample(late, count))
        if all(free.index(place) > 2 * number for number, place in enumerate(repeats)):
            return repeats
    return free[len(free) - count :]


def trial_of(plan: Plan, observer: str, session: int, number: int, earlier: Mapping[int, Trial], pick: Pick) -> Trial:
    """Return one trial of a session.

    Args:
        number: number of the trial, from 1.
        earlier: the session's earlier trials by number. A repeat swaps the sides.
        pick: chooses a pair.
    """
    kind = schedule(plan, observer, session)[number - 1]
    if kind in earlier:
        return earlier[kind].mirrored()
    chance = dice(plan, "trial", observer, session, number)
    seen = {(trial.scene, trial.pair) for trial in earlier.values()}
    if kind == CATCH:
        every = catches(plan)
        scene, pair = chance.choice([one for one in every if one not in seen] or every)
    else:
        scene, pair = pick(seen, chance)
    a, b = sorted(pair, reverse=chance.random() < 0.5)
    return Trial(scene, a, b)


def pairs(plan: Plan) -> list[Chosen]:
    """Return all pairs that the study can show, without the unpainted photo."""
    return [
        (scene.name, frozenset(pair))
        for scene in plan.scenes
        for pair in itertools.combinations((name for name in plan.conditions if name in scene.results), 2)
    ]


def catches(plan: Plan) -> list[Chosen]:
    """Return all catch trials: a result beside its unpainted photo."""
    return [
        (scene.name, frozenset((UNPAINTED, name)))
        for scene in plan.scenes
        for name in plan.conditions
        if name in scene.results
    ]


def least_shown(plan: Plan) -> Pick:
    """Return a function that chooses pairs at random and equally often. It counts its own choices."""
    shown = Counter[Chosen]()
    every = pairs(plan)

    def pick(seen: set[Chosen], chance: random.Random) -> Chosen:
        free = [pair for pair in every if pair not in seen] or every
        least = min(shown[pair] for pair in free)
        chosen = chance.choice([pair for pair in free if shown[pair] == least])
        shown[chosen] += 1
        return chosen

    return pick


def fixed_orders(plan: Plan, count: int) -> list[list[Trial]]:
    """Return whole sessions for a page without a server. Together they show all pairs equally often."""
    pick, found = least_shown(plan), []
    for order in range(count):
        trials: dict[int, Trial] = {}
        for number in range(1, plan.trials + 1):
            trials[number] = trial_of(plan, f"order {order}", 1, number, trials, pick)
        found.append(list(trials.values()))
    return found

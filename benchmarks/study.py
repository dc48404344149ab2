#!/usr/bin/env python3
"""Test the statistics of `impasto study report` with simulated observers whose tastes are known.

    python benchmarks/study.py coverage [--studies 400]    how often the 95 % intervals contain the true score
    python benchmarks/study.py clickers [--studies 100]    found clickers, and honest observers wrongly taken for one
    python benchmarks/study.py choice [--studies 24]       answers needed with pairs chosen by information or by chance

An observer sees 40 pairs, including 4 repeats and 4 catch trials, as planned by `impasto study make`. Honest observers
answer by Davidson's model around their own taste. Random clickers choose each of the three answers equally often.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence

import numpy as np

from impasto.study.answers import Answer
from impasto.study.choosing import Chooser
from impasto.study.davidson import Array, curvature, differences, fit, laplacian, probabilities
from impasto.study.observers import observers, sort_all
from impasto.study.plan import QUESTIONS, UNPAINTED, Plan, Question, Scene
from impasto.study.ranking import Ranking, rank
from impasto.study.simulated import Crowd, sitting
from impasto.study.trials import Pick, least_shown, planned

TASTES = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5))
TIES = -1.0  # about 15 % of the answers are "no difference"


def plan_of(conditions: int, photos: int, styles: int, seed: int, questions: Sequence[Question] = QUESTIONS) -> Plan:
    """Make the plan of a study without pictures."""
    names = [f"condition {index}" for index in range(conditions)]
    scenes = [
        Scene(f"photo {photo}", f"style {style}", {name: f"{photo} {style} {name}" for name in (*names, UNPAINTED)})
        for photo in range(photos)
        for style in range(styles)
    ]
    photo_names, style_names = ({getattr(one, kind): "" for one in scenes} for kind in ("photo", "style"))
    plan = Plan(
        "benchmark", "", "", "", "", list(questions), names, scenes, photo_names, style_names, {}, 0, 0, 0, seed
    )
    return planned(plan, 40, 10, 10)


def crowd_of(plan: Plan, spread: float, people: float, photos: float) -> Crowd:
    """Make observers: scores from -spread to spread, and deviations between people and between photos."""
    scores = dict(zip(plan.conditions, np.linspace(-spread, spread, len(plan.conditions)), strict=True))
    return Crowd(scores, TIES, people, photos, seed=plan.seed)


def truth_of(crowd: Crowd) -> np.ndarray:
    """Return the true scores: the average over infinitely many people and photos."""
    scores = np.array(list(crowd.scores.values()))
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    deviation = np.sqrt(2 * (crowd.of_people**2 + crowd.of_photos**2))
    lead = (scores @ differences(len(scores)).T)[:, None] + deviation * nodes
    chances = np.einsum("pnc,n->pc", probabilities(lead, crowd.ties), weights / weights.sum())
    return fit(1e6 * chances[None], len(scores)).scores[0]


def asked(plan: Plan, crowd: Crowd, pick: Pick, honest: int, clicking: int = 0) -> list[Answer]:
    """Return the answers of honest observers and random clickers, in random order."""
    people = [f"honest {index}" for index in range(honest)] + [f"clicking {index}" for index in range(clicking)]
    random.Random(plan.seed).shuffle(people)  # noqa: S311
    return [
        answer for name in people for answer in sitting(plan, crowd if name.startswith("honest") else None, name, pick)
    ]


def ranked(plan: Plan, answers: Sequence[Answer], question: str, left_out: Sequence[str] = ()) -> Ranking:
    """Return the ranking of the report."""
    theirs = sort_all(answers)[question]
    firsts = [first for name, parts in theirs.items() if name not in left_out for first in parts.first]
    return rank(firsts, plan.conditions, seed=plan.seed)


def coverage(studies: int) -> None:
    print("| conditions, observers, photos | tastes of people, photos | clicking | pairs by | coverage | mean width |")
    print("|---|---|---|---|---|---|")
    for conditions, people, photos, clicking, pick, way in (
        (4, 20, 8, 0, least_shown, "chance"),
        (4, 24, 6, 0, least_shown, "chance"),
        (3, 12, 10, 0, least_shown, "chance"),
        (4, 20, 8, 2, least_shown, "chance"),
        (4, 20, 8, 0, Chooser, "information"),
    ):
        for of_people, of_photos in TASTES if pick is least_shown else TASTES[::3]:
            inside, widths = [], []
            for seed in range(studies):
                plan = plan_of(conditions, photos, 2, seed, QUESTIONS[:1])
                crowd = crowd_of(plan, 1.0, of_people, of_photos)
                answers = asked(plan, crowd, pick(plan), people, clicking)
                found = observers(answers, ["closer"], plan.conditions) if clicking else []
                result = ranked(plan, answers, "closer", [one.name for one in found if one.at_random])
                truth = truth_of(crowd)
                inside.append((result.low <= truth) & (truth <= result.high))
                widths.append(result.high - result.low)
            head = f"| {conditions}, {people}, {photos} | {of_people}, {of_photos} | {clicking} | {way} |"
            print(f"{head} {100 * np.mean(inside):.1f} % | {np.mean(widths):.2f} |", flush=True)


def clickers(studies: int) -> None:
    print("| conditions, scores | pairs by | clicking observers found | honest ones taken for them |")
    print("|---|---|---|---|")
    for conditions, spread, pick, way in (
        (2, 0.5, least_shown, "chance"),
        (4, 0.0, least_shown, "chance"),
        (3, 1.0, least_shown, "chance"),
        (4, 1.0, least_shown, "chance"),
        (8, 2.0, least_shown, "chance"),
        (4, 1.0, Chooser, "information"),
    ):
        found, taken = [], []
        for seed in range(studies):
            plan = plan_of(conditions, 6, 3, seed)
            answers = asked(plan, crowd_of(plan, spread, 0.5, 0.4), pick(plan), 20, 3)
            for one in observers(answers, ["closer"], plan.conditions):
                (taken if one.name.startswith("honest") else found).append(one.at_random)
        row = f"{100 * np.mean(found):.1f} % of {len(found)} | {100 * np.mean(taken):.1f} % of {len(taken)}"
        scores = f"-{spread} to {spread}" if spread else "all 0"
        print(f"| {conditions}, {scores} | {way} | {row} |", flush=True)


def best(scores: Array, contrasts: Array) -> float:
    """Return the answers that the best possible choice of pairs needs, relative to chance, for equal intervals.

    The best choice knows the scores beforehand, so no real study reaches it. Its shares of the pairs minimize the
    contrasts' mean standard deviation (multiplicative algorithm of Silvey, Titterington & Torsney 1978).
    """
    pair = differences(len(scores))
    told = curvature(probabilities(pair @ scores, TIES))

    def deviations(often: Array) -> tuple[Array, Array]:
        covariance = np.linalg.inv(laplacian((often * told)[None], len(scores))[0] + 1)
        return np.sqrt(np.einsum("ik,kl,il->i", contrasts, covariance, contrasts)), covariance

    even = often = np.full(len(pair), 1 / len(pair))
    for _ in range(2000):
        deviation, covariance = deviations(often)
        gain = told * ((contrasts / np.sqrt(deviation)[:, None] @ covariance @ pair.T) ** 2).sum(0)
        often = often * np.sqrt(gain) / (often * np.sqrt(gain)).sum()
    return float((deviations(often)[0].mean() / deviations(even)[0].mean()) ** 2)


def choice(studies: int) -> None:
    print("16 observers; the ratio of needed answers is the square of the ratio of widths")
    head = "chance, information | answers | at best"
    print(f"| conditions, scores | tastes of people, photos | neighbors' difference: {head} | score: {head} |")
    print("|---|---|---|---|---|---|---|---|")
    ways: tuple[Callable[[Plan], Pick], ...] = (least_shown, Chooser)
    for conditions, spread, own in ((6, 2, 0.0), (8, 3, 0.0), (8, 3, 0.3), (10, 3, 0.0), (12, 4, 0.0), (12, 6, 0.0)):
        widths = np.zeros((len(ways), 2))
        for row, make in enumerate(ways):
            for seed in range(studies):
                plan = plan_of(conditions, 6, 3, seed, QUESTIONS[:1])
                result = ranked(plan, asked(plan, crowd_of(plan, spread, own, own), make(plan), 16), "closer")
                neighbors = [2 * result.margin[place, place + 1] for place in range(conditions - 1)]
                widths[row] += np.mean(neighbors) / studies, np.mean(result.high - result.low) / studies
        scores, same = np.linspace(-spread, spread, conditions), np.eye(conditions)
        limits = best(scores, same[:-1] - same[1:]), best(scores, same - 1 / conditions)
        cells = [
            f"{widths[0, kind]:.2f}, {widths[1, kind]:.2f} | x {(widths[1, kind] / widths[0, kind]) ** 2:.2f}"
            f" | x {limits[kind]:.2f}"
            for kind in (0, 1)
        ]
        print(f"| {conditions}, -{spread} to {spread} | {own}, {own} | {cells[0]} | {cells[1]} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("coverage", "clickers", "choice"))
    parser.add_argument("--studies", type=int)
    arguments = parser.parse_args()
    do, studies = {"coverage": (coverage, 400), "clickers": (clickers, 100), "choice": (choice, 24)}[arguments.what]
    do(arguments.studies or studies)


if __name__ == "__main__":
    main()

"""Simulate observers with known tastes, to compare a study's findings with the truth and to try a study beforehand."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from impasto.study.answers import Answer
from impasto.study.davidson import probabilities
from impasto.study.plan import UNPAINTED, Plan, Trial
from impasto.study.trials import Pick, trial_of


@dataclass
class Crowd:
    """People with a common taste and individual deviations.

    Attributes:
        scores: {condition: score}, the mean over people.
        ties: t of Davidson's model.
        of_people, of_photos: standard deviations of a person's, and a photo's, contribution to each score.
        attentive: share of catch trials that an attentive observer answers correctly.
    """

    scores: Mapping[str, float]
    ties: float = -1.0
    of_people: float = 0.0
    of_photos: float = 0.0
    attentive: float = 0.97
    seed: int = 0
    _added: dict[tuple[str, str], float] = field(default_factory=dict, repr=False)

    def answer(self, observer: str, trial: Trial, photo: str, chance: random.Random, *, question: str = "") -> float:
        """Return an attentive observer's answer: 1 for `trial.a`, 0 for `trial.b`, 0.5 for no difference."""
        if UNPAINTED in trial.pair:
            if chance.random() > self.attentive:
                return chance.choice([0.0, 0.5, 1.0])
            return float(trial.b == UNPAINTED)
        lead = self._taste(observer, photo, trial.a, question) - self._taste(observer, photo, trial.b, question)
        won, lost, tied = probabilities(np.array(lead), self.ties)
        return chance.choices([1.0, 0.0, 0.5], [float(won), float(lost), float(tied)])[0]

    def _taste(self, observer: str, photo: str, condition: str, question: str) -> float:
        score = self.scores[condition]
        for who, spread in ((f"person {observer}", self.of_people), (f"photo {photo}", self.of_photos)):
            key = f"{who} {question}", condition
            if spread and key not in self._added:
                self._added[key] = random.Random(f"{self.seed} {key}").gauss(0, spread)  # noqa: S311
            score += self._added.get(key, 0)
        return score


def random_clicks(chance: random.Random) -> float:
    """Return the answer of an observer who clicks at random."""
    return chance.choice([0.0, 0.5, 1.0])


def sitting(plan: Plan, crowd: Crowd | None, observer: str, pick: Pick, *, session: int = 1) -> list[Answer]:
    """Return one observer's answers of a whole session. Without a crowd, the observer clicks at random.

    Args:
        pick: chooses the pairs. If it is a `Chooser`, it also receives the answers.
    """
    chance = random.Random(f"{plan.seed} {observer} {session}")  # noqa: S311
    trials: dict[int, Trial] = {}
    found = []
    for number in range(1, plan.trials + 1):
        trial = trials[number] = trial_of(plan, observer, session, number, trials, pick)
        photo = plan.by_name[trial.scene].photo
        for question in plan.questions:
            if crowd is None:
                preferred = random_clicks(chance)
            else:
                preferred = crowd.answer(observer, trial, photo, chance, question=question.name)
            answer = Answer(observer, session, trial, preferred, question.name, number, chance.lognormvariate(1, 0.4))
            found.append(answer)
            if hasattr(pick, "add"):
                pick.add(answer)
    return found

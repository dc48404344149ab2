"""Bradley-Terry scores with ties: against choix, known scores, and what priors do."""

from __future__ import annotations

import choix
import numpy as np
import pytest

from impasto.study.davidson import differences, fit, pairs_of, probabilities


def expected(scores: list[float], ties: float, answers: float = 1e6) -> np.ndarray:
    """The counts that so many answers to each pair have in the mean."""
    lead = np.array(scores) @ differences(len(scores)).T
    return answers * probabilities(lead, ties)


def test_the_scores_that_made_the_answers_are_found() -> None:
    found = fit(np.stack([expected([0.9, -0.2, -0.7], -1.0), expected([0.0, 0.0, 0.0], 0.5)]), 3)
    assert found.scores == pytest.approx(np.array([[0.9, -0.2, -0.7], [0, 0, 0]]), abs=1e-4)
    assert found.ties == pytest.approx([-1.0, 0.5], abs=1e-4)


def test_without_ties_it_is_bradley_terry_as_choix_has_it() -> None:
    wins = {(0, 1): (30, 12), (0, 2): (25, 5), (1, 2): (18, 14), (0, 3): (9, 3), (2, 3): (11, 20)}
    counts = np.array([[*wins.get(pair, (0, 0)), 0] for pair in pairs_of(4)], float)
    data = [way for (i, j), (won, lost) in wins.items() for way in [(i, j)] * won + [(j, i)] * lost]
    theirs = choix.opt_pairwise(4, data, alpha=1 / (2 * 3.0**2), tol=1e-10)
    assert fit(counts[None], 4).scores[0] == pytest.approx(theirs - theirs.mean(), abs=0.01)


def test_ties_draw_scores_together_and_half_wins_too_much() -> None:
    counts = expected([0.5, -0.5], 0.0)
    ((won, lost, tied),) = counts
    halved = np.log((won + tied / 2) / (lost + tied / 2))
    assert fit(counts[None], 2).scores[0] == pytest.approx([0.5, -0.5], abs=1e-4)
    assert 0.5 < halved < 0.8  # the lead is 1


@pytest.mark.parametrize("outcome", [0, 2])
def test_one_kind_of_answer_alone_stays_finite(outcome: int) -> None:
    counts = np.zeros((1, 1, 3))
    counts[..., outcome] = 500
    found = fit(counts, 2)
    assert np.isfinite(found.scores).all()
    assert np.abs(found.scores).max() < 12
    assert (found.scores[0, 0] > 1) == (outcome == 0)


def test_a_taste_of_ones_own_stays_near_the_center() -> None:
    center = np.array([[1.0, -1.0]])
    one = np.array([[[0.0, 1.0, 0.0]]])
    near, far = (fit(one, 2, center=center, spread=spread).scores[0, 0] for spread in (0.3, 3.0))
    assert 1.0 > near > far


def test_no_answers_give_the_prior() -> None:
    found = fit(np.zeros((1, 3, 3)), 3)
    assert found.scores == pytest.approx(np.zeros((1, 3)))
    assert np.linalg.inv(found.precision[0])[0, 0] == pytest.approx(3.0**2)

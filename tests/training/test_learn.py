"""Learning a painting: nearer to it than what the encoder sees, on photographs held back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import refused
from trainings import SIZES, SMALL

from impasto.engines.by_name import engine_of
from impasto.engines.painter import CODE, VECTOR_SIZE
from impasto.errors import UsageError
from impasto.nn.tensors import to_tensor
from impasto.picture import Picture
from impasto.training.learn import Learned, Learning, learn_style
from impasto.training.pupil import PUPILS


@pytest.mark.parametrize("engine", PUPILS)
def test_what_is_learned_is_nearer_to_the_painting(picture: Picture, engine: str) -> None:
    seen: list[int] = []
    best: list[Learned] = []
    learned = learn_style(
        picture,
        seconds=600,
        steps=8,
        plan=SMALL,
        engine=engine,
        on_progress=lambda now: seen.append(now.step),
        on_best=best.append,
    )
    assert seen == list(range(1, 9))
    numbers = learned.vector.numbers
    assert numbers.shape == (SIZES[engine],)
    assert np.isfinite(numbers).all()
    assert learned.ratio("style") < 0.95
    assert learned.ratio("style") + 5 * max(0, learned.ratio("content") - 1) < 1
    assert (learned.steps, learned.stopped) == (8, False)
    np.testing.assert_array_equal(best[-1].vector.numbers, numbers)


def test_a_learned_style_has_no_palette(picture: Picture) -> None:
    palette = slice(CODE, VECTOR_SIZE)
    assert engine_of("painter").encode(picture.pixels).numbers[palette].all()
    learned = learn_style(picture, seconds=600, steps=8, plan=SMALL, engine="painter")
    assert not learned.vector.numbers[palette].any()


def test_what_is_no_better_is_not_kept(picture: Picture) -> None:
    plan = replace(SMALL, rate=10.0)  # far beyond what leads anywhere
    learned = learn_style(picture, seconds=600, steps=2, plan=plan)
    np.testing.assert_array_equal(learned.vector, engine_of().encode(picture.pixels))
    assert learned.after == learned.before


@pytest.mark.parametrize(("boldness", "pays"), [(0, False), (50, False), (100, True)])
def test_a_motif_in_a_plain_photo_pays_in_a_bold_style(boldness: float, pays: bool) -> None:
    rows, columns = np.mgrid[:128, :128] // 6
    squares = (rows + columns)[:, :, None] % 2 * np.array((1, 0.2, 1), np.float32)
    learning = Learning(Picture(squares), plan=SMALL, boldness=boldness)
    plain = torch.full((1, 3, 96, 96), 0.5)
    filled = plain + 0.4 * (to_tensor(squares[:96, :96]) - plain)
    weights = learning.weights | {"content": 1.0}  # near the weight that long trainings find
    losses = [learning.losses(painted, learning.losses.content(plain)) for painted in (plain, filled)]
    before, after = (float(sum(weights[name] * term for name, term in found.items())) for found in losses)
    assert (after < 0.95 * before) == pays
    assert (after > 5 * before) == (not pays)


def test_boldness_weighs_plain_areas_and_colors(picture: Picture) -> None:
    gentle, half, bold = (Learning(picture, plan=SMALL, boldness=boldness).weights for boldness in (0, 50, 100))
    for name in ("steady", "flat", "tone"):
        assert gentle[name] == 2 * half[name] > bold[name] == 0
    for name in ("color", "blocks"):
        assert gentle[name] == 0 < 2 * half[name] == bold[name]
    assert gentle["style"] == bold["style"]


def test_a_plan_sets_the_target_of_the_content_loss(picture: Picture) -> None:
    weights = []
    for content in (0.5, 2.0):
        learning = Learning(picture, plan=replace(SMALL, content=(content, content)))
        learning.run(600, steps=6)
        weights.append(learning.weight)
    assert weights[0] > 1.5 * weights[1]


def test_it_ends_by_the_clock(picture: Picture) -> None:
    ticks = iter(range(10_000))
    learned = learn_style(picture, seconds=3, plan=SMALL, clock=lambda: float(next(ticks)))
    assert learned.steps == 3


def test_bad_requests_are_refused(picture: Picture) -> None:
    with refused(UsageError, "too-small", "64 pixels a side"):
        learn_style(Picture(np.zeros((20, 90, 3), np.float32)), seconds=9)
    with refused(UsageError, "out-of-range"):
        learn_style(picture, seconds=0)
    for boldness in (-1, 101, float("nan")):
        with refused(UsageError, "out-of-range", "boldness"):
            learn_style(picture, seconds=9, boldness=boldness)

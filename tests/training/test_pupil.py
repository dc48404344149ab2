"""The networks that learn: a style's numbers in, and out again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import scene
from trainings import SIZES

from impasto.engines.by_name import LEARNS, engine_of
from impasto.engines.painter import CODE, VECTOR_SIZE
from impasto.nn.tensors import to_pixels, to_tensor
from impasto.styles.gallery import Gallery
from impasto.training.pupil import PUPILS, pupil_of


def test_the_engines_that_learn_are_named_without_pytorch_too() -> None:
    assert set(LEARNS) == set(PUPILS)


@pytest.mark.parametrize("engine", PUPILS)
def test_a_style_goes_into_the_network_and_comes_back(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impasto.training.pupil.find_precision", lambda *_: torch.float32)
    pupil, painter = pupil_of(engine, torch.device("cpu")), engine_of(engine)
    named = Gallery(painter=painter).vector("udnie").numbers  # without a palette, like all that is learned
    style = np.zeros(SIZES[engine], np.float32)
    style[: len(named)] = named
    style[-200_000:-199_000] += 0.01  # some filters
    net, vector = pupil.begin(painter.style(style))
    np.testing.assert_allclose(pupil.style(net.state_dict(), vector).numbers, style, atol=1e-6)
    photo = (scene(96, 64) / 255).astype(np.float32)
    with torch.no_grad():
        painted = to_pixels(net(to_tensor(photo), vector))
    assert np.abs(painted - painter.paint(photo, painter.style(style)).clip(0, 1)).max() < 2e-3


def test_a_named_style_s_packed_filters_go_in_too() -> None:
    pupil, named = pupil_of("painter", torch.device("cpu")), Gallery().vector("the-scream")
    net, vector = pupil.begin(named)
    found = pupil.style(net.state_dict(), vector).numbers
    palette = slice(CODE, VECTOR_SIZE)
    assert named.numbers[palette].all()
    assert not found[palette].any()  # learning ends without a palette
    np.testing.assert_allclose(np.delete(found, palette), np.delete(named.numbers, palette), atol=1e-6)

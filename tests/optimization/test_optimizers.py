"""L-BFGS, Adam and gradient descent by themselves."""

from __future__ import annotations

import pytest
import torch

from impasto.optimization import descent
from impasto.optimization.optimizers import LBFGS, SGD, Adam, Optimizer


@pytest.mark.parametrize("make", [lambda: LBFGS(), lambda: Adam(0.03), lambda: SGD(0.01)])
def test_state_goes_along_to_the_next_scale(make: object) -> None:
    optimizer: Optimizer = make()  # type: ignore[operator]
    x = torch.rand(1, 3, 8, 8)
    for _ in range(3):
        x = optimizer.propose(x, x - 0.5)
    optimizer.rescale(lambda picture: descent.resized(picture, (16, 16)), 2.0)
    larger = optimizer.propose(torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16) / 4)
    assert larger.shape == (1, 3, 16, 16)
    if isinstance(optimizer, LBFGS):
        assert {tuple(moved.shape) for moved, _, _ in optimizer.pairs} == {(1, 3, 16, 16)}

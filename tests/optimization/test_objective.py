"""What is minimized: targets of blends, and terms that do not depend on the size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import scene

from impasto.nn.tensors import to_tensor
from impasto.nn.vgg import shipped_vgg
from impasto.optimization.objective import Objective, StyledRegion
from impasto.optimization.recipe import DEFAULT
from impasto.picture import Picture


def test_losses_do_not_depend_on_the_size() -> None:
    """Four copies of photo, painting and result, which fit together: every term is as it was, but for the borders."""
    pictures = []
    for seed, reach in ((1, 3), (2, 9), (3, 5)):
        noise = np.random.default_rng(seed).normal(size=(128, 160, 3))
        noise = sum(np.roll(noise, (i, j), (0, 1)) for i in range(reach) for j in range(4)) / (2 * reach)
        pictures.append((0.5 + 0.2 * noise).clip(0, 1).astype(np.float32))
    found = []
    for copies in (1, 2):
        photo, style, result = (to_tensor(np.tile(picture, (copies, copies, 1))) for picture in pictures)
        # The deeper a layer, the more of so small a picture is border.
        recipe = replace(DEFAULT, content_layers=("relu3_1",), style_layers=("relu1_1", "relu2_1", "relu3_1"))
        objective = Objective(shipped_vgg("average"), recipe, photo, [StyledRegion([(style, 1.0)])])
        with torch.no_grad():
            found.append({name: float(value) for name, value in objective.terms(result).items()})
    for term, value in found[0].items():
        assert found[1][term] == pytest.approx(value, rel=0.1), found


def test_a_blend_s_target_is_the_weighted_mean_of_its_styles(pair: tuple[Picture, Picture]) -> None:
    net, photo = shipped_vgg("average"), to_tensor(pair[0].pixels)
    one, other = to_tensor(pair[1].pixels), to_tensor(scene(100, 90, seed=3).astype(np.float32) / 255)
    targets = [
        [
            loss.target
            for losses in Objective(net, DEFAULT, photo, [StyledRegion(paintings)]).losses.values()
            for name, loss, _ in losses
            if name == "style"
        ]
        for paintings in ([(one, 1.0)], [(other, 1.0)], [(one, 0.25), (other, 0.75)])
    ]
    for first, second, both in zip(*targets, strict=True):
        torch.testing.assert_close(both, 0.25 * first + 0.75 * second)

"""What a training minimizes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import scene
from trainings import TINY

from impasto.nn.losses import content_loss, gram
from impasto.nn.tensors import to_tensor
from impasto.nn.vgg import shipped_vgg
from impasto.picture import Picture
from impasto.training.objective import TrainingObjective, disturbed, stability


def test_the_objective_is_the_sum_that_is_documented(painting: Path) -> None:
    net = shipped_vgg("average", "replicate")
    style, photo = to_tensor(Picture.open(painting).pixels), to_tensor(scene().astype(np.float32) / 255)
    other = to_tensor(scene(72, 64, 9).astype(np.float32) / 255)
    painted = (photo * 0.8 + 0.1).repeat(2, 1, 1, 1)
    recipe = replace(TINY, content_layers=("relu2_1:3", "relu1_1"), style_weight=5.0, variation_weight=0.5)
    terms = TrainingObjective(net, recipe, [style, other])(painted, photo.repeat(2, 1, 1, 1), torch.tensor([1, 0]))
    features = {
        name: net(picture, ["relu1_1", "relu2_1"])
        for name, picture in {"photo": photo, "style": style, "other": other, "painted": painted[:1]}.items()
    }
    content = 0.75 * content_loss(features["painted"]["relu2_1"], features["photo"]["relu2_1"])
    content += 0.25 * content_loss(features["painted"]["relu1_1"], features["photo"]["relu1_1"])
    assert float(terms["content"]) == pytest.approx(float(content), rel=1e-5)
    style_loss = 0.0
    for layer in ("relu1_1", "relu2_1"):
        for name in ("other", "style"):
            ours, target = gram(features["painted"][layer]), gram(features[name][layer])
            style_loss += float((ours - target).square().mean() / target.square().mean()) / 4
    assert float(terms["style"]) == pytest.approx(5 * style_loss, rel=1e-4)


def test_steadiness_compares_what_both_pictures_show() -> None:
    photos = torch.rand(2, 3, 40, 48, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(4)
    moved, shift = disturbed(photos, generator)
    assert shift != (0, 0)
    noise = float(stability(photos, moved, shift))
    assert noise < 2 * (2 / 255) ** 2  # a network that does nothing is as steady as the photo
    assert float(stability(photos, moved, (0, 0))) > 10 * noise

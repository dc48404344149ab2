"""How near pictures are to a painting: 1 is the untouched photographs' distance, 0 the painting itself."""

from __future__ import annotations

import pytest
import torch
from helpers import scene

from impasto.nn.tensors import to_tensor
from impasto.picture import Picture
from impasto.training.perception import Bands, Perception


@pytest.fixture(scope="module")
def photos() -> torch.Tensor:
    return torch.cat([to_tensor((scene(96, 96, seed) / 255).astype("float32")) for seed in (1, 2)])


def test_losses_are_relative_to_the_photographs(picture: Picture, photos: torch.Tensor) -> None:
    painting = to_tensor(picture.pixels)
    losses = Perception(painting, photos, 4)
    content = losses.content(photos)
    untouched = {name: float(value) for name, value in losses(photos, content).items()}
    assert untouched["style"] == pytest.approx(1, abs=0.05)
    assert untouched["bands"] == pytest.approx(1, abs=0.05)
    assert untouched["content"] == pytest.approx(0, abs=1e-4)
    assert losses.content_loss(photos, content) == pytest.approx(0, abs=1e-4)
    itself = losses(painting, losses.content(painting))
    assert float(itself["style"]) == pytest.approx(0, abs=1e-3)
    assert float(itself["bands"]) == pytest.approx(0, abs=1e-3)
    assert {"variation", "lattice", "range"} < set(untouched)
    assert not {"color", "blocks"} & set(untouched)


def test_boldness_moves_the_content_loss_to_a_finer_layer(photos: torch.Tensor) -> None:
    blurred = torch.nn.functional.avg_pool2d(photos, 3, 1, 1)
    gentle, half, bold = (Perception(photos[:1], photos, 4, boldness) for boldness in (0, 0.5, 1))
    found = [losses.content_loss(blurred, losses.content(photos)) for losses in (gentle, half, bold)]
    assert found[0] != pytest.approx(found[2], rel=0.05)
    assert found[1] == pytest.approx((found[0] + found[2]) / 2, rel=1e-3)
    losses = bold(blurred, bold.content(photos))
    assert float(losses["content"]) == pytest.approx(found[2], rel=1e-3)
    torch.manual_seed(0)  # the pixels whose colors are compared
    itself = bold(photos[:1], bold.content(photos[:1]))
    assert float(itself["color"]) < 0.01 * float(bold(1 - photos, bold.content(photos))["color"])


def test_a_bold_style_s_motifs_are_as_cheap_in_plain_photos(photos: torch.Tensor) -> None:
    busy = photos[:1]
    gray = busy.mean((2, 3), keepdim=True)
    plain = gray + 0.05 * (busy - gray)
    rows, columns = torch.meshgrid(torch.arange(96), torch.arange(96), indexing="ij")
    motif = 0.2 * ((rows // 12 + columns // 12) % 2) - 0.1
    ratios = []
    for boldness in (0, 1):
        losses = Perception(busy, photos, 4, boldness)
        costs = [losses.content_loss(photo + motif, losses.content(photo)) for photo in (plain, busy)]
        ratios.append(costs[0] / costs[1])
    assert ratios[0] > 10
    assert ratios[1] < 1.5


def test_bands_see_what_is_finest(photos: torch.Tensor) -> None:
    painting, other = photos[:1], photos[1:]  # which differ by their noise alone
    blurred = torch.nn.functional.avg_pool2d(painting, 3, 1, 1)
    plain = photos.mean((2, 3), keepdim=True).expand_as(photos)
    bands = Bands(painting, plain)
    assert float(bands(other)) < 0.05 < 0.3 < float(bands(blurred)) < float(bands(plain))

"""Fit one style vector of the painter to a painting: what the encoder sees at once, improved for a minute.

The network stays as it is; gradient descent moves the vector's numbers until the painter's pictures come nearer to the
painting in the perceptual losses. As a learned style embedding it goes back to Dumoulin et al. 2017, section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from impasto.color import Pixels
from impasto.errors import UsageError
from impasto.files import ASSETS
from impasto.gallery import Gallery
from impasto.nn.device import find_device, find_precision
from impasto.nn.painter_net import PainterNet
from impasto.nn.tensors import to_tensor
from impasto.nn.vgg import shipped_vgg
from impasto.painter import VECTOR_SIZE, StyleVector, default_painter
from impasto.picture import Picture
from impasto.resample import fit, resize
from impasto.training.data import Crops, find_photos
from impasto.training.objective import TrainingObjective
from impasto.training.recipe import DEFAULT

STEPS = 80
_SIDE = 256  # of the photographs' crops
_FITTED, _HELD_OUT = 8, 4  # crops
_PAINTING_SIDE = 512
_RATE = 0.03  # of the vector's own spread over the gallery
_SCENES = ("self-portrait", "grande-jatte", "shipwreck")  # a face, people in a park, the sea


@dataclass(frozen=True)
class Fitted:
    """What came out.

    Attributes:
        vector: 512 numbers.
        before, after: the style loss and the content loss with the encoder's vector and with the fitted one, on
            photographs that were not fitted to.
    """

    vector: StyleVector
    before: dict[str, float]
    after: dict[str, float]


def fit_style(
    painting: Picture,
    *,
    photos: str | Path | None = None,
    steps: int = STEPS,
    device: str = "auto",
    seed: int = 0,
    on_step: Callable[[int, int, float], None] | None = None,
) -> Fitted:
    """Fit a vector of the shipped painter to a painting.

    Args:
        photos: to paint while fitting: a folder or URL, see `impasto.training.data.find_photos`; the sample and some
            built-in pictures if not given.
        steps: of the descent.
        on_step: called with the steps done, their number and the loss.
    Raises:
        UsageError: a painting too small to look at.
        PictureError: there are no photographs in the folder.
    """
    if min(painting.width, painting.height) < 64:
        raise UsageError(f"the painting is {painting.width} x {painting.height} pixels", "64 a side are needed")
    torch.manual_seed(seed)
    where = find_device(device)
    net = PainterNet().requires_grad_(False).eval()
    net.load_state_dict(load_file(ASSETS / "painter" / "painter.safetensors"))
    net.to(device=where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    loss_net = shipped_vgg("average", "replicate").to(device=where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    loss_net.convolutions.to(find_precision("auto", where))
    painting = painting.at_most(_PAINTING_SIDE)
    recipe = replace(DEFAULT, style_weight=3.0)
    objective = TrainingObjective(loss_net, recipe, [to_tensor(painting.pixels).to(where)])

    fitted, held_out = _crops(photos, seed)
    fitted, held_out = fitted.to(where), held_out.to(where)
    start = torch.from_numpy(default_painter().encode(painting.pixels)).to(where)
    gallery = Gallery()
    names = [entry.name for entry in gallery.entries() if entry.builtin]
    spread = torch.from_numpy(np.std([gallery.vector(name)[:VECTOR_SIZE] for name in names], axis=0)).to(where)
    move = torch.zeros_like(start, requires_grad=True)  # in units of what is usual for each number
    optimizer = torch.optim.Adam([move], _RATE)
    first = torch.zeros(2, dtype=torch.long, device=where)

    def measure() -> dict[str, float]:
        with torch.no_grad():
            vector = (start + move * spread).expand(len(held_out), -1)
            terms = objective(net.paint(held_out, vector), held_out, first.new_zeros(len(held_out)))
        return {"style": float(terms["style"]) / recipe.style_weight, "content": float(terms["content"])}

    before = measure()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * (1 - 0.9 * step / steps)
        batch = fitted[[(2 * step) % len(fitted), (2 * step + 1) % len(fitted)]]
        terms = objective(net.paint(batch, (start + move * spread).expand(2, -1)), batch, first)
        total = torch.stack(list(terms.values())).sum()
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if on_step:
            on_step(step + 1, steps, float(total.detach()))
    after = measure()
    vector = (start + move.detach() * spread).cpu().numpy().astype(np.float32)
    return Fitted(vector, before, after)


def _crops(photos: str | Path | None, seed: int) -> tuple[Tensor, Tensor]:
    """Eight crops to fit on and four to judge by, N x 3 x 256 x 256."""
    if photos is not None:
        found = Crops(find_photos(photos), _SIDE, seed)
        crops = [found[position][0][None] for position in range(_FITTED + _HELD_OUT)]
    else:
        sources, rng = _built_in(), np.random.default_rng(seed)
        crops = [to_tensor(_crop(sources[i % len(sources)], rng)) for i in range(_FITTED + _HELD_OUT)]
    return torch.cat(crops[:_FITTED]), torch.cat(crops[_FITTED:])


def _crop(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = pixels.shape[:2]
    side = round(min(height, width) * rng.uniform(0.5, 1))
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    return resize(pixels[top : top + side, left : left + side], _SIDE, _SIDE)


def _built_in() -> list[Pixels]:
    """The sample photo in two sizes, and built-in pictures that show what photographs show, too."""
    sample, gallery = Picture.open(ASSETS / "samples" / "colosseum.jpg"), Gallery()
    sizes = [sample.resized(*fit(sample.width, sample.height, side)).pixels for side in (480, 896)]
    return [*sizes, *(gallery.picture(gallery.get(name)).pixels for name in _SCENES)]

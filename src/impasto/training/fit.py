"""Fit the painter to a painting: what the encoder sees at once, improved for a minute or two.

Gradient descent moves the style vector's numbers, and with them the filters that paint, until the painter's pictures
come nearer to the painting in the perceptual losses. As a learned style embedding it goes back to Dumoulin et al.
2017, section 3.2; filters of a style's own are what the gallery's styles have, too (`impasto.filters`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from impasto.color import Pixels
from impasto.errors import UsageError
from impasto.files import ASSETS
from impasto.gallery import Gallery
from impasto.nn.device import find_device, find_precision
from impasto.nn.painter_net import PainterNet, filters, is_filter
from impasto.nn.tensors import to_tensor
from impasto.nn.vgg import shipped_vgg
from impasto.painter import VECTOR_SIZE, StyleVector, default_painter
from impasto.picture import Picture
from impasto.resample import fit, resize
from impasto.training.objective import TrainingObjective
from impasto.training.recipe import DEFAULT

STEPS = 160
_SIDE = 256  # of the photographs' crops
_PAINTING_SIDE = 512
_RATE = 0.03  # of the vector's own spread over the gallery
_FILTER_RATE = 1.5e-3
_HELD_OUT = 4  # crops to judge by
_SCENES = ("self-portrait", "shipwreck", "grande-jatte", "wheat-field", "kameido-snow", "night-cafe", "blue-horse")


@dataclass(frozen=True)
class Fitted:
    """What came out.

    Attributes:
        vector: 512 numbers, then the filters' changes.
        before, after: the style loss and the content loss with the encoder's vector and with the fitted one, on
            photographs that were not fitted to.
    """

    vector: StyleVector
    before: dict[str, float]
    after: dict[str, float]


def fit_style(
    painting: Picture,
    *,
    photos: list[Picture] | None = None,
    steps: int = STEPS,
    device: str = "auto",
    seed: int = 0,
    on_step: Callable[[int, int, float], None] | None = None,
) -> Fitted:
    """Fit a vector and filters of the shipped painter to a painting.

    Args:
        photos: to paint while fitting; the sample and some built-in pictures if not given.
        steps: of the descent.
        on_step: called with the steps done, their number and the loss.
    Raises:
        UsageError: a painting too small to look at.
    """
    if min(painting.width, painting.height) < 64:
        raise UsageError(f"the painting is {painting.width} x {painting.height} pixels", "64 a side are needed")
    torch.manual_seed(seed)
    where = find_device(device)
    net = PainterNet().requires_grad_(False).eval()
    net.load_state_dict(load_file(ASSETS / "painter" / "painter.safetensors"))
    unchanged = {name: value.clone() for name, value in net.brush.state_dict().items()}
    own = [value.requires_grad_() for name, value in net.brush.named_parameters() if is_filter(name)]
    net.to(device=where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    loss_net = shipped_vgg("average", "replicate").to(device=where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    loss_net.convolutions.to(find_precision("auto", where))
    painting = painting.at_most(_PAINTING_SIDE)
    recipe = replace(DEFAULT, style_weight=3.0)
    objective = TrainingObjective(loss_net, recipe, [to_tensor(painting.pixels).to(where)])

    sources = [photo.pixels for photo in photos] if photos else _built_in()
    rng = np.random.default_rng(seed)
    held_out = _crops(sources[::4], rng, _HELD_OUT).to(where)
    sources = [source for index, source in enumerate(sources) if index % 4] or sources
    start = torch.from_numpy(default_painter().encode(painting.pixels)).to(where)
    gallery = Gallery()
    names = [entry.name for entry in gallery.entries() if entry.builtin]
    spread = torch.from_numpy(np.std([gallery.vector(name)[:VECTOR_SIZE] for name in names], axis=0)).to(where)
    move = torch.zeros_like(start, requires_grad=True)  # in units of what is usual for each number
    groups = [{"params": [move], "base": _RATE}, {"params": own, "base": _FILTER_RATE}]
    optimizer = torch.optim.Adam(groups, _RATE)
    first = torch.zeros(2, dtype=torch.long, device=where)

    def measure() -> dict[str, float]:
        with torch.no_grad():
            vector = (start + move * spread).expand(len(held_out), -1)
            terms = objective(net.paint(held_out, vector), held_out, torch.zeros(len(held_out), dtype=torch.long))
        return {"style": float(terms["style"]) / recipe.style_weight, "content": float(terms["content"])}

    before = measure()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * min(1, (step + 1) / 10) * (1 - 0.95 * step / steps)
        batch = _crops(sources, rng, 2).to(where)
        terms = objective(net.paint(batch, (start + move * spread).expand(2, -1)), batch, first)
        total = torch.stack(list(terms.values())).sum()
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([move, *own], 1.0)
        optimizer.step()
        if on_step:
            on_step(step + 1, steps, float(total.detach()))
    after = measure()
    vector = start + move.detach() * spread
    tuned = {name: value.detach().cpu() for name, value in net.brush.state_dict().items()}
    return Fitted(torch.cat([vector.cpu(), filters(tuned) - filters(unchanged)]).numpy(), before, after)


def _crops(sources: list[Pixels], rng: np.random.Generator, count: int) -> Tensor:
    """Parts of pictures, count x 3 x 256 x 256."""
    chosen = rng.permutation(len(sources))
    return torch.cat([to_tensor(_crop(sources[chosen[index % len(sources)]], rng)) for index in range(count)])


def _crop(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = pixels.shape[:2]
    side = round(min(height, width) * rng.uniform(0.5, 1))
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    return resize(pixels[top : top + side, left : left + side], _SIDE, _SIDE)


def _built_in() -> list[Pixels]:
    """Built-in pictures that show what photographs show, too, and the sample photo in three sizes."""
    sample, gallery = Picture.open(ASSETS / "samples" / "colosseum.jpg"), Gallery()
    found = [gallery.picture(gallery.get(name)).pixels for name in _SCENES]
    found[1:1] = [sample.resized(*fit(sample.width, sample.height, side)).pixels for side in (400, 600, 896)]
    return found

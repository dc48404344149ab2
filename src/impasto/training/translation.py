"""Networks that translate pictures and are trained against critics. One call of each runs all networks of a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.engines.base import StyleVector
from impasto.engines.by_name import engine_of
from impasto.nn.generators import GeneratorForm, build
from impasto.training.pupil import pupil_of

FORMS = {
    "resnet9": GeneratorForm("resnet", 9),
    "resnet6": GeneratorForm("resnet", 6),
    "unet256": GeneratorForm("unet", 8),
    "unet128": GeneratorForm("unet", 7),
    "unet64": GeneratorForm("unet", 6),
}
_LAYERS = {  # layers whose features distinguish a picture's patches; "" is the picture itself
    "resnet": ("", "down1", "down2", "blocks.0", "blocks.4"),  # as published
    "painter": ("", "net.enter2", "net.enter3", "net.deep.3"),
    "light": ("", "net.enter2", "net.blocks.0", "net.blocks.1"),
}
_HEAD = 256  # features of a patch after the head
_MOVE = 5.0  # change of a style's numbers per step of the learning rate, in units of the engine's spread


class EngineGenerator(nn.Module):
    """A built-in engine as a generator of pictures in one style. It learns the style's vector and filters.

    Args:
        engine: "painter" or "light".
        style: initial style.
    """

    def __init__(self, engine: str, style: StyleVector) -> None:
        super().__init__()
        self.engine = engine
        pupil = pupil_of(engine, torch.device("cpu"))
        net, start = pupil.begin(style)
        net.chooses = False  # the training chooses the precision
        self.net: nn.Module = net
        self.start: Tensor
        self.spread: Tensor
        self.register_buffer("start", start)
        self.register_buffer("spread", _MOVE * pupil.spread.reshape(1, -1))
        self.move = nn.Parameter(torch.zeros_like(start))

    def forward(self, pictures: Tensor) -> Tensor:
        """Paint pictures, N x 3 x H x W to N x 3 x H x W. Values may leave 0..1."""
        vector = self.start + self.move * self.spread
        painted: Tensor = self.net(pictures, vector.expand(len(pictures), -1), [])
        return painted

    def style(self) -> StyleVector:
        """Return the learned style."""
        vector = self.start + self.move * self.spread
        return pupil_of(self.engine, torch.device("cpu")).style(self.net.state_dict(), vector)


def generator_of(name: str, width: int, style: StyleVector | None) -> nn.Module:
    """Return a generator by its name in a recipe, before training.

    Args:
        style: initial style of "painter" and "light".
    """
    if name in FORMS:
        form = FORMS[name]
        return build(GeneratorForm(form.kind, form.depth, width))
    assert style is not None
    return EngineGenerator(name, style)


def mean_style(paintings: Sequence[np.ndarray[Any, Any]], engine: str) -> StyleVector:
    """Return the mean of the paintings' styles."""
    found = np.mean([engine_of(engine).encode(painting).embedding for painting in paintings], axis=0)
    return StyleVector(found.astype(np.float32))


class Contrasted(NamedTuple):
    """The outputs of one step of contrastive training.

    Attributes:
        painted, kept: the network's results for the photos, and for the paintings (empty if not requested).
        queries, keys: features of patches, N x P x C for each layer: of the results, and of their sources.
    """

    painted: Tensor
    kept: Tensor
    queries: list[Tensor]
    keys: list[Tensor]


class Contrast(nn.Module):
    """A generator, and the heads that distinguish patches of its pictures (Park et al. 2020).

    Args:
        generator: its first layers provide the features.
        patches: places compared in a picture.
    """

    def __init__(self, generator: nn.Module, patches: int) -> None:
        super().__init__()
        self.generator, self.patches = generator, patches
        self.layers: tuple[str, ...] = _LAYERS[getattr(generator, "engine", "resnet")]
        with torch.no_grad(), features_of(generator, self.layers) as seen:
            picture = torch.zeros(1, 3, 64, 64)
            generator(picture)
        widths = [seen[layer].shape[1] if layer else 3 for layer in self.layers]
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(width, _HEAD), nn.ReLU(), nn.Linear(_HEAD, _HEAD)) for width in widths
        )
        for layer in self.heads.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.02)  # as published
                nn.init.zeros_(layer.bias)

    def forward(self, photos: Tensor, paintings: Tensor | None) -> Contrasted:
        """Run one step. Photos and paintings are N x 3 x H x W each."""
        pictures = photos if paintings is None else torch.cat([photos, paintings])
        with features_of(self.generator, self.layers) as seen:
            made = self.generator(pictures)
        of_pictures = {"": pictures, **seen}
        with features_of(self.generator, self.layers, stop=True) as seen:
            self.generator(made)
        of_made = {"": made, **seen}
        queries: list[Tensor] = []
        keys: list[Tensor] = []
        for layer, head in zip(self.layers, self.heads, strict=True):
            height, width = of_made[layer].shape[2:]
            places = torch.randperm(height * width)[: self.patches].to(made.device)
            for found, features in ((queries, of_made[layer]), (keys, of_pictures[layer])):
                rows = features.flatten(2)[..., places].mT.float()  # N P C
                found.append(F.normalize(head(rows).float(), dim=-1))
        return Contrasted(made[: len(photos)], made[len(photos) :], queries, keys)


class Cycled(NamedTuple):
    """The outputs of one step of cycle-consistent training, for photos (a) and paintings (b)."""

    made_b: Tensor
    made_a: Tensor
    back_a: Tensor
    back_b: Tensor
    kept_a: Tensor | None
    kept_b: Tensor | None


class Cycle(nn.Module):
    """Two generators, from photos to paintings and back (Zhu et al. 2017).

    Args:
        generator, back: from photos to paintings, and from paintings to photos.
        keeps: True to run each generator also on pictures that it should leave unchanged.
    """

    def __init__(self, generator: nn.Module, back: nn.Module, *, keeps: bool) -> None:
        super().__init__()
        self.generator, self.back, self.keeps = generator, back, keeps

    def forward(self, photos: Tensor, paintings: Tensor) -> Cycled:
        """Run one step. Photos and paintings are N x 3 x H x W each."""
        to_b, to_a = [photos], [paintings]
        if self.keeps:
            to_b, to_a = [photos, paintings], [paintings, photos]
        (made_b, *kept_b), (made_a, *kept_a) = (
            net(torch.cat(pictures)).split(len(photos)) for net, pictures in ((self.generator, to_b), (self.back, to_a))
        )
        kept = (kept_a[0], kept_b[0]) if self.keeps else (None, None)
        return Cycled(made_b, made_a, self.back(made_b), self.generator(made_a), *kept)


class Translator(nn.Module):
    """A single generator, for training on pairs."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, pictures: Tensor) -> Tensor:
        """Translate pictures, N x 3 x H x W to the same shape."""
        made: Tensor = self.generator(pictures)
        return made


class _Enough(Exception):
    """Raised to stop a network after the last requested layer."""


@contextmanager
def features_of(net: nn.Module, layers: Sequence[str], *, stop: bool = False) -> Iterator[dict[str, Tensor]]:
    """Collect the features of a network's layers while the context lasts, by the layers' names.

    Args:
        layers: names of modules, in the order in which they run.
        stop: end the context after the last of them.
    """
    seen: dict[str, Tensor] = {}
    named = [layer for layer in layers if layer]

    def hook(layer: str) -> Any:
        def keep(_: nn.Module, __: object, features: Tensor) -> None:
            seen[layer] = features
            if stop and layer == named[-1]:
                raise _Enough

        return keep

    handles = [net.get_submodule(layer).register_forward_hook(hook(layer)) for layer in named]
    try:
        yield seen
    except _Enough:
        pass
    finally:
        for handle in handles:
            handle.remove()

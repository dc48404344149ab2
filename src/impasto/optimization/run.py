"""Run the optimizer once, on a photo or on a texture, from the inputs to the finished picture."""

from __future__ import annotations

import functools
import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from impasto.controls import Controls
from impasto.errors import UsageError
from impasto.nn.device import find_device, find_precision
from impasto.nn.tensors import to_pixels, to_tensor
from impasto.nn.vgg import VGG, Padding, load_vgg, shipped_vgg
from impasto.optimization.descent import descend
from impasto.optimization.objective import Objective, StyledRegion
from impasto.optimization.pyramid import Level, choose_memory, levels
from impasto.optimization.recipe import DEFAULT, Recipe
from impasto.optimization.start import label, make_start, noise
from impasto.painting.compose import Composition, recolored
from impasto.painting.people import mask_in
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.picture.reading import MAX_PIXELS
from impasto.pixels.arrays import Pixels, filled, reduced, resize
from impasto.pixels.color import match_covariance
from impasto.pixels.masks import check_proportions, fit_mask, layer
from impasto.progress import OnProgress, Progress
from impasto.styles.style import Blend, Style
from impasto.system.memory import free_memory

SMALLEST_STYLE = 64  # pixels a side
LARGEST_BRUSH = 2  # largest factor by which paintings are enlarged; larger brushes reduce the photo instead

Paintings: TypeAlias = "list[tuple[Pixels, float]]"
"""H x W x 3 each, with weights that sum to 1."""


@dataclass(frozen=True)
class Anchor:
    """A picture to start from and to stay near: a video's last picture, warped along the motion.

    Attributes:
        picture: H x W x 3.
        trust: H x W, 0..1, the weight of every pixel.
        weight: of the mean squared difference.
    """

    picture: Pixels
    trust: Pixels
    weight: float


class _Content(NamedTuple):
    """A photo at the size at which it is optimized, with its regions.

    Attributes:
        pixels: H x W x 3.
        regions: for each part with a style: its paintings, and its share of every pixel, H x W, or None.
        kept: the photo's share of every pixel, H x W, or None.
    """

    pixels: Pixels
    regions: list[tuple[Paintings, Pixels | None]]
    kept: Pixels | None
    anchor: Anchor | None


def load_network(network: Path | str | None = None, device: str = "auto", precision: str = "auto") -> VGG:
    """Load the loss network. Any number of runs may use it, one after the other.

    Args:
        network, device, precision: as for `impasto.optimize`.
    Raises:
        UsageError: the device or the precision is unknown.
        PictureError: the file cannot be read.
        StyleError: the file contains another network.
    """
    where = find_device(device)
    kind = find_precision(precision, where)
    net = shipped_vgg() if network is None else load_vgg(Path(network))
    net.convolutions.to(kind)
    return net.to(device=where, memory_format=torch.channels_last)  # type: ignore[call-overload]


class Run:
    """One optimization.

    Args:
        net: the loss network, from `load_network`. The run sets its pooling and padding.
        recipe: the losses, and how to minimize them.
        stylizer: styles, regions and controls.
        on_progress: called after every evaluation. Returning False stops, and keeps the best picture so far.
        on_memory: called once, with an estimate of the required memory in bytes.
    Attributes:
        losses, stopped, memory: see `impasto.Optimization`.
    """

    def __init__(
        self,
        net: VGG,
        recipe: Recipe,
        stylizer: Stylizer,
        *,
        on_progress: OnProgress | None = None,
        on_memory: Callable[[int], None] | None = None,
    ) -> None:
        self.net, self.recipe, self.stylizer, self.controls = net, recipe, stylizer, stylizer.controls
        self.on_progress, self.on_memory = on_progress, on_memory
        self.losses: list[dict[str, float]] = []
        self.stopped, self.memory = False, 0
        self._started = time.perf_counter()

    def photo(self, photo: Picture, *, anchor: Anchor | None = None, max_pixels: int = MAX_PIXELS) -> Picture:
        """Paint a photo. The result has its metadata and alpha.

        Args:
            anchor: at the size at which the photo is optimized: see `worked_size`.
            max_pixels: refuse a start picture with more pixels.
        Raises:
            UsageError, PictureError, TrainingError: as `impasto.optimize`.
        """
        controls, recipe = self.controls, self.recipe
        if photo.frames:
            warnings.warn("the photo is animated; the optimizer paints only its first frame", stacklevel=2)
        photo = replace(photo.resized(*controls.output_size(photo.width, photo.height)), frames=(), cover=None)
        if controls.strength == 0:
            return replace(photo, made_with=self._made_with())
        if not recipe.layers():
            raise UsageError("all losses have the weight 0", "--style-weight 10", code="zero-weights")
        if any(region.brush_size is not None for region in self.stylizer.regions):
            hint = "use --brush-size instead of the regions' brush sizes"
            raise UsageError("the optimizer uses one brush size for all regions", hint, code="conflict")
        masks = [region.mask for region in self.stylizer.regions if isinstance(region.mask, np.ndarray)]
        check_proportions(masks, photo.width, photo.height)
        whole = filled(photo.samples, photo.alpha)
        pixels = reduced(whole, *worked_size(controls, recipe, photo.width, photo.height))
        plan = self._plan(pixels.shape[1], pixels.shape[0], recipe.padding)
        painting = _painting(self.stylizer.style.parts[0][0])
        start = make_start(recipe.start, pixels, painting, self.stylizer, max_pixels)
        if anchor is not None:
            start = (start + anchor.trust[:, :, None] * (anchor.picture - start)).astype(np.float32)
        content = _Content(pixels, *self._regions(pixels), anchor)

        def preview(result: Pixels) -> Picture:
            height, width = result.shape[:2]
            return self._finished(result, replace(photo, alpha=None).resized(width, height))

        result = self._descend(plan, functools.partial(self._objective, content), start, preview)
        return self._finished(result, photo)

    def texture(self, width: int, height: int, *, tileable: bool = False) -> Picture:
        """Make a texture. Arguments and errors are those of `impasto.texture`."""
        plan = self._plan(width, height, "circular" if tileable else self.recipe.padding)
        multiple = self.net.smallest_side(self.recipe.layers()) // 2
        if tileable and (width % multiple or height % multiple):  # otherwise the pooled borders would not match
            fits = "x".join(str(max(1, round(side / multiple)) * multiple) for side in (width, height))
            raise UsageError(
                f"sides of a tileable texture must be multiples of {multiple}", f"--size {fits}", code="out-of-range"
            )
        paintings = self._paintings(self.stylizer.style, None)
        made_with = self._made_with()

        def objective(level: Level) -> Objective:
            return Objective(self.net, self.recipe, None, [StyledRegion(self._scaled(paintings, level))])

        def finish(result: Pixels) -> Picture:
            return Picture(result, made_with=made_with)

        start = match_covariance(noise(width, height, self.controls.seed), paintings[0][0])
        return finish(self._descend(plan, objective, start, finish))

    # Before the first evaluation.

    def _plan(self, width: int, height: int, padding: Padding) -> list[Level]:
        """Set the network up for pictures of that size; return the scales."""
        net, recipe, layers = self.net, self.recipe, self.recipe.layers()
        net.pooling, net.padding = recipe.pooling, padding
        smallest = net.smallest_side(layers)  # raises an error for unknown layers
        if min(width, height) < smallest:
            raise UsageError(
                f"{width} x {height} pixels are too few for {max(layers)}",
                f"use at least {smallest} pixels a side, or shallower layers",
                code="too-small",
            )
        plan = levels(width, height, recipe, smallest, smallest // 2 if padding == "circular" else 1)
        weights = next(net.convolutions.parameters())
        free = free_memory() if weights.device.type == "cpu" else None
        self.memory, net.recompute = choose_memory(width, height, layers, net.depth, weights.element_size(), free)
        if self.on_memory:
            self.on_memory(self.memory)
        return plan

    def _regions(self, photo: Pixels) -> tuple[list[tuple[Paintings, Pixels | None]], Pixels | None]:
        """Return `regions` and `kept` of `_Content`."""
        height, width = photo.shape[:2]
        blends = self.stylizer.blends
        found = [region.mask for region in self.stylizer.regions]
        masks = [
            fit_mask(mask_in(one, photo, warn=False) if isinstance(one, str) else one, width, height)
            for one in found
            if one is not None
        ]
        shares: Sequence[Pixels | None] = list(layer(masks)) if masks else [None]
        parts = list(zip(blends, shares, strict=True))
        styled = [(self._paintings(blend, photo), share) for blend, share in parts if blend is not None]
        kept = [share for blend, share in parts if blend is None and share is not None]
        return styled, np.sum(kept, axis=0) if kept else None

    def _paintings(self, blend: Blend, photo: Pixels | None) -> Paintings:
        """Return a blend's paintings, in the photo's colors if the controls ask for that."""
        found = []
        for style, weight in blend.parts:
            painting = _painting(style)
            height, width = painting.shape[:2]
            if min(height, width) < SMALLEST_STYLE:
                raise UsageError(
                    f"the style {style.label} is {width} x {height} pixels",
                    f"use a painting of at least {SMALLEST_STYLE} pixels a side",
                    code="too-small",
                )
            found.append(
                (painting if photo is None else recolored(painting, controls=self.controls, photo=photo), weight)
            )
        return found

    def _made_with(self) -> dict[str, object]:
        changed = {
            part.name: getattr(self.recipe, part.name)
            for part in fields(Recipe)
            if getattr(self.recipe, part.name) != getattr(DEFAULT, part.name)
        }
        if "start" in changed:
            changed["start"] = label(self.recipe.start)
        return self.stylizer.made_with() | {"engine": "optimize", "recipe": changed}

    # One scale.

    def _objective(self, content: _Content, level: Level) -> Objective:
        """Make the objective of a scale."""
        regions = [
            StyledRegion(self._scaled(paintings, level), None if share is None else self._at(share, level))
            for paintings, share in content.regions
        ]
        held, anchor = None, content.anchor
        if anchor is not None:
            held = self._at(anchor.picture, level), self._at(anchor.trust, level), anchor.weight
        return Objective(
            self.net,
            self.recipe,
            self._at(content.pixels, level),
            regions,
            strength=self.controls.strength / 100,
            kept=None if content.kept is None else self._at(content.kept, level),
            held=held,
        )

    def _at(self, pixels: Pixels, level: Level) -> Tensor:
        """Convert a picture, or a mask, to a tensor at a scale's size."""
        return self._tensor(resize(pixels, level.width, level.height, "lanczos" if pixels.ndim == 3 else "bilinear"))

    def _scaled(self, paintings: Paintings, level: Level) -> list[tuple[Tensor, float]]:
        """Resize paintings for a scale: about as many pixels as the picture, but not enlarged to reach them."""
        found = []
        scales = self.recipe.style_scales
        for painting, weight in paintings:
            height, width = painting.shape[:2]
            natural = min(1.0, math.sqrt(level.pixels / (width * height)))
            for scale in scales:
                factor = natural * scale * min(self.controls.brush_size, LARGEST_BRUSH)
                size = [max(SMALLEST_STYLE // 2, round(side * factor)) for side in (width, height)]
                found.append((self._tensor(resize(painting, *size)), weight / len(scales)))
        return found

    def _tensor(self, pixels: Pixels) -> Tensor:
        return to_tensor(pixels).to(self.net.entry.weight.device)

    # The descent, and its end.

    def _descend(
        self,
        plan: Sequence[Level],
        objective: Callable[[Level], Objective],
        start: Pixels,
        finish: Callable[[Pixels], Picture],
    ) -> Pixels:
        total = sum(level.iterations for level in plan)

        def show(level: Level, step: int, fraction: float, terms: dict[str, float], picture: Tensor) -> bool:
            seconds = time.perf_counter() - self._started
            scale = max(level.width, level.height)
            self.losses.append({"step": step, "scale": scale, "seconds": round(seconds, 3), **terms})
            if self.on_progress is None:
                return True
            progress = Progress(step, total, fraction, losses=terms, preview=lambda: finish(to_pixels(picture)))
            return self.on_progress(progress) is not False

        picture, self.stopped = descend(plan, objective, self._tensor(start), self.recipe, show)
        return to_pixels(picture)

    def _finished(self, result: Pixels, photo: Picture) -> Picture:
        """Finish a result at the photo's size: colors, tone, the parts of the photo that stay, metadata."""
        stylizer, plain = self.stylizer, replace(self.controls, strength=100.0)  # the losses already include strength
        seen = filled(photo.samples, photo.alpha)
        compose = Composition(plain, stylizer.layers, seen, budget=stylizer.painter.budget)
        return replace(photo, samples=compose.finished(result, seen), made_with=self._made_with())


def worked_size(controls: Controls, recipe: Recipe, width: int, height: int) -> tuple[int, int]:
    """Return the size at which a photo of width x height is optimized: its own, up to the recipe's limit."""
    brush = max(1.0, controls.brush_size / LARGEST_BRUSH)
    return Controls(brush_size=brush).painted_size(width, height, recipe.largest)


def _painting(style: Style) -> Pixels:
    if style.painting is None:
        raise UsageError(
            f"{style.label} is a network without its painting",
            "give the painting's file as the style",
            code="network-style",
        )
    return style.painting

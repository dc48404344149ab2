"""Optimise a picture: the face of the slow engine.

Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016; controls after Gatys et al.:
Controlling Perceptual Factors in Neural Style Transfer, CVPR 2017.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from impasto.controls import Controls
from impasto.errors import UsageError
from impasto.nn.device import find_device, find_precision
from impasto.nn.tensors import to_pixels, to_tensor
from impasto.nn.vgg import VGG, load_vgg, shipped_vgg
from impasto.optimization.descent import descend
from impasto.optimization.objective import Ground, Objective
from impasto.optimization.pyramid import Level, choose_memory, levels
from impasto.optimization.recipe import DEFAULT, Recipe, find_recipe
from impasto.painting.compose import Composition, recolored
from impasto.painting.regions import Regions
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture, Source
from impasto.picture.reading import MAX_PIXELS
from impasto.pixels.arrays import Pixels, filled, reduced, resize
from impasto.pixels.color import match_covariance
from impasto.pixels.masks import check_proportions, fit_mask, layer
from impasto.progress import OnProgress, Progress
from impasto.settings import make
from impasto.styles.gallery import Gallery
from impasto.styles.resolve import StyleRequest
from impasto.styles.style import Blend, Style
from impasto.system.memory import free_memory

SMALLEST_STYLE = 64
LARGEST_BRUSH = 2  # paintings are enlarged so far; for a larger brush the photo is reduced
SHARES = {"painter": 1.0, "mix": 0.5}
STARTS = ("painter", "photo", "noise", "style", "mix")
_NOISE = 0.25  # deviation of the noise around grey


@dataclass(frozen=True)
class Optimization:
    """What came out of a run.

    Attributes:
        picture: the best picture, with the photo's metadata and alpha.
        losses: of every evaluation: step, scale (the longer side in pixels), seconds since the start, each weighted
            term and their "total". Totals of different scales have different targets.
        stopped: whether `on_progress` ended it early.
        memory: bytes that were expected to be needed.

    >>> result = impasto.optimize("photo.jpg", "starry-night", recipe=impasto.Recipe(iterations=2, start="photo"))
    >>> isinstance(result, impasto.Optimization), len(result.losses), result.stopped
    (True, 2, False)
    """

    picture: Picture
    losses: list[dict[str, float]] = field(default_factory=list)
    stopped: bool = False
    memory: int = 0


@dataclass(frozen=True)
class Held:
    """What a picture is begun with and held to: a video's last one, carried along the motion.

    Attributes:
        picture: H x W x 3.
        trust: H x W in 0..1, how much at every pixel.
        weight: of the mean squared difference.
    """

    picture: Pixels
    trust: Pixels
    weight: float


def optimize(
    photo: Source,
    style: StyleRequest,
    *,
    regions: Regions | None = None,
    recipe: str | Recipe = "default",
    network: Path | str | None = None,
    device: str = "auto",
    precision: str = "auto",
    gallery: Gallery | None = None,
    max_pixels: int = MAX_PIXELS,
    on_progress: OnProgress | None = None,
    on_memory: Callable[[int], None] | None = None,
    **controls: Any,
) -> Optimization:
    """Paint a photo by optimising its pixels: slower than `stylize`, and as close to a style as the method gets.

    Args:
        photo, style, regions, gallery, max_pixels: as for `impasto.stylize`.
        recipe: a name from `RECIPES` or a `Recipe` of your own.
        network: VGG-16 or VGG-19 in torchvision's format; None, the normalised VGG-19 that ships.
        device: "auto", "cpu", "cuda" or "mps".
        precision: of the convolutions: "auto", "float32" or "bfloat16"; statistics are in float32 in any case.
        on_progress: called after every evaluation; returning False stops and keeps the best so far.
        on_memory: called once with the bytes that will be needed.
        controls: the fields of `impasto.Controls`.
    Raises:
        UsageError: an unknown style, recipe, layer or control, or a photo or painting too small.
        PictureError: a file that cannot be read, or not enough memory.

    >>> impasto.optimize("photo.jpg", "starry-night", on_progress=lambda now: now.step < 1).picture
    <Picture 64x36>
    """
    chosen = make(Controls, controls, "control")
    run = Run(chosen, find_recipe(recipe), network, device, precision, on_progress, on_memory)
    stylizer = Stylizer(style, regions=regions, controls=chosen, gallery=gallery, max_pixels=max_pixels)
    return run.photo(Picture.open(photo, max_pixels=max_pixels), stylizer, max_pixels)


def texture(
    style: StyleRequest,
    width: int,
    height: int,
    *,
    tileable: bool = False,
    recipe: str | Recipe = "default",
    network: Path | str | None = None,
    device: str = "auto",
    precision: str = "auto",
    gallery: Gallery | None = None,
    max_pixels: int = MAX_PIXELS,
    on_progress: OnProgress | None = None,
    on_memory: Callable[[int], None] | None = None,
    brush_size: float = 1.0,
    seed: int = 0,
) -> Optimization:
    """A new texture from a picture of one (Gatys et al. 2015): the style's statistics and nothing else.

    Args:
        width, height: of the texture, in pixels.
        tileable: opposite borders meet.
        the others: as for `optimize`.
    Raises:
        UsageError, PictureError: as `optimize`.

    >>> impasto.texture("painting.jpg", 64, 64, recipe=impasto.Recipe(iterations=1)).picture
    <Picture 64x64>
    """
    chosen = find_recipe(recipe)
    if chosen.start not in (DEFAULT.start, "noise"):
        raise UsageError(f"a texture cannot start from {chosen.start}", "it starts from noise")
    chosen = replace(chosen, content_weight=0.0, start="noise")
    if not chosen.layers():
        raise UsageError("a texture needs a style loss", "--style-weight above 0")
    controls = Controls(brush_size=brush_size, seed=seed)
    run = Run(controls, chosen, network, device, precision, on_progress, on_memory)
    stylizer = Stylizer(style, controls=controls, gallery=gallery, max_pixels=max_pixels)
    return run.texture(stylizer, width, height, tileable)


@dataclass
class Run:
    """One optimisation: what it was asked for, and what it has found."""

    controls: Controls
    recipe: Recipe
    network: Path | str | None
    device_name: str
    precision_name: str
    on_progress: OnProgress | None
    on_memory: Callable[[int], None] | None
    losses: list[dict[str, float]] = field(default_factory=list)
    stopped: bool = False
    memory: int = 0

    def __post_init__(self) -> None:
        self.device = find_device(self.device_name)
        self.precision = find_precision(self.precision_name, self.device)
        self._started = time.perf_counter()

    def photo(self, photo: Picture, stylizer: Stylizer, max_pixels: int, held: Held | None = None) -> Optimization:
        controls, recipe = self.controls, self.recipe
        photo = replace(photo.resized(*controls.output_size(photo.width, photo.height)), frames=())
        made_with = self._made_with(stylizer)
        if controls.strength == 0:
            return Optimization(replace(photo, made_with=made_with))
        if not recipe.layers():
            raise UsageError("all losses have the weight 0", "--style-weight, --content-weight")
        whole = filled(photo.samples, photo.alpha)
        pixels = reduced(whole, *worked_size(controls, recipe, photo.width, photo.height))
        height, width = pixels.shape[:2]
        net, plan = self._prepare(width, height, recipe.padding)
        start = self._start(pixels, stylizer, max_pixels)
        if held is not None:
            start = (start + held.trust[:, :, None] * (held.picture - start)).astype(np.float32)
        grounds = [(blend, self._paintings(blend, pixels)) for blend in stylizer.blends]
        check_proportions([region.mask for region in stylizer.regions], photo.width, photo.height)
        regions = [region.mask for region in stylizer.regions]
        masks = [fit_mask(mask, width, height) for mask in regions]
        shares = layer(masks) if masks else None
        left = [index for index, (blend, _) in enumerate(grounds) if blend is None]
        kept = None if shares is None or not left else shares[left].sum(0)

        def objective(level: Level) -> Objective:
            seen = _shrunk(pixels, level)
            parts = [
                Ground(
                    self._seen(paintings, level),
                    None if shares is None else self._tensor(_shrunk(shares[index], level)),
                )
                for index, (blend, paintings) in enumerate(grounds)
                if blend is not None
            ]
            stays = None if kept is None else self._tensor(_shrunk(kept, level))
            toward = None
            if held is not None:
                carried, trust = (self._tensor(_shrunk(part, level)) for part in (held.picture, held.trust))
                toward = carried, trust, held.weight
            return Objective(
                net, recipe, self._tensor(seen), parts, strength=controls.strength / 100, kept=stays, held=toward
            )

        def finish(result: Pixels, seen: Picture) -> Picture:
            plain = replace(controls, strength=100.0)  # the losses know the strength
            composition = Composition(
                plain, stylizer.blends, regions, seen.samples, alpha=seen.alpha, budget=stylizer.painter.budget
            )
            return replace(seen, samples=composition.finished(result, seen.samples), made_with=made_with)

        def preview(result: Pixels) -> Picture:
            height, width = result.shape[:2]
            return finish(result, replace(photo, alpha=None).resized(width, height))

        result = self._descend(plan, objective, start, preview)
        return Optimization(finish(result, photo), self.losses, self.stopped, self.memory)

    def texture(self, stylizer: Stylizer, width: int, height: int, tileable: bool) -> Optimization:
        net, plan = self._prepare(width, height, "circular" if tileable else self.recipe.padding)
        multiple = net.smallest_side(self.recipe.layers()) // 2
        if tileable and (width % multiple or height % multiple):  # else the pooled borders would not meet
            fits = "x".join(str(max(1, round(side / multiple)) * multiple) for side in (width, height))
            raise UsageError(f"a tileable texture's sides are multiples of {multiple}", f"--size {fits}")
        paintings = self._paintings(stylizer.style, None)
        made_with = self._made_with(stylizer)

        def objective(level: Level) -> Objective:
            return Objective(net, self.recipe, None, [Ground(self._seen(paintings, level))])

        def finish(result: Pixels) -> Picture:
            return Picture(result, made_with=made_with)

        colors = paintings[0][0]
        start = match_covariance(self._noise(width, height), colors)
        result = self._descend(plan, objective, start, finish)
        return Optimization(finish(result), self.losses, self.stopped, self.memory)

    # What is needed before the first evaluation.

    def _prepare(self, width: int, height: int, padding: str) -> tuple[VGG, list[Level]]:
        recipe = self.recipe
        if self.network is None:
            net = shipped_vgg(recipe.pooling, padding)  # type: ignore[arg-type]
        else:
            net = load_vgg(Path(self.network), recipe.pooling, padding)  # type: ignore[arg-type]
        layers = recipe.layers()
        smallest = net.smallest_side(layers)  # also says which layers there are
        if min(width, height) < smallest:
            raise UsageError(
                f"{width} x {height} pixels are too few for {max(layers)}", f"{smallest} a side, or shallower layers"
            )
        plan = levels(width, height, recipe, smallest, smallest // 2 if padding == "circular" else 1)
        bytes_per_value = 2 if self.precision == torch.bfloat16 else 4
        free = free_memory() if self.device.type == "cpu" else None
        self.memory, net.recompute = choose_memory(width, height, layers, net.depth, bytes_per_value, free)
        if self.on_memory:
            self.on_memory(self.memory)
        net.convolutions.to(self.precision)
        return net.to(device=self.device, memory_format=torch.channels_last), plan  # type: ignore[call-overload]

    def _paintings(self, blend: Blend | None, photo: Pixels | None) -> list[tuple[Pixels, float]]:
        if blend is None:
            return []
        found = []
        for style, weight in blend.parts:
            painting = _painting(style)
            height, width = painting.shape[:2]
            if min(height, width) < SMALLEST_STYLE:
                raise UsageError(
                    f"the style {style.label} is {width} x {height} pixels", f"{SMALLEST_STYLE} a side are needed"
                )
            found.append(
                (painting if photo is None else recolored(painting, controls=self.controls, photo=photo), weight)
            )
        return found

    def _seen(self, paintings: Sequence[tuple[Pixels, float]], level: Level) -> list[tuple[Tensor, float]]:
        """The paintings in the sizes that are looked at: as many pixels as the picture, never enlarged for that."""
        seen = []
        scales = self.recipe.style_scales
        for painting, weight in paintings:
            height, width = painting.shape[:2]
            usual = min(1.0, math.sqrt(level.pixels / (width * height)))
            for scale in scales:
                factor = usual * scale * min(self.controls.brush_size, LARGEST_BRUSH)
                size = [max(SMALLEST_STYLE // 2, round(side * factor)) for side in (width, height)]
                seen.append((self._tensor(resize(painting, *size)), weight / len(scales)))
        return seen

    def _start(self, photo: Pixels, stylizer: Stylizer, max_pixels: int) -> Pixels:
        height, width = photo.shape[:2]
        kind = self.recipe.start.partition(":")[0]
        if kind == "photo":
            return photo
        weight = _share(self.recipe.start) if kind in ("painter", "mix") else 0.0
        if kind == "painter":
            colors = "none" if self.controls.keep_color == "luminance" else self.controls.keep_color
            plain = replace(self.controls, tone="none", keep_color=colors, size=None)  # finishing comes at the end
            painted = stylizer.with_controls(plain)(Picture(photo)).pixels
            rest = _in_colors_of(photo, stylizer) if weight < 1 else photo
            return (rest + np.float32(weight) * (painted - rest)).astype(np.float32)
        if kind == "noise":
            return self._noise(width, height)
        if kind == "style":
            return _in_colors_of(photo, stylizer)
        if kind == "mix":
            return (photo + np.float32(weight) * (self._noise(width, height) - photo)).astype(np.float32)
        path = Path(self.recipe.start)
        if not path.exists() and not path.suffix:
            raise UsageError(f"{self.recipe.start} is no start", f"one of {', '.join(STARTS)}, or a picture's file")
        return Picture.open(path, max_pixels=max_pixels).resized(width, height).pixels

    def _noise(self, width: int, height: int) -> Pixels:
        noise = np.random.default_rng(self.controls.seed).normal(0.5, _NOISE, (height, width, 3))
        return noise.clip(0, 1).astype(np.float32)

    def _tensor(self, pixels: Pixels) -> Tensor:
        return to_tensor(pixels).to(self.device)

    def _made_with(self, stylizer: Stylizer) -> dict[str, object]:
        changed = {
            part.name: getattr(self.recipe, part.name)
            for part in fields(Recipe)
            if getattr(self.recipe, part.name) != getattr(DEFAULT, part.name)
        }
        if str(changed.get("start", "photo")).partition(":")[0] not in STARTS:
            changed["start"] = "picture"  # names of the user's files stay with the user
        return stylizer.made_with() | {"engine": "optimize", "recipe": changed}

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


def worked_size(controls: Controls, recipe: Recipe, width: int, height: int) -> tuple[int, int]:
    """The size at which the pixels of a photo of width x height are optimised: its own, up to the recipe's limit."""
    brush = max(1.0, controls.brush_size / LARGEST_BRUSH)
    return Controls(brush_size=brush).painted_size(width, height, recipe.largest)


def _in_colors_of(photo: Pixels, stylizer: Stylizer) -> Pixels:
    return match_covariance(photo, _painting(stylizer.style.parts[0][0]))


def _painting(style: Style) -> Pixels:
    if style.painting is None:
        raise UsageError(f"{style.label} is a network without its painting", "the optimiser needs the painting's file")
    return style.painting


def _shrunk(pixels: Pixels, level: Level) -> Pixels:
    """A picture, or a mask, at a scale's size."""
    return resize(pixels, level.width, level.height, "lanczos" if pixels.ndim == 3 else "bilinear")


def _share(start: str) -> float:
    """The number after "painter:" or "mix:"."""
    kind, _, text = start.partition(":")
    try:
        share = float(text or SHARES[kind])
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise UsageError(f"--start {start}: {text} is no share in 0..1", f"--start {kind}:{SHARES[kind]}")
    return share

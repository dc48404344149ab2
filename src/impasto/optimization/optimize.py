"""Paint a photo, or make a texture, by optimization: the public functions.

Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016. The controls follow Gatys et
al.: Controlling Perceptual Factors in Neural Style Transfer, CVPR 2017.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from impasto.controls import Controls
from impasto.errors import UsageError
from impasto.optimization.recipe import DEFAULT, Recipe, find_recipe
from impasto.optimization.run import Run, load_network
from impasto.painting.regions import Regions
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture, Source
from impasto.picture.reading import MAX_PIXELS
from impasto.progress import OnProgress
from impasto.settings import make
from impasto.styles.gallery import Gallery
from impasto.styles.resolve import StyleRequest


@dataclass(frozen=True)
class Optimization:
    """The result of an optimization.

    Attributes:
        picture: the best picture, with the photo's metadata and alpha.
        losses: one entry for each evaluation: step, scale (the longer side in pixels), seconds since the run was set
            up, each weighted term, and their "total". Do not compare totals of different scales: their targets differ.
        stopped: True if `on_progress` stopped the run.
        memory: estimate of the required memory, in bytes.

    >>> result = impasto.optimize("photo.jpg", "starry-night", recipe=impasto.Recipe(iterations=2, start="photo"))
    >>> isinstance(result, impasto.Optimization), len(result.losses), result.stopped
    (True, 2, False)
    """

    picture: Picture
    losses: list[dict[str, float]] = field(default_factory=list)
    stopped: bool = False
    memory: int = 0


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
    """Paint a photo by optimizing its pixels. This is slower than `stylize` and follows the style more closely.

    Args:
        photo, style, regions, gallery, max_pixels: as for `impasto.stylize`.
        recipe: a name from `RECIPES`, or a `Recipe` of your own.
        network: a file of VGG-16 or VGG-19 in torchvision's format; None: the normalized VGG-19 that ships.
        device: "auto", "cpu", "cuda" or "mps".
        precision: of the convolutions: "auto", "float32" or "bfloat16". Statistics always use float32.
        on_progress: called after every evaluation. Returning False stops, and keeps the best picture so far.
        on_memory: called once, with an estimate of the required memory in bytes.
        controls: the fields of `impasto.Controls`.
    Raises:
        UsageError: a style, recipe, layer or control is unknown, or a photo or painting is too small.
        PictureError: a file cannot be read, or there is not enough memory.
        TrainingError: the losses are not finite.

    >>> impasto.optimize("photo.jpg", "starry-night", on_progress=lambda now: now.step < 1).picture
    <Picture 64x36>
    """
    chosen, values = find_recipe(recipe), make(Controls, controls, "control")
    stylizer = Stylizer(style, regions=regions, controls=values, gallery=gallery, max_pixels=max_pixels)
    opened = Picture.open(photo, max_pixels=max_pixels)
    net = load_network(network, device, precision)
    run = Run(net, chosen, stylizer, on_progress=on_progress, on_memory=on_memory)
    return _result(run.photo(opened, max_pixels=max_pixels), run)


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
    """Make a new texture from a picture of one: match the style's statistics only (Gatys et al. 2015).

    Args:
        style: the texture's example, as for `optimize`.
        width, height: of the texture, in pixels.
        tileable: make opposite borders match.
        recipe, network, device, precision, gallery, max_pixels, on_progress, on_memory: as for `optimize`.
        brush_size: 0.25..4, the size of the strokes.
        seed: of the noise from which the texture starts.
    Raises:
        UsageError, PictureError, TrainingError: as `optimize`.

    >>> impasto.texture("painting.jpg", 64, 64, recipe=impasto.Recipe(iterations=1)).picture
    <Picture 64x64>
    """
    chosen = find_recipe(recipe)
    if chosen.start not in (DEFAULT.start, "noise"):
        raise UsageError(f"a texture cannot start from {chosen.start}", "--start noise", code="conflict")
    chosen = replace(chosen, content_weight=0.0, start="noise")
    if not chosen.layers():
        raise UsageError("a texture needs a style loss", "--style-weight 10, or any weight above 0", code="conflict")
    controls = Controls(brush_size=brush_size, seed=seed)
    stylizer = Stylizer(style, controls=controls, gallery=gallery, max_pixels=max_pixels)
    net = load_network(network, device, precision)
    run = Run(net, chosen, stylizer, on_progress=on_progress, on_memory=on_memory)
    return _result(run.texture(width, height, tileable=tileable), run)


def _result(picture: Picture, run: Run) -> Optimization:
    return Optimization(picture, run.losses, run.stopped, run.memory)

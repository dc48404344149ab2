"""Score pictures with a network that no method was optimized for, and with the same treatment of all pictures."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.measure import metrics
from impasto.nn.tensors import read_tensors, to_tensor
from impasto.nn.vgg import VGG, cached_vgg, load_vgg, shipped_vgg
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels, fit

STYLE_LAYERS = {16: ("relu1_2", "relu2_2", "relu3_3", "relu4_3"), 19: ("relu1_2", "relu2_2", "relu3_4", "relu4_4")}
CONTENT_LAYER = {16: "relu3_3", 19: "relu3_4"}
DISTANCE_SIZE = 256
LPIPS_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")


@dataclass(frozen=True)
class Judge:
    """A loss network, and LPIPS's linear weights if they are available.

    Attributes:
        net: the network.
        name: its name in reports.
        heads: {layer: 1 x C x 1 x 1}; empty without the published weights, or for a network that they do not fit.
        independent: False if an optimizer may have minimized losses of this network.
    """

    net: VGG
    name: str
    heads: dict[str, Tensor] = field(default_factory=dict)
    independent: bool = True

    @property
    def style_layers(self) -> tuple[str, ...]:
        return STYLE_LAYERS[self.net.depth]

    @property
    def content_layer(self) -> str:
        return CONTENT_LAYER[self.net.depth]

    def features(self, picture: Pixels) -> dict[str, Tensor]:
        """Return every layer that a score needs, 1 x C x h x w each, from one pass."""
        layers = list(dict.fromkeys([*self.style_layers, *self.heads]))
        with torch.inference_mode():
            return self.net(to_tensor(picture), layers)


def find_judge(path: Path | None = None) -> Judge:
    """Load the network that scores: VGG-16 in torchvision's format from `path` or the torch hub's cache.

    Otherwise use VGG-19 from that cache, or the built-in VGG-19 with a warning.

    Raises:
        PictureError, StyleError: `path` is not such a file.
    """
    path = path or cached_vgg(16) or cached_vgg(19)
    if path is None:
        warnings.warn(
            "the built-in VGG-19 gives the scores and flatters an optimizer that used it; "
            "for an independent network add --judge vgg16.safetensors",
            stacklevel=2,
        )
        return Judge(shipped_vgg(), "VGG-19 normalized (shipped)", independent=False)
    net = load_vgg(path)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a quarter faster on a CPU
    return Judge(net, f"{net.label} ({path.name})", _lpips_heads(path) if net.depth == 16 else {})


def _lpips_heads(path: Path) -> dict[str, Tensor]:
    """Load LPIPS v0.1's linear weights for VGG-16 from the network's own file, or from the `lpips` package's data."""
    tensors = read_tensors(path)
    if "lpips.lin0.weight" in tensors:
        return {layer: tensors[f"lpips.lin{i}.weight"].float() for i, layer in enumerate(LPIPS_LAYERS)}
    package = importlib.util.find_spec("lpips")  # found but not imported, because it needs torchvision
    for folder in (package.submodule_search_locations or []) if package else []:
        file = Path(folder) / "weights" / "v0.1" / "vgg.pth"
        if file.is_file():
            data = read_tensors(file)
            return {layer: data[f"lin{i}.model.1.weight"].float() for i, layer in enumerate(LPIPS_LAYERS)}
    return {}


@dataclass(frozen=True)
class Character:
    """A picture's style statistics, which identify the nearest style, and the mean of each content channel."""

    fingerprint: NDArray[np.float64]
    pooled: NDArray[np.float64]


class Scorer:
    """Scores pictures painted from pairs of photo and style. Features of photos and styles are computed once.

    Args:
        judge: the network.
        size: longer side in pixels to which photos and styles are resized. Results get their photo's size. All pictures
            are rounded to 8 bits, so that finer files have no advantage.
    """

    def __init__(self, judge: Judge, size: int = 512) -> None:
        self.judge, self.size = judge, size
        self._pixels: dict[str, Pixels] = {}
        self._statistics: dict[str, dict[str, metrics.Statistics]] = {}
        # Photos come one after the other, so only the last one's features are kept.
        self._features = functools.lru_cache(maxsize=1)(self._features_of)

    def add(self, key: str, picture: Picture) -> Pixels:
        """Resize a photo or a style to the common size and store it under a key."""
        self._pixels[key] = eight_bits(picture.resized(*fit(picture.width, picture.height, self.size)).pixels)
        return self._pixels[key]

    def score(self, photo: str, style: str, result: Pixels) -> dict[str, float]:
        """Return all metrics of one result. `photo` and `style` are keys of `add`."""
        source, painting = self._pixels[photo], self._pixels[style]
        result = eight_bits(result)
        ours, untouched = self.judge.features(result), self._features(photo)
        layers = self.judge.style_layers
        triple = metrics.statistics(ours, layers), self._statistics_of(style), self._statistics_of(photo)
        gram, adain = metrics.style_losses(*triple), metrics.moments_losses(*triple)
        content = metrics.content_losses(ours, untouched, layers)
        scores = {
            "style": float(np.mean(list(gram.values()))),
            "content": content[self.judge.content_layer],
            "moments": float(np.mean(list(adain.values()))),
            "ssim": metrics.ssim(result, source),
            "variation": metrics.variation(result),
            "color": metrics.color_distance(result, painting),
        }
        multi = metrics.ms_ssim(result, source)
        if multi is not None:
            scores["ms_ssim"] = multi
        if self.judge.heads:
            scores["lpips"] = metrics.lpips(ours, untouched, self.judge.heads)
        scores |= {f"style_{layer}": value for layer, value in gram.items()}
        scores |= {f"content_{layer}": value for layer, value in content.items()}
        return scores

    def character(self, picture: Pixels) -> Character:
        """Return the values by which a picture is compared in sets of pictures."""
        features = self.judge.features(eight_bits(picture))
        return Character(
            metrics.fingerprint(metrics.statistics(features, self.judge.style_layers)),
            features[self.judge.content_layer].mean((2, 3))[0].double().numpy(),
        )

    def distances(self, pictures: Sequence[Picture]) -> list[float]:
        """Return the perceptual distance of every two pictures, at 256 pixels.

        The distance is LPIPS. Without LPIPS's weights, it is the content loss, averaged over both directions.
        """
        features = [self.glance(picture) for picture in pictures]
        return [self.distance(one, other) for one, other in itertools.combinations(features, 2)]

    def glance(self, picture: Picture) -> dict[str, Tensor]:
        """Return the features of a picture at 256 pixels, for `distance`."""
        small = picture.resized(*fit(picture.width, picture.height, DISTANCE_SIZE))
        return self.judge.features(eight_bits(small.pixels))

    def distance(self, one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
        """Return the perceptual distance of two results of `glance`, 0 or more; see `distances`."""
        if self.judge.heads:
            return metrics.lpips(one, other, self.judge.heads)
        layer = self.judge.content_layer
        return sum(metrics.content_losses(a, b, [layer])[layer] for a, b in ((one, other), (other, one))) / 2

    def pixels(self, key: str) -> Pixels:
        return self._pixels[key]

    def _statistics_of(self, key: str) -> dict[str, metrics.Statistics]:
        if key not in self._statistics:
            self._statistics[key] = metrics.statistics(self.judge.features(self._pixels[key]), self.judge.style_layers)
        return self._statistics[key]

    def _features_of(self, key: str) -> dict[str, Tensor]:
        return self.judge.features(self._pixels[key])


def eight_bits(picture: Pixels) -> Pixels:
    """Round a picture's values to 8 bits, as in a file."""
    return (np.rint(picture.clip(0, 1) * 255) / 255).astype(np.float32)

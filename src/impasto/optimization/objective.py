"""The objective at one scale: content, style, histogram and variation losses of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.nn.layers import weigh
from impasto.nn.losses import (
    ContentLoss,
    GramLoss,
    HistogramLoss,
    MomentsLoss,
    StyleLoss,
    WassersteinLoss,
    total_variation,
)
from impasto.nn.vgg import VGG, See
from impasto.optimization.recipe import Recipe

STYLE_LOSSES: dict[str, type[StyleLoss]] = {"gram": GramLoss, "moments": MomentsLoss, "wasserstein": WassersteinLoss}

_Kind: TypeAlias = "tuple[str, float, dict[str, float], type[StyleLoss]]"
"""A term, its weight, its layers with their weights, and its loss."""


@dataclass(frozen=True)
class StyledRegion:
    """A part of the picture, and the paintings whose style it gets.

    Attributes:
        paintings: 1 x 3 x h x w each, with weights that sum to 1.
        share: 1 x 1 x H x W, 0..1, the part's share of every pixel; None: the whole picture.
    """

    paintings: Sequence[tuple[Tensor, float]]
    share: Tensor | None = None


class Objective:
    """The weighted sum of a recipe's losses for one picture size.

    Regions use guided statistics (Gatys et al. 2017). The region's share, averaged over each feature's area, is the
    feature's weight. The region's area is the weight of its loss.

    Strength interpolates the style's target. At strength s, the target is (1 - s) times the photo's own statistics plus
    s times the style's. So at 0 the photo's loss is 0.

    Args:
        photo: 1 x 3 x H x W, the content; None for textures.
        regions: parts with a style.
        strength: 0..1; values below 1 need a photo.
        kept: 1 x 1 x H x W, 0..1, the photo's share of every pixel.
        held: a picture to stay near, 1 x 3 x H x W; a weight for every pixel, 1 x 1 x H x W; and the weight of the mean
            squared difference (Ruder et al. 2016, eq. 7).
    Raises:
        UsageError: the network does not have a layer, or the picture is too small for the deepest layer.
    """

    def __init__(
        self,
        net: VGG,
        recipe: Recipe,
        photo: Tensor | None,
        regions: Sequence[StyledRegion],
        *,
        strength: float = 1.0,
        kept: Tensor | None = None,
        held: tuple[Tensor, Tensor, float] | None = None,
    ) -> None:
        self.net, self.recipe, self.photo, self.kept, self.held = net, recipe, photo, kept, held
        kinds: list[_Kind] = []
        if recipe.style_weight:
            kind = STYLE_LOSSES[recipe.style_loss]
            kinds.append(("style", recipe.style_weight, weigh(recipe.style_layers), kind))
        if recipe.histogram_weight:
            kinds.append(("histogram", recipe.histogram_weight, weigh(recipe.histogram_layers), HistogramLoss))
        # For each layer: a term, one of its losses, and the loss's factor.
        self.losses: dict[str, list[tuple[str, ContentLoss | StyleLoss, float]]] = {
            layer: [] for layer in recipe.layers()
        }
        with torch.no_grad():
            if photo is not None and recipe.content_weight:
                weights = weigh(recipe.content_layers)
                for layer, features in self._look(photo, list(weights)).items():
                    loss = ContentLoss(features, relative=recipe.relative)
                    self.losses[layer].append(("content", loss, recipe.content_weight * weights[layer]))
            for region in regions:
                self._add(region, kinds, strength)
        self.names = list(dict.fromkeys(name for losses in self.losses.values() for name, _, _ in losses))

    def shown(self, picture: Tensor) -> Tensor:
        """Return the picture with the parts of the photo that stay."""
        return picture if self.kept is None or self.photo is None else torch.lerp(picture, self.photo, self.kept)

    def terms(self, picture: Tensor) -> dict[str, Tensor]:
        """Return each weighted term of a picture 1 x 3 x H x W, and their sum as "total"."""
        picture = self.shown(picture)

        def see(layer: str, features: Tensor) -> Tensor:
            sums = dict.fromkeys(self.names, features.new_zeros((), dtype=torch.float32))
            for name, loss, factor in self.losses[layer]:
                sums[name] = sums[name] + factor * loss(features)
            return torch.stack(list(sums.values()))

        found = self._look(picture, list(self.losses), see)
        terms = dict(zip(self.names, torch.stack(list(found.values())).sum(0), strict=True))
        if self.recipe.variation_weight:
            terms["variation"] = self.recipe.variation_weight * total_variation(picture)
        if self.held is not None:
            carried, trust, weight = self.held
            terms["temporal"] = weight * (trust * (picture - carried).square()).mean()
        terms["total"] = torch.stack(list(terms.values())).sum()
        return terms

    def gradient(self, picture: Tensor) -> tuple[dict[str, float], Tensor]:
        """Return the terms as numbers, and the gradient of their sum: 1 x 3 x H x W, float32."""
        picture = picture.detach().requires_grad_()
        terms = self.terms(picture)
        (gradient,) = torch.autograd.grad(terms["total"], picture)
        return {name: float(value.detach()) for name, value in terms.items()}, gradient.contiguous()

    def _look(self, picture: Tensor, layers: Sequence[str], see: See | None = None) -> dict[str, Tensor]:
        return self.net(picture.contiguous(memory_format=torch.channels_last), layers, see)

    def _add(self, region: StyledRegion, kinds: Sequence[_Kind], strength: float) -> None:
        """Add the losses of one part."""
        area, shares = 1.0, {}
        if region.share is not None:
            area = float(region.share.mean())
            if area < 1e-6:
                return
            height, width = region.share.shape[-2:]
            for layer in self.losses:
                size = self.net.feature_size(layer, height, width)
                shares[layer] = F.interpolate(region.share, size=size, mode="area")
        targets: dict[tuple[str, str], Tensor] = {}
        padding = self.net.padding
        for painting, weight in region.paintings:
            # A painting's opposite borders do not match, even if those of the texture must.
            self.net.padding = "replicate" if padding == "circular" else padding
            for key, statistic in self._statistics(painting, kinds, {}).items():
                targets[key] = weight * statistic + targets.get(key, 0)
            self.net.padding = padding
        own = {}
        if strength < 1:
            assert self.photo is not None
            own = self._statistics(self.photo, kinds, shares)
        for name, factor, weights, kind in kinds:
            for layer, weight in weights.items():
                target = targets[name, layer]
                scale = 1 / kind.energy(target) if self.recipe.relative else 1.0
                if own:
                    target = torch.lerp(own[name, layer], target, strength)
                loss = kind(target, shares.get(layer), scale=scale)
                self.losses[layer].append((name, loss, factor * weight * area))

    def _statistics(
        self, picture: Tensor, kinds: Sequence[_Kind], shares: Mapping[str, Tensor]
    ) -> dict[tuple[str, str], Tensor]:
        """Return {(term, layer): statistic that the term's loss compares at that layer}."""
        found = {}

        def see(layer: str, features: Tensor) -> Tensor:
            for name, _, weights, kind in kinds:
                if layer in weights:
                    found[name, layer] = kind.statistic(features, shares.get(layer))
            return features.new_zeros(())

        layers = [layer for layer in self.losses if any(layer in weights for _, _, weights, _ in kinds)]
        if layers:
            self._look(picture, layers, see)
        return found

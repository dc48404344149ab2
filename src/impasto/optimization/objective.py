"""What is minimised at one scale: content, style, histogram and variation of a picture, each against its target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.nn import losses
from impasto.nn.losses import ContentLoss, GramLoss, HistogramLoss, MomentsLoss, StyleLoss, WassersteinLoss
from impasto.nn.vgg import VGG
from impasto.optimization.recipe import Recipe, weigh

STYLE_LOSSES: dict[str, type[StyleLoss]] = {"gram": GramLoss, "moments": MomentsLoss, "wasserstein": WassersteinLoss}


@dataclass(frozen=True)
class Ground:
    """A part of the picture and the paintings whose style it gets.

    Attributes:
        paintings: 1 x 3 x h x w each, with weights that sum to 1.
        share: 1 x 1 x H x W, 0..1, how much of every pixel belongs to the part; None, the whole picture.
    """

    paintings: Sequence[tuple[Tensor, float]]
    share: Tensor | None = None


class Objective:
    """The weighted sum of a recipe's losses for one picture size.

    Regions use guided statistics (Gatys et al. 2017): the part's share, averaged over each feature's area, says how
    much the feature counts; a part's loss counts as much as the part's area.

    Strength moves the style's target: at s it is (1 - s) times the photo's own statistics plus s times the style's, so
    that at 0 the photo has no loss at all.

    Args:
        photo: 1 x 3 x H x W, the content; None for textures.
        grounds: parts with a style.
        strength: 0..1; below 1 a photo is needed.
        kept: 1 x 1 x H x W, 0..1, how much of every pixel stays the photo's.
    Raises:
        UsageError: a layer that the network has not, or a picture too small for the deepest.
    """

    def __init__(
        self,
        net: VGG,
        recipe: Recipe,
        photo: Tensor | None,
        grounds: Sequence[Ground],
        *,
        strength: float = 1.0,
        kept: Tensor | None = None,
    ) -> None:
        self.net, self.recipe, self.photo, self.kept = net, recipe, photo, kept
        self.layers = recipe.layers()
        self.content: list[tuple[str, float, ContentLoss]] = []
        self.style: list[tuple[str, float, StyleLoss]] = []
        self.histogram: list[tuple[str, float, StyleLoss]] = []
        with torch.no_grad():
            own = self.features(photo) if photo is not None else {}
            if photo is not None and recipe.content_weight:
                for layer, weight in weigh(recipe.content_layers).items():
                    self.content.append((layer, weight, ContentLoss(own[layer], relative=recipe.relative)))
            for ground in grounds:
                self._add(ground, own, strength)

    def features(self, picture: Tensor) -> dict[str, Tensor]:
        return self.net(picture.contiguous(memory_format=torch.channels_last), self.layers)

    def shown(self, picture: Tensor) -> Tensor:
        """The picture with the parts of the photo that stay."""
        return picture if self.kept is None or self.photo is None else torch.lerp(picture, self.photo, self.kept)

    def terms(self, picture: Tensor) -> dict[str, Tensor]:
        """Each weighted term, and their sum as "total", of 1 x 3 x H x W."""
        recipe, picture = self.recipe, self.shown(picture)
        found = self.features(picture)
        terms = {}
        for name, factor, parts in (
            ("content", recipe.content_weight, self.content),
            ("style", recipe.style_weight, self.style),
            ("histogram", recipe.histogram_weight, self.histogram),
        ):
            if parts:
                terms[name] = factor * torch.stack([weight * loss(found[layer]) for layer, weight, loss in parts]).sum()
        if recipe.variation_weight:
            terms["variation"] = recipe.variation_weight * losses.total_variation(picture)
        terms["total"] = torch.stack(list(terms.values())).sum()
        return terms

    def gradient(self, picture: Tensor) -> tuple[dict[str, float], Tensor]:
        """The terms as numbers and the gradient of their sum, 1 x 3 x H x W, float32."""
        picture = picture.detach().requires_grad_()
        terms = self.terms(picture)
        (gradient,) = torch.autograd.grad(terms["total"], picture)
        return {name: float(value.detach()) for name, value in terms.items()}, gradient.contiguous()

    def _add(self, ground: Ground, own: dict[str, Tensor], strength: float) -> None:
        recipe = self.recipe
        area = 1.0 if ground.share is None else float(ground.share.mean())
        if area < 1e-6:
            return
        groups: list[tuple[float, tuple[str, ...], type[StyleLoss], list[tuple[str, float, StyleLoss]]]]
        groups = [(recipe.style_weight, recipe.style_layers, STYLE_LOSSES[recipe.style_loss], self.style)]
        groups += [(recipe.histogram_weight, recipe.histogram_layers, HistogramLoss, self.histogram)]
        targets: dict[tuple[type[StyleLoss], str], Tensor] = {}
        padding = self.net.padding
        for painting, weight in ground.paintings:
            # The borders of a painting do not meet, even where those of the texture shall.
            self.net.padding = "replicate" if padding == "circular" else padding
            found = self.features(painting)
            self.net.padding = padding
            for factor, layers, kind, _ in groups:
                for layer in weigh(layers) if factor else ():
                    part = kind.statistic(found[layer]) * weight
                    targets[kind, layer] = targets[kind, layer] + part if (kind, layer) in targets else part
        for factor, layers, kind, found_losses in groups:
            for layer, weight in (weigh(layers) if factor else {}).items():
                target = targets[kind, layer]
                scale = 1 / kind.energy(target) if recipe.relative else 1.0
                share = None
                if ground.share is not None:
                    share = F.interpolate(ground.share, size=own[layer].shape[-2:], mode="area")
                if strength < 1:
                    target = torch.lerp(kind.statistic(own[layer], share), target, strength)
                found_losses.append((layer, weight * area, kind(target, share, scale=scale)))

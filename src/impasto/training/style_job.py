"""Train a style network on one painting or several."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from impasto.errors import UsageError
from impasto.nn.tensors import to_tensor
from impasto.nn.transformer import Architecture, TransformerNet
from impasto.picture import Picture
from impasto.picture.reading import file_bytes
from impasto.training.data import Photos
from impasto.training.job import Job, Share, Terms
from impasto.training.objective import TrainingObjective, disturbed, stability
from impasto.training.recipe import DEFAULT, TrainingRecipe

SMALLEST_PAINTING = 32  # pixels a side
_SHOWN = 4  # most styles on a sheet of samples


@dataclass(frozen=True)
class StyleJob(Job[TransformerNet]):
    """A job that trains a feed-forward network for one painting or several (Johnson et al. 2016).

    Attributes:
        styles: {name: painting}, in the order of the network's styles.
    """

    styles: dict[str, Path] = dataclasses.field(kw_only=True)
    recipe: TrainingRecipe = dataclasses.field(default=DEFAULT, kw_only=True)

    @property
    def architecture(self) -> Architecture:
        return Architecture(self.recipe.width, self.recipe.blocks, len(self.styles))

    def build(self) -> TransformerNet:
        return TransformerNet(self.architecture)

    def losses(self, fabric: Fabric) -> StyleLosses:
        return StyleLosses(self, fabric)

    def facts(self) -> dict[str, Any]:
        """Return the digests of the paintings.

        Raises:
            PictureError: a painting's file cannot be read.
        """
        digests = {name: hashlib.sha256(file_bytes(path)).hexdigest()[:16] for name, path in self.styles.items()}
        return {"styles": digests}

    def card(self, photos: Photos, step: int, losses: dict[str, float], seconds: float) -> dict[str, Any]:
        """Return the facts of the model card: recipe, data, losses and times."""
        form = {"architecture": dataclasses.asdict(self.architecture), "styles": list(self.styles)}
        return super().card(photos, step, losses, seconds) | form

    def read_paintings(self) -> list[Tensor]:
        """Return the paintings, 1 x 3 x H x W each, 0..1.

        Raises:
            UsageError: a painting is too small.
            PictureError: its file cannot be read.
        """
        return [_painting(path, self.recipe.style_size) for path in self.styles.values()]


class StyleLosses:
    """The losses of a batch. Each picture has the next of the styles."""

    def __init__(self, job: StyleJob, fabric: Fabric) -> None:
        paintings = [painting.to(fabric.device) for painting in job.read_paintings()]
        self.recipe, self.styles, self.device = job.recipe, len(paintings), fabric.device
        self.objective = TrainingObjective(job.loss_network(job.recipe.loss_network, fabric), job.recipe, paintings)
        self._samples = [sample.to(fabric.device) for sample in job.read_samples()] if fabric.global_rank == 0 else []

    def __call__(self, model: Any, pictures: Tensor, share: Share) -> Terms:
        first = share.step * self.recipe.batch_size
        positions = range(first + share.rank, first + self.recipe.batch_size, share.processes)
        styles = torch.tensor([position % self.styles for position in positions]).to(self.device)
        shares = nn.functional.one_hot(styles, self.styles).float()  # N K
        painted = model(pictures, shares)
        terms = self.objective(painted, pictures, styles)
        if self.recipe.stability_weight:
            seed = int(share.generator().integers(2**63))
            moved, shift = disturbed(pictures, torch.Generator().manual_seed(seed))
            change = stability(painted, model(moved, shares), shift)
            terms["stability"] = self.recipe.stability_weight * change
        return terms

    def follow(self) -> None:
        """Do nothing: only the network learns."""

    def measured(self, model: Any) -> Terms:  # noqa: ARG002
        return {}

    def show(self, net: Any) -> list[list[Tensor]]:
        """Return a row for each sample: the photo itself, then the photo in each of the first styles."""
        styles = torch.eye(self.styles, device=self.device)[:_SHOWN, None]  # 1 x K each
        return [[sample.cpu(), *(net(sample, share).cpu() for share in styles)] for sample in self._samples]

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        del state


def _painting(path: Path, side: int) -> Tensor:
    picture = Picture.open(path).at_most(side)
    if min(picture.width, picture.height) < SMALLEST_PAINTING:
        raise UsageError(
            f"the style {path} is {picture.width} x {picture.height} pixels",
            f"use a painting of at least {SMALLEST_PAINTING} pixels a side",
            code="too-small",
        )
    return to_tensor(picture.pixels)

"""Train an enlarger on small versions of large pictures, with the losses of two stages (Johnson et al. 2016)."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from impasto.nn.critic import PatchCritic
from impasto.nn.enlarge_net import EnlargeNet, EnlargerForm
from impasto.nn.layers import weigh
from impasto.nn.losses import lattice, mean_content_loss
from impasto.nn.tensors import read_tensors, to_pixels, to_tensor
from impasto.nn.vgg import VGG
from impasto.picture.reading import file_bytes
from impasto.pixels.arrays import floats, stored
from impasto.training.contest import Critic
from impasto.training.data import Photos
from impasto.training.degradation import Bytes, reduce, reduce_wildly
from impasto.training.enlarger_recipe import DEFAULT, EnlargerRecipe, Scale
from impasto.training.job import Job, Share, Terms

_BORDER = 4  # small pixels at a crop's borders that are not compared: there the network lacks context
_WINDOW = 6  # blocks a side; a pattern must repeat over this window to count as a lattice
_CRITIC_RATE = 2e-4


@dataclass(frozen=True)
class EnlargerJob(Job[EnlargeNet]):
    """A job that trains an enlarger.

    Attributes:
        scale: 2, 3 or 4.
        start: the file of another enlarger (.safetensors). Its weights are used where they fit.
    """

    scale: Scale = 4
    start: Path | None = None
    recipe: EnlargerRecipe = dataclasses.field(default=DEFAULT, kw_only=True)

    @property
    def form(self) -> EnlargerForm:
        return EnlargerForm(self.scale, self.recipe.width, self.recipe.blocks)

    def build(self) -> EnlargeNet:
        net = EnlargeNet(self.form)
        if self.start is not None:
            begin(net, self.start)
        return net

    def losses(self, fabric: Fabric) -> EnlargerLosses:
        return EnlargerLosses(self, fabric)

    def facts(self) -> dict[str, Any]:
        start = None if self.start is None else hashlib.sha256(file_bytes(self.start)).hexdigest()[:16]
        return {"scale": self.scale, "start": start}

    def card(self, photos: Photos, step: int, losses: dict[str, float], seconds: float) -> dict[str, Any]:
        """Return the facts of the model card: recipe, data, losses and times."""
        return super().card(photos, step, losses, seconds) | {"form": dataclasses.asdict(self.form)}


class EnlargerLosses:
    """The losses of both stages.

    The first stage compares pixels. The second also compares features and, if the recipe asks for it, uses a critic.
    """

    def __init__(self, job: EnlargerJob, fabric: Fabric) -> None:
        self.recipe, self.scale, self.fabric = job.recipe, job.scale, fabric
        self.margin, self.shuffle = job.form.margin, job.form.shuffle
        self.layers = weigh(job.recipe.feature_layers)
        two = job.recipe.pixel_iterations < job.recipe.iterations
        self.net = job.loss_network(job.recipe.loss_network, fabric) if two and job.recipe.feature_weight else None
        self.critic = (
            Critic(fabric, PatchCritic(), _CRITIC_RATE, (0.5, 0.99)) if two and job.recipe.adversarial_weight else None
        )
        leads = fabric.global_rank == 0
        self._samples = job.read_samples(job.scale * job.form.step) if leads else []

    def __call__(self, model: Any, pictures: Tensor, share: Share) -> Terms:
        small = self._small(pictures, share.generator()).to(pictures.device, memory_format=torch.channels_last)
        border = _BORDER * self.scale
        made, real = (x[..., border:-border, border:-border] for x in (model(small), pictures))
        recipe = self.recipe
        terms = {"pixels": recipe.pixel_weight * (made - real).abs().mean()}
        if recipe.lattice_weight:
            terms["lattice"] = recipe.lattice_weight * lattice(made - real, _WINDOW, self.shuffle)
        second = share.step >= recipe.pixel_iterations
        zero = made.new_zeros(())  # in the first stage, so that all rows of the log have the same columns
        if self.net is not None:
            terms["features"] = recipe.feature_weight * self._features(self.net, made, real) if second else zero
        if self.critic is not None:
            terms["adversarial"] = recipe.adversarial_weight * self.critic.verdict(made, real) if second else zero
        return terms

    def _small(self, pictures: Tensor, rng: np.random.Generator) -> Tensor:
        """Reduce a batch, N x 3 x H x W to N x 3 x H/s x W/s."""
        large = pictures.permute(0, 2, 3, 1).mul(255).round().to(torch.uint8).cpu().numpy()
        found = np.stack([self._reduced(picture, rng) for picture in large])
        return torch.from_numpy(found).permute(0, 3, 1, 2).float() / 255

    def _reduced(self, picture: Bytes, rng: np.random.Generator) -> Bytes:
        sort = rng.random()
        if sort < self.recipe.wild:
            return reduce_wildly(picture, self.scale, rng)
        blurred = sort < self.recipe.wild + self.recipe.blurred
        return reduce(picture, self.scale, blur=self.recipe.blur if blurred else 0.0)

    def _features(self, net: VGG, made: Tensor, real: Tensor) -> Tensor:
        """Return the feature reconstruction loss (Johnson et al. 2016, eq. 2).

        If the recipe is `relative`, the loss is divided by the energy of the target's features.
        """
        with torch.no_grad():
            wanted = net(real, list(self.layers))
        total = made.new_zeros(())

        def see(layer: str, features: Tensor) -> Tensor:
            nonlocal total
            missed = mean_content_loss(features, wanted[layer], relative=self.recipe.relative)
            total = total + self.layers[layer] * missed
            return made.new_zeros(())

        net(made, list(self.layers), see)
        return total

    def follow(self) -> None:
        if self.critic is not None:
            self.critic.learn()

    def measured(self, model: Any) -> Terms:  # noqa: ARG002
        return {}

    def show(self, net: Any) -> list[list[Tensor]]:
        """Return a row for each sample: bicubically enlarged, enlarged by the network, and the original."""
        rows = []
        for sample in self._samples:
            small = to_tensor(floats(reduce(stored(to_pixels(sample), np.uint8), self.scale)))
            soft = torch.nn.functional.interpolate(small, scale_factor=float(self.scale), mode="bicubic")
            margin = self.margin
            padded = torch.nn.functional.pad(small, (margin,) * 4, mode="replicate").to(self.fabric.device)
            edge = margin * self.scale
            made = net(padded)[..., edge:-edge, edge:-edge].cpu().clamp(0, 1)
            rows.append([soft.clamp(0, 1), made, sample])
        return rows

    def state(self) -> dict[str, Any]:
        return {} if self.critic is None else self.critic.state()

    def restore(self, state: dict[str, Any]) -> None:
        if self.critic is not None and state:
            self.critic.restore(state)


def begin(net: EnlargeNet, weights: Path) -> None:
    """Load another enlarger's weights where they fit. An enlarger of another scale has other last layers.

    Raises:
        PictureError, StyleError: the file is missing or damaged, or contains no tensors.
    """
    own = net.state_dict()
    for name, value in read_tensors(weights).items():
        if name in own and own[name].shape == value.shape:
            own[name].copy_(value)

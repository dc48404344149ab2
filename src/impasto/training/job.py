"""A training job: what is trained, on what, where it is kept; and what came out."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.errors import UsageError
from impasto.nn.device import find_precision
from impasto.nn.tensors import to_tensor
from impasto.nn.transformer import Architecture, TransformerNet
from impasto.nn.vgg import VGG, cached_vgg, load_vgg, shipped_vgg
from impasto.picture import Picture
from impasto.picture.reading import file_bytes
from impasto.pixels.arrays import fit
from impasto.system.sessions import processors
from impasto.training.checkpoint import read_settings
from impasto.training.data import Photos
from impasto.training.recipe import TrainingRecipe
from impasto.version import __version__

SMALLEST_PAINTING = 32  # pixels a side
SAMPLE_SIDE = 320  # pixels, the longer side of a sample


@dataclass(frozen=True)
class TrainingJob:
    """What is trained, on what, and where it is kept.

    Attributes:
        styles: {name: painting}, in the order of the network's styles.
        photos: a folder or URL: see `impasto.training.data.find_photos`.
        folder: for checkpoints, curves and samples.
        network: the loss network's file; None, the shipped VGG-19, or VGG-16 from the torch hub's cache.
        device, precision: see `impasto.nn.device`. A resumed training keeps the precision that "auto" chose.
        workers: processes that read photographs; None, as many as there are processors to spare, up to four.
        checkpoint_every, sample_every: steps.
        samples: photographs that are painted every `sample_every` steps.
    """

    styles: dict[str, Path]
    photos: str
    folder: Path
    recipe: TrainingRecipe
    network: Path | None = None
    device: str = "auto"
    precision: str = "auto"
    workers: int | None = None
    checkpoint_every: int = 500
    sample_every: int = 500
    samples: tuple[Path, ...] = ()

    @property
    def architecture(self) -> Architecture:
        return Architecture(self.recipe.width, self.recipe.blocks, len(self.styles))

    def with_precision(self, device: torch.device, *, resume: bool) -> TrainingJob:
        """Replace the precision "auto" by the fastest one, or by the one that a resumed training began with."""
        name = self.precision
        if name == "auto" and resume:
            name = read_settings(self.folder).get("precision", name)
        return dataclasses.replace(self, precision=str(find_precision(name, device)).removeprefix("torch."))

    def settings(self, photos: Photos) -> dict[str, Any]:
        """Everything that the result depends on.

        Raises:
            PictureError: a painting's file cannot be read.
        """
        return {
            "styles": {name: hashlib.sha256(file_bytes(path)).hexdigest()[:16] for name, path in self.styles.items()},
            "photos": photos.digest,
            "precision": self.precision,
            "network": None if self.network is None else self.network.name,
            **dataclasses.asdict(self.recipe),
        }

    def card(self, photos: Photos, step: int, losses: dict[str, float], seconds: float) -> dict[str, Any]:
        """How a network was made."""
        return {
            "made with": f"Impasto {__version__}",
            "date": date.today().isoformat(),
            "architecture": dataclasses.asdict(self.architecture),
            "styles": list(self.styles),
            "photographs": {"count": len(photos.items), "digest": photos.digest},
            "recipe": dataclasses.asdict(self.recipe),
            "steps": step,
            "seconds": round(seconds),
            "losses": {name: round(value, 6) for name, value in losses.items()},
            "licence": "",
        }

    def loss_network(self) -> VGG:
        """The network whose features are compared.

        Raises:
            UsageError: VGG-16 is asked for and not there.
        """
        if self.network is not None:
            return load_vgg(self.network, "max", "zeros")
        if self.recipe.loss_network == "vgg19":
            return shipped_vgg("average", "replicate")
        path = cached_vgg(16)
        if path is None:
            raise UsageError(
                "there is no VGG-16 here", "--network vgg16.pth, in torchvision's format", code="no-such-file"
            )
        return load_vgg(path, "max", "zeros")

    def read_paintings(self) -> list[Tensor]:
        """1 x 3 x H x W each, 0..1.

        Raises:
            UsageError: a painting is too small.
            PictureError: its file cannot be read.
        """
        return [_painting(path, self.recipe.style_size) for path in self.styles.values()]

    def read_samples(self) -> list[Tensor]:
        """1 x 3 x H x W each, 0..1, in sizes that the network takes.

        Raises:
            PictureError: a file cannot be read.
        """
        return [_sample(path) for path in self.samples]

    def readers(self, processes: int) -> int:
        """How many processes read photographs for each of the processes that train."""
        if self.workers is not None:
            return self.workers
        return max(1, min(4, processors() // processes - 1))


@dataclass(frozen=True)
class Trained:
    """What came out.

    Attributes:
        net: with the averaged weights.
        step, total: how far it got.
        stopped: whether it was told to end early.
        losses: of the last step that was logged.
        card: how it was made.
        seconds: of all runs together.
        damaged: photographs that could not be read in this run; others took their places.
    """

    net: TransformerNet
    step: int
    total: int
    stopped: bool
    losses: dict[str, float]
    card: dict[str, Any]
    seconds: float
    damaged: int = 0


def _painting(path: Path, side: int) -> Tensor:
    picture = Picture.open(path).at_most(side)
    if min(picture.width, picture.height) < SMALLEST_PAINTING:
        raise UsageError(
            f"the style {path} is {picture.width} x {picture.height} pixels",
            f"{SMALLEST_PAINTING} a side are needed",
            code="too-small",
        )
    return to_tensor(picture.pixels)


def _sample(path: Path) -> Tensor:
    picture = Picture.open(path)
    size = fit(picture.width, picture.height, SAMPLE_SIDE)
    return to_tensor(picture.resized(*(max(32, round(side / 4) * 4) for side in size)).pixels)

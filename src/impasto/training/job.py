"""A training job: what is trained, on what, where it is kept; and what came out."""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import Dataset
from typing_extensions import Self

from impasto.errors import UsageError
from impasto.nn.device import find_precision
from impasto.nn.tensors import to_tensor
from impasto.nn.vgg import VGG, cached_vgg, load_vgg, shipped_vgg
from impasto.picture import Picture
from impasto.pixels.arrays import fit
from impasto.system.sessions import processors
from impasto.training.checkpoint import read_settings
from impasto.training.data import Crops, Photos, find_photos
from impasto.training.descent import Descent
from impasto.version import __version__

SAMPLE_SIDE = 320  # pixels, the longer side of a sample

Net = TypeVar("Net", bound=nn.Module)
Terms: TypeAlias = dict[str, Tensor]


@dataclass(frozen=True)
class Share:
    """One process's share of a step's batch.

    Attributes:
        step: counted from 0.
        seed: of the training.
        rank, processes: which of how many.
    """

    step: int
    seed: int
    rank: int = 0
    processes: int = 1

    def generator(self) -> np.random.Generator:
        """Chance that no other share has, and that is the same whenever the step is taken."""
        return np.random.default_rng([self.seed, self.step, self.rank])


class Losses(Protocol):
    """What a network is trained to make small."""

    def __call__(self, model: Any, pictures: Tensor, share: Share) -> Terms:
        """The weighted losses of a batch, a scalar each.

        Args:
            model: the network, as the training runs it.
            pictures: N x C x H x W, as the job's crops are, on its device. A trial may be with other pictures and
                another size than those of the training: nothing of it lasts before `follow`.
        """

    def follow(self) -> None:
        """Called after each step of the network, for what learns beside it."""

    def measured(self, model: Any) -> Terms:
        """What is logged beside the losses of the step just taken, a scalar each; the same names at every step."""

    def show(self, net: Any) -> list[list[Tensor]]:
        """Rows of sample pictures, 1 x 3 x H x W each."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint's state."""


@dataclass(frozen=True)
class Job(ABC, Generic[Net]):
    """What is trained, on what, and where it is kept.

    Attributes:
        photos: a folder or URL: see `impasto.training.data.find_photos`.
        folder: for checkpoints, curves and samples.
        network: the loss network's file; None, the shipped VGG-19, or VGG-16 from the torch hub's cache.
        device, precision: see `impasto.nn.device`. A resumed training keeps the precision that "auto" chose.
        workers: processes that read photographs; None, as many as there are processors to spare, up to four.
        checkpoint_every, sample_every: steps.
        samples: photographs that are shown every `sample_every` steps.
    """

    photos: str
    folder: Path
    network: Path | None = None
    device: str = "auto"
    precision: str = "auto"
    workers: int | None = None
    checkpoint_every: int = 500
    sample_every: int = 500
    samples: tuple[Path, ...] = ()

    recipe: Descent = dataclasses.field(default=Descent(), kw_only=True)
    channels: ClassVar[int] = 3  # of what the crops hold
    noun: ClassVar[str] = "photographs"

    @functools.cached_property
    def found(self) -> Photos:
        """What was found in the folder of photos.

        Raises:
            PictureError: there is no such folder, or no usable photograph in it.
        """
        return find_photos(self.photos, self.folder / "photos.json", noun=self.noun)

    @property
    def multiple(self) -> int:
        """Sides of crops are multiples of it, in pixels."""
        return 1

    @abstractmethod
    def build(self) -> Net:
        """The network as it begins."""

    @abstractmethod
    def losses(self, fabric: Fabric) -> Losses:
        """What it is trained to make small.

        Raises:
            UsageError, PictureError: what they need is not there, or does not fit.
        """

    def counted(self, photos: Photos) -> str:
        """What there is to learn from, in a few words."""
        return counted(photos, self.noun)

    def check(self, photos: Photos) -> None:
        """Look at what is to be learned from, before a training begins; warn of what is odd.

        Raises:
            UsageError, PictureError: nothing can be learned from it.
        """

    def crops(self, photos: Photos) -> Dataset[tuple[Tensor, int]]:
        """What the batches are made of: by position, C x `size` x `size`, and how many damaged pictures were passed."""
        return Crops(photos, self.recipe.size, self.recipe.seed)

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What the result depends on besides the recipe, the photographs and the precision."""

    def with_precision(self, device: torch.device, *, resume: bool) -> Self:
        """Replace the precision "auto" by the fastest one, or by the one that a resumed training began with."""
        name = self.precision
        if name == "auto" and resume:
            name = read_settings(self.folder).get("precision", name)
        return dataclasses.replace(self, precision=str(find_precision(name, device)).removeprefix("torch."))

    def settings(self, photos: Photos) -> dict[str, Any]:
        """Everything that the result depends on.

        Raises:
            PictureError: a file cannot be read.
        """
        return {
            **self.facts(),
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
            "photographs": {"count": len(photos.items), "digest": photos.digest},
            "recipe": dataclasses.asdict(self.recipe),
            "steps": step,
            "seconds": round(seconds),
            "losses": {name: round(value, 6) for name, value in losses.items()},
            "licence": "",
        }

    def loss_network(self, name: str, fabric: Fabric) -> VGG:
        """The network whose features are compared, on the training's device and in its type.

        Args:
            name: "vgg19" or "vgg16", if no file was given.
        Raises:
            UsageError: VGG-16 is asked for and not there.
        """
        net = self._loss_network(name).to(device=fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        net.convolutions.to(getattr(torch, self.precision))
        return net

    def _loss_network(self, name: str) -> VGG:
        if self.network is not None:
            return load_vgg(self.network, "max", "zeros")
        if name == "vgg19":
            return shipped_vgg("average", "replicate")
        path = cached_vgg(16)
        if path is None:
            raise UsageError(
                "there is no VGG-16 here", "--network vgg16.pth, in torchvision's format", code="no-such-file"
            )
        return load_vgg(path, "max", "zeros")

    def read_samples(self, multiple: int = 4) -> list[Tensor]:
        """1 x 3 x H x W each, 0..1, with sides that are multiples of a number of pixels.

        Raises:
            PictureError: a file cannot be read.
        """
        return [_sample(path, multiple) for path in self.samples]

    def readers(self, processes: int) -> int:
        """How many processes read photographs for each of the processes that train."""
        if self.workers is not None:
            return self.workers
        return max(1, min(4, processors() // processes - 1))


@dataclass(frozen=True)
class Trained(Generic[Net]):
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

    net: Net
    step: int
    total: int
    stopped: bool
    losses: dict[str, float]
    card: dict[str, Any]
    seconds: float
    damaged: int = 0


def counted(photos: Photos, noun: str) -> str:
    """What was found in a folder, in a few words."""
    counts = {"damaged": photos.damaged, "too small": photos.tiny}
    left_out = [f"{count} {what}" for what, count in counts.items() if count]
    return f"{len(photos.items)} {noun}" + (f"; left out: {', '.join(left_out)}" if left_out else "")


def _sample(path: Path, multiple: int) -> Tensor:
    picture = Picture.open(path)
    size = fit(picture.width, picture.height, SAMPLE_SIDE)
    return to_tensor(picture.resized(*(max(32, round(side / multiple) * multiple) for side in size)).pixels)

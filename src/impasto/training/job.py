"""The base class of training jobs, which say what is trained on which data and where it is saved; and their result."""

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
        step: the step, counted from 0.
        seed: seed of the training.
        rank, processes: number of this process, and the count of all.
    """

    step: int
    seed: int
    rank: int = 0
    processes: int = 1

    def generator(self) -> np.random.Generator:
        """Return a random generator that only this share has. It is the same whenever the step is repeated."""
        return np.random.default_rng([self.seed, self.step, self.rank])


class Losses(Protocol):
    """The losses that a training minimizes."""

    def __call__(self, model: Any, pictures: Tensor, share: Share) -> Terms:
        """Return the weighted losses of a batch, a scalar each.

        A trial call may bring other pictures of another size than the training's. So do not keep state before `follow`.

        Args:
            model: the network, as the training runs it.
            pictures: N x C x H x W, made by the job's crops, on the job's device.
        """

    def follow(self) -> None:
        """Train what learns besides the network, such as a critic. Called after each step of the network."""

    def measured(self, model: Any) -> Terms:
        """Return values to log beside the losses of the last step, a scalar each; the same names at every step."""

    def show(self, net: Any) -> list[list[Tensor]]:
        """Return rows of sample pictures, 1 x 3 x H x W each."""

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the state from a checkpoint."""


@dataclass(frozen=True)
class Job(ABC, Generic[Net]):
    """The base class of training jobs: what is trained, on which data, and where it is saved.

    Attributes:
        photos: a folder or URL: see `impasto.training.data.find_photos`.
        folder: where checkpoints, curves and samples are saved.
        network: the file of the loss network; None for the built-in VGG-19, or VGG-16 from the torch hub's cache.
        device, precision: see `impasto.nn.device`. A resumed training keeps the precision that "auto" chose.
        workers: processes that read photographs; None for the number of spare processors, up to four.
        checkpoint_every, sample_every: steps between checkpoints and between sample sheets.
        samples: photographs on the sample sheets.
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
    channels: ClassVar[int] = 3  # of the crops
    noun: ClassVar[str] = "photographs"

    @functools.cached_property
    def found(self) -> Photos:
        """The photographs found in the folder.

        Raises:
            PictureError: the folder does not exist, or it contains no usable photograph.
        """
        return find_photos(self.photos, self.folder / "photos.json", noun=self.noun)

    @property
    def multiple(self) -> int:
        """The number of pixels of which the sides of crops must be multiples."""
        return 1

    @abstractmethod
    def build(self) -> Net:
        """Return the network before training."""

    @abstractmethod
    def losses(self, fabric: Fabric) -> Losses:
        """Return the losses to minimize.

        Raises:
            UsageError, PictureError: something that they need is missing or does not fit.
        """

    def counted(self, photos: Photos) -> str:
        """Return in a few words how many pictures there are to learn from."""
        return counted(photos, self.noun)

    def check(self, photos: Photos) -> None:
        """Check the data before a training begins. Warn of what looks odd.

        Raises:
            UsageError, PictureError: nothing can be learned from the data.
        """

    def crops(self, photos: Photos) -> Dataset[tuple[Tensor, int]]:
        """Return the crops for the batches. An item is a crop, C x `size` x `size`, and the count of skipped ones."""
        return Crops(photos, self.recipe.size, self.recipe.seed)

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return the facts that determine the result, besides the recipe, the photographs and the precision."""

    def with_precision(self, device: torch.device, *, resume: bool) -> Self:
        """Return the job with "auto" precision replaced: by the fastest, or by that of the resumed training."""
        name = self.precision
        if name == "auto" and resume:
            name = read_settings(self.folder).get("precision", name)
        return dataclasses.replace(self, precision=str(find_precision(name, device)).removeprefix("torch."))

    def settings(self, photos: Photos) -> dict[str, Any]:
        """Return everything that determines the result.

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
        """Return the facts of the model card: recipe, data, losses and times."""
        return {
            "made with": f"Impasto {__version__}",
            "date": date.today().isoformat(),
            "photographs": {"count": len(photos.items), "digest": photos.digest},
            "recipe": dataclasses.asdict(self.recipe),
            "steps": step,
            "seconds": round(seconds),
            "losses": {name: round(value, 6) for name, value in losses.items()},
            "license": "",
        }

    def loss_network(self, name: str, fabric: Fabric) -> VGG:
        """Return the network whose features are compared, on the training's device and in its type.

        Args:
            name: "vgg19" or "vgg16". If `network` is set, its file is used instead.
        Raises:
            UsageError: VGG-16 is requested but not available.
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
                "VGG-16 is not available",
                "give its file in torchvision's format: --network vgg16.pth",
                code="no-such-file",
            )
        return load_vgg(path, "max", "zeros")

    def read_samples(self, multiple: int = 4) -> list[Tensor]:
        """Return the sample photographs, 1 x 3 x H x W each, in 0..1. Their sides are multiples of `multiple` pixels.

        Raises:
            PictureError: a file cannot be read.
        """
        return [_sample(path, multiple) for path in self.samples]

    def readers(self, processes: int) -> int:
        """Return how many processes read photographs for each training process."""
        if self.workers is not None:
            return self.workers
        return max(1, min(4, processors() // processes - 1))


@dataclass(frozen=True)
class Trained(Generic[Net]):
    """The result of a training.

    Attributes:
        net: the network with the averaged weights.
        step, total: completed steps, and steps of the recipe.
        stopped: True if the training was asked to end early.
        losses: of the last step that was logged.
        card: how the network was made.
        seconds: time of all runs together.
        damaged: photographs that could not be read in this run; others replaced them.
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
    """Return in a few words what was found in a folder."""
    counts = {"damaged": photos.damaged, "too small": photos.tiny}
    left_out = [f"{count} {what}" for what, count in counts.items() if count]
    return f"{len(photos.items)} {noun}" + (f"; left out: {', '.join(left_out)}" if left_out else "")


def _sample(path: Path, multiple: int) -> Tensor:
    picture = Picture.open(path)
    size = fit(picture.width, picture.height, SAMPLE_SIDE)
    return to_tensor(picture.resized(*(max(32, round(side / multiple) * multiple) for side in size)).pixels)

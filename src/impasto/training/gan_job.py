"""Train networks against a critic: a collection's style from unpaired pictures, or a mapping from pairs."""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import Dataset

from impasto.nn.adversarial import cycle_loss, identity_loss, pair_loss, patch_nce
from impasto.nn.critic import PatchGAN
from impasto.nn.tensors import to_tensor
from impasto.picture import Picture
from impasto.styles.mosaic import square
from impasto.training.contest import Critic
from impasto.training.couples import Couples, Pairs, StrokeCrops, matched
from impasto.training.data import Crops, Item, Photos, find_photos, read, read_some
from impasto.training.folders import check_collection, check_pairs
from impasto.training.gan_recipe import COLLECTION, PAIRS, CollectionRecipe, GanRecipe, PairsRecipe
from impasto.training.job import Job, Share, Terms, counted
from impasto.training.translation import (
    FORMS,
    Contrast,
    Contrasted,
    Cycle,
    Cycled,
    Translator,
    generator_of,
    mean_style,
)
from impasto.training.watch import EVERY, Watch

_ENGINES_MULTIPLE = 8  # pixels; the networks of both engines take sides that are multiples of this
_READ = 64  # most paintings whose mean style is the starting point
_WATCHED = 6  # photos on which the training is watched
_SHOWN = 3  # most paintings, or pairs, on a sheet of samples
_PHOTO_SPREAD = 0.7, 1.9  # lowest and highest scale of photos' crops, relative to those of paintings
_PAINTING_SIDE = 640  # longer side in pixels at which paintings are read

Recipe = TypeVar("Recipe", bound=GanRecipe)


@dataclass(frozen=True)
class CollectionJob(Job[nn.Module]):
    """A job that learns to turn photos into pictures like those of a collection (Park et al. 2020, Zhu et al. 2017).

    Attributes:
        paintings: a folder or URL, as `photos`.
        unchecked: skip the checks of the folders (`impasto.training.folders`).
    """

    paintings: str = dataclasses.field(kw_only=True)
    unchecked: bool = dataclasses.field(default=False, kw_only=True)
    recipe: CollectionRecipe = dataclasses.field(default=COLLECTION, kw_only=True)
    channels: ClassVar[int] = 6

    @functools.cached_property
    def collection(self) -> Photos:
        """The paintings of the collection.

        Raises:
            PictureError: there are none.
        """
        return find_photos(self.paintings, self.folder / "paintings.json", noun="paintings")

    def check(self, photos: Photos) -> None:
        if not self.unchecked:
            check_collection(photos, self.collection, (self.photos, self.paintings))

    @property
    def multiple(self) -> int:
        return FORMS[self.recipe.generator].multiple if self.recipe.generator in FORMS else _ENGINES_MULTIPLE

    def counted(self, photos: Photos) -> str:
        return f"{super().counted(photos)}, {counted(self.collection, 'paintings')}"

    def crops(self, photos: Photos) -> Dataset[tuple[Tensor, int]]:
        recipe = self.recipe
        return Couples(
            StrokeCrops(photos, recipe.size, recipe.seed, spread=_PHOTO_SPREAD),
            StrokeCrops(self.collection, recipe.size, recipe.seed + 1, recipe.brush),
        )

    def build(self) -> nn.Module:
        recipe = self.recipe
        generator = self._generator(self.collection)
        if recipe.method == "cut":
            return Contrast(generator, recipe.patches)
        back = self._generator(self.found)
        return Cycle(generator, back, keeps=recipe.identity_weight > 0)

    def _generator(self, pictures: Photos) -> nn.Module:
        """Return a network before training: an engine with the mean style of some pictures, or random weights."""
        recipe = self.recipe
        if recipe.generator in FORMS:
            return generator_of(recipe.generator, recipe.width, None)
        seen = [picture.pixels for picture in some_pictures(pictures, _READ)]
        return generator_of(recipe.generator, recipe.width, mean_style(seen, recipe.generator))

    def losses(self, fabric: Fabric) -> GanLosses[Any]:
        return ContrastLosses(self, fabric) if self.recipe.method == "cut" else CycleLosses(self, fabric)

    def facts(self) -> dict[str, Any]:
        """Return the digest of the paintings."""
        return {"paintings": self.collection.digest}

    def card(self, photos: Photos, step: int, losses: dict[str, float], seconds: float) -> dict[str, Any]:
        """Return the facts of the model card: recipe, data, losses and times."""
        paintings = {"count": len(self.collection.items), "digest": self.collection.digest}
        return super().card(photos, step, losses, seconds) | {"paintings": paintings}


@dataclass(frozen=True)
class PairsJob(Job[nn.Module]):
    """A job that learns to turn inputs into their targets (Isola et al. 2017).

    Attributes:
        photos: the inputs.
        targets: a folder or URL of pictures with the names of the inputs; None if the right half of each input is its
            target.
        unchecked: skip the checks of the folders (`impasto.training.folders`).
    """

    targets: str | None = dataclasses.field(kw_only=True)
    unchecked: bool = dataclasses.field(default=False, kw_only=True)
    recipe: PairsRecipe = dataclasses.field(default=PAIRS, kw_only=True)
    channels: ClassVar[int] = 6
    noun: ClassVar[str] = "inputs"

    @property
    def multiple(self) -> int:
        return FORMS[self.recipe.generator].multiple

    @functools.cached_property
    def found_targets(self) -> Photos:
        """The targets. Without a folder of targets, these are the inputs, whose right halves are the targets.

        Raises:
            PictureError: there are none.
        """
        if self.targets is None:
            return self.found
        return find_photos(self.targets, self.folder / "targets.json", noun="targets")

    def matched(self, photos: Photos) -> tuple[Photos, Photos | None, int]:
        """Return inputs and targets in the same order, and the number of pictures left out.

        Raises:
            PictureError: there are no targets.
            UsageError: no input has the name of a target.
        """
        return (photos, None, 0) if self.targets is None else matched(photos, self.found_targets)

    def pairs(self, photos: Photos) -> Pairs:
        """Return the crops of the pairs."""
        inputs, targets, _ = self.matched(photos)
        return Pairs(Crops(inputs, self.recipe.size, self.recipe.seed), targets)

    def check(self, photos: Photos) -> None:
        inputs, targets, unmatched = self.matched(photos)
        if not self.unchecked:
            check_pairs(inputs, targets, (self.photos, self.targets or self.photos), unmatched)

    def crops(self, photos: Photos) -> Dataset[tuple[Tensor, int]]:
        return self.pairs(photos)

    def build(self) -> nn.Module:
        return Translator(generator_of(self.recipe.generator, self.recipe.width, None))

    def losses(self, fabric: Fabric) -> GanLosses[Any]:
        return PairLosses(self, fabric)

    def facts(self) -> dict[str, Any]:
        """Return the digest of the targets."""
        return {"targets": None if self.targets is None else self.found_targets.digest}


class GanLosses(ABC, Generic[Recipe]):
    """The part that all trainings against critics share: critics, randomness and watching.

    Args:
        critics: the number of input channels of each critic, by its name in the log.
        probes: photos on which the training is watched, N x 3 x H x W.
        inverts: see `Watch`.
    """

    def __init__(
        self, recipe: Recipe, fabric: Fabric, critics: dict[str, int], probes: Tensor, *, inverts: bool
    ) -> None:
        self.recipe, self.fabric, self._probes = recipe, fabric, probes
        self.critics = {
            name: Critic(
                fabric,
                PatchGAN(recipe.patch, recipe.critic_width, channels),
                recipe.critic_rate * recipe.learning_rate,
                recipe.betas,
                recipe.contest,
                recipe.pool,
            )
            for name, channels in critics.items()
        }
        self.watch = Watch(recipe.iterations, inverts=inverts, speaks=fabric.global_rank == 0)
        self._share = Share(0, recipe.seed)

    def begin(self, share: Share) -> None:
        """Seed all randomness of a step from the step alone."""
        self._share = share
        torch.manual_seed(int(share.generator().integers(2**63)))

    def follow(self) -> None:
        rng, rate = self._share.generator(), self.recipe.critic_rate * self.recipe.rate(self._share.step)
        for critic in self.critics.values():
            critic.learn(rng, rate)

    def measured(self, model: Any) -> Terms:
        step = self._share.step + 1
        if step % EVERY == 0 or step == self.recipe.iterations:
            photos = self._probes.to(self.fabric.device)
            with torch.no_grad(), self.fabric.autocast(), painting(getattr(model, "module", model)) as net:
                painted = [net.generator(photo) for photo in torch.split(photos, 1)]
            self.watch.look(step, photos, torch.cat(painted))
        self.watch.judge(step, max(critic.right for critic in self.critics.values()))
        found = {f"critic{name}": critic.loss for name, critic in self.critics.items()}
        found["critic is right"] = max(critic.right for critic in self.critics.values())
        found["diversity"] = self.watch.diversity
        if self.watch.inverts:
            found["correlation"] = self.watch.correlation
        return {name: torch.tensor(value, device=self.fabric.device) for name, value in found.items()}

    @abstractmethod
    def __call__(self, model: Any, pictures: Tensor, share: Share) -> Terms:
        """Return the weighted losses of a batch, N x 6 x H x W: photo and painting each, or input and target."""

    @abstractmethod
    def show(self, net: Any) -> list[list[Tensor]]:
        """Return rows of sample pictures, 1 x 3 x H x W each."""

    def state(self) -> dict[str, Any]:
        return {name: critic.state() for name, critic in self.critics.items()} | {"watch": self.watch.state()}

    def restore(self, state: dict[str, Any]) -> None:
        if state:
            for name, critic in self.critics.items():
                critic.restore(state[name])
            self.watch.restore(state["watch"])


class _CollectionLosses(GanLosses[CollectionRecipe]):
    """The part that both methods for collections share: the photos and paintings that are shown and watched."""

    def __init__(self, job: CollectionJob, fabric: Fabric, critics: dict[str, int]) -> None:
        photos = some_pictures(job.found, _WATCHED)
        probes = torch.cat([_square(photo, job.recipe.size) for photo in photos])
        super().__init__(job.recipe, fabric, critics, probes, inverts=True)
        paintings = (_square(painting, job.recipe.size) for painting in some_pictures(job.collection, _SHOWN))
        self._samples = [*job.read_samples(8), *paintings] if fabric.global_rank == 0 else []

    def show(self, net: Any) -> list[list[Tensor]]:
        """Return a row for each photo and painting: itself, the network's result and, if possible, the way back."""
        rows = []
        with painting(net):
            for picture in self._samples:
                made = net.generator(picture.to(self.fabric.device))
                back = [net.back(made).cpu().clamp(0, 1)] if isinstance(net, Cycle) else []
                rows.append([picture, made.cpu().clamp(0, 1), *back])
        return rows


class ContrastLosses(_CollectionLosses):
    """The losses of Park et al. 2020, eq. 1, 5: the critic's, and the contrast of patches of photos and paintings."""

    def __init__(self, job: CollectionJob, fabric: Fabric) -> None:
        super().__init__(job, fabric, {"": 3})

    def __call__(self, model: Any, pictures: Tensor, share: Share) -> Terms:
        self.begin(share)
        recipe = self.recipe
        photos, paintings = pictures.chunk(2, 1)
        seen: Contrasted = model(photos, paintings if recipe.identity_weight or recipe.keep_weight else None)
        terms = {"adversarial": recipe.adversarial_weight * self.critics[""].verdict(seen.painted, paintings)}
        count = len(photos)
        for name, part, weight in (
            ("contrast", slice(0, count), recipe.nce_weight),
            ("identity", slice(count, None), recipe.nce_weight * recipe.identity_weight),
        ):
            if weight and seen.queries[0][part].numel():
                found = [
                    patch_nce(queries[part], keys[part], recipe.temperature)
                    for queries, keys in zip(seen.queries, seen.keys, strict=True)
                ]
                terms[name] = weight * torch.stack(found).mean()
        if recipe.keep_weight and len(seen.kept):
            terms["keep"] = recipe.keep_weight * identity_loss(paintings, seen.kept)
        return terms


class CycleLosses(_CollectionLosses):
    """The losses of Zhu et al. 2017, eq. 3 and section 5.2: two critics', the cycle's and the identity's."""

    def __init__(self, job: CollectionJob, fabric: Fabric) -> None:
        super().__init__(job, fabric, {" of paintings": 3, " of photos": 3})

    def __call__(self, model: Any, pictures: Tensor, share: Share) -> Terms:
        self.begin(share)
        recipe = self.recipe
        photos, paintings = pictures.chunk(2, 1)
        seen: Cycled = model(photos, paintings)
        verdicts = [
            self.critics[" of paintings"].verdict(seen.made_b, paintings),
            self.critics[" of photos"].verdict(seen.made_a, photos),
        ]
        cycle = cycle_loss(photos, seen.back_a) + cycle_loss(paintings, seen.back_b)
        terms = {
            "adversarial": recipe.adversarial_weight * torch.stack(verdicts).sum(),
            "cycle": recipe.cycle_weight * cycle,
        }
        if seen.kept_a is not None and seen.kept_b is not None:
            kept = identity_loss(photos, seen.kept_a) + identity_loss(paintings, seen.kept_b)
            terms["identity"] = recipe.identity_weight * recipe.cycle_weight * kept
        return terms


class PairLosses(GanLosses[PairsRecipe]):
    """The losses of Isola et al. 2017, eq. 4: of a critic that also sees the input, and of the target."""

    def __init__(self, job: PairsJob, fabric: Fabric) -> None:
        pairs = job.pairs(job.found)
        side = job.recipe.size // job.multiple * job.multiple
        self._shown = torch.stack(pairs.some(_WATCHED, side))
        super().__init__(job.recipe, fabric, {"": 6}, self._shown[:, :3], inverts=False)

    def __call__(self, model: Any, pictures: Tensor, share: Share) -> Terms:
        self.begin(share)
        recipe = self.recipe
        inputs, targets = pictures.chunk(2, 1)
        made = model(inputs)
        verdict = self.critics[""].verdict(torch.cat([inputs, made], 1), torch.cat([inputs, targets], 1))
        pair = pair_loss(targets, made)
        return {"adversarial": recipe.adversarial_weight * verdict, "pair": recipe.pair_weight * pair}

    def show(self, net: Any) -> list[list[Tensor]]:
        """Return a row for some pairs: the input, the network's result, the target."""
        rows = []
        with painting(net):
            for pair in torch.split(self._shown[:_SHOWN], 1):
                made = net.generator(pair[:, :3].to(self.fabric.device))
                rows.append([pair[:, :3], made.cpu().clamp(0, 1), pair[:, 3:]])
        return rows


def some_pictures(photos: Photos, most: int) -> list[Picture]:
    """Return at most `most` pictures of a folder, evenly spaced, at a moderate size. Skip damaged ones.

    Raises:
        PictureError: none of them can be read.
    """

    def opened(item: Item) -> Picture:
        return Picture.open(read(item), shorter=_PAINTING_SIDE).as_painting().at_most(_PAINTING_SIDE)

    return read_some(photos, most, opened)


@contextmanager
def painting(net: Any) -> Iterator[Any]:
    """Switch a network to evaluation, without the noise of training, while the context lasts."""
    trains = net.training
    net.eval()
    try:
        yield net
    finally:
        net.train(trains)


def _square(picture: Picture, size: int) -> Tensor:
    """Return the middle of a picture, 1 x 3 x size x size."""
    return to_tensor(square(picture, size).pixels)

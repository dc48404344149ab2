"""Training against a critic: a collection's style from unpaired pictures, or what pairs show."""

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

_ENGINES_MULTIPLE = 8  # pixels, of the sides that the painter's network takes, and the light engine's
_READ = 64  # paintings, at most, whose mean style is begun with
_WATCHED = 6  # photos that are looked at now and then
_SHOWN = 3  # paintings, or pairs, on a sheet of samples
_PHOTO_SPREAD = 0.7, 1.9  # least and most of the scale of photos' crops, over that of paintings
_PAINTING_SIDE = 640  # pixels of the longer side at which paintings are read

Recipe = TypeVar("Recipe", bound=GanRecipe)


@dataclass(frozen=True)
class CollectionJob(Job[nn.Module]):
    """A collection of paintings: photos to such (Park et al. 2020, Zhu et al. 2017).

    Attributes:
        paintings: a folder or URL, as `photos`.
        unchecked: whatever the folders hold (`impasto.training.folders`).
    """

    paintings: str = dataclasses.field(kw_only=True)
    unchecked: bool = dataclasses.field(default=False, kw_only=True)
    recipe: CollectionRecipe = dataclasses.field(default=COLLECTION, kw_only=True)
    channels: ClassVar[int] = 6

    @functools.cached_property
    def collection(self) -> Photos:
        """The paintings that were found.

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
        """A network as it begins: an engine with the mean style of some pictures, or new weights."""
        recipe = self.recipe
        if recipe.generator in FORMS:
            return generator_of(recipe.generator, recipe.width, None)
        seen = [picture.pixels for picture in some_pictures(pictures, _READ)]
        return generator_of(recipe.generator, recipe.width, mean_style(seen, recipe.generator))

    def losses(self, fabric: Fabric) -> GanLosses[Any]:
        return ContrastLosses(self, fabric) if self.recipe.method == "cut" else CycleLosses(self, fabric)

    def facts(self) -> dict[str, Any]:
        """What the paintings are."""
        return {"paintings": self.collection.digest}

    def card(self, photos: Photos, step: int, losses: dict[str, float], seconds: float) -> dict[str, Any]:
        """How the network was made."""
        paintings = {"count": len(self.collection.items), "digest": self.collection.digest}
        return super().card(photos, step, losses, seconds) | {"paintings": paintings}


@dataclass(frozen=True)
class PairsJob(Job[nn.Module]):
    """Pairs: inputs to targets of the same names (Isola et al. 2017).

    Attributes:
        photos: the inputs.
        targets: a folder or URL; None, if an input's right half is its target.
        unchecked: whatever the folders hold (`impasto.training.folders`).
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
        """All targets; the inputs, whose right halves they are, if there are no others.

        Raises:
            PictureError: there are none.
        """
        if self.targets is None:
            return self.found
        return find_photos(self.targets, self.folder / "targets.json", noun="targets")

    def matched(self, photos: Photos) -> tuple[Photos, Photos | None, int]:
        """Inputs and targets in one order, and how many were left out.

        Raises:
            PictureError: there are no targets.
            UsageError: no two pictures have one name.
        """
        return (photos, None, 0) if self.targets is None else matched(photos, self.found_targets)

    def pairs(self, photos: Photos) -> Pairs:
        """The pairs, cropped."""
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
        """What the targets are."""
        return {"targets": None if self.targets is None else self.found_targets.digest}


class GanLosses(ABC, Generic[Recipe]):
    """What trainings against critics share: critics, chance, and what is watched.

    Args:
        critics: channels of what each judges, by what it is called in the log.
        probes: photos that are looked at now and then, N x 3 x H x W.
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
        """Make all chance of a step depend on nothing but the step."""
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
        """The weighted losses of a batch: N x 6 x H x W, a photo and a painting each, or an input and its target."""

    @abstractmethod
    def show(self, net: Any) -> list[list[Tensor]]:
        """Rows of sample pictures, 1 x 3 x H x W each."""

    def state(self) -> dict[str, Any]:
        return {name: critic.state() for name, critic in self.critics.items()} | {"watch": self.watch.state()}

    def restore(self, state: dict[str, Any]) -> None:
        if state:
            for name, critic in self.critics.items():
                critic.restore(state[name])
            self.watch.restore(state["watch"])


class _CollectionLosses(GanLosses[CollectionRecipe]):
    """What both methods share: the photos and paintings that are shown and watched."""

    def __init__(self, job: CollectionJob, fabric: Fabric, critics: dict[str, int]) -> None:
        photos = some_pictures(job.found, _WATCHED)
        probes = torch.cat([_square(photo, job.recipe.size) for photo in photos])
        super().__init__(job.recipe, fabric, critics, probes, inverts=True)
        paintings = (_square(painting, job.recipe.size) for painting in some_pictures(job.collection, _SHOWN))
        self._samples = [*job.read_samples(8), *paintings] if fabric.global_rank == 0 else []

    def show(self, net: Any) -> list[list[Tensor]]:
        """Every photo and painting, what the network makes of it, and the way back if there is one."""
        rows = []
        with painting(net):
            for picture in self._samples:
                made = net.generator(picture.to(self.fabric.device))
                back = [net.back(made).cpu().clamp(0, 1)] if isinstance(net, Cycle) else []
                rows.append([picture, made.cpu().clamp(0, 1), *back])
        return rows


class ContrastLosses(_CollectionLosses):
    """The critic's verdict, and the contrast of patches, of photos and of paintings (Park et al. 2020, eq. 1, 5)."""

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
    """Two critics' verdicts, the ways there and back, and what is to stay as it is (Zhu et al. 2017, eq. 3, 5.2)."""

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
    """The verdict of a critic that sees the input, too; the difference from the target (Isola et al. 2017, eq. 4)."""

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
        """Some inputs, what the network makes of them, and their targets."""
        rows = []
        with painting(net):
            for pair in torch.split(self._shown[:_SHOWN], 1):
                made = net.generator(pair[:, :3].to(self.fabric.device))
                rows.append([pair[:, :3], made.cpu().clamp(0, 1), pair[:, 3:]])
        return rows


def some_pictures(photos: Photos, most: int) -> list[Picture]:
    """Some pictures of a folder, evenly spread, at a moderate size; damaged ones are left out.

    Raises:
        PictureError: none of them can be read.
    """

    def opened(item: Item) -> Picture:
        return Picture.open(read(item), shorter=_PAINTING_SIDE).as_painting().at_most(_PAINTING_SIDE)

    return read_some(photos, most, opened)


@contextmanager
def painting(net: Any) -> Iterator[Any]:
    """A network as it paints when it has been trained: without the noise that it learns with."""
    trains = net.training
    net.eval()
    try:
        yield net
    finally:
        net.train(trains)


def _square(picture: Picture, size: int) -> Tensor:
    """The middle of a picture, 1 x 3 x size x size."""
    return to_tensor(square(picture, size).pixels)

"""Learn one painting: train its style vector and its own filters for a given time.

A network that knows one painting paints it better than a network for all paintings. Gradient descent changes the vector
and the painter's convolutions until painted photographs come nearer to the painting in the perceptual losses (Johnson
et al. 2016; a learned vector for each style: Dumoulin et al. 2017). `impasto.training.perception` has the losses,
`impasto.training.practice` the photographs.

The weight of the content loss adapts. On the crops of every step it keeps the content loss slightly below that of the
painting's encoded vector, so that the whole gain is in style. With `boldness`, the content loss is measured where edges
and tones count, plain areas may get patterns, and colors are compared. Then motifs of the painting appear. Losses on
held-back photographs choose the best state. If none is better than the encoded vector, the result is that vector.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from impasto.engines.base import StyleVector
from impasto.engines.by_name import DEFAULT
from impasto.errors import UsageError
from impasto.nn.device import find_device
from impasto.nn.light_net import Moments
from impasto.nn.losses import lattice
from impasto.nn.tensors import to_pixels, to_tensor
from impasto.picture import Picture
from impasto.progress import OnProgress, Progress
from impasto.training.objective import unsteadiness
from impasto.training.perception import LATTICE, Perception
from impasto.training.practice import Practice
from impasto.training.pupil import pupil_of

SMALLEST_PAINTING = 64  # pixels a side
BATCH = 2
VECTOR_RATE = 20  # relative to the filters' rate, in units of the spread
POOL = 48  # batches that are kept with their features: 0.2 GB, for bold styles up to 0.6
FRESH = 4  # steps between new batches
SHOWN = 3  # held-back crops in a preview
CHECKS = (0.2, 0.4, 0.55, 0.7, 0.85, 1.0)  # shares of the time at which held-back crops are measured
EXCESS = 0.03  # how far the held-back content loss may exceed its target
STEER = 0.25  # how fast the content's weight adapts
WEIGHTS = {
    "style": 10.0,
    "bands": 2.0,
    "color": 12.0,
    "blocks": 20.0,
    "variation": 0.15,
    "lattice": 350.0,
    "range": 10.0,
    "steady": 40.0,
    "border": 60.0,
    "flat": 7000.0,
    "tone": 100.0,
}
CALMING = ("steady", "flat", "tone")  # terms that keep plain areas plain: without them at full boldness
BOLD_TERMS = ("color", "blocks")
TURNS = ("plain", "", "steady", "", "plain", "", "border", "")  # extra term of each step, in turn
BORDER = 24  # pixels around the part that is painted alone
EDGE = 12  # pixels at the edge of a plain area, where outlines may appear


@dataclass(frozen=True)
class Plan:
    """The sizes of the pictures, the learning rate, and the target of the content loss.

    Pairs are values at boldness 0 and at 100. Between, they change in proportion.

    Attributes:
        painting: longer side in pixels at which the painting is compared. Photos are painted at about 640; a larger
            painting gives larger strokes.
        side: side of a crop in pixels.
        plain: side in pixels of the area that is filled with one color.
        held_back: number of crops that measure the progress.
        rate: learning rate of the filters.
        warm_up: steps over which the rate rises.
        content: target of the content loss, relative to the encoded vector's. Below 1, because whole photographs lose
            more than crops. Bold strokes need a lower one, or faces disappear.
    """

    painting: tuple[int, int] = (512, 600)
    side: int = 240
    plain: int = 144
    held_back: int = 8
    rate: float = 3e-3
    warm_up: int = 15
    content: tuple[float, float] = (0.97, 0.85)


PLAN = Plan()


@dataclass(frozen=True)
class Learned:
    """The result of learning a painting.

    Attributes:
        vector: the vector's numbers, then the changes of the filters; the vector alone if nothing better was found.
        before, after: losses "style" and "content" on held-back photographs, with the encoded vector and with this
            vector. A style loss of 1 is that of the unpainted photographs. Content depends on the boldness.
        steps, seconds: steps and time of all runs, earlier ones included.
        stopped: True if `on_progress` ended the run early.
        boldness: of the last run.
    """

    vector: StyleVector = field(repr=False)
    before: dict[str, float]
    after: dict[str, float]
    steps: int
    seconds: float
    stopped: bool = False
    boldness: float = 0.0

    def ratio(self, term: str) -> float:
        """Return a loss relative to that of the encoded vector. Below 1 is better."""
        return self.after[term] / max(self.before[term], 1e-9)


def learn_style(
    painting: Picture,
    *,
    seconds: float,
    steps: int | None = None,
    photos: str | Path | None = None,
    start: Learned | None = None,
    boldness: float = 0.0,
    device: str = "auto",
    seed: int = 0,
    on_progress: OnProgress | None = None,
    on_best: Callable[[Learned], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
    engine: str = DEFAULT,
    plan: Plan | None = None,
) -> Learned:
    """Train a style's vector and filters for a given time.

    Args:
        painting: of any size, at least 64 pixels a side.
        seconds: time to spend. The learning rate follows the share of it that has passed.
        steps: end after this many steps, or when the time is up, whichever comes first.
        photos: photographs to paint while learning: a folder, tar shards or a URL
            (`impasto.training.data.find_photos`); None for the built-in photographs.
        start: the result of an earlier run, to continue from.
        boldness: 0..100: how far the painting's lines and dots may fill plain areas. 0 loses no more content, at
            relu3_3, than the encoded vector; 100 loses 15 percent less at relu2_2. Between, both layers count.
        device: "auto", "cpu", "cuda" or "mps".
        on_progress: called after every step with the losses relative to the encoded vector's. Returning False stops and
            keeps the best result so far.
        on_best: called whenever a better state is found on the held-back photographs.
        clock: returns the current time in seconds.
        engine: the engine that learns, one of `impasto.training.pupil.PUPILS`.
        plan: sizes and rates; None for the default plan.
    Raises:
        UsageError: the time is not positive, the painting is too small, or the device or engine is unavailable.
        PictureError: the folder contains no photographs.
    """
    check(painting, seconds, boldness)
    learning = Learning(
        painting, photos=photos, start=start, boldness=boldness, device=device, seed=seed, engine=engine, plan=plan
    )
    return learning.run(seconds, steps=steps, on_progress=on_progress, on_best=on_best, clock=clock)


def check(painting: Picture, seconds: float, boldness: float) -> None:
    """Raise a UsageError if the painting is too small, the time is not positive, or the boldness is out of range."""
    if not 0 <= boldness <= 100:
        raise UsageError(f"boldness {boldness:g} is not in 0..100", code="out-of-range")
    if not seconds > 0:
        raise UsageError(
            f"cannot learn in {seconds:g} seconds", "give a positive time, such as 3m", code="out-of-range"
        )
    if min(painting.width, painting.height) < SMALLEST_PAINTING:
        raise UsageError(
            f"the painting is {painting.width} x {painting.height} pixels",
            f"use a painting of at least {SMALLEST_PAINTING} pixels a side",
            code="too-small",
        )


class _Seen(NamedTuple):
    """A batch of crops with its features and its reference loss."""

    photos: Tensor  # N x 3 x H x W
    features: dict[str, Tensor]  # of the content layers
    content: float  # the encoded vector's content loss


class Learning:
    """One run: the network and the vector that learn, and their losses.

    Its arguments are those of `learn_style`, and `on_checked`, which is called before the long preparation.
    """

    def __init__(
        self,
        painting: Picture,
        *,
        photos: str | Path | None = None,
        start: Learned | None = None,
        boldness: float = 0.0,
        device: str = "auto",
        seed: int = 0,
        engine: str = DEFAULT,
        plan: Plan | None = None,
        on_checked: Callable[[], object] = lambda: None,
    ) -> None:
        self.plan = plan or PLAN
        painting = painting.as_painting()
        torch.manual_seed(seed)
        self.rng = np.random.default_rng(seed if start is None else [seed, start.steps])
        self.pupil, self.start = pupil_of(engine, find_device(device)), start
        bold = boldness / 100
        shares = dict.fromkeys(CALMING, 1 - bold) | dict.fromkeys(BOLD_TERMS, bold)
        self.weights = {name: weight * shares.get(name, 1) for name, weight in WEIGHTS.items()}
        self.device = self.pupil.spread.device
        self.practice = Practice(photos, side=self.plan.side, held_back=self.plan.held_back, seed=seed, rng=self.rng)
        on_checked()
        encoded = self.pupil.painter.encode(painting.pixels)
        self.first, self.encoded = self.pupil.begin(encoded)
        self.first.requires_grad_(False)
        self.net, self.vector = self.pupil.begin(encoded if start is None else start.vector)
        held_back = self.practice.held_back().to(self.device)
        side, self.target = (first + bold * (last - first) for first, last in (self.plan.painting, self.plan.content))
        seen_painting = self._on(to_tensor(painting.at_most(round(side)).pixels))
        self.losses = Perception(seen_painting, held_back, self.pupil.grid, bold)
        self.held_back = [self._see(part) for part in torch.split(held_back, BATCH)]
        self.pool: list[_Seen] = []
        self.filters = [value for value in self.net.parameters() if value.requires_grad]
        self.move = torch.zeros_like(self.vector).requires_grad_()  # in units of the spread
        self.trained = [*self.filters, self.move]
        self.mean = [value.detach().clone() for value in self.trained]
        self.weight = 2.5  # of the content loss
        self.before = self._judge(self.first, self.encoded)
        self.best = Learned(encoded, self.before, self.before, 0, 0.0, boldness=boldness)
        if start is not None:
            found = self._judge(self.net, self.vector)
            if self._cost(found) < 1:
                numbers = self.pupil.style(self.net.state_dict(), self.vector)
                self.best = replace(self.best, vector=numbers, after=found, steps=start.steps, seconds=start.seconds)

    def run(
        self,
        seconds: float,
        *,
        steps: int | None = None,
        on_progress: OnProgress | None = None,
        on_best: Callable[[Learned], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Learned:
        """Train until the time or the number of steps is up; see `learn_style`."""
        vector_rate = VECTOR_RATE * self.plan.rate
        optimizer = torch.optim.Adam(
            [{"params": self.filters, "base": self.plan.rate}, {"params": [self.move], "base": vector_rate}],
            betas=(0.9, 0.99),
        )
        earlier = (self.start.steps, self.start.seconds) if self.start else (0, 0.0)
        began, step, share, checks, stopped = clock(), 0, 0.0, list(CHECKS), False
        while share < 1 and not stopped:
            rate = min(1, (step + 1) / self.plan.warm_up) * (0.05 + 0.475 * (1 + math.cos(math.pi * share)))
            for group in optimizer.param_groups:
                group["lr"] = group["base"] * rate
            total = self._loss(step)
            optimizer.zero_grad(set_to_none=True)
            total.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
            optimizer.step()
            step += 1
            with torch.no_grad():
                for kept, value in zip(self.mean, self.trained, strict=True):
                    kept.lerp_(value, 1 - min(0.98, step / (step + 10)))
            spent = clock() - began
            share = max(spent / seconds, step / steps if steps else 0.0)
            if on_progress is not None:
                now = Progress(step, steps or 0, min(1.0, share), losses=self._ratios(), preview=self._preview)
                stopped = on_progress(now) is False
            if share >= checks[0] or stopped:
                checks = [check for check in checks if check > share] or [math.inf]
                if self._check(earlier[0] + step, earlier[1] + spent) and on_best is not None:
                    on_best(self.best)
        return replace(self.best, steps=earlier[0] + step, seconds=earlier[1] + clock() - began, stopped=stopped)

    def _ratios(self) -> dict[str, float]:
        return {term: self.best.ratio(term) for term in ("style", "content")}

    def _loss(self, step: int) -> Tensor:
        """Return the loss of one step: all terms on two crops and, in some steps, one extra term."""
        if not self.pool or step % FRESH == 0:
            seen = self._see(self._on(self.practice.batch(BATCH)))
            self.pool = [*self.pool[-POOL + 1 :], seen]
        else:
            seen = self.pool[int(self.rng.integers(len(self.pool)))]
        vector = self.vector + self.move * self.pupil.spread
        measured: Moments = []
        painted = self.net(seen.photos, vector.expand(len(seen.photos), -1), measured)
        terms = self.losses(painted, seen.features)
        content = float(terms["content"].detach()) / seen.content
        self.weight *= math.exp(STEER * min(2.0, max(-2.0, content - self.target)))
        self.weight = min(6.0, max(0.3, self.weight))
        turn = TURNS[step % len(TURNS)]
        if turn == "plain" and self.weights["flat"]:
            terms |= self._plain(seen.photos, vector)
        elif turn == "steady" and self.weights["steady"]:
            terms["steady"] = unsteadiness(
                lambda photo: self.net(photo, vector), seen.photos[:1], painted[:1], self.rng
            )
        elif turn == "border" and self.pupil.measures:
            terms["border"] = self._bordered(seen.photos[:1], vector, painted[:1], measured)
        weights = self.weights | {"content": self.weight}
        return torch.stack([weights[name] * term for name, term in terms.items()]).sum()

    def _see(self, photos: Tensor) -> _Seen:
        features = self.losses.content(photos)
        with torch.no_grad():
            painted = self.first(photos, self.encoded.expand(len(photos), -1))
        content = self.losses.content_loss(painted, features)
        return _Seen(photos, {name: value.bfloat16() for name, value in features.items()}, content)  # half the memory

    def _on(self, pictures: Tensor) -> Tensor:
        return pictures.to(device=self.device, memory_format=torch.channels_last)

    # The extra terms.

    def _plain(self, photos: Tensor, vector: Tensor) -> dict[str, Tensor]:
        """Return the losses on a plain area: the network's grid must not show, and the tone must not change."""
        grid, side, size = self.pupil.grid, photos.shape[-1], self.plan.plain
        top, left = (int(self.rng.integers(0, (side - size) // grid + 1)) * grid for _ in range(2))
        flat = photos[:1].clone()
        color = flat[0, :, int(self.rng.integers(side)), int(self.rng.integers(side))]
        if self.rng.random() < 0.5:  # more grays, which are rare in photographs
            color = torch.full_like(color, float(self.rng.random()))
        slopes = (2 * self.rng.random(2) - 1) * self.rng.choice([0, 0.4])
        down, right = (float(slope) * torch.linspace(-1, 1, size, device=self.device) for slope in slopes)
        plain = color[:, None, None] + down[:, None] + right
        flat[0, :, top : top + size, left : left + size] = plain.clamp(0, 1)
        rows, columns = (slice(first + EDGE, first + size - EDGE) for first in (top, left))
        inside = self.net(flat, vector)[..., rows, columns]
        with torch.no_grad():
            before = self.first(flat, self.encoded)[..., rows, columns].mean((2, 3))
        tone = (inside.mean((2, 3)) - before).square().mean()
        return {"flat": lattice(inside, LATTICE // 2, grid), "tone": tone}

    def _bordered(self, photo: Tensor, vector: Tensor, painted: Tensor, measured: Moments) -> Tensor:
        """Return how much the result depends on pixels beyond a border.

        It paints the middle of a photo alone, and compares that with the middle of the painted photo.
        """
        middle = (slice(None), slice(None), slice(BORDER, -BORDER), slice(BORDER, -BORDER))
        same = [(variance[:1], mean[:1]) for variance, mean in measured]
        alone = self.net(photo[middle], vector, same)
        return (alone - painted[middle].detach()).square().mean()

    # The choice of the best state.

    def _judge(self, net: Any, vector: Tensor) -> dict[str, float]:
        """Return the mean style and content losses on the held-back crops."""
        found: dict[str, list[float]] = {"style": [], "content": []}
        with torch.no_grad():
            for seen in self.held_back:
                terms = self.losses(net(seen.photos, vector.expand(len(seen.photos), -1)), seen.features)
                for name, values in found.items():
                    values.append(float(terms[name]))
        return {name: float(np.mean(values)) for name, values in found.items()}

    def _cost(self, found: dict[str, float]) -> float:
        """Return the relative style loss, plus five times the excess of the relative content loss."""
        style, content = (found[term] / max(self.before[term], 1e-9) for term in ("style", "content"))
        return style + 5 * max(0.0, content - self.target - EXCESS)

    def _check(self, steps: int, seconds: float) -> bool:
        """Measure the running mean of the weights. Keep it if it is the best so far, and return True then."""
        own = [value.detach().clone() for value in self.filters]
        self._set(self.mean)
        vector = self.vector + self.mean[-1] * self.pupil.spread
        found = self._judge(self.net, vector)
        better = self._cost(found) < self._cost(self.best.after)
        if better:
            numbers = self.pupil.style(self.net.state_dict(), vector)
            self.best = replace(self.best, vector=numbers, after=found, steps=steps, seconds=seconds)
        self._set(own)
        return better

    def _set(self, values: Sequence[Tensor]) -> None:
        with torch.no_grad():
            for value, new in zip(self.filters, values, strict=False):
                value.copy_(new)

    def _preview(self) -> Picture:
        """Return some held-back photographs as they are painted now, side by side."""
        with torch.no_grad():
            vector = self.vector + self.move * self.pupil.spread
            photos = torch.cat([seen.photos for seen in self.held_back])[:SHOWN]
            painted = self.net(photos, vector.expand(len(photos), -1))
        return Picture(np.concatenate([to_pixels(picture[None]) for picture in painted], axis=1))

"""Learn one painting: train its style vector and filters of its own for a given time.

A network that knows one painting paints it better than one for all of them. Gradient descent changes the vector and the
painter's convolutions until the painter's pictures of photographs come nearer to the painting in the perceptual losses
(Johnson et al. 2016; a learned vector for each style: Dumoulin et al. 2017). The style's loss compares Gram matrices at
the second layer of every block of a max-pooling VGG-19. Each layer's distance is divided by that of the untouched
photographs. A second style loss looks at the pixels themselves (`Bands`).

The content's weight is steered: on the crops of every step the content loss is held a little below the loss that the
painting's encoded vector has there, so that all that is gained is style. Losses on held-back photographs choose the
best state; if none is better than the encoded vector, that vector is the result.
"""

from __future__ import annotations

import math
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.engines.base import StyleVector
from impasto.engines.by_name import DEFAULT
from impasto.errors import UsageError
from impasto.nn.device import find_device
from impasto.nn.light_net import Moments
from impasto.nn.losses import blemishes, gram, lattice, mean_content_loss
from impasto.nn.tensors import to_pixels, to_tensor
from impasto.nn.vgg import perceptual_vgg
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels
from impasto.progress import OnProgress, Progress
from impasto.system.files import ASSETS
from impasto.training.data import find_photos, read
from impasto.training.objective import unsteadiness
from impasto.training.pupil import pupil_of

STYLE = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
CONTENT = "relu3_3"
SMALLEST_PAINTING = 64  # pixels a side
PAINTING_SIDE = 512  # at which Gram matrices are taken: the size at which results are looked at
SIDE = 240  # of a crop
BATCH = 2
RATE = 3e-3  # of the filters
VECTOR_RATE = 20  # times that, in units of the spread
WARM_UP = 15  # steps over which the rate rises
POOL = 48  # batches that are kept with what the loss network sees in them
FRESH = 4  # every so many steps a new batch is drawn
HELD_BACK = 8  # crops to judge by
SHOWN = 3  # of them in a preview
CHECKS = (0.2, 0.4, 0.55, 0.7, 0.85, 1.0)  # shares of the time at which they are looked at
CONTENT_SHARE = 0.97  # of the encoded vector's content loss that is steered to; whole photos keep less than crops
STEER = 0.25  # how fast the content's weight follows
WEIGHTS = {
    "style": 10.0,
    "bands": 2.0,
    "variation": 0.15,
    "lattice": 350.0,
    "range": 10.0,
    "steady": 40.0,
    "border": 60.0,
    "flat": 7000.0,
    "tone": 100.0,
}
TURNS = ("plain", "", "steady", "", "plain", "", "border", "")  # what a step asks for beside the losses on its crops
BORDER = 24  # pixels around the part that is painted alone
FLAT, EDGE = 144, 12  # pixels a side of what is painted over with one colour; of that, where outlines are
LATTICE = 8  # places of the network's grid a window's side has


@dataclass(frozen=True)
class Learned:
    """What came out.

    Attributes:
        vector: the vector's numbers, then the filters' changes; the vector alone if nothing better was found.
        before, after: "style" and "content" losses on held-back photographs, with the encoded vector and with this
            one. 1 is the style loss of the untouched photographs.
        steps: of the descent, those before this run included.
        seconds: likewise.
        stopped: whether `on_progress` ended it early.
    """

    vector: StyleVector = field(repr=False)
    before: dict[str, float]
    after: dict[str, float]
    steps: int
    seconds: float
    stopped: bool = False

    def ratio(self, term: str) -> float:
        """A loss over the encoded vector's."""
        return self.after[term] / max(self.before[term], 1e-9)


def learn_style(
    painting: Picture,
    *,
    seconds: float,
    steps: int | None = None,
    photos: str | Path | None = None,
    start: Learned | None = None,
    device: str = "auto",
    seed: int = 0,
    on_progress: OnProgress | None = None,
    on_best: Callable[[Learned], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
    engine: str = DEFAULT,
) -> Learned:
    """Train a style's vector and filters for a time.

    Args:
        painting: of any size, at least 64 pixels a side.
        seconds: to spend; the learning rate follows their share that is spent.
        steps: end after so many, if the time has not ended before.
        photos: to paint while learning: a folder, tar shards or a URL (`impasto.training.data.find_photos`); the
            photographs that ship if not given.
        start: what an earlier run came to, to go on from.
        device: "auto", "cpu", "cuda" or "mps".
        on_progress: called after every step with the losses over the encoded vector's; returning False stops and
            keeps the best so far.
        on_best: called whenever the held-back photographs find a better state.
        clock: seconds of what is spent.
        engine: that learns, one of `impasto.training.pupil.PUPILS`.
    Raises:
        UsageError: no time, a painting too small, or a device or an engine that is not there.
        PictureError: there are no photographs in the folder.
    """
    check(painting, seconds)
    learning = Learning(painting, photos=photos, start=start, device=device, seed=seed, engine=engine)
    return learning.run(seconds, steps=steps, on_progress=on_progress, on_best=on_best, clock=clock)


def check(painting: Picture, seconds: float) -> None:
    """Raises UsageError for a painting too small, or for no time."""
    if not seconds > 0:
        raise UsageError(f"{seconds:g} seconds are no time to learn", "3m")
    if min(painting.width, painting.height) < SMALLEST_PAINTING:
        raise UsageError(
            f"the painting is {painting.width} x {painting.height} pixels", f"{SMALLEST_PAINTING} a side are needed"
        )


class _Seen(NamedTuple):
    """A batch of crops, and what is known of it."""

    photos: Tensor  # N x 3 x H x W
    features: Tensor  # of the content's layer
    content: float  # the encoded vector's content loss


class Learning:
    """One run: the network and vector that change, and what they are compared with; arguments as `learn_style`'s."""

    def __init__(
        self,
        painting: Picture,
        *,
        photos: str | Path | None = None,
        start: Learned | None = None,
        device: str = "auto",
        seed: int = 0,
        engine: str = DEFAULT,
    ) -> None:
        torch.manual_seed(seed)
        self.rng = np.random.default_rng(seed if start is None else [seed, start.steps])
        self.pupil, self.start = pupil_of(engine, find_device(device)), start
        self.device = self.pupil.spread.device
        self.loss_net = perceptual_vgg(self.device, "max", "replicate")
        source = _Photos(photos, np.random.default_rng(seed))
        self.crops = _Crops(source, self.rng, self.device)
        encoded = self.pupil.painter.encode(painting.pixels)
        self.first, self.encoded = self.pupil.begin(encoded)
        self.first.requires_grad_(False)
        self.net, self.vector = self.pupil.begin(encoded if start is None else start.vector)
        seen_painting = _on(to_tensor(painting.at_most(PAINTING_SIDE).pixels), self.device)
        self.targets = self._grams(seen_painting)
        held_back = torch.cat(list(source.held_back(HELD_BACK))).to(self.device)
        self.apart = {
            layer: (found - self.targets[layer]).square().mean() for layer, found in self._grams(held_back).items()
        }
        self.bands = Bands(seen_painting, held_back)
        self.held_back = [self._see(part) for part in torch.split(held_back, BATCH)]
        self.pool: list[_Seen] = []
        self.filters = [value for value in self.net.parameters() if value.requires_grad]
        self.move = torch.zeros_like(self.vector).requires_grad_()  # in units of the spread
        self.trained = [*self.filters, self.move]
        self.mean = [value.detach().clone() for value in self.trained]
        self.weight = 2.5  # of the content
        self.before = self._judge(self.first, self.encoded)
        self.best = Learned(encoded, self.before, self.before, 0, 0.0)
        if start is not None:
            found = self._judge(self.net, self.vector)
            if self._cost(found) < 1:
                self.best = Learned(start.vector, self.before, found, start.steps, start.seconds)

    def run(
        self,
        seconds: float,
        *,
        steps: int | None = None,
        on_progress: OnProgress | None = None,
        on_best: Callable[[Learned], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Learned:
        """Descend until the time, or the number of steps, is up; see `learn_style`."""
        optimizer = torch.optim.Adam(
            [{"params": self.filters, "base": RATE}, {"params": [self.move], "base": VECTOR_RATE * RATE}],
            betas=(0.9, 0.99),
        )
        earlier = (self.start.steps, self.start.seconds) if self.start else (0, 0.0)
        began, step, share, checks, stopped = clock(), 0, 0.0, list(CHECKS), False
        while share < 1 and not stopped:
            rate = min(1, (step + 1) / WARM_UP) * (0.05 + 0.475 * (1 + math.cos(math.pi * share)))
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
        best = self.best
        return Learned(best.vector, best.before, best.after, earlier[0] + step, earlier[1] + clock() - began, stopped)

    def _ratios(self) -> dict[str, float]:
        return {term: self.best.ratio(term) for term in ("style", "content")}

    def _loss(self, step: int) -> Tensor:
        """What one step descends: all terms on two crops, and in turns one that asks for more painting."""
        if not self.pool or step % FRESH == 0:
            seen = self._see(self.crops.batch(BATCH))
            self.pool = [*self.pool[-POOL + 1 :], seen]
        else:
            seen = self.pool[int(self.rng.integers(len(self.pool)))]
        vector = self.vector + self.move * self.pupil.spread
        measured: Moments = []
        painted = self.net(seen.photos, vector.expand(len(seen.photos), -1), measured)
        terms = self._perceptual(painted, seen.features)
        content = float(terms["content"].detach()) / seen.content
        self.weight *= math.exp(STEER * min(2.0, max(-2.0, content - CONTENT_SHARE)))
        self.weight = min(6.0, max(0.3, self.weight))
        turn = TURNS[step % len(TURNS)]
        if turn == "plain":
            terms |= self._plain(seen.photos, vector)
        elif turn == "steady":
            terms["steady"] = unsteadiness(
                lambda photo: self.net(photo, vector), seen.photos[:1], painted[:1], self.rng
            )
        elif turn == "border" and self.pupil.measures:
            terms["border"] = self._bordered(seen.photos[:1], vector, painted[:1], measured)
        weights = WEIGHTS | {"content": self.weight}
        return torch.stack([weights[name] * term for name, term in terms.items()]).sum()

    # What the loss network sees.

    def _grams(self, pictures: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            return self.loss_net(pictures, STYLE, lambda _, features: gram(features))

    def _see(self, photos: Tensor) -> _Seen:
        with torch.no_grad():
            features = self.loss_net(photos, [CONTENT])[CONTENT]
            painted = self.first(photos, self.encoded.expand(len(photos), -1))
            content = mean_content_loss(self.loss_net(painted, [CONTENT])[CONTENT], features)
        return _Seen(photos, features.bfloat16(), float(content))  # half the memory

    def _perceptual(self, painted: Tensor, features: Tensor) -> dict[str, Tensor]:
        """Content and style, and what no picture should have: variation, a lattice, values out of range."""
        found = {"style": painted.new_zeros(())}

        def see(layer: str, now: Tensor) -> Tensor:
            distance = (gram(now) - self.targets[layer]).square().mean() / self.apart[layer]
            found["style"] = found["style"] + distance / len(STYLE)
            if layer == CONTENT:
                found["content"] = mean_content_loss(now, features)
            return distance

        self.loss_net(painted, STYLE, see)
        found["bands"] = self.bands(painted)
        return found | blemishes(painted, LATTICE, self.pupil.grid)

    # What else must hold.

    def _plain(self, photos: Tensor, vector: Tensor) -> dict[str, Tensor]:
        """Where all is plain the network's grid must not show, and the tone must stay what it was at first."""
        grid, side = self.pupil.grid, photos.shape[-1]
        top, left = (int(self.rng.integers(0, (side - FLAT) // grid + 1)) * grid for _ in range(2))
        flat = photos[:1].clone()
        colour = flat[0, :, int(self.rng.integers(side)), int(self.rng.integers(side))]
        if self.rng.random() < 0.5:  # greys, which are rarer in photographs
            colour = torch.full_like(colour, float(self.rng.random()))
        slopes = (2 * self.rng.random(2) - 1) * self.rng.choice([0, 0.4])
        down, right = (float(slope) * torch.linspace(-1, 1, FLAT, device=self.device) for slope in slopes)
        plain = colour[:, None, None] + down[:, None] + right
        flat[0, :, top : top + FLAT, left : left + FLAT] = plain.clamp(0, 1)
        rows, columns = (slice(first + EDGE, first + FLAT - EDGE) for first in (top, left))
        inside = self.net(flat, vector)[..., rows, columns]
        with torch.no_grad():
            before = self.first(flat, self.encoded)[..., rows, columns].mean((2, 3))
        tone = (inside.mean((2, 3)) - before).square().mean()
        return {"flat": lattice(inside, LATTICE // 2, grid), "tone": tone}

    def _bordered(self, photo: Tensor, vector: Tensor, painted: Tensor, measured: Moments) -> Tensor:
        """How much it shows what lies beyond a border: the middle painted alone against the middle of the whole."""
        middle = (slice(None), slice(None), slice(BORDER, -BORDER), slice(BORDER, -BORDER))
        same = [(variance[:1], mean[:1]) for variance, mean in measured]
        alone = self.net(photo[middle], vector, same)
        return (alone - painted[middle].detach()).square().mean()

    # Which state is the best.

    def _judge(self, net: Any, vector: Tensor) -> dict[str, float]:
        """Mean style and content loss on the held-back crops."""
        found: dict[str, list[float]] = {"style": [], "content": []}
        with torch.no_grad():
            for seen in self.held_back:
                terms = self._perceptual(net(seen.photos, vector.expand(len(seen.photos), -1)), seen.features)
                for name, values in found.items():
                    values.append(float(terms[name]))
        return {name: float(np.mean(values)) for name, values in found.items()}

    def _cost(self, found: dict[str, float]) -> float:
        """The style loss over the encoded vector's; what is lost of the content counts several times."""
        style, content = (found[term] / max(self.before[term], 1e-9) for term in ("style", "content"))
        return style + 5 * max(0.0, content - 1)

    def _check(self, steps: int, seconds: float) -> bool:
        """Look at the running mean; keep it if it is the best so far."""
        own = [value.detach().clone() for value in self.filters]
        self._set(self.mean)
        vector = self.vector + self.mean[-1] * self.pupil.spread
        found = self._judge(self.net, vector)
        better = self._cost(found) < self._cost(self.best.after)
        if better:
            numbers = self.pupil.style(self.net.state_dict(), vector)
            self.best = Learned(numbers, self.before, found, steps, seconds)
        self._set(own)
        return better

    def _set(self, values: Sequence[Tensor]) -> None:
        with torch.no_grad():
            for value, new in zip(self.filters, values, strict=False):
                value.copy_(new)

    def _preview(self) -> Picture:
        """Some held-back photographs as they are painted now, side by side."""
        with torch.no_grad():
            vector = self.vector + self.move * self.pupil.spread
            photos = torch.cat([seen.photos for seen in self.held_back])[:SHOWN]
            painted = self.net(photos, vector.expand(len(photos), -1))
        return Picture(np.concatenate([to_pixels(picture[None]) for picture in painted], axis=1))


class Bands:
    """How far the finest structure of pictures is from a painting's, whatever a loss network makes of it.

    Neighbourhoods of 3 x 3 pixels are divided into the nine bands of a cosine transform, for each colour. The style is
    the bands' Gram matrix, at full and at half size. Every band is divided by its strength in the painting, so that the
    weak ones count. A network's first layers can come near the painting while the pixels do not; this term prevents it.
    """

    def __init__(self, painting: Tensor, photos: Tensor) -> None:
        waves = torch.stack([torch.cos(math.pi * (torch.arange(3) + 0.5) * k / 3) for k in range(3)])
        waves = waves / waves.square().sum(1, keepdim=True).sqrt()
        kernels = torch.einsum("iy,jx->ijyx", waves, waves).reshape(9, 1, 3, 3)
        self.kernels = kernels.repeat(3, 1, 1, 1).to(painting.device)
        self.strength: list[Tensor] = []
        with torch.no_grad():
            for bands in self._bands(painting):
                self.strength.append(bands.square().mean((0, 2, 3), keepdim=True).sqrt().clamp_min(1e-3))
            self.targets = self._grams(painting)
            self.apart = [
                (found - target).square().mean()
                for found, target in zip(self._grams(photos), self.targets, strict=True)
            ]

    def __call__(self, pictures: Tensor) -> Tensor:
        """A scalar; 1 is the untouched photographs' distance."""
        found = zip(self._grams(pictures), self.targets, self.apart, strict=True)
        return torch.stack([(own - target).square().mean() / apart for own, target, apart in found]).mean()

    def _bands(self, pictures: Tensor) -> list[Tensor]:
        """N x 27 x H x W at full and at half size."""
        return [F.conv2d(level - 0.5, self.kernels, groups=3) for level in (pictures, F.avg_pool2d(pictures, 2))]

    def _grams(self, pictures: Tensor) -> list[Tensor]:
        found = zip(self._bands(pictures), self.strength, strict=True)
        return [gram(bands / strength) for bands, strength in found]


class _Photos:
    """The photographs that ship, or those of a folder; some are held back to judge by.

    Args:
        folder: None, those that ship.
        rng: chooses which are held back.
    """

    def __init__(self, folder: str | Path | None, rng: np.random.Generator) -> None:
        self._known: dict[int, Pixels] = {}
        if folder is None:
            with zipfile.ZipFile(ASSETS / "photos" / "photos.zip") as bundle:
                files = [bundle.read(name) for name in bundle.namelist()]
            self._read: Callable[[int], bytes] = files.__getitem__
            count = len(files)
        else:
            items = find_photos(folder).items
            self._read = lambda index: read(items[index])
            count = len(items)
        order = [int(index) for index in rng.permutation(count)]
        held = min(HELD_BACK, count // 3)
        self._held, self.others = order[:held] or order, order[held:]

    def __getitem__(self, index: int) -> Pixels:
        """A photograph at about the size of a crop."""
        if index not in self._known:
            picture = Picture.open(self._read(index), shorter=round(SIDE * 1.5))
            if len(self._known) >= 512:
                self._known.pop(next(iter(self._known)))
            self._known[index] = picture.pixels
        return self._known[index]

    def held_back(self, count: int) -> list[Tensor]:
        """The middles of the photographs held back, 1 x 3 x SIDE x SIDE each."""
        found = []
        for index in (self._held * count)[:count]:
            photo = _on(to_tensor(self[index]), torch.device("cpu"))
            scale = SIDE / min(photo.shape[2:])
            sides = [max(SIDE, round(side * scale)) for side in photo.shape[2:]]
            photo = F.interpolate(photo, sides, mode="bicubic", antialias=True).clamp(0, 1)
            top, left = ((side - SIDE) // 2 for side in sides)
            found.append(photo[..., top : top + SIDE, left : left + SIDE])
        return found


class _Crops:
    """Random parts of photographs: scaled, mirrored, brighter or darker."""

    def __init__(self, photos: _Photos, rng: np.random.Generator, device: torch.device) -> None:
        self.photos, self.rng, self.device = photos, rng, device
        self._waiting: list[int] = []

    def batch(self, count: int) -> Tensor:
        """N x 3 x SIDE x SIDE."""
        return _on(torch.cat([self._crop() for _ in range(count)]), self.device)

    def _crop(self) -> Tensor:
        if not self._waiting:
            self._waiting = [int(index) for index in self.rng.permutation(self.photos.others)]
        photo = self.photos[self._waiting.pop()]
        wanted = int(SIDE * math.exp(self.rng.uniform(math.log(0.8), math.log(1.6))))
        side = min(*photo.shape[:2], wanted)
        top, left = (int(self.rng.integers(length - side + 1)) for length in photo.shape[:2])
        crop = to_tensor(photo[top : top + side, left : left + side])
        crop = F.interpolate(crop, (SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 1)
        crop = crop.pow(math.exp(self.rng.uniform(-0.3, 0.3)))
        return crop.flip(3) if self.rng.random() < 0.5 else crop


def _on(pictures: Tensor, device: torch.device) -> Tensor:
    return pictures.to(device=device, memory_format=torch.channels_last)

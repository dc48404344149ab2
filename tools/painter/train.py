#!/usr/bin/env python3
"""Train the painter on the perceptual losses, for any number of minutes at a time.

    python tools/painter/train.py --pack pack.zip --work work/ --minutes 9 [--device cuda]

The state is one file, work/state.pt. To continue, type the command again: it resumes at the step where the time, a
signal or Ctrl-C stopped it. Without a state, training starts from the weights in `--start`. Files in work/:

    log.tsv              the losses
    scores.tsv           scores on the held-back photographs and paintings
    samples.jpg          held-back samples: photograph, unknown style, photograph, named style
    weights.safetensors  the running mean of the weights in half precision, for the repository

The losses (Johnson et al. 2016):

- Style: Gram matrices at the second or third layer of every block of VGG-19, relative to untouched photographs.
- Color: the sliced Wasserstein distance of the pixels' colors (Pitie et al. 2005), relative to the photograph.
- Content: relu3_3 and relu4_3, relative to the photograph's energy.
- Blemishes: variation, values out of range, and patterns on the network's own grid of eight pixels.
- Steadiness: a shifted and noisy photograph must give the same picture.

Every photograph of a batch is painted in two styles, and every style paints two photographs. So their features are
computed only once. A quarter of the styles (`--named`) are the gallery's. Each has its own changes of the
normalizations, learned together with the network (Dumoulin et al. 2017). The others are crops of paintings, some
mirrored or with changed colors.
"""

from __future__ import annotations

import argparse
import copy
import os
import signal
import time
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from data import STYLE, Paintings, Views, crops, floats, load
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from impasto.nn.device import find_device, find_precision
from impasto.nn.losses import (
    blemishes,
    color_loss,
    content_loss,
    gram,
    gram_loss,
    mean_content_loss,
    random_colors,
    random_directions,
)
from impasto.nn.paint_net import MARGIN, MULTIPLE, PaintNet
from impasto.training.objective import unsteadiness

CONTENT = {"relu3_3": 0.5, "relu4_3": 0.5}
WEIGHTS = {
    "style": 10.0,
    "color": 4.0,
    "content": 1.0,
    "variation": 0.1,
    "lattice": 100.0,
    "range": 10.0,
    "steady": 10.0,
}
ANY, GALLERY = 0.8, 1.2  # weight of the content for any style, and for the gallery's
SERVES = 2  # styles for each photograph, and photographs for each style
FARTHEST = 3.0  # largest relative style distance that counts; beyond it, a picture is an outlier
PALE = 0.003  # added to the divisor, for photographs that have the painting's colors already
WARMUP, SLOWER = 300, 20_000  # steps until the rate has risen, and until it has fallen by 30 %
MEMORY = 0.999  # of the running mean of the weights
SHIFT = 7  # pixels; largest shift of the steadiness loss
LATTICE = 6  # side of a window of the lattice loss, in cells of the network's grid
SHEET = 6  # held-back photographs in samples.jpg


class Painting:
    """The network in training, its running mean, and the gallery's changes of its normalizations."""

    def __init__(self, paintings: Paintings, rate: float, device: torch.device, *, only_named: bool) -> None:
        self.net = PaintNet()
        gallery = paintings.named.statistics
        self.net.usual.copy_(gallery.mean(0))
        self.net.spread.copy_(gallery.std(0) + 1e-4)
        self.changes = torch.zeros(len(gallery), sum(self.net.sizes), device=device).requires_grad_()
        self.net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean = copy.deepcopy(self.net).requires_grad_(False)
        self.mean_changes = self.changes.detach().clone()
        groups: list[dict[str, Any]] = [{"params": [self.changes], "base": 5.0}]
        if not only_named:
            groups.insert(0, {"params": list(self.net.parameters())})
        self.net.requires_grad_(not only_named)
        self.optimizer = torch.optim.Adam(groups, rate, betas=(0.9, 0.99), fused=True)
        self.step, self.crops = 0, 0

    def state(self) -> dict[str, Any]:
        return {
            "net": self.net.state_dict(),
            "mean": self.mean.state_dict(),
            "changes": self.changes.detach(),
            "mean_changes": self.mean_changes,
            "optimizer": self.optimizer.state_dict(),
            "counts": [self.step, self.crops],
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        self.mean.load_state_dict(state["mean"])
        with torch.no_grad():
            self.changes.copy_(state["changes"])
            self.mean_changes.copy_(state["mean_changes"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.crops = state["counts"][:2]

    def weights(self) -> dict[str, Tensor]:
        """Return the running mean in half precision."""
        found = {**self.mean.state_dict(), "changes": self.mean_changes}
        counts = torch.tensor([self.step, self.crops], dtype=torch.int64)
        return {name: value.half().cpu().contiguous() for name, value in found.items()} | {"counts": counts}

    def begin(self, weights: dict[str, Tensor]) -> None:
        """Start from the result of `weights`, with a new optimizer."""
        tensors = {name: value.float() for name, value in weights.items() if name not in ("changes", "counts")}
        self.net.load_state_dict(tensors)
        self.mean.load_state_dict(tensors)
        with torch.no_grad():
            self.changes.copy_(weights["changes"])
            self.mean_changes.copy_(weights["changes"])
        self.step, self.crops = (int(count) for count in weights["counts"])

    @torch.no_grad()
    def follow(self) -> None:
        share = 1 - min(MEMORY, (1 + self.step) / (10 + self.step))
        own = [*self.net.parameters(), self.changes]
        torch._foreach_lerp_([*self.mean.parameters(), self.mean_changes], own, share)


class Training:
    """One run of the command."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments, self.work = arguments, arguments.work
        self.device = find_device(arguments.device)
        self.half = find_precision("auto", self.device) == torch.bfloat16
        self.photos, self.held_back, self.paintings = load(arguments.pack, self.device)
        self.loss_net = self.paintings.net
        only_named = arguments.named >= 1
        self.painting = Painting(self.paintings, arguments.rate, self.device, only_named=only_named)
        self.file: Path = self.work / "state.pt"
        if self.file.is_file():
            self.painting.restore(torch.load(self.file, map_location=self.device, weights_only=True))
        elif arguments.start:
            self.painting.begin(load_file(arguments.start))
        self.rng = np.random.default_rng(self.painting.step + arguments.seed)
        torch.manual_seed(self.painting.step + arguments.seed)
        self.paint = torch.compile(self.painting.net, dynamic=False) if arguments.compile else self.painting.net
        self.stopped = False

    def run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        state, started = self.painting, time.monotonic()
        saved = judged = shown = started
        sums: dict[str, list[float]] = {}
        while not self.stopped and time.monotonic() - started < 60 * self.arguments.minutes:
            rate = self.arguments.rate * min(1, (state.step + 1) / WARMUP) / (1 + state.step / SLOWER) ** 0.5
            for group in state.optimizer.param_groups:
                group["lr"] = rate * group.get("base", 1.0)
            terms = self.terms()
            total = torch.stack([WEIGHTS[name] * term for name, term in terms.items()]).sum()
            state.optimizer.zero_grad(set_to_none=True)
            total.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_([*state.net.parameters(), state.changes], 1.0)
            if torch.isfinite(total):
                state.optimizer.step()
            state.step += 1
            state.crops += self.arguments.batch
            state.follow()
            for name, term in terms.items():
                sums.setdefault(name, []).append(float(term.detach()))
            now = time.monotonic()
            if now - shown > 20:
                self.log(sums, now - shown)
                shown = now
                sums = {}
            if now - saved > self.arguments.save_every:
                saved = now
                self.save()
            if now - judged > self.arguments.judge_every:
                judged = now
                self.judge()
        self.save()
        self.judge()

    def terms(self) -> dict[str, Tensor]:
        """Return the losses of one batch, without their weights."""
        count = self.arguments.batch // SERVES
        photos = crops(self.photos, count, self.arguments.side, self.rng)
        styles, modulations, content = self.choose(count)
        given = photos.repeat_interleave(SERVES, 0)
        places = torch.arange(count, device=self.device)
        pairs = torch.stack([places.roll(-turn) for turn in range(SERVES)], 1).flatten()  # photo 0 gets styles 0 and 1
        modulations = modulations[pairs]
        noise = self.noise(given.shape)
        painted = self.painted(given, modulations, noise)
        terms = self.perceptual(painted, photos, styles[pairs], content[pairs])
        if self.painting.step % 3 == 0:
            again = partial(self.painted, modulations=modulations[:2], noise=noise[:2])
            terms["steady"] = unsteadiness(again, given[:2], painted[:2], self.rng, SHIFT)
        return terms

    def choose(self, count: int) -> tuple[Views, Tensor, Tensor]:
        """Draw the styles of a batch; return them, their modulations, and the weights of their content."""
        net, gallery = self.painting.net, self.paintings.named
        ids = torch.from_numpy(self.rng.integers(len(gallery.statistics), size=count)).to(self.device)
        named = torch.from_numpy(self.rng.random(count) < self.arguments.named).to(self.device)
        styles = self.paintings.draw(count, self.rng)
        for own, drawn in zip(gallery[ids].tensors(), styles.tensors(), strict=True):
            drawn[named] = own[named]
        modulations = net.modulations(net.vector(styles.statistics)) + self.painting.changes[ids] * named[:, None]
        return styles, modulations, torch.where(named, GALLERY, ANY)

    def noise(self, shape: torch.Size) -> Tensor:
        """Draw noise at an eighth of the size. `painted` draws the noise at a quarter anew each time."""
        return torch.randn(shape[0], 1, *_places(shape), device=self.device)

    def painted(self, photos: Tensor, modulations: Tensor, noise: Tensor) -> Tensor:
        fine = torch.randn(len(noise), 1, *(2 * side for side in noise.shape[2:]), device=self.device)
        with self.precision():
            found: Tensor = self.paint(photos, modulations, (noise, fine))
        return found

    def precision(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.half else nullcontext()

    def perceptual(self, painted: Tensor, photos: Tensor, styles: Views, weights: Tensor) -> dict[str, Tensor]:
        """Return the losses of pictures; `weights` are the weights of their content."""
        with torch.no_grad():
            known = self.loss_net(photos, list(CONTENT))
        given = photos.repeat_interleave(SERVES, 0)
        found = {
            "style": painted.new_zeros(()),
            "content": painted.new_zeros(()),
            "color": self.color(painted, given, styles.colors),
        }

        def see(layer: str, features: Tensor) -> Tensor:
            if layer in STYLE:
                distance = (gram(features) - styles.grams[layer]).square().mean((1, 2))
                ratio = distance / styles.apart[:, STYLE.index(layer)]
                found["style"] = found["style"] + ratio.clamp_max(FARTHEST).mean() / len(STYLE)
            if layer in CONTENT:
                before = known[layer].repeat_interleave(SERVES, 0)
                found["content"] = found["content"] + CONTENT[layer] * mean_content_loss(features, before, weights)
            return painted.new_zeros(())

        self.loss_net(painted, list(dict.fromkeys([*STYLE, *CONTENT])), see)
        return found | blemishes(painted, LATTICE, MULTIPLE)

    def color(self, painted: Tensor, photos: Tensor, target: Tensor) -> Tensor:
        directions = random_directions(self.device)
        own, untouched = (color_loss(random_colors(pictures), target, directions) for pictures in (painted, photos))
        return (own / (untouched + PALE)).mean()

    @torch.no_grad()
    def judge(self) -> None:
        """Score the running mean on the held-back pictures with VGG-19, and write samples.jpg."""
        state, device = self.painting, self.device
        scores: dict[str, list[float]] = {
            f"{kind}{score}": [] for kind in ("", "named ") for score in ("style", "content", "color")
        }
        tiles: list[Tensor] = []
        for number, photo in enumerate(self.held_back):
            whole = _whole(floats(photo))
            noise = fixed_noise(*_places(whole.shape), device)
            before = self.loss_net(whole, STYLE)
            untouched = {layer: gram(features) for layer, features in before.items()}
            for kind, styles in (("", self.paintings.held_back), ("named ", self.paintings.named)):
                index = number % len(styles.statistics)
                style = styles[torch.tensor([index], device=device)]
                modulations = state.mean.modulations(state.mean.vector(style.statistics))
                if kind:
                    modulations = modulations + state.mean_changes[index]
                with self.precision():
                    picture = state.mean(whole, modulations, noise).clamp(0, 1)
                after = self.loss_net(picture, STYLE)
                ratios = [
                    float(gram_loss(gram(after[layer]), target) / gram_loss(untouched[layer], target))
                    for layer, target in style.grams.items()
                ]
                scores[f"{kind}style"].append(float(np.mean(ratios)))
                scores[f"{kind}content"].append(float(content_loss(after["relu3_3"], before["relu3_3"])))
                scores[f"{kind}color"].append(float(self.color(picture, whole, style.colors)))
                if number < SHEET:
                    tiles += [F.interpolate(x, (240, 320)).clamp(0, 1)[0].cpu() for x in (whole, picture)]
        values = [float(np.mean(found)) for found in scores.values()]
        self._append("scores.tsv", ["crops", "step", *scores], [state.crops, state.step, *values])
        print(
            f"held back, {state.crops} crops: "
            + "  ".join(f"{k} {v:.4f}" for k, v in zip(scores, values, strict=True)),
            flush=True,
        )
        lines = [torch.cat(tiles[start : start + 4], 2) for start in range(0, len(tiles), 4)]
        sheet = (torch.cat(lines, 1).permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
        Image.fromarray(sheet).save(self.work / "samples.jpg", quality=88)

    def log(self, sums: dict[str, list[float]], seconds: float) -> None:
        state = self.painting
        means = {name: float(np.mean(sums.get(name, [np.nan]))) for name in WEIGHTS}
        hour = len(sums["style"]) * self.arguments.batch / seconds * 3600
        self._append("log.tsv", ["step", "crops", *means], [state.step, state.crops, *means.values()])
        shown = "  ".join(f"{name} {value:.4f}" for name, value in means.items())
        print(f"{state.step}  {state.crops} crops  {hour:.0f} an hour  {shown}", flush=True)

    def save(self) -> None:
        part = self.file.with_suffix(f".part{os.getpid()}")
        torch.save(self.painting.state(), part)
        part.replace(self.file)
        save_file(self.painting.weights(), self.work / "weights.safetensors")

    def _append(self, name: str, head: list[str], values: list[Any]) -> None:
        file = self.work / name
        fresh = not file.is_file()
        with file.open("a", encoding="utf-8") as out:
            if fresh:
                out.write("\t".join(head) + "\n")
            out.write("\t".join(f"{value:.5g}" if isinstance(value, float) else str(value) for value in values) + "\n")

    def _stop(self, *_: object) -> None:
        self.stopped = True


def _places(shape: torch.Size) -> tuple[int, int]:
    """Return the rows and columns of the network's grid for N x C x H x W pixels and their margins."""
    return (shape[2] + 2 * MARGIN) // MULTIPLE, (shape[3] + 2 * MARGIN) // MULTIPLE


def _whole(picture: Tensor) -> Tensor:
    """Crop a picture to multiples of eight pixels."""
    height, width = (side // MULTIPLE * MULTIPLE for side in picture.shape[2:])
    return picture[..., :height, :width].contiguous(memory_format=torch.channels_last)


def fixed_noise(rows: int, columns: int, device: torch.device) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    found = [torch.randn(1, 1, scale * rows, scale * columns, generator=generator).to(device) for scale in (1, 2)]
    return found[0], found[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="weights.safetensors of an earlier run")
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=224, help="side of a crop in pixels, a multiple of eight")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument(
        "--named", type=float, default=0.25, help="share of the gallery's styles; 1 trains only their changes"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--save-every", type=float, default=120, help="seconds between saves")
    parser.add_argument("--judge-every", type=float, default=600, help="seconds between scores")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    Training(arguments).run()


if __name__ == "__main__":
    main()

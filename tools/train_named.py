#!/usr/bin/env python3
"""Fine-tune the light engine for each painting of the gallery, so that each has a vector and filters of its own.

    python tools/train_light.py finish --work work/    # after the steps before it
    python tools/train_named.py --paintings DIR --work work/              # all without a file in work/named
    python tools/train_named.py --paintings DIR --work work/ great-wave   # continues from its file, if any
    python tools/build_gallery.py --paintings DIR --named work/named

A network for one style paints it better than a network for all styles. A few minutes of training turn one into the
other.

The losses are those of `tools/train_light.py`, except the style loss. It compares Gram matrices at the second layer of
every block. Each layer's distance is divided by that of untouched photographs, so that layers already close to the
painting still count. The photographs' features are computed once.

The weight of the content loss is controlled during the training. The loss ends at `--content` times its value for the
same photographs painted with the painting's encoded vector. So the training improves the style at equal content.
"""

from __future__ import annotations

import argparse
import copy
import csv
import io
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from train_light import WEIGHTS, Crops, Data, Seen, loss_net, painting_grams, perceptual, seen

from impasto.engines.by_name import engine_of
from impasto.nn.light_net import LightNet, Moments, is_filter
from impasto.nn.losses import lattice
from impasto.picture import Picture
from impasto.system.files import write_atomically
from impasto.training.objective import unsteadiness

GALLERY = Path(__file__).with_name("gallery.tsv")
STYLE = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
CONTENT = ("relu3_3",)
STYLE_WEIGHT = 10.0
BORDER = 24  # pixels
FLAT = 144  # pixels; side of the square that is filled with a color or a gradient
EDGE = 12  # pixels at its sides that do not count, because outlines are there
FLAT_WEIGHT = 7000.0  # weight of the lattice inside the square
TONE_WEIGHT = 30.0
PARTS = {"red-blue-yellow": (0.02, 0.54, 0.98, 0.98)}  # left, top, right, bottom; the whole painting makes a photo red
AS_ENCODED = {"impression-sunrise"}  # training does not improve it


class Named:
    """Crops of photographs with their features, and the network from which training starts."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.data = Data.load(arguments.work)
        self.rng = np.random.default_rng(arguments.seed)
        torch.manual_seed(arguments.seed)
        self.device = arguments.device
        self.loss_net = loss_net(self.device, "max")
        self.start = LightNet()
        self.start.load_state_dict(torch.load(arguments.work / "painter.pt", weights_only=True)["mean"])
        self.start.to(device=self.device, memory_format=torch.channels_last).requires_grad_(False)  # type: ignore[call-overload]
        crops = Crops(self.data, self.rng, arguments.batch)
        self.batches: list[tuple[Tensor, Seen]] = []
        for _ in range(arguments.crops // arguments.batch):
            photos = crops.batch(arguments.side)[0].to(self.device)
            self.batches.append((photos, seen(self.loss_net, photos, STYLE, CONTENT)))

    def train(self, painting: Picture, encoded: Tensor, vector: Tensor, net: LightNet) -> tuple[LightNet, Tensor]:
        """Train a network and a vector for one painting.

        Args:
            encoded: the encoder's vector of the painting, 1 x 512.
            vector: the initial vector, 1 x 512.
            net: the initial network; it is trained in place.
        """
        batch, rate = self.arguments.batch, self.arguments.rate
        encoded, vector = encoded.to(self.device), vector.to(self.device)
        targets = painting_grams(self.loss_net, painting, STYLE)
        apart = {
            layer: torch.stack([(known.grams[layer] - target).square().mean() for _, known in self.batches]).mean()
            for layer, target in targets.items()
        }
        usual: dict[int, float] = {}  # content loss of the encoded vector, by batch
        first = copy.deepcopy(net)
        filters = [value.requires_grad_() for name, value in net.named_parameters() if is_filter(name)]
        move = torch.zeros_like(vector).requires_grad_()  # in units of the vectors' deviation
        mean = [value.detach().clone() for value in (*filters, move)]
        optimizer = torch.optim.Adam(
            [{"params": filters, "base": rate}, {"params": [move], "base": 20 * rate}], betas=(0.9, 0.99)
        )
        weight = 2.5  # of the content loss
        started = time.monotonic()
        sums: dict[str, list[float]] = {}
        for step in range(self.arguments.steps):
            falling = 0.05 + 0.475 * (1 + math.cos(math.pi * step / self.arguments.steps))
            for group in optimizer.param_groups:
                group["lr"] = group["base"] * falling * min(1, (step + 1) / 20)
            index = int(self.rng.integers(len(self.batches)))
            photos, known = self.batches[index]
            own = vector + move * net.spread
            measured: Moments = []
            painted = net(photos, own.expand(batch, -1), measured)
            terms = perceptual(self.loss_net, painted, known, targets, apart)
            if step % 3 == 2:
                terms |= self._plain(photos, partial(net, vector=own), partial(first, vector=vector))
            else:
                terms |= self._disturbed(net, photos, own, painted, measured, step)
            if index not in usual:
                usual[index] = self._content(index, encoded)
            content = float(terms["content"].detach()) / usual[index]
            weight = min(6.0, max(0.3, weight * math.exp(0.06 * (content - self.arguments.content))))
            weights = WEIGHTS | {"content": weight, "style": STYLE_WEIGHT, "flat": FLAT_WEIGHT, "tone": TONE_WEIGHT}
            total = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
            optimizer.zero_grad(set_to_none=True)
            total.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_([*filters, move], 1.0)
            optimizer.step()
            with torch.no_grad():
                for kept, value in zip(mean, (*filters, move), strict=True):
                    kept.lerp_(value, 1 - min(0.98, (step + 1) / (step + 11)))
            for name, term in (*terms.items(), ("ratio", torch.tensor(content))):
                sums.setdefault(name, []).append(float(term.detach()) * (WEIGHTS | {"style": 1.0}).get(name, 1.0))
            if step % 60 == 59:
                shown = "  ".join(f"{name} {np.mean(values):.4f}" for name, values in sums.items())
                print(f"{step + 1}  {time.monotonic() - started:.0f} s  weight {weight:.2f}  {shown}", flush=True)
                sums.clear()
        with torch.no_grad():
            for kept, value in zip(mean, filters, strict=False):
                value.copy_(kept)
        return net, vector + mean[-1] * net.spread

    def _content(self, index: int, vector: Tensor) -> float:
        """Return the initial network's content loss for a batch and a vector of 1 x 512."""
        photos, known = self.batches[index]
        with torch.no_grad():
            painted = self.start(photos, vector.expand(len(photos), -1))
            return float(perceptual(self.loss_net, painted, known, {})["content"])

    def _plain(
        self, photos: Tensor, paint: Callable[[Tensor], Tensor], first: Callable[[Tensor], Tensor]
    ) -> dict[str, Tensor]:
        """Return losses of a plain square: the network's grid must not show, and the tone must not change."""
        height, width = photos.shape[2:]
        top, left = (int(self.rng.integers(0, (side - FLAT) // 4 + 1)) * 4 for side in (height, width))
        flat = photos[:1].clone()
        color = flat[0, :, int(self.rng.integers(height)), int(self.rng.integers(width))]
        if self.rng.random() < 0.5:  # grays are rarer in photographs
            color = torch.full_like(color, float(self.rng.random()))
        slopes = (2 * self.rng.random(2) - 1) * self.rng.choice([0, 0.4])
        down, right = (slope * torch.linspace(-1, 1, FLAT, device=self.device) for slope in slopes)
        plain = color[:, None, None] + down[:, None].float() + right.float()
        flat[0, :, top : top + FLAT, left : left + FLAT] = plain.clamp(0, 1)
        rows, columns = (slice(start + EDGE, start + FLAT - EDGE) for start in (top, left))
        inside = paint(flat)[..., rows, columns]
        with torch.no_grad():
            before = first(flat)[..., rows, columns].mean((2, 3))
        return {"flat": lattice(inside, 4, 4), "tone": (inside.mean((2, 3)) - before).square().mean()}

    def _disturbed(
        self, net: LightNet, photos: Tensor, vector: Tensor, painted: Tensor, measured: Moments, step: int
    ) -> dict[str, Tensor]:
        """Return, in turn, the loss of noise and shifts, and the loss of the border's influence."""
        if step % 3:
            return {"steady": unsteadiness(partial(net, vector=vector), photos[:1], painted[:1], self.rng)}
        middle = (slice(None), slice(None), slice(BORDER, -BORDER), slice(BORDER, -BORDER))
        same = [(variance[:1], mean[:1]) for variance, mean in measured]
        alone = net(photos[:1][middle], vector, same)
        return {"border": (alone - painted[:1][middle].detach()).square().mean()}


def part(painting: Picture, left: float, top: float, right: float, bottom: float) -> Picture:
    """Crop a painting; the borders are shares of its sides."""
    rows, columns = (
        (round(share * painting.height) for share in (top, bottom)),
        (round(share * painting.width) for share in (left, right)),
    )
    return Picture.from_array(painting.pixels[slice(*rows), slice(*columns)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--content", type=float, default=0.98, help="content loss over the encoded vector's")
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--crops", type=int, default=240)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--side", type=int, default=272)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("names", nargs="*", help="styles; default: all without a file in WORK/named")
    arguments = parser.parse_args()
    named = Named(arguments)
    fitted = dict(np.load(arguments.work / "fitted.npz"))
    folder: Path = arguments.work / "named"
    folder.mkdir(exist_ok=True)
    with GALLERY.open(encoding="utf-8") as table:
        files = {row["name"]: row["file"] for row in csv.DictReader(table, delimiter="\t")}
    for name in arguments.names or [name for name in files if not (folder / f"{name}.npz").exists()]:
        print(name, flush=True)
        painting = Picture.open(arguments.paintings / files[name])
        encoded = named.data.vectors[named.data.names.index(files[name])][None]
        if name in PARTS:
            painting = part(painting, *PARTS[name])
            encoded = torch.from_numpy(engine_of("light").encode(painting.pixels).embedding)[None]
        net, vector = copy.deepcopy(named.start), encoded
        file = folder / f"{name}.npz"
        if name not in AS_ENCODED:
            if name not in PARTS:
                vector = torch.from_numpy(fitted[files[name]])[None]
            if file.exists():
                with np.load(file) as own, torch.no_grad():
                    vector = torch.from_numpy(own["vector"])[None]
                    for key, value in net.named_parameters():
                        if is_filter(key):
                            value.add_(torch.from_numpy(own[key]).to(value.device))
            net, vector = named.train(painting, encoded, vector, net)
        before = named.start.state_dict()
        changes = {
            key: (value - before[key]).cpu().numpy() for key, value in net.state_dict().items() if is_filter(key)
        }
        out = io.BytesIO()
        np.savez(out, vector=vector[0].cpu().numpy(), **changes)
        write_atomically(file, out.getvalue(), overwrite=True)


if __name__ == "__main__":
    main()

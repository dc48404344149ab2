#!/usr/bin/env python3
"""Fine-tune the painter for each painting of the gallery: filters of its own, beside its vector.

    python tools/train_painter.py finish --work work/    # after all that comes before it there
    python tools/train_named.py --work work/
    python tools/build_gallery.py --paintings DIR --named work/named

A network for one style paints it better than one for all of them, and two minutes lead from one to the other. The
losses are those of `tools/train_painter.py`, on the same crops for every painting, so that what the loss network sees
in the photographs is computed once. The weight of the content is steered: the content's loss ends a little below what
it is where the painter is driven by the painting's encoded vector, and all that is gained is style.
"""

from __future__ import annotations

import argparse
import copy
import csv
import io
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from train_painter import LAYERS, WEIGHTS, Crops, Data, Seen, loss_net, perceptual, seen

from impasto.files import write_atomically
from impasto.nn.painter_net import Brush, Moments, is_filter

GALLERY = Path(__file__).with_name("gallery.tsv")
CONTENT_SHARE = 1.0  # of the encoded vector's content loss
BORDER = 24  # pixels
AS_ENCODED = {"red-blue-yellow", "impression-sunrise"}  # what is learned makes half of a photo one red; is no nearer


class Named:
    """Crops of photographs as the loss network sees them, and the painter to begin with."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.data = Data.load(arguments.work)
        self.rng = np.random.default_rng(arguments.seed)
        torch.manual_seed(arguments.seed)
        self.device = arguments.device
        self.loss_net = loss_net(self.device)
        self.start = Brush()
        self.start.load_state_dict(torch.load(arguments.work / "painter.pt", weights_only=True)["mean"])
        self.start.to(device=self.device, memory_format=torch.channels_last).requires_grad_(False)  # type: ignore[call-overload]
        crops = Crops(self.data, self.rng, arguments.batch)
        self.batches: list[tuple[Tensor, Seen]] = []
        for _ in range(arguments.crops // arguments.batch):
            photos = crops.batch(arguments.side)[0].to(self.device)
            self.batches.append((photos, seen(self.loss_net, photos)))

    def train(self, row: int, vector: Tensor) -> tuple[Brush, Tensor]:
        """A painter for one painting, and its vector.

        Args:
            row: of the painting among the data's.
            vector: to begin with, 1 x 512.
        """
        batch, rate = self.arguments.batch, self.arguments.rate
        targets = [self.data.targets(np.array([row]), index).to(self.device) for index in range(len(LAYERS))]
        encoded, vector = self.data.vectors[row][None].to(self.device), vector.to(self.device)
        with torch.no_grad():
            usual = [
                float(
                    perceptual(self.loss_net, self.start(photos, encoded.expand(batch, -1)), known, targets)["content"]
                )
                for photos, known in self.batches
            ]
        net = copy.deepcopy(self.start)
        filters = [value.requires_grad_() for name, value in net.named_parameters() if is_filter(name)]
        move = torch.zeros_like(vector).requires_grad_()  # in units of the spread
        mean = [value.detach().clone() for value in (*filters, move)]
        optimizer = torch.optim.Adam(
            [{"params": filters, "base": rate}, {"params": [move], "base": 20 * rate}], betas=(0.9, 0.99)
        )
        weight = 1.3  # of the content
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
            terms = perceptual(self.loss_net, painted, known, targets)
            terms |= self._disturbed(net, photos, own, painted, measured, step)
            content = float(terms["content"].detach()) / usual[index] / CONTENT_SHARE
            weight = min(4.0, max(0.5, weight * math.exp(0.03 * (content - 1))))
            weights = WEIGHTS | {"content": weight}
            total = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
            optimizer.zero_grad(set_to_none=True)
            total.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_([*filters, move], 1.0)
            optimizer.step()
            with torch.no_grad():
                for kept, value in zip(mean, (*filters, move), strict=True):
                    kept.lerp_(value, 1 - min(0.98, (step + 1) / (step + 11)))
            for name, term in (*terms.items(), ("ratio", torch.tensor(content * CONTENT_SHARE))):
                sums.setdefault(name, []).append(float(term.detach()) * WEIGHTS.get(name, 1.0))
            if step % 60 == 59:
                shown = "  ".join(f"{name} {np.mean(values):.4f}" for name, values in sums.items())
                print(f"{step + 1}  {time.monotonic() - started:.0f} s  weight {weight:.2f}  {shown}", flush=True)
                sums.clear()
        with torch.no_grad():
            for kept, value in zip(mean, filters, strict=False):
                value.copy_(kept)
        return net, vector + mean[-1] * net.spread

    def _disturbed(
        self, net: Brush, photos: Tensor, vector: Tensor, painted: Tensor, measured: Moments, step: int
    ) -> dict[str, Tensor]:
        """In turns: noise and a shift must not show, and nor must what lies beyond a border."""
        if step % 2:
            down, right = (int(shift) for shift in self.rng.integers(-4, 5, size=2))
            other = torch.roll(photos[:1], (down, right), (2, 3))
            other = net(other + 2 / 255 * torch.randn_like(other), vector)
            back = torch.roll(other, (-down, -right), (2, 3))
            return {"steady": (back - painted[:1])[..., 8:-8, 8:-8].square().mean()}
        middle = (slice(None), slice(None), slice(BORDER, -BORDER), slice(BORDER, -BORDER))
        same = [(variance[:1], mean[:1]) for variance, mean in measured]
        alone = net(photos[:1][middle], vector, same)
        return {"border": (alone - painted[:1][middle].detach()).square().mean()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--crops", type=int, default=240)
    parser.add_argument("--batch", type=int, default=3)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("names", nargs="*", help="styles; all that have no file in WORK/named if there are none")
    arguments = parser.parse_args()
    named = Named(arguments)
    fitted = dict(np.load(arguments.work / "fitted.npz"))
    folder: Path = arguments.work / "named"
    folder.mkdir(exist_ok=True)
    with GALLERY.open(encoding="utf-8") as table:
        files = {row["name"]: row["file"] for row in csv.DictReader(table, delimiter="\t")}
    for name in arguments.names or [name for name in files if not (folder / f"{name}.npz").exists()]:
        print(name, flush=True)
        row = named.data.names.index(files[name])
        if name in AS_ENCODED:
            net, vector = named.start, named.data.vectors[row][None]
        else:
            net, vector = named.train(row, torch.from_numpy(fitted[files[name]])[None])
        before = named.start.state_dict()
        changes = {
            key: (value - before[key]).cpu().numpy() for key, value in net.state_dict().items() if is_filter(key)
        }
        out = io.BytesIO()
        np.savez(out, vector=vector[0].cpu().numpy(), **changes)
        write_atomically(folder / f"{name}.npz", out.getvalue(), overwrite=True)


if __name__ == "__main__":
    main()

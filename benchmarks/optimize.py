#!/usr/bin/env python3
"""Compare the optimizer with a plain implementation of Gatys' method: time until the same loss, and memory.

    python benchmarks/optimize.py --photos DIR --styles DIR -o DIR [--size 384] [--pairs 3]

The baseline is class `Plain`, which works like classic programs: one scale, start from the photo, VGG-19 in float32 and
PyTorch's default layout, Gram matrices of relu1_1 to relu5_1, content of relu4_2, torch.optim.LBFGS, 300 evaluations.
Ours is `impasto.optimize` with the recipe `default`.

Both minimize the same losses with the same weights, from the same photo and painting at the same size. Only ours also
computes the recipe's variation term. Each runs in a new process with nothing loaded. The baseline's network in float32
scores every picture, clamped to 0..1 as in a file.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

EVERY = 10
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT = "relu4_2"


def read(photo: Path, style: Path, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Read the photo with this longer side, and the painting with as many pixels; both H x W x 3."""
    from impasto.picture import Picture
    from impasto.pixels.arrays import fit, resize

    picture, painting = Picture.open(photo), Picture.open(style).pixels
    picture = picture.resized(*fit(picture.width, picture.height, size))
    factor = min(1.0, (picture.width * picture.height / (painting.shape[0] * painting.shape[1])) ** 0.5)
    return picture.pixels, resize(painting, *(round(side * factor) for side in (painting.shape[1], painting.shape[0])))


class Plain:
    """Gatys' losses, implemented plainly."""

    def __init__(self, photo: np.ndarray, style: np.ndarray) -> None:
        import torch

        from impasto.nn.vgg import shipped_vgg
        from impasto.optimization.recipe import DEFAULT

        self.padding = DEFAULT.padding
        source = shipped_vgg()  # for its weights; the network is this class's own
        self.weights = [(convolution.weight, convolution.bias) for convolution in source.convolutions]
        self.names, self.entry = source.names, source.entry
        self.factors = DEFAULT.content_weight, DEFAULT.style_weight / len(STYLE)
        with torch.no_grad():
            found = self.features(self.planes(style))
            self.style = {layer: self.gram(found[layer]) for layer in STYLE}
            self.content = self.features(self.planes(photo))[CONTENT]

    @staticmethod
    def planes(pixels: np.ndarray) -> Any:
        import torch

        return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32))

    def features(self, x: Any) -> dict[str, Any]:
        import torch.nn.functional as F

        found, x = {}, self.entry(x)
        for name, (weight, bias) in zip(self.names, self.weights, strict=True):
            if name.endswith("_1") and name != "relu1_1":
                x = F.avg_pool2d(x, 2, ceil_mode=True)
            if self.padding == "zeros":
                x = F.relu(F.conv2d(x, weight, bias, padding=1))
            else:
                x = F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode=self.padding), weight, bias))
            found[name] = x
        return found

    @staticmethod
    def gram(features: Any) -> Any:
        flat = features.flatten(2)[0]
        return flat @ flat.T / flat.shape[1]

    def loss(self, x: Any) -> Any:
        found = self.features(x)
        content = (found[CONTENT] - self.content).square().mean() / self.content.square().mean()
        total = self.factors[0] * content
        for layer, target in self.style.items():
            total = (
                total + self.factors[1] * (self.gram(found[layer]) - target).square().mean() / target.square().mean()
            )
        return total


def run_plain(photo: Path, style: Path, size: int, evaluations: int) -> list[tuple[float, np.ndarray]]:
    import torch

    started = time.perf_counter()
    pixels, painting = read(photo, style, size)
    plain = Plain(pixels, painting)
    x = plain.planes(pixels).clone().requires_grad_()
    optimizer = torch.optim.LBFGS([x], lr=1, max_iter=evaluations, max_eval=evaluations, tolerance_change=0)
    found: list[tuple[float, np.ndarray]] = []
    count = 0

    def closure() -> Any:
        nonlocal count
        optimizer.zero_grad()
        loss = plain.loss(x)
        loss.backward()
        if count % EVERY == 0 or count == evaluations - 1:
            found.append((time.perf_counter() - started, x.detach()[0].permute(1, 2, 0).clamp(0, 1).numpy().copy()))
        count += 1
        return loss

    optimizer.step(closure)
    return found


def run_impasto(photo: Path, style: Path, size: int, evaluations: int | None) -> list[tuple[float, np.ndarray]]:
    started = time.perf_counter()

    from impasto.optimization.optimize import optimize
    from impasto.optimization.recipe import DEFAULT

    found: list[tuple[float, np.ndarray]] = []

    def keep(progress: Any) -> None:
        if progress.step % EVERY == 0:
            found.append((time.perf_counter() - started, progress.preview().pixels))

    recipe = DEFAULT if evaluations is None else replace(DEFAULT, iterations=evaluations, tolerance=0)
    result = optimize(photo, style, size=size, recipe=recipe, on_progress=keep)
    found.append((time.perf_counter() - started, result.picture.pixels))
    return found


def child(end: Connection, which: str, arguments: tuple[Any, ...]) -> None:
    from impasto.measure.bench import peak_mb

    found = {"plain": run_plain, "impasto": run_impasto}[which](*arguments)
    end.send((found, peak_mb() / 1e3))


def in_child(which: str, *arguments: Any) -> tuple[list[tuple[float, np.ndarray]], float]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=child, args=(theirs, which, arguments))
    process.start()
    theirs.close()
    answer: tuple[list[tuple[float, np.ndarray]], float] = ours.recv()
    process.join()
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--styles", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--evaluations", type=int, default=300, help="evaluations of the baseline")
    parser.add_argument("--ours", type=int, default=None, help="evaluations of ours, without early stopping")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    photos, styles = (sorted(folder.iterdir()) for folder in (arguments.photos, arguments.styles))
    # Spread over the folders, so that even a few pairs are of different kinds.
    chosen = [
        (photos[len(photos) * i // arguments.pairs], styles[len(styles) * i // arguments.pairs])
        for i in range(arguments.pairs)
    ]
    rows = [compare(photo, style, arguments) for photo, style in chosen]
    (arguments.output / "optimize.json").write_text(json.dumps(rows, indent=1) + "\n")
    names = [name for name in rows[0] if not name.endswith("curve")]
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(str(row[name]) for name in names) + " |")
    sooner = [row["times sooner"] for row in rows if isinstance(row["times sooner"], float)]
    if sooner:
        print(f"\n{len(sooner)} of {len(rows)} pairs reach it; median {statistics.median(sooner):.1f} times sooner")


def compare(photo: Path, style: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    import torch

    from impasto.picture import Picture

    pixels, painting = read(photo, style, arguments.size)
    judge = Plain(pixels, painting)

    def score(pictures: list[tuple[float, np.ndarray]]) -> list[tuple[float, float]]:
        with torch.no_grad():
            whole = [(seconds, picture) for seconds, picture in pictures if picture.shape == pixels.shape]
            return [(round(seconds, 2), float(judge.loss(judge.planes(picture)))) for seconds, picture in whole]

    plain, plain_memory = in_child("plain", photo, style, arguments.size, arguments.evaluations)
    ours, our_memory = in_child("impasto", photo, style, arguments.size, arguments.ours)
    plain_curve, our_curve = score(plain), score(ours)
    end, target = plain_curve[-1][0], min(loss for _, loss in plain_curve)
    reached = next((seconds for seconds, loss in our_curve if loss <= target), None)
    strip = np.concatenate([pixels, plain[-1][1], ours[-1][1]], axis=1)
    Picture(strip).save(arguments.output / f"{photo.stem}__{style.stem}.png")
    return {
        "photo": photo.stem,
        "style": style.stem[:24],
        "plain s": round(end, 1),
        "plain loss": round(target, 4),
        "ours reaches it, s": round(reached, 1) if reached else "no",
        "times sooner": round(end / reached, 2) if reached else "no",
        "our last, s": our_curve[-1][0],
        "our loss": round(our_curve[-1][1], 4),
        "plain GB": round(plain_memory, 2),
        "our GB": round(our_memory, 2),
        "plain curve": plain_curve,
        "our curve": our_curve,
    }


if __name__ == "__main__":
    main()

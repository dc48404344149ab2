#!/usr/bin/env python3
"""Compare bfloat16 with float32 (in tiles where they are faster): optimizer, training, and final loss.

    python benchmarks/precision.py [--photo FILE] [--photos DIR] [--style NAME] [--size 512] [--rounds 7]
        [--loss-size 256] [--iterations 200]

The script prints:

1. The type that `--precision auto` chooses on this machine.
2. The time of one evaluation of the optimizer's losses and their gradient, and of one training step, including reading
   and cropping. Both types take turns in one process. Times are medians over the rounds.
3. The final loss of a whole optimization in each type, evaluated in float32 for both.

Put `ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16` before the command to disable AMX, or `AVX512_CORE` to disable AMX and AVX-512
BF16.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from impasto.nn import device
from impasto.nn.tensors import to_tensor
from impasto.nn.vgg import shipped_vgg
from impasto.optimization.objective import Objective, StyledRegion
from impasto.optimization.optimize import optimize
from impasto.optimization.recipe import DEFAULT
from impasto.picture import Picture
from impasto.pixels.arrays import fit
from impasto.styles.gallery import Gallery
from impasto.system.files import ASSETS
from impasto.training.loop import train
from impasto.training.recipe import DEFAULT as TRAINING
from impasto.training.style_job import StyleJob

KINDS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
SAMPLES = ASSETS / "samples"
STEPS = 8  # training steps in each round; the first quarter does not count


def objective(photo: Picture, painting: Picture, kind: torch.dtype) -> Objective:
    """Build the default recipe's losses in this type."""
    net = shipped_vgg(DEFAULT.pooling, DEFAULT.padding)  # type: ignore[arg-type]
    net.convolutions.to(kind)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    fitted = painting.resized(*fit(painting.width, painting.height, max(photo.width, photo.height)))
    return Objective(net, DEFAULT, to_tensor(photo.pixels), [StyledRegion([(to_tensor(fitted.pixels), 1.0)])])


def training_step(photos: str, style: Path, name: str) -> float:
    """Return the median seconds of a training step."""
    moments: list[float] = []
    recipe = replace(TRAINING, size=192, iterations=STEPS)
    with tempfile.TemporaryDirectory() as folder:
        job = StyleJob(photos, Path(folder), styles={"style": style}, recipe=recipe, precision=name, workers=0)
        train(job, on_progress=lambda _: moments.append(time.perf_counter()))
    steps = [after - before for before, after in itertools.pairwise(moments[1:])]
    return statistics.median(steps[STEPS // 4 : -1])  # the last step also writes pictures


def in_turn(ways: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(way())
    return found


def seconds(way: Callable[[], object]) -> float:
    started = time.perf_counter()
    way()
    return time.perf_counter() - started


def row(what: str, found: dict[str, list[float]]) -> None:
    single, half = (statistics.median(found[name]) for name in KINDS)
    ratios = [one / other for one, other in zip(*found.values(), strict=True)]
    print(
        f"| {what} | {single * 1e3:.0f} ms | {half * 1e3:.0f} ms | x {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f}-{max(ratios):.2f}) |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=Path, default=SAMPLES / "colosseum.jpg")
    parser.add_argument("--photos", default=str(SAMPLES), help="folder of photographs for the training")
    parser.add_argument("--style", default="starry-night", help="a built-in style")
    parser.add_argument("--size", type=int, default=512, help="side in pixels of the evaluated square")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--loss-size", type=int, default=256, help="side of the whole optimization; 0 skips it")
    parser.add_argument("--iterations", type=int, default=200, help="evaluations of the whole optimization")
    arguments = parser.parse_args()
    gallery = Gallery()
    painting = gallery.picture(gallery.get(arguments.style))
    photo = Picture.open(arguments.photo)

    started = time.perf_counter()
    chosen = device.find_precision("auto", torch.device("cpu"))
    took = time.perf_counter() - started
    print(f"--precision auto: {str(chosen).removeprefix('torch.')}, decided in {took * 1e3:.0f} ms\n")
    print("| | float32 | bfloat16 | |\n|---|---|---|---|")

    square = photo.resized(arguments.size, arguments.size)
    seen = to_tensor(square.pixels)
    losses = {name: objective(square, painting, kind) for name, kind in KINDS.items()}
    for each in losses.values():
        each.gradient(seen)
    evaluations = {name: lambda each=each: seconds(lambda: each.gradient(seen)) for name, each in losses.items()}  # type: ignore[misc]
    row(f"an evaluation, {arguments.size} x {arguments.size}", in_turn(evaluations, arguments.rounds))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "style.png"
        painting.save(file)
        steps = {name: lambda name=name: training_step(arguments.photos, file, name) for name in KINDS}  # type: ignore[misc]
        row(
            f"a training step, {TRAINING.batch_size} x 192 x 192",
            in_turn(steps, max(2, arguments.rounds // 2)),
        )
    if arguments.loss_size:
        recipe = replace(DEFAULT, iterations=arguments.iterations)
        results = {
            name: optimize(photo, arguments.style, recipe=recipe, precision=name, size=arguments.loss_size).picture
            for name in KINDS
        }
        whole = photo.resized(*fit(photo.width, photo.height, arguments.loss_size))
        judge = objective(whole, painting, torch.float32)
        single, half = (float(judge.terms(to_tensor(results[name].pixels))["total"]) for name in KINDS)
        what = f"loss after {arguments.iterations} evaluations, {arguments.loss_size} px"
        print(f"| {what} | {single:.4f} | {half:.4f} | {100 * (half / single - 1):+.2f} % |")


if __name__ == "__main__":
    main()

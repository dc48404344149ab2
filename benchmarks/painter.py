#!/usr/bin/env python3
"""Time the engines painter and light, the light network in PyTorch, MicroAST (its teacher), and Johnson's network.

    python benchmarks/painter.py [--sizes 512,1024] [--rounds 7]

The networks take turns in every round, so that a drifting machine speed affects all alike. Ratios to the light engine
are medians over the rounds, with the smallest and the largest. The times do not depend on the weights.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from johnson import Johnson
from safetensors.torch import load_file

from impasto.engines.base import StyleVector
from impasto.engines.by_name import engine_of
from impasto.nn.light_net import LightEngineNet
from impasto.styles.gallery import Gallery
from impasto.system.sessions import threads

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
from microast import MicroAST

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="512,1024")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()

    shipped = engine_of("light")
    vector = StyleVector(Gallery(painter=shipped).vector("starry-night").embedding)  # MicroAST has no style filters
    net = LightEngineNet().eval()
    net.load_state_dict(load_file(ROOT / "src" / "impasto" / "assets" / "light" / "light.safetensors"))
    style = torch.from_numpy(vector.embedding)[None]
    torch.set_num_threads(threads())
    teacher, johnson, large = MicroAST().eval(), Johnson().eval(), engine_of("painter")
    named = Gallery().vector("starry-night")
    print(f"{threads()} threads, {arguments.rounds} rounds, ms: median (least); over light's: median (range)")
    for size in map(int, arguments.sizes.split(",")):
        photo = np.random.default_rng(0).random((size, size, 3), np.float32)
        runs: dict[str, Callable[[], object]] = {
            "Johnson, PyTorch": lambda photo=photo: eager(johnson, photo),
            "MicroAST, PyTorch": lambda photo=photo: eager(lambda planes: teacher.paint(planes, style), photo),
            "light, PyTorch": lambda photo=photo: eager(lambda planes: net.paint(planes, style), photo),
            "painter": lambda photo=photo: large.paint(photo, named),
            "light": lambda photo=photo: shipped.paint(photo, vector),
        }
        report(size, measure(runs, arguments.rounds))


@torch.inference_mode()
def eager(paint: Callable[[torch.Tensor], torch.Tensor], photo: np.ndarray) -> np.ndarray:
    planes = torch.from_numpy(photo).permute(2, 0, 1)[None].contiguous()
    return paint(planes).clamp(0, 1)[0].permute(1, 2, 0).numpy()


def measure(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if number:  # the first round warms up
                times[name].append(time.perf_counter() - started)
    return times


def report(size: int, times: dict[str, list[float]]) -> None:
    *_, baseline = times.values()
    for name, seconds in times.items():
        ratios = [own / base for base, own in zip(baseline, seconds, strict=True)]
        print(
            f"{size:5} x {size:<5} {name:20} {statistics.median(seconds) * 1e3:7.0f} ({min(seconds) * 1e3:.0f})"
            f"   x {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()

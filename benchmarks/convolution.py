#!/usr/bin/env python3
"""Compare Impasto's tiled 3 x 3 convolutions with PyTorch's, in float32, for each layer of the loss network.

    python benchmarks/convolution.py [--size 224] [--batch 3] [--rounds 15]

Each case convolves a batch of features, channels last, already padded, with bias: first alone, then with all gradients,
as in training. The last row is VGG-19 up to relu4_1, forward and backward, with tiles where they are faster. Both sides
take turns. Times are medians over the rounds.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from impasto.nn import winograd
from impasto.nn.vgg import shipped_vgg

LAYERS = ((64, 64, 1), (64, 128, 2), (128, 128, 2), (128, 256, 4), (256, 256, 4), (256, 512, 8), (512, 512, 8))


def in_turn(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Run the ways in turn; return the median seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            if number:
                seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    print("| convolution | PyTorch, ms | in tiles, ms | |\n|---|---|---|---|")

    def row(what: str, found: dict[str, float]) -> None:
        plain, tiles = found["plain"], found["tiles"]
        print(f"| {what} | {plain * 1e3:.1f} | {tiles * 1e3:.1f} | x {plain / tiles:.2f} |", flush=True)

    last = torch.channels_last
    for inputs, outputs, reduced in LAYERS:
        side = arguments.size // reduced
        x = torch.randn(arguments.batch, inputs, side + 2, side + 2).contiguous(memory_format=last)
        weight = torch.randn(outputs, inputs, 3, 3).contiguous(memory_format=last)
        bias, filters = torch.randn(outputs), winograd.transformed(weight)

        def plain(x: torch.Tensor = x, weight: torch.Tensor = weight, bias: torch.Tensor = bias) -> torch.Tensor:
            return F.conv2d(x, weight, bias)

        def tiles(x: torch.Tensor = x, filters: torch.Tensor = filters, bias: torch.Tensor = bias) -> torch.Tensor:
            return winograd.convolve(x, filters, bias)

        def learn(convolution: Callable[..., torch.Tensor], inputs: list[torch.Tensor]) -> None:
            result = convolution(*inputs)
            torch.autograd.grad(result, inputs, torch.ones_like(result))

        what = f"{inputs} to {outputs} channels, {side} x {side}"
        with torch.no_grad():
            row(what, in_turn({"plain": plain, "tiles": tiles}, arguments.rounds))
        leaves = [value.requires_grad_() for value in (x, weight, bias)]
        ways = {"plain": F.conv2d, "tiles": winograd.Convolution.apply}
        learning = {name: functools.partial(learn, way, leaves) for name, way in ways.items()}
        row(f"{what}, with gradients", in_turn(learning, arguments.rounds))

    net = shipped_vgg("average", "replicate").to(memory_format=last)
    picture = torch.rand(arguments.batch, 3, arguments.size, arguments.size).contiguous(memory_format=last)
    picture.requires_grad_()
    usual = winograd.PAIRS

    def there_and_back(pairs: int) -> None:
        winograd.PAIRS = pairs
        net(picture, ["relu4_1"])["relu4_1"].square().mean().backward()

    passes = {"plain": lambda: there_and_back(10**9), "tiles": lambda: there_and_back(usual)}
    row("VGG-19 to relu4_1, and the gradient", in_turn(passes, max(3, arguments.rounds // 3)))


if __name__ == "__main__":
    main()

"""Plan the scales, from coarse to fine: their sizes, their evaluations, and the memory they need."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from impasto.errors import OutOfMemory
from impasto.nn.vgg import BLOCKS, WIDTHS, layer_names
from impasto.optimization.recipe import Recipe

HISTORY = 20
_SMALL_HISTORY = 3  # pairs of pictures that L-BFGS keeps for a large picture
_LARGE = 1_500_000  # pixels
_BASE = 700_000_000  # bytes: PyTorch, the loss network, the program


@dataclass(frozen=True)
class Level:
    """One scale: its size in pixels, and the number of evaluations of the losses."""

    width: int
    height: int
    iterations: int

    @property
    def pixels(self) -> int:
        return self.width * self.height


def levels(width: int, height: int, recipe: Recipe, smallest: int = 16, multiple: int = 1) -> list[Level]:
    """Return the scales of a picture from coarse to fine. The last one is the picture's own size.

    The number of evaluations at a scale is proportional to 1 / its side. As their cost grows with the area, the time is
    spread more evenly over the scales.

    Args:
        smallest: the shorter side that the loss network needs.
        multiple: the sides of coarser scales are multiples of this.
    """
    factors = [1.0]
    coarsest = max(recipe.coarsest, smallest)
    while recipe.pyramid > 1.05 and min(width, height) * factors[-1] / recipe.pyramid >= coarsest:
        factors.append(factors[-1] / recipe.pyramid)
    factors.reverse()
    factors = factors[-recipe.iterations :]
    shares = [1 / factor for factor in factors]
    counts = [max(1, math.floor(recipe.iterations * share / sum(shares))) for share in shares]
    counts[-1] += max(0, recipe.iterations - sum(counts))
    return [
        Level(round(width * factor / multiple) * multiple, round(height * factor / multiple) * multiple, count)
        for factor, count in zip(factors, counts, strict=True)
    ]


def history(pixels: int) -> int:
    """Return the number of pairs that L-BFGS keeps."""
    return HISTORY if pixels < _LARGE else _SMALL_HISTORY


def bytes_needed(pixels: int, layers: Sequence[str], *, depth: int = 19, bytes_per_value: int, recompute: bool) -> int:
    """Estimate the memory of an evaluation at this size in bytes, including the program.

    Each block keeps the results of all its convolutions. Three more copies of the largest result exist at the same
    time: its gradient, the gradient of its input, and its padded copy. With `recompute`, only one block keeps all its
        results,
    and every block its last.
    """
    deepest = max(layers)
    per_block = [0.0] * 5
    for block in range(int(deepest[4])):
        convolutions = int(deepest[6:]) if block == int(deepest[4]) - 1 else BLOCKS[depth][block]
        per_block[block] = convolutions * WIDTHS[block] / 4**block
    working = 3 * WIDTHS[0]
    if recompute:
        ends = sum(WIDTHS[block] / 4**block * 1.25 for block in range(1, 5))
        values = max(per_block) + ends + working
    else:
        values = sum(per_block) + sum(width / 4 ** (i + 1) for i, width in enumerate(WIDTHS[:4])) + working
    # Statistics of a layer, and the content's target, are float32, whatever type the convolutions have.
    statistics = WIDTHS[0] * (4 if bytes_per_value < 4 else 0)
    optimizer = 12 * (2 * history(pixels) + 10)
    # In float32, `winograd` also stores transformed weights, four times as many, for each direction.
    filters = 0
    if bytes_per_value == 4 and not recompute:
        names = layer_names(depth)
        widths = [WIDTHS[int(name[4]) - 1] for name in names[: names.index(deepest) + 1]]
        filters = 2 * 4 * 36 * sum(cin * cout for cin, cout in itertools.pairwise(widths))
    return round(_BASE + filters + pixels * (values * bytes_per_value + statistics + optimizer))


def choose_memory(
    width: int, height: int, layers: Sequence[str], depth: int, bytes_per_value: int, free: int | None
) -> tuple[int, bool]:
    """Return the required bytes, and True if features must be computed twice to need no more.

    Raises:
        OutOfMemory: there is not enough memory. The hint names the size that fits.
    """
    pixels = width * height
    needed = functools.partial(bytes_needed, layers=layers, depth=depth, bytes_per_value=bytes_per_value)
    plain = needed(pixels, recompute=False)
    if plain <= (4e9 if free is None else min(free * 0.5, 5e9)):
        return plain, False
    small = needed(pixels, recompute=True)
    if free is None or small <= free * 0.9:
        return small, True
    fits = pixels
    while fits > 64 and needed(fits, recompute=True) > free * 0.9:
        fits = fits * 9 // 10
    side = math.floor(max(width, height) * math.sqrt(fits / pixels))
    raise OutOfMemory(
        f"optimizing {width} x {height} needs about {small / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free",
        f"--size {side} fits" if fits > 4096 else "close other programs",
    )

"""How any network here is trained: steps, batches, the optimizer and its rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from impasto.settings import check, setting

OptimizerName = Literal["adam", "adamw", "sgd"]
Decay = Literal["cosine", "linear", "none"]


@dataclass(frozen=True)
class Descent:
    """What all recipes share.

    Attributes:
        iterations: steps of the optimizer.
        batch_size: pictures in a step, over all processes.
        size: side of the square crops in pixels.
        optimizer, learning_rate, warmup, decay, clip: the rate rises over `warmup` steps and then falls: along a
            cosine, or from the middle on in a straight line to 0; gradients are cut to the norm `clip`.
        ema: how slowly the averaged weights, which are what is used in the end, follow.
        seed: of weights, crops and order.
    Raises:
        UsageError: a value of another type or out of its range.
    """

    iterations: int = setting(20_000, "Steps of the optimizer.", 1, 10_000_000)
    batch_size: int = setting(4, "Pictures in a step, over all processes.", 1, 1024)
    size: int = setting(256, "Side of the square crops in pixels.", 32, 2048)
    optimizer: OptimizerName = setting("adam", "The optimizer.")
    learning_rate: float = setting(1e-3, "Its step.", 1e-8, 10)
    warmup: int = setting(100, "Steps over which the learning rate rises.", 0, 1_000_000)
    decay: Decay = setting("cosine", "How the learning rate falls; linear, from the middle on.")
    clip: float = setting(1.0, "Norm to which gradients are cut.", 1e-6, 1e9)
    ema: float = setting(0.998, "How slowly the averaged weights follow; 0 takes the last ones.", 0, 0.99999)
    seed: int = setting(0, "Of weights, crops and order.", 0, 2**31 - 1)

    betas: ClassVar[tuple[float, float]] = (0.9, 0.999)
    """Memories of Adam's two moments."""

    def __post_init__(self) -> None:
        check(self)

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0.

        A straight rise; then a cosine to a hundredth, a constant half and a straight line to 0, or a constant.
        """
        return self._rate(step, self.iterations)

    def _rate(self, step: int, steps: int) -> float:
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        if self.decay == "none":
            return self.learning_rate
        way = (step - self.warmup) / max(1, steps - self.warmup)
        if self.decay == "linear":
            return self.learning_rate * min(1.0, 2 * (1 - way))
        return self.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, way))) / 2)

"""The settings of gradient descent that all trainings share: steps, batches, optimizer and learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from impasto.settings import check, setting

OptimizerName = Literal["adam", "adamw", "sgd"]
Decay = Literal["cosine", "linear", "none"]


@dataclass(frozen=True)
class Descent:
    """Settings that all recipes share.

    The learning rate rises over `warmup` steps. Then it falls along a cosine, stays constant, or stays constant for
    half of the steps and falls linearly to 0.

    Attributes:
        iterations: steps of the optimizer.
        batch_size: pictures in a step, over all processes.
        size: side of the square crops in pixels.
        optimizer, learning_rate, warmup, decay: see above.
        clip: largest norm of the gradients; longer ones are scaled down.
        ema: memory of the averaged weights, which become the result.
        seed: of weights, crops and order.
    Raises:
        UsageError: a value has the wrong type or is out of its range.
    """

    iterations: int = setting(20_000, "Steps of the optimizer.", 1, 10_000_000)
    batch_size: int = setting(4, "Pictures in a step, over all processes.", 1, 1024)
    size: int = setting(256, "Side of the square crops in pixels.", 32, 2048)
    optimizer: OptimizerName = setting("adam", "The optimizer.")
    learning_rate: float = setting(1e-3, "The learning rate.", 1e-8, 10)
    warmup: int = setting(100, "Steps over which the learning rate rises at the start.", 0, 1_000_000)
    decay: Decay = setting("cosine", "How the learning rate falls; linear starts halfway.")
    clip: float = setting(1.0, "Largest norm of the gradients; longer ones are scaled down.", 1e-6, 1e9)
    ema: float = setting(0.998, "Memory of the averaged weights; 0 uses the last weights.", 0, 0.99999)
    seed: int = setting(0, "Seed of weights, crops and order.", 0, 2**31 - 1)

    betas: ClassVar[tuple[float, float]] = (0.9, 0.999)
    """Decay rates of Adam's two moments."""

    def __post_init__(self) -> None:
        check(self)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step. Steps count from 0.

        It rises linearly. Then it follows a cosine down to 1 %, stays constant for half of the steps and falls linearly
        to 0, or stays constant.
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

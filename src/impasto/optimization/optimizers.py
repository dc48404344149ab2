"""The optimizers: L-BFGS, Adam and gradient descent. Each can step back, and can continue at another scale.

An optimizer proposes the next picture from a picture and its gradient. If the next picture has a much higher or
non-finite loss, `retreat` returns a shorter step from the last good picture.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

from impasto.optimization.recipe import Recipe

Resize = Callable[[Tensor], Tensor]
"""Resizes 1 x 3 x H x W to the next scale."""


class Optimizer(ABC):
    """The base of all three optimizers.

    Attributes:
        rate: the learning rate. A schedule may change it between steps.
        limit: a loss above this multiple of the lowest loss so far is a failed step.
    """

    limit = 10.0

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.caution = 1.0  # factor of the step: shrinks with every retreat, recovers with every good step
        self.failures = 0
        self._good: Tensor | None = None

    def propose(self, picture: Tensor, gradient: Tensor) -> Tensor:
        """Return the next picture. `picture` becomes the last good one."""
        self._good = picture
        self.failures = 0
        self.caution = min(1.0, self.caution * 1.5)
        return self._step(picture, gradient)

    def retreat(self) -> Tensor:
        """Return a picture from a shorter step than the failed one, from the last good picture."""
        self.failures += 1
        self.caution *= 0.25
        return self._shorter()

    @abstractmethod
    def rescale(self, resize: Resize, factor: float) -> None:
        """Transfer the state to a picture whose sides are larger by `factor`."""

    def result(self, picture: Tensor) -> Tensor:
        """Return the result of the steps so far. `picture` is the best one."""
        return picture

    @abstractmethod
    def _step(self, picture: Tensor, gradient: Tensor) -> Tensor:
        """Return the next picture."""

    @abstractmethod
    def _shorter(self) -> Tensor:
        """Return a picture a quarter of the failed step away from the last good one."""


class LBFGS(Optimizer):
    """Limited-memory BFGS with a fixed step, which is shortened when it fails.

    Nocedal & Wright 2006, algorithm 7.4, initial scaling 7.20. The first step has length 1 in the sum norm. If
    `bounded`, pixels are clamped to 0..1: the gradient's parts that point out of the range are dropped, and the pairs
    are computed from clamped pictures.
    """

    def __init__(self, rate: float = 1.0, history: int = 20, bounded: bool = False) -> None:
        super().__init__(rate)
        self.bounded = bounded
        self.limit = 1.5 if bounded else math.inf  # the classic form accepts every loss
        self.pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=history)
        self._last: tuple[Tensor, Tensor] | None = None  # picture and gradient
        self._direction: Tensor | None = None

    def _step(self, picture: Tensor, gradient: Tensor) -> Tensor:
        if self._last is not None:
            moved, turned = picture - self._last[0], gradient - self._last[1]
            curvature = float(torch.dot(moved.flatten(), turned.flatten()))
            if curvature > 1e-10 * float(turned.norm() * moved.norm()):
                self.pairs.append((moved, turned, curvature))
        self._last = picture, gradient
        if self.bounded:
            gradient = gradient * ~(((picture <= 0) & (gradient > 0)) | ((picture >= 1) & (gradient < 0)))
        step = self.rate * self.caution
        if not self.pairs:
            step *= min(1.0, 1 / max(float(gradient.abs().sum()), 1e-30))
        self._direction = self._newton(gradient) * -step
        return self._held(picture + self._direction)

    def _newton(self, gradient: Tensor) -> Tensor:
        """Multiply the gradient by the inverse Hessian that the pairs approximate (two-loop recursion)."""
        direction, shares = gradient.clone(), []
        for moved, turned, curvature in reversed(self.pairs):
            share = float(torch.dot(moved.flatten(), direction.flatten())) / curvature
            shares.append(share)
            direction.sub_(turned, alpha=share)
        if self.pairs:
            _, turned, curvature = self.pairs[-1]
            direction.mul_(curvature / float(turned.square().sum()))
        for (moved, turned, curvature), share in zip(self.pairs, reversed(shares), strict=True):
            back = float(torch.dot(turned.flatten(), direction.flatten())) / curvature
            direction.add_(moved, alpha=share - back)
        return direction

    def _shorter(self) -> Tensor:
        assert self._good is not None
        assert self._direction is not None
        if self.failures > 3:  # the stored curvature is misleading
            self.pairs.clear()
            if self._last is not None:
                gradient = self._last[1]
                length = float(self._direction.norm()) / max(float(gradient.norm()), 1e-30)
                self._direction = gradient * -length
        self._direction = self._direction * 0.25
        return self._held(self._good + self._direction)

    def _held(self, picture: Tensor) -> Tensor:
        return picture.clamp(0, 1) if self.bounded else picture

    def rescale(self, resize: Resize, factor: float) -> None:
        """Resize moves like pictures. Divide gradients by factor^2, because they spread over more pixels."""
        carried = [(resize(moved), resize(turned) / factor**2) for moved, turned, _ in self.pairs]
        self.pairs.clear()
        for moved, turned in carried:
            curvature = float(torch.dot(moved.flatten(), turned.flatten()))
            if curvature > 0:
                self.pairs.append((moved, turned, curvature))
        self._last = self._good = self._direction = None


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015) with bias-corrected moments, and an average of the iterates.

    The average decays by 0.95 and is bias-corrected as well. It is less noisy than the last iterate.
    """

    limit = 100.0  # the rate bounds the steps; at a new scale the loss may rise at first

    def __init__(self, rate: float = 0.03, betas: tuple[float, float] = (0.9, 0.99), memory: float = 0.95) -> None:
        super().__init__(rate)
        self.betas, self.memory = betas, memory
        self._steps = self._averaged = 0
        self._mean: Tensor | None = None
        self._square: Tensor | None = None
        self._average: Tensor | None = None
        self._move: Tensor | None = None

    def _step(self, picture: Tensor, gradient: Tensor) -> Tensor:
        if self._mean is None or self._square is None:
            self._mean, self._square = torch.zeros_like(gradient), torch.zeros_like(gradient)
        if self._average is None:
            self._average = torch.zeros_like(picture)
        first, second = self.betas
        self._steps += 1
        self._averaged += 1
        self._mean = self._mean.lerp(gradient, 1 - first)
        self._square = self._square.lerp(gradient.square(), 1 - second)
        mean = self._mean / (1 - first**self._steps)
        deviation = (self._square / (1 - second**self._steps)).sqrt()
        self._move = mean / (deviation + 1e-20 + 1e-8 * deviation.amax()) * -self.rate * self.caution
        moved = (picture + self._move).clamp(0, 1)
        self._average = self._average.lerp(moved, 1 - self.memory)
        return moved

    def _shorter(self) -> Tensor:
        assert self._good is not None
        assert self._move is not None
        self._move = self._move * 0.25
        return (self._good + self._move).clamp(0, 1)

    def rescale(self, resize: Resize, factor: float) -> None:
        """Divide gradients by factor^2 and their squares by factor^4, because they spread over more pixels."""
        if self._mean is not None and self._square is not None:
            self._mean = resize(self._mean) / factor**2
            self._square = resize(self._square).clamp_min(0) / factor**4
        self._average, self._averaged, self._good, self._move = None, 0, None, None

    def result(self, picture: Tensor) -> Tensor:
        if self._average is None:
            return picture
        return self._average / (1 - self.memory**self._averaged)


class SGD(Optimizer):
    """Gradient descent with momentum 0.9 (Polyak 1964): v = 0.9 v + g, x = x - rate n v, clamped to 0..1.

    n is the number of the picture's values. The gradient of a mean is smaller by this factor, so one rate fits all
    sizes.
    """

    limit = 2.0

    def __init__(self, rate: float = 0.001, momentum: float = 0.9) -> None:
        super().__init__(rate)
        self.momentum = momentum
        self._velocity: Tensor | None = None
        self._move: Tensor | None = None

    def _step(self, picture: Tensor, gradient: Tensor) -> Tensor:
        self._velocity = gradient if self._velocity is None else self._velocity * self.momentum + gradient
        self._move = self._velocity * -self.rate * picture.numel() * self.caution
        return (picture + self._move).clamp(0, 1)

    def _shorter(self) -> Tensor:
        assert self._good is not None
        assert self._move is not None
        self.rate *= 0.5  # unlike the other optimizers', this step has no natural scale: the rate was too large
        self._velocity = None
        self._move = self._move * 0.25
        return (self._good + self._move).clamp(0, 1)

    def rescale(self, resize: Resize, factor: float) -> None:
        """Divide the velocity by factor^2, because gradients spread over more pixels."""
        self._velocity = None if self._velocity is None else resize(self._velocity) / factor**2
        self._good = self._move = None


def make_optimizer(recipe: Recipe, history: int) -> Optimizer:
    """Make the optimizer of a recipe; `history` is the number of pairs that L-BFGS keeps."""
    if recipe.optimizer == "lbfgs":
        return LBFGS(recipe.step, history, recipe.bounded)
    return Adam(recipe.step) if recipe.optimizer == "adam" else SGD(recipe.step)

"""How the picture moves: L-BFGS, Adam and gradient descent, each of which can step back and go on at another scale.

An optimizer proposes the next picture from one whose gradient is known. If that turns out worse, or not finite, it is
asked to `retreat`: to a shorter step from the last good picture.
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
"""Brings 1 x 3 x H x W to the next scale's size."""


class Optimizer(ABC):
    """What all three share.

    Attributes:
        rate: the learning rate; a schedule may change it between steps.
        limit: a loss above this multiple of the lowest so far counts as a failed step.
    """

    limit = 10.0

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.caution = 1.0  # shrinks with every retreat, recovers with every good step
        self.failures = 0
        self._good: Tensor | None = None

    def propose(self, picture: Tensor, gradient: Tensor) -> Tensor:
        """The next picture; `picture` becomes the last good one."""
        self._good = picture
        self.failures = 0
        self.caution = min(1.0, self.caution * 1.5)
        return self._step(picture, gradient)

    def retreat(self) -> Tensor:
        """A shorter step from the last good picture than the one that failed."""
        self.failures += 1
        self.caution *= 0.25
        return self._shorter()

    @abstractmethod
    def rescale(self, resize: Resize, factor: float) -> None:
        """Carry the state to a picture that is larger by `factor` along each side."""

    def result(self, picture: Tensor) -> Tensor:
        """What to show for the steps so far, given the last picture."""
        return picture

    @abstractmethod
    def _step(self, picture: Tensor, gradient: Tensor) -> Tensor:
        """The next picture."""

    @abstractmethod
    def _shorter(self) -> Tensor:
        """A quarter of the way that failed, from the last good picture."""


class LBFGS(Optimizer):
    """Limited-memory BFGS with a fixed step that is shortened when it fails.

    Nocedal & Wright 2006, algorithm 7.4, initial scaling 7.20; the first step has length 1 in the sum norm. The
    picture is held to 0..1 if `bounded`: what a gradient wants beyond is left out, and the pairs are of the pictures as
    held.
    """

    def __init__(self, rate: float = 1.0, history: int = 20, bounded: bool = False) -> None:
        super().__init__(rate)
        self.bounded = bounded
        self.limit = 1.5 if bounded else math.inf  # the classic form goes on whatever the loss does
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
        """The inverse Hessian, as far as the pairs know it, times the gradient (the two-loop recursion)."""
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
        if self.failures > 3:  # what is known of the curvature misleads
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
        """Moves are resized as pictures are; a gradient spreads over factor^2 as many pixels."""
        carried = [(resize(moved), resize(turned) / factor**2) for moved, turned, _ in self.pairs]
        self.pairs.clear()
        for moved, turned in carried:
            curvature = float(torch.dot(moved.flatten(), turned.flatten()))
            if curvature > 0:
                self.pairs.append((moved, turned, curvature))
        self._last = self._good = self._direction = None


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015), both moments corrected for their start, with an average of the iterates.

    The average forgets with the factor 0.95 and is corrected in the same way; it is less noisy than the last iterate.
    """

    limit = 100.0  # steps are bounded by the rate; at a new scale the loss may rise at first

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
        """A gradient spreads over factor^2 as many pixels, its square over factor^4."""
        if self._mean is not None and self._square is not None:
            self._mean = resize(self._mean) / factor**2
            self._square = resize(self._square).clamp_min(0) / factor**4
        self._average, self._averaged, self._good, self._move = None, 0, None, None

    def result(self, picture: Tensor) -> Tensor:
        if self._average is None:
            return picture
        return self._average / (1 - self.memory**self._averaged)


class SGD(Optimizer):
    """Gradient descent with momentum 0.9 (Polyak 1964): v = 0.9 v + g, x = x - rate n v, held to 0..1.

    n is the number of values of the picture: a mean's gradient is so much smaller, and one rate does for all sizes.
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
        self.rate *= 0.5  # unlike the others, its step has no natural scale: the rate was too large for this loss
        self._velocity = None
        self._move = self._move * 0.25
        return (self._good + self._move).clamp(0, 1)

    def rescale(self, resize: Resize, factor: float) -> None:
        """A gradient spreads over factor^2 as many pixels."""
        self._velocity = None if self._velocity is None else resize(self._velocity) / factor**2
        self._good = self._move = None


def make_optimizer(recipe: Recipe, history: int) -> Optimizer:
    """What a recipe asks for; `history` is how many pairs L-BFGS keeps."""
    if recipe.optimizer == "lbfgs":
        return LBFGS(recipe.step, history, recipe.bounded)
    return Adam(recipe.step) if recipe.optimizer == "adam" else SGD(recipe.step)

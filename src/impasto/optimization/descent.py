"""Minimize the loss: scale after scale, step back after a failed step, stop where the loss is flat."""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import TrainingError
from impasto.optimization.objective import Objective
from impasto.optimization.optimizers import Optimizer, make_optimizer
from impasto.optimization.pyramid import Level, history
from impasto.optimization.recipe import Recipe

Show: TypeAlias = Callable[[Level, int, float, "dict[str, float]", Tensor], bool]
"""Called with the scale, evaluations so far, share of the work, terms, and the picture. Returning False stops."""

_PATIENCE = 20  # evaluations in which the loss must fall
_RETREATS = 8


def descend(
    plan: Sequence[Level], objective: Callable[[Level], Objective], start: Tensor, recipe: Recipe, show: Show
) -> tuple[Tensor, bool]:
    """Minimize an objective from coarse to fine.

    The next scale starts from the start picture at that scale, plus the changes that the coarse scale has made. So the
    start's fine detail, which the coarse scale cannot store, is kept. Enlarging the coarse picture alone would start
    every scale blurred.

    Args:
        plan: the scales; the last one has the start's size.
        objective: returns the objective of a scale.
        start: 1 x 3 x H x W.
    Returns:
        The best picture of the last scale that was reached, at the start's size; and True if `show` stopped the work.
    Raises:
        TrainingError: the losses are not finite from the start.
    """
    optimizer = make_optimizer(recipe, history(plan[-1].pixels))
    total = sum(level.iterations * level.pixels for level in plan)
    steps = work = 0
    picture: Tensor | None = None
    for level in plan:
        size = (level.height, level.width)
        if picture is None:
            picture = resized(start, size)
        else:
            factor = math.sqrt(level.pixels / (picture.shape[2] * picture.shape[3]))
            optimizer.rescale(lambda x, size=size: resized(x, size), factor)  # type: ignore[misc]
            picture = _enlarged(picture, start, size)

        report = functools.partial(_report, show, level, steps, work, total)
        picture, stopped = _one_scale(objective(level), optimizer, picture, level.iterations, recipe, report)
        if stopped:
            return _enlarged(picture, start, (int(start.shape[2]), int(start.shape[3]))), True
        steps += level.iterations
        work += level.iterations * level.pixels
    assert picture is not None
    return picture, False


def _report(
    show: Show, level: Level, steps: int, work: int, total: int, index: int, terms: dict[str, float], seen: Tensor
) -> bool:
    return show(level, steps + index, (work + index * level.pixels) / total, terms, seen)


def _one_scale(
    objective: Objective,
    optimizer: Optimizer,
    picture: Tensor,
    iterations: int,
    recipe: Recipe,
    report: Callable[[int, dict[str, float], Tensor], bool],
) -> tuple[Tensor, bool]:
    """Return the best picture after at most `iterations` evaluations, and True if `report` stopped the work."""
    best, lowest = picture, math.inf
    recent: deque[float] = deque(maxlen=_PATIENCE + 1)
    stopped = False
    for index in range(1, iterations + 1):
        if recipe.schedule == "cosine":
            optimizer.rate = recipe.step * (0.05 + 0.95 * (1 + math.cos(math.pi * (index - 1) / iterations)) / 2)
        terms, gradient = objective.gradient(picture)
        loss = terms["total"]
        if not math.isfinite(loss) or loss > lowest * optimizer.limit or not bool(torch.isfinite(gradient).all()):
            if lowest == math.inf:
                raise TrainingError("losses are not finite at the start", "try --precision float32", code="not-finite")
            if optimizer.failures >= _RETREATS:
                break
            picture = optimizer.retreat()
            continue
        if loss < lowest:
            best, lowest = picture, loss
        stopped = not report(index, terms, picture)
        recent.append(loss)
        if stopped or _flat(recent, recipe.tolerance):
            break
        if index < iterations:
            picture = optimizer.propose(picture, gradient)
    return optimizer.result(best), stopped


def _flat(recent: deque[float], tolerance: float) -> bool:
    return len(recent) > _PATIENCE and recent[0] - min(recent) < tolerance * recent[0]


def resized(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize 1 x 3 x H x W to another height and width: bicubic, with a low-pass filter where it shrinks."""
    if picture.shape[-2:] == size:
        return picture
    return F.interpolate(picture, size, mode="bicubic", align_corners=False, antialias=True)


def _enlarged(picture: Tensor, start: Tensor, size: tuple[int, int]) -> Tensor:
    if picture.shape[-2:] == size:
        return picture
    return resized(start, size) + resized(picture - resized(start, (picture.shape[2], picture.shape[3])), size)

"""Walk from one style to the next in small steps, and measure how evenly the picture changes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from impasto.measure import metrics
from impasto.measure.judge import Scorer
from impasto.picture import Picture
from impasto.progress import Stopped

STEPS = 8
"""The default number of steps of a path."""

_PAIRS, _PHOTOS = 3, 4  # most pairs of styles, and most photos
_PREVIEW_SIDE = 256  # longer side in pixels of a stored picture


class Route(NamedTuple):
    """A method, a photo, and the two styles between which the method paints the photo."""

    method: str
    photo: str
    first: str
    second: str

    def __str__(self) -> str:
        return f"{self.method}: {self.photo} from {self.first} to {self.second}"


@dataclass(frozen=True)
class StylePath:
    """The measured path of a blend from one style to another.

    Attributes:
        steps: perceptual distances of neighboring pictures.
        direct: perceptual distance of the first picture and the last.
        pictures: small pictures of the whole path, one more than steps; empty if they are not kept.
    """

    route: Route
    steps: list[float]
    direct: float
    pictures: list[Picture]

    def values(self) -> dict[str, float]:
        """Return the metrics `path_length`, `path_detour` and `path_jump`."""
        return metrics.path_metrics(self.steps, self.direct)


def routes_of(methods: Iterable[str], photos: Iterable[str], styles: Iterable[str]) -> list[Route]:
    """Return the routes of each method: the first photos, from each of the first styles to the next one."""
    pairs = list(itertools.pairwise(styles))[:_PAIRS]
    few = list(photos)[:_PHOTOS]
    return [Route(method, photo, *pair) for method in methods for pair in pairs for photo in few]


def walk(
    scorer: Scorer,
    route: Route,
    steps: int,
    paint: Callable[[float], Picture],
    *,
    keep: bool = False,
    on_picture: Callable[[int], bool] = lambda _: True,
) -> StylePath:
    """Paint and measure a path. Full-size pictures are not stored; small ones are if `keep` is set.

    Args:
        steps: number of steps of equal weight, 1 or more.
        paint: returns the picture at a weight of the second style, 0..1.
        on_picture: called between pictures with the number of finished ones. Returning False stops.
    Raises:
        Stopped: `on_picture` has returned False.
    """
    kept: list[Picture] = []

    def pictures() -> Iterator[Picture]:
        for number in range(steps + 1):
            if number and not on_picture(number):
                raise Stopped
            picture = paint(number / steps)
            if keep:
                kept.append(picture.at_most(_PREVIEW_SIDE))
            yield picture

    distances, direct = measured(scorer, pictures())
    return StylePath(route, distances, direct, kept)


def measured(scorer: Scorer, pictures: Iterable[Picture]) -> tuple[list[float], float]:
    """Return the perceptual distance of each picture to the next, and of the first to the last."""
    every = iter(pictures)
    first = last = scorer.glance(next(every))
    steps = []
    for picture in every:
        seen = scorer.glance(picture)
        steps.append(scorer.distance(last, seen))
        last = seen
    return steps, scorer.distance(first, last)


def means(paths: Sequence[StylePath]) -> dict[str, float]:
    """Return the mean of each metric over the paths that have it."""
    rows = [path.values() for path in paths]
    names = [name for name in metrics.PATH_METRICS if any(name in row for row in rows)]
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}

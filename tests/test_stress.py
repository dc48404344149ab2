"""Several threads at once: each gets the pictures that it would get alone.

IMPASTO_STRESS=10 python -m pytest -m stress     # more and larger photos, for longer
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
from helpers import scene

from impasto.controls import Controls
from impasto.engines.by_name import engine_class
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.styles.gallery import Gallery

pytestmark = pytest.mark.stress

ROUNDS = int(os.environ.get("IMPASTO_STRESS", "1"))
BUDGET = 2_000_000  # bytes: photos of the larger sizes are painted in tiles and finished in strips
SIZES = [(64, 40), (33, 97), (300, 100), (110, 270)]  # width, height
if ROUNDS > 1:
    SIZES += [(500, 333), (333, 500), (1200, 420), (420, 1200), (900, 900)]
STYLES = ["starry-night", "great-wave"]
PHOTOS = [Picture.from_array(scene(*size, seed)) for seed, size in enumerate(SIZES)]
PAINTING = scene(90, 70, 9)[:, :, ::-1].copy()

Work = Callable[[], np.ndarray]


def assert_alike(at_once: Sequence[Work], alone: Sequence[Work]) -> None:
    """Run one half in several threads, in another order each time, and the other half one after the other."""
    found: list[list[np.ndarray]] = []
    for number in range(ROUNDS):
        order = random.Random(number).sample(range(len(at_once)), len(at_once))
        with ThreadPoolExecutor(4) as pool:
            results = dict(zip(order, pool.map(lambda index: at_once[index](), order), strict=True))
        found.append([results[index] for index in range(len(at_once))])
    for index, work in enumerate(alone):
        wanted = work()
        for results in found:
            np.testing.assert_array_equal(results[index], wanted)


@pytest.mark.parametrize("name", ["light", "painter"])
def test_an_engine_paints_several_sizes_in_several_styles(name: str) -> None:
    def work() -> list[Work]:
        engine = engine_class(name)(budget=BUDGET)
        gallery = Gallery(painter=engine)
        vectors = [gallery.vector(style) for style in STYLES]
        return [
            *(lambda p=p, v=v: engine.paint(p.pixels, v) for p, v in zip(PHOTOS, vectors * len(PHOTOS), strict=False)),
            *[lambda: engine.paint(PHOTOS[0].pixels, engine.encode(PAINTING))] * 2,
        ]

    assert_alike(work(), work())  # each with an engine of its own, which has loaded nothing yet


@pytest.mark.filterwarnings("ignore:a mask of")
def test_engines_and_stylizers_paint_at_once() -> None:
    mask = np.zeros((50, 50), np.float32)
    mask[:, 20:] = 1

    def work() -> list[Work]:
        stylizers = []
        for name in ("light", "painter"):
            engine = engine_class(name)(budget=BUDGET)
            stylizers += [
                Stylizer("great-wave", painter=engine, regions=[(mask, "none")], controls=Controls(strength=70)),
                Stylizer({"udnie": 0.5, "the-kiss": 0.5}, painter=engine, controls=Controls(tone="match")),
            ]
        return [lambda s=s, p=p: s(p).samples for s, p in product(stylizers, PHOTOS)]

    assert_alike(work(), work())

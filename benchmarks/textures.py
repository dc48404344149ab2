"""Measure the seams of painted 3-D models: Impasto's textures, and the same textures painted as flat pictures.

    python benchmarks/textures.py [MODEL ...] [--style NAME ...]

Without MODEL, the script makes objects: a cube, a sphere of six islands, a figure of six tubes. A seam's step is the
mean difference of the colors on its two sides, in 255ths, weighted by length. The score is the step relative to the
source's step. Steps below 1 count as 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import objects

from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.pixels.arrays import filled, stored
from impasto.textures.model import Surface
from impasto.textures.open import open_model
from impasto.textures.skin import Skin

_LEVEL = 1 / 255
_SIDE = 1024  # texels of the made objects' textures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--style", action="append", default=[], help="name or file; default: starry-night and udnie")
    parser.add_argument("--texels", type=int, default=_SIDE, help="side of the made textures in texels")
    given = parser.parse_args()
    columns = ("object", "style", "source", "flat", "score", "Impasto", "score", "flat s", "Impasto s")
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for name, surfaces, textures in _objects(given.models, given.texels):
        for style in given.style or ["starry-night", "udnie"]:
            print("| " + " | ".join([name, style, *_measured(surfaces, textures, Stylizer(style))]) + " |", flush=True)


def _objects(models: Sequence[Path], side: int) -> Iterator[tuple[str, list[Surface], list[NDArray[np.uint8]]]]:
    for path in models:
        model = open_model(path)
        pictures = [Picture.open(one.data) for one in model.textures]
        yield path.stem, model.surfaces, [filled(one.samples, one.alpha) for one in pictures]  # type: ignore[misc]
    if not models:
        for make in (objects.cube, objects.sphere, objects.figure):
            surfaces, texture = make(side)
            yield make.__name__, surfaces, [texture]


def _measured(surfaces: list[Surface], textures: list[NDArray[np.uint8]], stylizer: Stylizer) -> list[str]:
    skin = Skin(surfaces, textures)
    stylizer(Picture.from_array(textures[0][:64, :64].copy()))  # load the networks before the measurement
    started = time.perf_counter()
    flat = [stored(stylizer(Picture.from_array(one)).samples, np.uint8) for one in textures]
    middle = time.perf_counter()
    ours = skin.paint(stylizer, [], None, lambda _fraction, _message: None)
    ended = time.perf_counter()
    source, theirs, own = (skin.steps(one)[1] for one in (textures, flat, ours))
    scores = [max(step, _LEVEL) / max(source, _LEVEL) for step in (theirs, own)]
    steps = [f"{255 * step:.2f}" for step in (source, theirs, own)]
    return [
        steps[0],
        steps[1],
        f"{scores[0]:.2f}",
        steps[2],
        f"{scores[1]:.2f}",
        f"{middle - started:.1f}",
        f"{ended - middle:.1f}",
    ]


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Measure how much a picture changes if the photo is shifted by 1 to 8 pixels, or gets noise of 2/255.

    python benchmarks/steadiness.py --photos DIR --styles DIR [--size 512] [--limit 4]

The picture of the shifted photo is shifted back before the comparison. The script prints the root mean square
difference in the inner part of the frame: in 255ths, and relative to the picture's contrast, because bolder pictures
differ more.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from impasto.engines.by_name import engine_of
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.pixels.arrays import fit

SHIFTS = (1, 2, 3, 4, 8)
ENGINES = ("painter", "light", "adain", "wct")
EDGE = 64


def shifted(pixels: np.ndarray, by: int) -> np.ndarray:
    return np.roll(pixels, (by, by), (0, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--styles", type=Path, required=True)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--limit", type=int, default=4)
    arguments = parser.parse_args()
    photos, styles = (sorted(folder.iterdir())[: arguments.limit] for folder in (arguments.photos, arguments.styles))
    rng = np.random.default_rng(0)
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for path in photos:
        picture = Picture.open(path)
        photo = picture.resized(*fit(picture.width, picture.height, arguments.size)).pixels
        noise = rng.normal(0, 2 / 255, photo.shape).astype(np.float32)
        for style in styles:
            for engine in ENGINES:
                stylizer = Stylizer(style, painter=engine_of(engine))
                first = stylizer(Picture(photo)).pixels
                contrast = first.std()
                changes = {f"shift {by}": (shifted(photo, by), by) for by in SHIFTS}
                for name, (changed, by) in {**changes, "noise 2/255": ((photo + noise).clip(0, 1), 0)}.items():
                    again = shifted(stylizer(Picture(changed)).pixels, -by)
                    difference = (again - first)[EDGE:-EDGE, EDGE:-EDGE]
                    error = float(np.sqrt(np.square(difference).mean()))
                    found.setdefault((engine, name), []).append((255 * error, error / contrast))
    print(f"{len(photos)} photos by {len(styles)} paintings at {arguments.size} pixels: 255ths, and share of contrast")
    names = [name for engine, name in found if engine == ENGINES[0]]
    print("| engine | " + " | ".join(names) + " |")
    print("|---|" + "---|" * len(names))
    for engine in ENGINES:
        cells = [np.mean(found[engine, name], axis=0) for name in names]
        print(f"| {engine} | " + " | ".join(f"{error:.1f} / {share:.3f}" for error, share in cells) + " |")


if __name__ == "__main__":
    main()

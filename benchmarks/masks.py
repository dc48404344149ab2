#!/usr/bin/env python3
"""Measure the masks of people: against masks drawn by hand, in photos without people, and their time.

    python benchmarks/masks.py --masked DIR --nobody DIR

The folder of `--masked` holds NAME_content.jpg and NAME_mask.png. The folder of `--nobody` holds photos without people.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.painting.people import automatic_mask
from impasto.painting.regions import read_mask
from impasto.picture import Picture
from impasto.pixels.masks import fit_mask

NEAR = 0.0075  # of the diagonal: outlines within this distance count as equal


def overlap(found: NDArray[np.bool_], drawn: NDArray[np.bool_]) -> float:
    """Return the intersection over the union."""
    return float((found & drawn).sum() / max(1, (found | drawn).sum()))


def boundary(found: NDArray[np.bool_], drawn: NDArray[np.bool_]) -> float:
    """Return the F measure of the outlines."""
    reach = max(1, round(NEAR * float(np.hypot(*found.shape))))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    lines = [
        mask - cv2.erode(mask, np.ones((3, 3), np.uint8), borderValue=1) for mask in (np.uint8(found), np.uint8(drawn))
    ]
    near = [cv2.dilate(line, disk) for line in lines]
    precision, recall = ((lines[i] & near[1 - i]).sum() / max(1, lines[i].sum()) for i in (0, 1))
    return float(2 * precision * recall / max(1e-9, precision + recall))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--masked", type=Path)
    parser.add_argument("--nobody", type=Path)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    for path in sorted(asked.masked.glob("*_content.jpg")) if asked.masked else []:
        mask = path.with_name(path.name.replace("_content.jpg", "_mask.png"))
        if mask.exists():
            picture = Picture.open(path)
            found = automatic_mask("person", picture)
            size = found.shape[1], found.shape[0]
            pair = found > 0.5, fit_mask(read_mask(mask), *size) > 0.5
            print(f"{path.name}: overlap {overlap(*pair):.3f}, boundary {boundary(*pair):.3f}")
    for path in sorted(asked.nobody.iterdir()) if asked.nobody else []:
        picture = Picture.open(path)
        shares = [float(automatic_mask(name, picture).mean()) for name in ("person", "faces")]
        print(f"{path.name}: {shares[0]:.1%} people, {shares[1]:.1%} faces")
    large = Picture(np.random.default_rng(0).integers(0, 255, (4000, 6000, 3), np.uint8))
    for name in ("person", "faces"):
        began = time.perf_counter()
        automatic_mask(name, large)
        print(f"24 megapixels, {name}: {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()

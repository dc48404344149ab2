#!/usr/bin/env python3
"""Fit how coherent a painting's lines are, from its code, and write the numbers into the painter's facts.json.

    python tools/painter/coherence.py --pack pack.zip [--count 400]

The engine smooths the grain of styles with clear lines (`Painter.smoothing`). Named and learned styles have no painting
at hand, only a code. So the coherence is estimated from the code: a bias and 256 weights, by ridge regression over
paintings of the pack. The coherence is the difference of the structure tensor's eigenvalues relative to their sum
(Weickert 1999), each summed over the painting. 1 means that all fine structure consists of lines.

Fit again when the encoder changes.
"""

from __future__ import annotations

import argparse
import io
import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.engines.painter import CODE, Painter
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels
from impasto.pixels.color import LUMA

FRAME = 0.06  # of a painting's sides, cut off
NEAR = 2.0  # pixels: deviation of the Gaussian that smooths the structure tensor
RIDGE = 30.0  # of standardized numbers
FOLDS = 5


def coherence(painting: Pixels) -> float:
    """Return the coherence of a painting's lines, 0..1; the painting is H x W x 3."""
    rows, columns = (slice(round(FRAME * side), round((1 - FRAME) * side)) for side in painting.shape[:2])
    gray = cv2.transform(np.ascontiguousarray(painting[rows, columns]), LUMA[None])
    x, y = (cv2.Scharr(gray, cv2.CV_32F, *way) for way in ((1, 0), (0, 1)))
    xx, yy, xy = (cv2.GaussianBlur(product, (0, 0), NEAR) for product in (x * x, y * y, x * y))
    return float(np.sqrt((xx - yy) ** 2 + 4 * xy**2).sum() / (xx + yy).sum())


def fit(codes: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the bias and the weights of a ridge regression."""
    mean, spread = codes.mean(0), codes.std(0)
    scaled = (codes - mean) / spread
    weights = np.linalg.solve(scaled.T @ scaled + RIDGE * np.eye(CODE), scaled.T @ (found - found.mean())) / spread
    return np.concatenate([[found.mean() - weights @ mean], weights])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--count", type=int, default=400, help="number of paintings, spread over the pack")
    arguments = parser.parse_args()
    painter = Painter()
    codes, found = [], []
    with zipfile.ZipFile(arguments.pack) as archive:
        names = sorted(name for name in archive.namelist() if name.startswith("paintings/"))
        for name in names[:: max(1, len(names) // arguments.count)][: arguments.count]:
            painting = Picture.open(io.BytesIO(archive.read(name))).pixels
            codes.append(painter.encode(painting).embedding[:CODE])
            found.append(coherence(painting))
    known, wanted = np.array(codes, np.float64), np.array(found)
    estimated = np.empty_like(wanted)
    for fold in range(FOLDS):
        held = np.arange(len(wanted)) % FOLDS == fold
        bias, *weights = fit(known[~held], wanted[~held])
        estimated[held] = bias + known[held] @ weights
    share = 1 - np.square(estimated - wanted).sum() / np.square(wanted - wanted.mean()).sum()
    file = painter.folder / "facts.json"
    facts = json.loads(file.read_text(encoding="utf-8"))
    facts["coherence"] = [float(f"{value:.4g}") for value in fit(known, wanted)]
    file.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(f"{len(wanted)} paintings, R2 on those held back: {share:.2f}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Fit the distribution that style augmentation draws from: mean and covariance of many paintings' style vectors.

    python tools/style_distribution.py --paintings DIR

It writes `assets/augment/light.npz`, which `impasto.augment` reads, and prints how much of the variance that keeps.

The covariance is kept as its first principal components. A vector's numbers differ in scale by two orders of magnitude,
and the network divides each by its deviation. So the components are those of the divided numbers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from impasto.engines.by_name import engine_of
from impasto.picture import Picture
from impasto.picture.formats import SUFFIXES
from impasto.system.files import ASSETS
from impasto.system.listing import files_in

ENGINE = "light"
COMPONENTS = 16
LEVELS = 127  # of 8 bits with a sign
LEAST_DEVIATION = 1e-4  # as the network's own: a few numbers are nearly the same for all paintings


def vectors(folder: Path) -> NDArray[np.float64]:
    """N x 512 of a folder's paintings."""
    engine = engine_of(ENGINE)
    found = [engine.encode(Picture.open(file).pixels).embedding for file in files_in(folder, SUFFIXES)]
    return np.stack(found).astype(np.float64)


def fit(found: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """A root of the covariance, 512 x COMPONENTS, and the share of the variance that it keeps."""
    deviation = np.maximum(found.std(0), LEAST_DEVIATION)
    normal = (found - found.mean(0)) / deviation
    _, strengths, axes = np.linalg.svd(normal, full_matrices=False)
    root = deviation[:, None] * axes[:COMPONENTS].T * strengths[:COMPONENTS] / np.sqrt(len(found) - 1)
    share = np.square(strengths[:COMPONENTS]).sum() / np.square(strengths).sum()
    return root, float(share)


def skewness(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each number; 0 for a normal distribution."""
    centered = found - found.mean(0)
    skew: NDArray[np.float64] = (centered**3).mean(0) / np.maximum(found.std(0), LEAST_DEVIATION) ** 3
    return skew


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", type=Path, required=True)
    arguments = parser.parse_args()
    found = vectors(arguments.paintings)
    root, share = fit(found)
    scale = np.maximum(np.abs(root).max(1) / LEVELS, 1e-7).astype(np.float16)
    target = ASSETS / "augment" / f"{ENGINE}.npz"
    target.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        target,
        mean=found.mean(0).astype(np.float32),
        root=np.rint(root / scale[:, None]).clip(-LEVELS, LEVELS).astype(np.int8),
        scale=scale,
    )
    print(f"{len(found)} paintings: {COMPONENTS} components keep {share:.1%} of the variance")
    print(f"{target.name}: {target.stat().st_size} bytes")
    print(f"skewness: half of the numbers below {np.median(np.abs(skewness(found))):.2f} in magnitude")


if __name__ == "__main__":
    main()

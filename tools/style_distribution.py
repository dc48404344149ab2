#!/usr/bin/env python3
"""Fit the distribution of styles for style augmentation: mean and covariance of many paintings' style vectors.

    python tools/style_distribution.py --paintings DIR

The script writes `assets/augment/light.npz`, which `impasto.augment` reads, and prints the share of the variance that
the file keeps.

The file stores the first principal components of the covariance. The numbers of a vector differ in scale by two orders
of magnitude, and the network divides each by its deviation. So the components are computed after this division.
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
LEVELS = 127  # largest value of a signed 8-bit number
LEAST_DEVIATION = 1e-4  # as in the network; a few numbers are nearly constant over all paintings


def vectors(folder: Path) -> NDArray[np.float64]:
    """Return the style vectors of a folder's paintings, N x 512."""
    engine = engine_of(ENGINE)
    found = [engine.encode(Picture.open(file).pixels).embedding for file in files_in(folder, SUFFIXES)]
    return np.stack(found).astype(np.float64)


def fit(found: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return a root of the covariance, 512 x COMPONENTS, and the share of the variance that it keeps."""
    deviation = np.maximum(found.std(0), LEAST_DEVIATION)
    normal = (found - found.mean(0)) / deviation
    _, strengths, axes = np.linalg.svd(normal, full_matrices=False)
    root = deviation[:, None] * axes[:COMPONENTS].T * strengths[:COMPONENTS] / np.sqrt(len(found) - 1)
    share = np.square(strengths[:COMPONENTS]).sum() / np.square(strengths).sum()
    return root, float(share)


def skewness(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the skewness of each number of the vectors; 0 for a normal distribution."""
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

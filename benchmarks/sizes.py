#!/usr/bin/env python3
"""Test that a photo of any size gets the same painting: similarity to the small painting, crispness, time.

    python benchmarks/sizes.py --photos DIR --paintings DIR --judge WEIGHTS [--megapixels 0.4,2,8,24] [-o DIR]

Each photo is resized to each size, and painted in four named styles and four paintings. The script compares the result
with the photo painted at 640 pixels:

LPIPS       between the result, reduced to 640 pixels, and the picture painted at 640
style       style loss of the reduced result, relative to that of the 640 px picture (VGG-16)
crispness   energy in the upper half of the frequencies at 1:1, relative to that of the 640 px picture
seconds     a warm library call, best of two

To compare two versions, run the script with each of them on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from impasto.measure.judge import Scorer, find_judge
from impasto.measure.metrics import lpips
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.pixels.arrays import resize
from impasto.pixels.color import luminance

SIDE = 640
STYLES = ("the-scream", "udnie", "starry-night", "great-wave")
PAINTINGS = 4
_CROP = 640


def crispness(picture: NDArray[np.float32]) -> float:
    """Return the energy per pixel in the upper half of the frequencies, in the picture's middle."""
    height, width = picture.shape[:2]
    top, left = max(0, (height - _CROP) // 2), max(0, (width - _CROP) // 2)
    gray = luminance(picture[top : top + _CROP, left : left + _CROP])
    window = np.outer(np.hanning(gray.shape[0]), np.hanning(gray.shape[1]))
    energy = np.abs(np.fft.fft2((gray - gray.mean()) * window)) ** 2
    high = np.maximum(*np.meshgrid(*(np.abs(np.fft.fftfreq(side)) for side in gray.shape), indexing="ij")) > 0.25
    return float(energy[high].sum() / (window**2).sum() / gray.size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--megapixels", default="0.4,2,8,24")
    parser.add_argument("--styles", default=",".join(STYLES))
    parser.add_argument("-o", "--output", type=Path, help="keep the pictures here")
    arguments = parser.parse_args()
    scorer = Scorer(find_judge(arguments.judge), SIDE)
    judge = scorer.judge
    paintings = sorted(arguments.paintings.glob("*.jpg"))
    styles = [*arguments.styles.split(","), *map(str, paintings[:: max(1, len(paintings) // PAINTINGS)][:PAINTINGS])]
    sizes = [float(text) for text in arguments.megapixels.split(",")]
    found: dict[float, list[tuple[float, float, float, float]]] = {size: [] for size in sizes}
    for path in sorted(arguments.photos.glob("*.jpg")):
        photo = Picture.open(path)
        scorer.add(path.name, photo.at_most(SIDE))
        for style in styles:
            stylizer = Stylizer(style)
            scorer.add(style, Picture(stylizer.style.parts[0][0].painting))
            small = stylizer(photo.at_most(SIDE)).pixels
            seen, before = judge.features(small), scorer.score(path.name, style, small)["style"]
            for size in sizes:
                scale = (size * 1e6 / (photo.width * photo.height)) ** 0.5
                large = photo.resized(round(photo.width * scale), round(photo.height * scale))
                large = Picture((large.pixels * 255).round().astype(np.uint8))
                seconds = []
                for _ in range(2):
                    began = time.perf_counter()
                    picture = stylizer(large)
                    seconds.append(time.perf_counter() - began)
                fitted = resize(picture.pixels, small.shape[1], small.shape[0])
                row = (
                    lpips(judge.features(fitted), seen, judge.heads),
                    scorer.score(path.name, style, fitted)["style"] / before,
                    crispness(picture.pixels) / crispness(small),
                    min(seconds),
                )
                found[size].append(row)
                name = f"{path.stem} {Path(style).stem} {size:g}"
                print(
                    f"{name}: LPIPS {row[0]:.3f}  style {row[1]:.2f}  crispness {row[2]:.2f}  {row[3]:.2f} s",
                    flush=True,
                )
                if arguments.output:
                    arguments.output.mkdir(parents=True, exist_ok=True)
                    picture.save(arguments.output / f"{name.replace(' ', '-')}.jpg", overwrite=True)
    print("| megapixels | LPIPS | style | crispness | seconds |\n|---|---|---|---|---|")
    for size, rows in found.items():
        cells = " | ".join(f"{statistics.median(column):.3f}" for column in zip(*rows, strict=True))
        print(f"| {size:g} | {cells} |")


if __name__ == "__main__":
    main()

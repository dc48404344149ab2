#!/usr/bin/env python3
"""Compare styles with a collection of paintings: measure how close painted photos come to the whole collection.

    python benchmarks/collection_styles.py --photos DIR --paintings DIR --judge vgg16.safetensors STYLE...

Style: the judge's Gram loss against the mean Gram matrices of the collection, relative to the untouched photos; a mean
over layers and photos. Content: the difference from the photos. Fréchet: the distance of VGG features of the results
and of the paintings (not the FID).

Row "none" has the photos themselves. Row "paintings" compares one half of the collection with the other.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import impasto
from impasto.measure import metrics
from impasto.measure.judge import Judge, find_judge
from impasto.picture import Picture
from impasto.picture.formats import SUFFIXES
from impasto.pixels.arrays import Pixels, fit
from impasto.system.listing import files_in


def spread(folder: Path, limit: int) -> list[Path]:
    files = files_in(folder, SUFFIXES)
    return [files[int(index)] for index in np.linspace(0, len(files) - 1, min(limit, len(files)))]


class Seen:
    """A picture's features by the judge."""

    def __init__(self, judge: Judge, picture: Pixels) -> None:
        self.features = judge.features(picture)
        self.statistics = metrics.statistics(self.features, judge.style_layers)
        self.pooled: NDArray[np.float64] = self.features[judge.content_layer].mean((2, 3))[0].double().numpy()


def mean_statistics(pictures: Sequence[Seen]) -> dict[str, metrics.Statistics]:
    found = {}
    for layer in pictures[0].statistics:
        parts = [picture.statistics[layer] for picture in pictures]
        gram = torch.stack([part.gram for part in parts]).mean(0)
        moments = [torch.stack([part.moments[index] for part in parts]).mean(0) for index in (0, 1)]
        found[layer] = metrics.Statistics(gram, (moments[0], moments[1]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--limit", type=int, default=12, help="photos, spread over the folder")
    parser.add_argument("--size", type=int, default=512, help="longer side")
    parser.add_argument("styles", nargs="+")
    arguments = parser.parse_args()
    judge = find_judge(arguments.judge)

    def sized(path: Path) -> Picture:
        picture = Picture.open(path)
        return picture.resized(*fit(picture.width, picture.height, arguments.size))

    paintings = [Seen(judge, sized(path).pixels) for path in spread(arguments.paintings, 60)]
    wanted = mean_statistics(paintings)
    photos = [sized(path) for path in spread(arguments.photos, arguments.limit)]
    untouched = [Seen(judge, photo.pixels) for photo in photos]
    of_paintings = np.stack([painting.pooled for painting in paintings])
    print(f"{len(photos)} photos and {len(paintings)} paintings at {arguments.size} pixels, {judge.name}")
    print("| style | style | content | Fréchet |\n|---|---|---|---|")
    for style in ("none", *arguments.styles):
        made = untouched
        if style != "none":
            made = [Seen(judge, impasto.stylize(photo, style).pixels) for photo in photos]
        losses = [
            np.mean(list(metrics.style_losses(one.statistics, wanted, photo.statistics).values()))
            for one, photo in zip(made, untouched, strict=True)
        ]
        layer = judge.content_layer
        contents = [
            metrics.content_losses(one.features, photo.features, [layer])[layer]
            for one, photo in zip(made, untouched, strict=True)
        ]
        frechet = metrics.frechet_distance(np.stack([one.pooled for one in made]), of_paintings)
        print(f"| {style} | {np.mean(losses):.3f} | {np.mean(contents):.3f} | {frechet:.2f} |", flush=True)
    halves = of_paintings[::2], of_paintings[1::2]
    print(f"| paintings | | | {metrics.frechet_distance(*halves):.2f} |")


if __name__ == "__main__":
    main()

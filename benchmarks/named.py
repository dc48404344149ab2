#!/usr/bin/env python3
"""Measure how much a named style's own vector and filters improve on the encoder's vector of its painting.

    python benchmarks/named.py --photos DIR --paintings DIR --judge vgg16.safetensors [--limit 6] [--size 512]

The folder of `--paintings` holds the files of `tools/gallery.tsv`. Style is the judge's Gram loss relative to the
untouched photo. Content is the difference from the photo. The script prints means over the photos, and the ratios own /
encoded.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from impasto.engines.by_name import engine_of
from impasto.measure.judge import Scorer, find_judge
from impasto.picture import Picture
from impasto.styles.gallery import Gallery

TABLE = Path(__file__).resolve().parent.parent / "tools" / "gallery.tsv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--limit", type=int, default=6, help="number of photos, spread over the folder")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--engine", default="painter")
    arguments = parser.parse_args()
    painter = engine_of(arguments.engine)
    gallery = Gallery(painter=painter)
    scorer = Scorer(find_judge(arguments.judge), arguments.size)
    paths = sorted(arguments.photos.iterdir())
    paths = paths[:: max(1, len(paths) // arguments.limit)][: arguments.limit]
    photos = {path.name: scorer.add(path.name, Picture.open(path)) for path in paths}
    with TABLE.open(encoding="utf-8", newline="") as table:
        files = {row["name"]: arguments.paintings / row["file"] for row in csv.DictReader(table, delimiter="\t")}
    paintings = {name: Picture.open(path) for name, path in files.items()}
    vectors = {name: (painter.encode(picture.pixels), gallery.vector(name)) for name, picture in paintings.items()}
    for name, picture in paintings.items():
        scorer.add(name, picture)
    scores: dict[str, list[list[float]]] = {
        name: [] for name in files
    }  # encoded style and content, own style and content
    for key, photo in photos.items():  # compute a photo's features once for all styles
        for name, pair in vectors.items():
            found = [scorer.score(key, name, painter.paint(photo, vector)) for vector in pair]
            scores[name].append([score[what] for score in found for what in ("style", "content")])
    print(f"{len(photos)} photos at {arguments.size} pixels, {scorer.judge.name}")
    print("| style | encoded: style | content | own: style | content | ratio: style | content |")
    print("|---|---|---|---|---|---|---|")
    means = {name: np.mean(rows, axis=0) for name, rows in scores.items()}
    for name, mean in (*means.items(), ("mean", np.mean(list(means.values()), axis=0))):
        ratios = mean[2] / mean[0], mean[3] / mean[1]
        print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in (*mean, *ratios)) + " |")
    ratios = np.array([[mean[2] / mean[0], mean[3] / mean[1]] for mean in means.values()])
    print("median of the ratios: style {:.3f}, content {:.3f}".format(*np.median(ratios, axis=0)))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Measure how much three minutes of learning improve a painting's style over the encoder's vector.

    python benchmarks/learn.py --photos DIR --paintings DIR --judge vgg16.safetensors [--minutes 3] [--pictures DIR]

Style is the judge's Gram loss relative to the untouched photo. Content is the difference from the photo. The script
prints means over the photos, and the ratios learned / encoded. --minutes counts processor time: on a busy machine,
learning takes longer by the clock. --cores sets the number of processors.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image

from impasto.engines.base import StyleVector
from impasto.engines.by_name import engine_of
from impasto.measure.judge import Scorer, find_judge
from impasto.picture import Picture
from impasto.training.learn import learn_style


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--limit", type=int, nargs=2, default=(8, 6), help="numbers of paintings and photos")
    parser.add_argument("--only", nargs="*", default=[], help="only paintings whose names begin with one of these")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--engine", default="painter")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--vectors", type=Path, help="folder of learned vectors; existing ones are used")
    parser.add_argument("--pictures", type=Path, help="folder for photo, encoded and learned side by side")
    arguments = parser.parse_args()
    painter = engine_of(arguments.engine)
    scorer = Scorer(find_judge(arguments.judge), arguments.size)
    photos = {path.stem: Picture.open(path) for path in spread(arguments.photos, arguments.limit[1])}
    paintings = spread(arguments.paintings, arguments.limit[0])
    if arguments.only:
        chosen = sorted(arguments.paintings.iterdir())
        paintings = [path for path in chosen if path.name.startswith(tuple(arguments.only))]
    small = {name: scorer.add(name, photo) for name, photo in photos.items()}
    vectors = {}
    for path in paintings:
        picture = Picture.open(path)
        scorer.add(path.stem, picture)
        vectors[path.stem] = painter.encode(picture.pixels), learned(picture, path.stem, arguments)
    rows: dict[str, list[list[float]]] = {name: [] for name in vectors}
    for key, photo in small.items():  # compute a photo's features once for all paintings
        for name, pair in vectors.items():
            painted = [painter.paint(photo, vector) for vector in pair]
            found = [scorer.score(key, name, pixels) for pixels in painted]
            rows[name].append([score[what] for score in found for what in ("style", "content")])
            if arguments.pictures:
                save(np.concatenate([photo, *painted], axis=1), arguments.pictures / f"{name[:30]}-{key[:20]}.png")
    print(f"{len(photos)} photos at {arguments.size} pixels, {scorer.judge.name}, {arguments.minutes:g} minutes")
    print("| painting | encoded: style | content | learned: style | content | ratio: style | content |")
    print("|---|---|---|---|---|---|---|")
    means = {name: np.mean(values, axis=0) for name, values in rows.items()}
    for name, mean in means.items():
        print(
            f"| {name[:40]} | " + " | ".join(f"{x:.3f}" for x in (*mean, mean[2] / mean[0], mean[3] / mean[1])) + " |"
        )
    ratios = np.array([[mean[2] / mean[0], mean[3] / mean[1]] for mean in means.values()])
    print("mean of the ratios: style {:.3f}, content {:.3f}".format(*ratios.mean(0)))
    print("worst: style {:.3f}, content {:.3f}".format(*ratios.max(0)))


def learned(painting: Picture, name: str, arguments: argparse.Namespace) -> StyleVector:
    """Return the learned vector, from an earlier run if there is one."""
    file = arguments.vectors / f"{name}.npy" if arguments.vectors else None
    if file and file.exists():
        return engine_of(arguments.engine).style(np.load(file))
    started = time.monotonic()
    result = learn_style(
        painting,
        seconds=60 * arguments.minutes,
        engine=arguments.engine,
        clock=lambda: time.process_time() / arguments.cores,
    )
    print(
        f"{name[:40]}: {result.steps} steps, {time.monotonic() - started:.0f} s by the clock, held-back photographs: "
        f"style {result.ratio('style'):.3f}, content {result.ratio('content'):.3f}",
        flush=True,
    )
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, result.vector.numbers)
    return result.vector


def spread(folder: Path, count: int) -> list[Path]:
    paths = sorted(folder.iterdir())
    return paths[:: max(1, len(paths) // count)][:count]


def save(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8)).save(path)


if __name__ == "__main__":
    main()

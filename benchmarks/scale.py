#!/usr/bin/env python3
"""Measure time and memory by megapixels and by number of files.

    python benchmarks/scale.py PHOTO [--megapixels 1,4,16,64,100] [--files 1,8,64,256] [--style udnie] [-o plot.png]

The photo is enlarged to each size. Every row is a whole `impasto stylize` from JPEG to JPEG in a new process, including
start, reading and writing. Peak memory is the largest resident set of that process.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from process import Ended, run


def stylize(words: list[str], style: str) -> Ended:
    """Run `impasto stylize` with these arguments."""
    command = [sys.executable, "-m", "impasto", "stylize", *words, "--style", style, "--quiet", "--overwrite"]
    ended = run([*command, "--max-pixels", "1000000000"])
    if ended.code:
        raise SystemExit(f"{' '.join(command)} failed: {ended.output}")
    return ended


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--megapixels", default="1,4,16,64,100")
    parser.add_argument("--files", default="1,8,64,256")
    parser.add_argument("--style", default="starry-night")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    Image.MAX_IMAGE_PIXELS = None
    sizes, counts = ([float(text) for text in words.split(",")] for words in (arguments.megapixels, arguments.files))
    by_size, by_count = [], []
    with tempfile.TemporaryDirectory() as folder, Image.open(arguments.photo) as image:
        for size in sizes:
            scale = (size * 1e6 / (image.width * image.height)) ** 0.5
            path = Path(folder, "large.jpg")
            image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC).save(path)
            by_size.append(stylize([str(path), "-o", str(Path(folder, "out.jpg"))], arguments.style))
            seconds, memory = by_size[-1].seconds, by_size[-1].peak_mb
            print(
                f"| {size:g} megapixels | {seconds:.1f} s | {seconds / size:.2f} s each | {memory:.0f} MB |", flush=True
            )
        for count in map(int, counts):
            photos = Path(folder, f"photos-{count}")
            photos.mkdir()
            for index in range(count):
                image.resize((512, round(512 * image.height / image.width))).save(photos / f"{index:05}.jpg")
            by_count.append(stylize([str(photos), "-o", str(Path(folder, f"out-{count}"))], arguments.style))
            seconds, memory = by_count[-1].seconds, by_count[-1].peak_mb
            print(
                f"| {count} files of 512 px | {seconds:.1f} s | {seconds / count:.2f} s each | {memory:.0f} MB |",
                flush=True,
            )
    for what, numbers, rows in (("a megapixel", sizes, by_size), ("a file", counts, by_count)):
        if len(numbers) > 1:
            slope, start = np.polyfit(numbers, [row.seconds for row in rows], 1)
            print(f"time: {start:.2f} s + {slope:.3f} s {what}")
    if arguments.output:
        plot(arguments.output, sizes, by_size, counts, by_count)


def plot(
    path: Path,
    sizes: list[float],
    by_size: list[Ended],
    counts: list[float],
    by_count: list[Ended],
) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3), dpi=110, layout="constrained")
    panels = [
        (sizes, [row.seconds for row in by_size], "megapixels", "seconds"),
        (sizes, [row.peak_mb for row in by_size], "megapixels", "peak memory, MB"),
        (counts, [row.seconds for row in by_count], "photos of 512 pixels", "seconds"),
    ]
    for index, (across, up, name, label) in enumerate(panels):
        axes = figure.add_subplot(1, 3, index + 1)
        axes.plot(across, up, "o-")
        axes.set(xlabel=name, ylabel=label, xlim=(0, None), ylim=(0, None))
    FigureCanvasAgg(figure)
    figure.savefig(path)


if __name__ == "__main__":
    main()

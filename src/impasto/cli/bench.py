"""`impasto bench`: measure how fast Impasto is on this machine."""

from __future__ import annotations

import json as json_module
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import click

from impasto.cli import options
from impasto.cli.command import Command, option
from impasto.cli.console import print_table
from impasto.cli.progress import bar
from impasto.errors import UsageError
from impasto.measure.engines import ENGINES
from impasto.system.files import already_there, write_atomically

if TYPE_CHECKING:
    from impasto.measure.bench import Bench

EXAMPLES = """
impasto bench --sizes 256,512,1024,2048 --json bench.json
impasto bench --compare bench.json
"""


@click.command(cls=Command, examples=EXAMPLES)
@option("--sizes", default="256,512,1024", help="Sides of square pictures in pixels.")
@option("--engine", multiple=True, help=f"Engine to measure: {', '.join(ENGINES)}. Repeatable.")
@option("--rounds", type=click.IntRange(1, 1000), default=15, help="Measured runs of each case.")
@option("--json", type=options.PATH, help="Write all figures to this file.")
@option("--compare", type=options.PATH, help="Compare with the figures in this earlier file.")
@options.overwrite
@options.quiet
def bench(
    sizes: str,
    engine: tuple[str, ...],
    rounds: int,
    json: Path | None,
    compare: Path | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Measure latency, memory, cold start and throughput, and compare with the processor's peak rate."""
    from impasto.engines.by_name import DEFAULT
    from impasto.measure import bench as run

    if json is not None and json.exists() and not overwrite:
        raise already_there(json)
    old = run.Bench.load(compare) if compare else None
    with bar(hidden=quiet) as draw:
        found = run.bench(_sizes(sizes), engine or [DEFAULT], rounds=rounds, on_progress=draw)
    if json is not None:
        text = json_module.dumps(found.as_dict(), indent=1) + "\n"
        write_atomically(json, text.encode(), overwrite=overwrite)
    if quiet:
        return
    _print(found)
    if old is not None:
        print()
        rows = run.compare(found, old)
        print_table(["compared", "old", "new", "faster", "memory"], [list(row.values()) for row in rows])


def _sizes(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(
            f"--sizes {text} is not a list of whole numbers", "--sizes 256,512,1024", code="not-a-number"
        ) from None


def _print(found: Bench) -> None:
    print("  ".join(f"{name} {value}" for name, value in found.machine.items()))
    print()
    rows = [
        [
            latency.engine,
            f"{latency.size} x {latency.size}",
            f"{latency.median * 1e3:.0f} ms",
            f"{latency.quantile(0.1) * 1e3:.0f}-{latency.quantile(0.9) * 1e3:.0f}",
            f"{latency.peak_mb:.0f} MB",
            f"{latency.mac_per_pixel / 1e3:.1f} k",
            f"{latency.gflops:.0f}",
            f"{latency.share_of_ceiling:.0%}",
        ]
        for latency in found.latencies
    ]
    print_table(["engine", "size", "median", "p10-p90", "peak memory", "MAC/pixel", "GEMM GFLOP/s", "of ceiling"], rows)
    print()
    cold = [
        [name, f"{statistics.median(seconds):.3f} s", f"{min(seconds):.3f}-{max(seconds):.3f}"]
        for name, seconds in found.cold.items()
    ]
    print_table(["cold start", "median", "least-most"], cold)
    print()
    rates = [[workers, f"{rate:.2f}"] for workers, rate in found.throughput.items()]
    print_table(["workers", "pictures/s at 512 x 512"], rates)

"""Measure speed and memory: latency, cold start and throughput, relative to the machine's own limit.

Every latency is measured in its own child process, so that the peak memory is that of the measurement alone.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from impasto.engines.by_name import DEFAULT, engine_of
from impasto.errors import PictureError, UsageError
from impasto.measure.engines import OPTIMIZER, check_engines
from impasto.pixels.arrays import Pixels
from impasto.progress import OnProgress, Progress
from impasto.system.files import ASSETS
from impasto.version import __version__, installed

SIZES = (256, 512, 1024)
STYLE = "starry-night"
SMALLEST, LARGEST = 16, 20_000


@dataclass(frozen=True)
class Latency:
    """The time that one engine takes for a picture of one size, measured in its own process.

    For the optimizer, it is the time of one evaluation of its losses.

    Attributes:
        seconds: of every counted run. The first runs are not counted.
        peak_mb: peak memory of the process.
        gflops: speed of a float32 matrix product in the same process, before and after the runs. It is the machine's
            limit. An optimizer that computes in bfloat16 can exceed it.
        mac_per_pixel: multiply-adds of the network.
    """

    engine: str
    size: int
    seconds: list[float]
    peak_mb: float
    gflops: float
    mac_per_pixel: float

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def quantile(self, share: float) -> float:
        return float(np.quantile(self.seconds, share))

    @property
    def share_of_ceiling(self) -> float:
        """Return the network's arithmetic, relative to what the machine could compute in the same time."""
        return 2 * self.mac_per_pixel * self.size**2 / self.median / (self.gflops * 1e9)


@dataclass
class Bench:
    """All results of a run, and the machine that produced them."""

    machine: dict[str, object]
    latencies: list[Latency] = field(default_factory=list)
    cold: dict[str, list[float]] = field(default_factory=dict)
    throughput: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def load(cls, path: Path) -> Bench:
        """Read a file that `impasto bench --json` has written.

        Raises:
            PictureError: the file does not exist, or another program wrote it.
        """
        if not path.is_file():
            raise PictureError(f"file {path} does not exist", code="no-such-file")
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            latencies = [Latency(**latency) for latency in data.pop("latencies")]
            return cls(latencies=latencies, **data)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise PictureError(f"{path} was not written by impasto bench --json", code="damaged-file") from error


def bench(
    sizes: Sequence[int] = SIZES,
    engines: Sequence[str] = (DEFAULT,),
    *,
    rounds: int = 15,
    workers: Sequence[int] = (1, 2, 4),
    on_progress: OnProgress | None = None,
) -> Bench:
    """Measure latency, cold start and throughput.

    Args:
        sizes: sides of square pictures in pixels.
        engines: names from `impasto.measure.engines.ENGINES`.
        rounds: counted runs of each latency. The cold start has a third as many.
        workers: numbers of threads that share the engine for the throughput at 512 pixels.
        on_progress: called before every measurement with its name as the message. Returning False stops.
    Raises:
        UsageError: an engine is unknown, or a size or number is out of range.
    """
    check_engines(engines)
    for size in sizes:
        if not SMALLEST <= size <= LARGEST:
            raise UsageError(f"size {size} is not in {SMALLEST}..{LARGEST}", code="out-of-range")
    if rounds < 1:
        raise UsageError(f"cannot measure {rounds} rounds", "give 1 or more", code="out-of-range")
    found = Bench(machine())
    work = [
        *(
            (f"{engine} at {size} pixels", partial(_add_latency, found, engine, size, rounds))
            for engine in engines
            for size in sizes
        ),
        ("cold start", partial(_add_cold_start, found, max(3, rounds // 3))),
        *((f"throughput with {count} workers", partial(_add_throughput, found, count)) for count in workers),
    ]
    for step, (message, measure) in enumerate(work):
        progress = Progress(step, len(work), step / len(work), message)
        if on_progress is not None and on_progress(progress) is False:
            break
        measure()
    return found


def _add_latency(found: Bench, engine: str, size: int, rounds: int) -> None:
    found.latencies.append(_in_child(engine, size, rounds))


def _add_cold_start(found: Bench, rounds: int) -> None:
    found.cold = cold_start(rounds)


def _add_throughput(found: Bench, workers: int) -> None:
    found.throughput[str(workers)] = throughput(workers)


def machine() -> dict[str, object]:
    """Return the hardware, the threads and the versions."""
    from impasto.system.sessions import threads

    names = ("numpy", "onnxruntime", "pillow", "torch")
    versions = {name: version for name in names if (version := installed(name))}
    return {
        "processor": _processor(),
        "processors": os.cpu_count() or 1,
        "threads": threads(),
        "memory_gb": _memory_gb(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "impasto": __version__,
        **versions,
    }


def _in_child(engine: str, size: int, rounds: int) -> Latency:
    # Spawned, not forked, so that no memory or threads of this process count for the child.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return Latency(**pool.submit(_measure, engine, size, rounds).result())


def _measure(engine: str, size: int, rounds: int) -> dict[str, Any]:
    photo = np.random.default_rng(0).random((size, size, 3), np.float32)
    before = gemm_gflops()
    seconds, mac_per_pixel = _evaluate_losses(photo, rounds) if engine == OPTIMIZER else _paint(engine, photo, rounds)
    peak = peak_mb()
    return {
        "engine": engine,
        "size": size,
        "seconds": seconds,
        "peak_mb": peak,
        "gflops": max(before, gemm_gflops()),
        "mac_per_pixel": mac_per_pixel,
    }


def _paint(engine: str, photo: Pixels, rounds: int) -> tuple[list[float], float]:
    """Return the seconds of every counted run, and the network's multiply-adds for each pixel."""
    from impasto.styles.gallery import Gallery

    painter = engine_of(engine)
    vector = Gallery(painter=painter).vector(STYLE)
    for _ in range(3):
        painter.paint(photo, vector)
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        painter.paint(photo, vector)
        seconds.append(time.perf_counter() - started)
    return seconds, painter.mac_per_pixel


def _evaluate_losses(photo: Pixels, rounds: int) -> tuple[list[float], float]:
    from dataclasses import replace

    from impasto.nn.vgg import shipped_vgg
    from impasto.optimization.optimize import optimize
    from impasto.optimization.recipe import DEFAULT

    recipe = replace(DEFAULT, start="photo", pyramid=1.0, iterations=rounds + 3, tolerance=0.0)
    at: list[float] = []
    optimize(photo, STYLE, recipe=recipe, on_progress=lambda _: at.append(time.perf_counter()))
    seconds: list[float] = np.diff(at[-rounds - 1 :]).tolist()
    return seconds, 2 * shipped_vgg().mac_per_pixel(recipe.layers())  # forward, and the same again for the gradient


def gemm_gflops(side: int = 1024, rounds: int = 5) -> float:
    """Return the speed of a float32 matrix product in 10^9 operations a second: the best of several."""
    one = np.random.default_rng(0).random((side, side), np.float32)
    best = 0.0
    for _ in range(rounds):
        started = time.perf_counter()
        one @ one
        best = max(best, 2 * side**3 / (time.perf_counter() - started) / 1e9)
    return best


def cold_start(rounds: int) -> dict[str, list[float]]:
    """Return the seconds from typing a command to the finished file, with an empty Python program for comparison."""
    sample = ASSETS / "samples" / "colosseum.jpg"
    with tempfile.TemporaryDirectory() as folder:
        paint = [sys.executable, "-m", "impasto", "stylize", str(sample), "--style", STYLE, "--overwrite"]
        commands = {
            "python, nothing": [sys.executable, "-c", "pass"],
            "import impasto": [sys.executable, "-c", "import impasto"],
            "impasto stylize, 512 px": [*paint, "--size", "512", "-o", str(Path(folder) / "out.jpg")],
        }
        return time_commands(commands, rounds)


def time_commands(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds that each command takes as a whole process. The commands take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603
            if number:  # the first round only fills the file cache
                seconds[name].append(time.perf_counter() - started)
    return seconds


def throughput(workers: int, pictures: int = 12, size: int = 512) -> float:
    """Return the pictures a second when several threads share the painter."""
    from impasto.styles.gallery import Gallery

    painter, vector = engine_of(), Gallery().vector(STYLE)
    photo = np.random.default_rng(0).random((size, size, 3), np.float32)
    painter.paint(photo, vector)
    with ThreadPoolExecutor(workers) as pool:
        started = time.perf_counter()
        list(pool.map(lambda _: painter.paint(photo, vector), range(pictures)))
        return pictures / (time.perf_counter() - started)


def compare(new: Bench, old: Bench) -> list[dict[str, str]]:
    """Return the speed-up over an older run: ratios of medians, with ratios of opposite tenths as spread."""
    rows = []
    before = {(latency.engine, latency.size): latency for latency in old.latencies}
    for latency in new.latencies:
        other = before.get((latency.engine, latency.size))
        if other is not None:
            row = _ratio(f"{latency.engine}, {latency.size} x {latency.size}", latency.seconds, other.seconds)
            rows.append(row | {"memory": f"x {latency.peak_mb / other.peak_mb:.2f}"})
    rows += [_ratio(name, seconds, old.cold[name]) for name, seconds in new.cold.items() if old.cold.get(name)]
    return rows


def _ratio(what: str, new: Sequence[float], old: Sequence[float]) -> dict[str, str]:
    (new_low, new_median, new_high), (old_low, old_median, old_high) = (
        np.quantile(seconds, (0.1, 0.5, 0.9)) for seconds in (new, old)
    )
    spread = f"{old_low / new_high:.2f}-{old_high / new_low:.2f}"
    return {
        "what": what,
        "old": f"{old_median * 1e3:.0f} ms",
        "new": f"{new_median * 1e3:.0f} ms",
        "faster": f"x {old_median / new_median:.2f} ({spread})",
        "memory": "",
    }


def peak_mb() -> float:
    """Return the peak memory of this process in megabytes, or 0 if the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux, `ru_maxrss` includes the parent's memory
        highest = re.search(r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE)
        if highest:
            return int(highest[1]) / 1e3
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _memory_gb() -> float:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return 0.0

#!/usr/bin/env python3
"""Measure the service's speed and memory with 1, 2 and 4 workers.

    python benchmarks/capacity.py [--workers 1 2 4] [--megapixels 1] [--seconds 60] [--engine painter]

The script prints the table of docs/guides/service-operation.md, "Capacity". That page describes how to run the service.
It starts `impasto serve` for each number of workers. Two clients for each worker send photos and keep it busy. No two
requests are alike, so that the service paints every picture.
"""

from __future__ import annotations

import argparse
import http.client
import io
import itertools
import math
import os
import statistics
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from serve import memory, service

PHOTOS = Path(__file__).resolve().parent.parent / "src/impasto/assets/samples"
STYLES = ("starry-night", "great-wave", "udnie", "the-scream")
A_DAY = 1_000_000
PEAK = 2.0
"""Requests in the busiest hour, relative to the mean."""
BUSY = 0.7
"""Load of a replica, as a share of its speed, that keeps queues short."""


@dataclass
class Measured:
    """The measurement of one number of workers."""

    workers: int
    rate: float
    latencies: list[float] = field(repr=False)
    peak: int = 0
    refused: int = 0

    @property
    def replicas(self) -> int:
        """Return the number of replicas that paint a million pictures a day."""
        return math.ceil(A_DAY / 86_400 * PEAK / (self.rate * BUSY))

    def row(self) -> str:
        late = statistics.quantiles(self.latencies, n=20)[-1]
        middle = statistics.median(self.latencies)
        memory = self.peak / 1e9
        return f"| {self.workers} | {self.rate:.1f} | {middle:.2f} | {late:.2f} | {memory:.1f} | {self.replicas} |"


def photos(megapixels: float) -> list[bytes]:
    """Make JPEG files of this size, each with different grain."""
    made = []
    for seed, file in zip(range(8), itertools.cycle(sorted(PHOTOS.glob("*.jpg")))):
        with Image.open(file) as photo:
            scale = math.sqrt(megapixels * 1e6 / (photo.width * photo.height))
            size = round(photo.width * scale), round(photo.height * scale)
            pixels = np.asarray(photo.convert("RGB").resize(size), np.int16)
        grain = np.random.default_rng(seed).normal(0, 3, pixels.shape).astype(np.int16)
        out = io.BytesIO()
        Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
        made.append(out.getvalue())
    return made


def measure(workers: int, files: list[bytes], seconds: float, engine: str, hosts: str) -> Measured:
    done = Measured(workers, 0.0, [])
    with service(workers, ["--engine-hosts", hosts]) as (port, process):
        begin = time.monotonic() + seconds / 6  # the time before is warm-up
        end = begin + seconds

        numbers = itertools.count()

        def ask() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            for number in numbers:
                started = time.monotonic()
                if started >= end:
                    return
                strength = 99 + number % 1000 / 1000  # no two are equal: equal requests are painted once
                path = f"/v1/stylize?style={STYLES[number % len(STYLES)]}&engine={engine}&strength={strength}"
                connection.request("POST", path, files[number % len(files)], {"Content-Type": "image/jpeg"})
                answer = connection.getresponse()
                answer.read()
                now = time.monotonic()
                if answer.status != 200:
                    done.refused += 1
                elif begin <= now < end:
                    done.latencies.append(now - started)

        clients = [threading.Thread(target=ask) for _ in range(2 * workers)]
        for client in clients:
            client.start()
        while any(client.is_alive() for client in clients):
            done.peak = max(done.peak, sum(memory(process)))
            time.sleep(0.2)
        done.rate = len(done.latencies) / seconds
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--megapixels", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--engine", default="painter")
    parser.add_argument("--hosts", choices=("local", "ray"), default="local")
    given = parser.parse_args()
    files = photos(given.megapixels)
    print(f"{os.cpu_count()} processors, {given.megapixels:g} megapixels, engine {given.engine}\n")
    print("| workers | pictures a second | median s | 95 % s | memory GB | replicas for a million a day |")
    print("|---|---|---|---|---|---|")
    for workers in given.workers:
        done = measure(workers, files, given.seconds, given.engine, given.hosts)
        print(done.row() + (f"  {done.refused} were refused" if done.refused else ""), flush=True)


if __name__ == "__main__":
    main()

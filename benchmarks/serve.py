#!/usr/bin/env python3
"""Test the service under load: 10,000 requests by 400 clients; some are invalid, some clients disconnect.

    python benchmarks/serve.py [--requests 10000] [--clients 400] [--workers 2] [--minutes 20] [-- serve's options]

The script prints:

- the number of answers by kind, and the unexpected ones;
- the latency of /healthz during the load;
- resident memory after the first tenth of the requests, and at the end;
- pictures a second of the service, and of the library alone with as many processes, measured in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import math
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import uvloop
from PIL import Image

PHOTOS = Path(__file__).resolve().parent.parent / "src/impasto/assets/samples"
STYLES = ("starry-night", "great-wave", "udnie", "the-scream", "water-lilies")
SIDES = {160: 3, 320: 5, 640: 8, 1280: 3, 2048: 1}
"""{longer side in pixels: how many of twenty photos have it}."""
KINDS = {"good": 86, "truncated": 3, "text": 3, "unknown-style": 3, "too-large": 1, "leaves": 3, "breaks-off": 1}
"""Kinds of requests, with their number in a hundred."""
LEAVING = ("leaves", "breaks-off")
MEANT = {"truncated": 422, "text": 415, "unknown-style": 422, "too-large": 413}
_CHANCE = np.random.default_rng(1)
_PROBE_EVERY = 0.2  # seconds between two probes
_PATIENCE = 300.0  # seconds to wait for an answer
_NICE = 5  # of the library's processes, as the service's workers have it, for equal shares of a busy machine


@dataclass(frozen=True)
class Ask:
    """One request and its expected answer."""

    kind: str
    photo: bytes = field(repr=False)
    style: str
    engine: str
    strength: float

    def encoded(self) -> bytes:
        """Return the request's bytes: a form like curl's."""
        parts = {"style": self.style, "engine": self.engine, "strength": f"{self.strength:.3f}"}
        edge = "----impasto"
        lines = [f'--{edge}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in parts.items()]
        name = 'name="image"; filename="photo.jpg"'
        lines += [f"--{edge}\r\nContent-Disposition: form-data; {name}\r\nContent-Type: image/jpeg\r\n\r\n"]
        body = "".join(lines).encode() + self.photo + f"\r\n--{edge}--\r\n".encode()
        head = ["POST /v1/stylize HTTP/1.1", "Host: localhost", f"Content-Type: multipart/form-data; boundary={edge}"]
        return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


def photos(largest: int) -> list[bytes]:
    """Make JPEG files of all sizes up to the largest, in the shares of `SIDES`."""
    files, made = sorted(PHOTOS.glob("*.jpg")), []
    for side, count in SIDES.items():
        for index in range(count if side <= largest else 0):
            with Image.open(files[index % len(files)]) as photo:
                photo.thumbnail((side, side))
                out = io.BytesIO()
                photo.convert("RGB").save(out, "JPEG", quality=88)
            made.append(out.getvalue())
    return made


def too_large() -> bytes:
    """Make a PNG file whose header claims 30,000 x 30,000 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    head = (30_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 90_001))
        + chunk(b"IEND", b"")
    )


def asks(count: int, painter_share: float, largest: int = max(SIDES)) -> list[Ask]:
    """Make requests in a fixed order. No two are equal, because equal ones are painted once."""
    draw, files, huge = np.random.default_rng(0), photos(largest), too_large()
    kinds = draw.choice(list(KINDS), count, p=[share / sum(KINDS.values()) for share in KINDS.values()])
    found = []
    for index, kind in enumerate(kinds.tolist()):
        photo = files[draw.integers(len(files))]
        if kind == "truncated":
            photo = photo[: len(photo) // 2]
        elif kind in ("text", "too-large"):
            photo = b"no picture" if kind == "text" else huge
        style = "no-such-style" if kind == "unknown-style" else STYLES[draw.integers(len(STYLES))]
        engine = "painter" if draw.random() < painter_share else "light"
        found.append(Ask(kind, photo, style, engine, 50 + 50 * index / count))
    return found


@contextlib.contextmanager
def service(workers: int, options: Sequence[str]) -> Iterator[tuple[int, psutil.Process]]:
    """Run the service; yields its port and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-W", "ignore", "-m", "impasto", "serve", "--port", str(port), "--quiet"]
        command += ["--workers", str(workers), "--cache-megabytes", "0", *options]
        process = subprocess.Popen(command, env=os.environ | {"IMPASTO_HOME": home}, stdout=subprocess.DEVNULL)
        try:
            while probe_once(port, "/readyz") is None:
                if process.poll() is not None:
                    raise SystemExit("the service has stopped unexpectedly")
                time.sleep(0.2)
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(60)


def probe_once(port: int, path: str) -> float | None:
    """Return the seconds of a request, including the connection; None if the answer is not 200."""
    began = time.perf_counter()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while more := connection.recv(65536):
                answer += more
        return time.perf_counter() - began if answer.startswith(b"HTTP/1.1 200") else None
    except OSError:
        return None


def probe(port: int, stop: Any, found: Any) -> None:
    """Request /healthz repeatedly; runs in its own process."""
    took: list[float | None] = []
    while not stop.is_set():
        took.append(probe_once(port, "/healthz"))
        time.sleep(_PROBE_EVERY)
    found.put(took)


@dataclass
class Load:
    """A run of requests, and the answers so far."""

    port: int
    minutes: float
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    retried: int = 0
    pictures: int = 0
    bad: list[str] = field(default_factory=list)

    async def run(self, requests: Sequence[Ask], clients: int) -> float:
        """Send all requests; return the seconds."""
        waiting, began = iter(requests), time.monotonic()
        self._end = began + 60 * self.minutes
        await asyncio.gather(*(self._client(waiting) for _ in range(clients)))
        return time.monotonic() - began

    @property
    def done(self) -> int:
        return sum(self.answers.values())

    async def _client(self, waiting: Iterator[Ask]) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        for ask in waiting:
            if time.monotonic() > self._end:
                self.answers[ask.kind, "not sent"] += 1
                continue
            try:
                if connection is None:
                    connection = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
                connection = await self._asked(ask, *connection)
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                self.answers[ask.kind, type(error).__name__] += 1
                self.bad.append(f"{ask.kind}: {type(error).__name__} {error}")
                connection = None
        if connection is not None:
            connection[1].close()

    async def _asked(self, ask: Ask, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        """Send one request, and repeat it while the queue is full. Return the connection if it can be reused."""
        data = ask.encoded()
        while True:
            writer.write(data if ask.kind != "breaks-off" else data[: len(data) // 2])
            if ask.kind in LEAVING:
                await asyncio.sleep(_CHANCE.random() * 2)
                writer.transport.abort()
                self.answers[ask.kind, "left"] += 1
                return None
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE)
            lines = head.decode("latin-1").split("\r\n")
            status = int(lines[0].split()[1])
            said = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            body = await reader.readexactly(int(said.get("content-length", 0)))
            if status == 429:
                self.retried += 1
                await asyncio.sleep(int(said["retry-after"]) * (0.75 + _CHANCE.random() / 2))
                continue
            self.answers[ask.kind, str(status)] += 1
            if status == 200 and ask.kind == "good" and body[:3] == b"\xff\xd8\xff":
                self.pictures += 1
            elif status != MEANT.get(ask.kind):
                self.bad.append(f"{ask.kind}: {status} {body[:200]!r}")
            return None if said.get("connection") == "close" else (reader, writer)


async def loaded(load: Load, requests: Sequence[Ask], clients: int, tree: psutil.Process) -> tuple[float, list[Any]]:
    """Send all requests; return the seconds, and samples of memory: (answers so far, front, workers)."""
    held: list[Any] = []

    async def watch() -> None:
        while True:
            held.append((load.done, *memory(tree)))
            await asyncio.sleep(1)

    watching = asyncio.create_task(watch())
    try:
        return await load.run(requests, clients), held
    finally:
        watching.cancel()


def memory(front: psutil.Process) -> tuple[int, int]:
    """Return the bytes of the front process, and of all its children."""
    below = 0
    for process in front.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            below += process.memory_info().rss
    return front.memory_info().rss, below


def typical(requests: Sequence[Ask], count: int) -> list[Ask]:
    """Choose good requests in a fixed order, with the same shares of engines and sizes as all requests."""
    good = sorted((ask for ask in requests if ask.kind == "good"), key=lambda ask: (ask.engine, len(ask.photo)))
    count = min(count, len(good))
    chosen = [good[(2 * index + 1) * len(good) // (2 * count)] for index in range(count)]
    return [chosen[index] for index in np.random.default_rng(2).permutation(count)]


def library(requests: Sequence[Ask], ready: Any, found: Any) -> None:
    """Open, paint and encode requests in this process with the library alone; report pictures a second."""
    import cv2

    from impasto.controls import Controls
    from impasto.service.work import PaintWork, Upload
    from impasto.system.sessions import threads

    cv2.setNumThreads(threads())
    os.nice(_NICE)
    works = [
        PaintWork(Upload("p.jpg", ask.photo), ((ask.style, 1.0),), (), Controls(ask.strength), ask.engine, ".jpg")  # type: ignore[arg-type]
        for ask in requests
    ]
    for work in works[:20]:
        work.run(lambda _: True)
    ready.wait()
    began = time.monotonic()
    for work in works:
        work.run(lambda _: True)
    found.put(len(works) / (time.monotonic() - began))


def baseline(requests: Sequence[Ask], workers: int) -> float:
    """Return pictures a second of as many processes without the service."""
    threads = str(max(1, len(os.sched_getaffinity(0)) // workers))
    limits = {"IMPASTO_THREADS": threads, "OMP_NUM_THREADS": threads, "MALLOC_ARENA_MAX": "2"}
    before = {name: os.environ.get(name) for name in limits}
    os.environ.update(limits)
    spawn = multiprocessing.get_context("spawn")
    ready, found = spawn.Barrier(workers), spawn.Queue()
    shifts = [len(requests) * index // workers for index in range(workers)]
    parts = [([*requests[shift:], *requests[:shift]], ready, found) for shift in shifts]
    processes = [spawn.Process(target=library, args=part) for part in parts]
    for process in processes:
        process.start()
    rates = [found.get() for _ in processes]
    for process in processes:
        process.join()
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
    return math.fsum(rates)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=400)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--minutes", type=float, default=20.0, help="stop sending after this time")
    parser.add_argument(
        "--painter", type=float, default=0.1, help="share of pictures by the painter; light paints the others"
    )
    parser.add_argument(
        "--largest", type=int, choices=SIDES, default=max(SIDES), help="longer side of the largest photos in pixels"
    )
    parser.add_argument("--baseline", type=int, default=200, help="pictures of each process of the library alone")
    parser.add_argument("options", nargs="*", help="options of impasto serve, after --")
    given = parser.parse_args()
    requests = asks(given.requests, given.painter, given.largest)
    own = typical(requests, given.baseline)
    before = baseline(own, given.workers)
    spawn = multiprocessing.get_context("spawn")
    stop, found = spawn.Event(), spawn.Queue()
    with service(given.workers, given.options) as (port, front):
        prober = spawn.Process(target=probe, args=(port, stop, found))
        prober.start()
        load = Load(port, given.minutes)
        seconds, held = uvloop.run(loaded(load, requests, given.clients, front))
        stop.set()
        health = found.get()
        prober.join()
    after = baseline(own, given.workers)
    report(given, load, seconds, held, health, (before, after))


def held_at(held: Sequence[tuple[int, int, int]], low: float, high: float) -> float:
    """Return the median memory in bytes while this range of the requests was answered."""
    total = held[-1][0]
    found = [sum(row[1:]) for row in held if low * total <= row[0] <= high * total]
    return float(np.median(found or [sum(row[1:]) for row in held if row[0] >= low * total][:1]))


def report(
    given: argparse.Namespace,
    load: Load,
    seconds: float,
    held: Sequence[tuple[int, int, int]],
    health: Sequence[float | None],
    rates: tuple[float, float],
) -> None:
    print(f"{load.done:,} requests by {given.clients} clients to {given.workers} workers in {seconds:.0f} s\n")
    print("| request | answer | count |\n|---|---|---|")
    for (kind, answer), count in sorted(load.answers.items()):
        print(f"| {kind} | {answer} | {count:,} |")
    print(f"| any | 429, asked again | {load.retried:,} |\n")
    print(f"Not meant: {len(load.bad)}", *load.bad[:10], sep="\n  ")
    took = sorted(one for one in health if one is not None)
    late = statistics.quantiles(took, n=100)[98]
    failed = sum(one is None for one in health)
    times = (
        f"median {1000 * statistics.median(took):.1f} ms, 99 % {1000 * late:.1f} ms, longest {1000 * took[-1]:.0f} ms"
    )
    print(f"\n/healthz: {len(took):,} times, {times}; failed {failed}")
    begin, end = held_at(held, 0.1, 0.2), held_at(held, 0.9, 1.0)
    print(f"Memory: {begin / 1e6:.0f} MB after the first tenth, {end / 1e6:.0f} MB at the end: x {end / begin:.3f}")
    print(f"Highest {max(sum(row[1:]) for row in held) / 1e6:.0f} MB; front {held[-1][1] / 1e6:.0f} MB")
    rate, own = load.pictures / seconds, sum(rates) / 2
    beside = f"the library's own {rates[0]:.1f} before and {rates[1]:.1f} after: x {rate / own:.3f}"
    print(f"Pictures a second: {rate:.1f}; {beside}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Test the studio's service under the load of its page, without a browser.

    python benchmarks/studio.py [--visitors 8] [--minutes 3] [--photo photo.jpg] [--seed 0]

First, one visitor with a photo of 24 megapixels: upload, first painting, another style, all styles small, a slider,
crops, an export. Then several visitors who upload, pick styles, move sliders, look at 1:1 and export, with a person's
pauses. The script prints the time of each step and its limit, and the errors, latencies and memory under load.
"""

from __future__ import annotations

import argparse
import functools
import http.client
import io
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from PIL import Image

from impasto.service.messages import resident

FIRST_VIEW, LARGE_VIEW = 640, 1280
"""Longer sides in pixels of the two views that the page requests one after the other."""
MOVES = {
    "detail": (800, [10, 30, 45, 75, 90]),
    "brush_size": (320, [0.7, 0.8, 1.2, 1.5, 2]),
}
"""Requests of the page while a slider moves: longer side in pixels, and values."""
STRENGTHS = 1 / 3  # share of moves of the strength slider, which the page computes itself
SAMPLES = Path(__file__).resolve().parent.parent / "src/impasto/assets/samples"
LARGE = 6000, 4000
PAUSE = 0.5, 4.0  # seconds between two actions of a person
STYLES_AT_ONCE = 6  # as many requests as browsers send to one host


@dataclass
class Client:
    """A visitor's connection to the service."""

    port: int
    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "", **fields: Any) -> bytes:
        """Send a request; return the answer's body, and record the time under `kind`."""
        query = f"?{urlencode(fields)}" if fields else ""
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path + query, body, {"Content-Type": "application/octet-stream"} if body else {})
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        self.seconds.setdefault(kind, []).append(time.perf_counter() - began)
        if answer.status >= 400:
            self.errors.append(f"{method} {path}{query}: {answer.status} {data[:200]!r}")
        return data

    def upload(self, data: bytes) -> str:
        """Upload a photo; return its id."""
        return str(json.loads(self.ask("POST", "/v1/uploads", data, "upload", name="photo.jpg"))["id"])

    def painted(self, upload: str, kind: str, **fields: Any) -> bytes:
        """Request a preview."""
        return self.ask("GET", f"/v1/uploads/{upload}/painted", None, kind, **fields)

    def export(self, upload: str, **fields: Any) -> float:
        """Paint the photo by a job; return the seconds from the request to its end."""
        began = time.perf_counter()
        said = {"image": f"upload:{upload}", "format": "jpg", **fields}
        job = json.loads(self.ask("POST", "/v1/jobs", None, "send", **said))
        while job.get("state") in ("waiting", "running"):
            time.sleep(0.1)
            job = json.loads(self.ask("GET", f"/v1/jobs/{job['id']}", None, "job"))
        if job.get("state") != "done":
            self.errors.append(f"export: {job}")
        else:
            self.ask("GET", job["links"]["result"], None, "result")
        return time.perf_counter() - began


@contextmanager
def studio() -> Iterator[tuple[int, int, float]]:
    """Run `impasto app`; yields its port, its process id, and the seconds until it answered."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "impasto", "app", "--no-browser", "--port", str(port)]
        began = time.perf_counter()
        with subprocess.Popen(command, env=os.environ | {"IMPASTO_HOME": home}, stdout=subprocess.DEVNULL) as process:
            try:
                client, answered = Client(port), 0.0
                while time.perf_counter() - began < 60:
                    try:
                        client.ask("GET", "/")
                        answered = answered or time.perf_counter() - began
                        if b"true" in client.ask("GET", "/readyz"):
                            break
                    except OSError:
                        pass
                    time.sleep(0.02)
                yield port, process.pid, answered
            finally:
                process.terminate()


def memory(process: int) -> int:
    """Return the bytes of a process and its children."""
    import psutil

    try:
        below = psutil.Process(process).children(recursive=True)
    except psutil.Error:
        return 0
    return resident(process) + sum(resident(one.pid) for one in below)


def jpeg(size: tuple[int, int], path: Path, grain: int = 0) -> bytes:
    """Make a JPEG photo of this size."""
    with Image.open(path) as image:
        samples = np.asarray(image.convert("RGB").resize(size, Image.Resampling.BICUBIC), np.int16)
    noise = np.random.default_rng(grain).integers(-4, 5, samples.shape, np.int16)
    out = io.BytesIO()
    Image.fromarray((samples + noise).clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()


def gate(name: str, seconds: float, most: float) -> None:
    """Print a measured time with its limit."""
    print(f"{'ok  ' if seconds <= most else 'MISS'} {name}: {seconds:.2f} s (at most {most:g})", flush=True)


def timed(call: Callable[[], object]) -> float:
    """Return the seconds of a call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def one_visitor(port: int, photo: bytes) -> list[str]:
    """Check the limits for one visitor with a large photo; return the errors."""
    client, began = Client(port), time.perf_counter()
    upload = client.upload(photo)
    client.painted(upload, "first", style="starry-night", side=FIRST_VIEW)
    gate("upload to first painting", time.perf_counter() - began, 1.5)
    gate("another style", timed(lambda: client.painted(upload, "style", style="udnie", side=FIRST_VIEW)), 0.5)
    gate("its large view", timed(lambda: client.painted(upload, "style", style="udnie", side=LARGE_VIEW)), 1.0)
    names = [one["name"] for one in json.loads(client.ask("GET", "/v1/styles"))["styles"]]

    def every() -> None:
        with ThreadPoolExecutor(STYLES_AT_ONCE) as pool:
            list(pool.map(lambda name: client.painted(upload, "small", style=name, side=320), names))

    gate(f"{len(names)} styles small", timed(every), 3.0)
    for name, (side, values) in MOVES.items():
        move = functools.partial(client.painted, upload, "move", style="udnie", side=side)
        took = [timed(functools.partial(move, **{name: value})) for value in values]
        gate(f"{name}, while it moves", statistics.median(took), 0.15)
    for place, most in (("2000,1500,1280,800", 1.0), ("2900,1600,1280,800", 0.3)):
        gate("crop", timed(lambda place=place: client.painted(upload, "crop", style="udnie", crop=place)), most)
    gate("export", client.export(upload, style="udnie"), 5.0)
    return client.errors


def visit(client: Client, photo: bytes, seed: int, until: float) -> None:
    """Act as a person: upload a photo, try styles, move sliders, sometimes look at 1:1 and export."""
    chance = random.Random(seed)  # noqa: S311  not for secrets
    upload = client.upload(photo)
    names = [one["name"] for one in json.loads(client.ask("GET", "/v1/styles"))["styles"]]
    while time.monotonic() < until:
        style = chance.choice(names)
        client.painted(upload, "style", style=style, side=FIRST_VIEW)
        client.painted(upload, "large", style=style, side=LARGE_VIEW)
        for _ in range(chance.randint(2, 5)):
            time.sleep(chance.uniform(*PAUSE))
            if chance.random() < STRENGTHS:
                continue  # the browser computes it itself
            name, (side, values) = chance.choice(list(MOVES.items()))
            client.painted(upload, "slider", style=style, side=side, **{name: chance.choice(values)})
        if chance.random() < 0.3:
            client.painted(upload, "crop", style=style, crop="200,100,1280,800")
        if chance.random() < 0.15:
            client.export(upload, style=style)
        time.sleep(chance.uniform(*PAUSE))


def load(port: int, process: int, visitors: int, minutes: float, seed: int) -> list[str]:
    """Run several visitors at once; return the errors."""
    samples = sorted(SAMPLES.glob("*.jpg"))
    photos = [jpeg((3000, 2000), samples[index % len(samples)], index) for index in range(visitors)]
    clients = [Client(port) for _ in range(visitors)]
    until, sizes = time.monotonic() + 60 * minutes, list[int]()
    threads = [
        threading.Thread(target=visit, args=(client, photo, seed + index, until))
        for index, (client, photo) in enumerate(zip(clients, photos, strict=True))
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        sizes.append(memory(process))
        time.sleep(2)
    kinds = sorted({kind for client in clients for kind in client.seconds if kind})
    for kind in kinds:
        found = sorted(second for client in clients for second in client.seconds.get(kind, []))
        late = found[min(len(found) - 1, round(0.99 * len(found)))]
        print(f"     {kind}: {len(found)}, median {statistics.median(found):.2f} s, 99 % {late:.2f} s")
    sliders = [second for client in clients for second in client.seconds.get("slider", [])]
    if sliders:
        gate("median answer to a slider", statistics.median(sliders), 0.5)
    third = max(1, len(sizes) // 3)
    before, after = (max(some) / 1e6 for some in (sizes[:third], sizes[-third:]))
    print(f"     memory: {before:.0f} MB in the first third, {after:.0f} in the last")
    return [error for client in clients for error in client.errors]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--photo", type=Path, help="photo of 24 megapixels; default: an enlarged sample")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    photo = asked.photo.read_bytes() if asked.photo else jpeg(LARGE, sorted(SAMPLES.glob("*.jpg"))[0])
    with studio() as (port, process, answered):
        gate("the page answers", answered, 1.0)
        errors = one_visitor(port, photo)
        if asked.visitors:
            errors += load(port, process, asked.visitors, asked.minutes, asked.seed)
    print(f"{'MISS' if errors else 'ok  '} errors: {len(errors)}", *errors[:5], sep="\n     ")


if __name__ == "__main__":
    main()

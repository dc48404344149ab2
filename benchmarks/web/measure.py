"""The browser's engine: milliseconds by provider and size beside the library's, the first visit's bytes, memory.

    make web && python benchmarks/web/measure.py

Chromium is headless; its graphics processor is SwiftShader, a program, unless --gpu says that there is a real one. Each
figure is the median of several paintings after a first one; the library's engines paint the same in turn, with one
thread.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
os.environ["IMPASTO_THREADS"] = "1"

import numpy as np  # noqa: E402
from helpers import chromium  # noqa: E402
from hosts import PAGE, Host  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from impasto.cli.web import BUILT  # noqa: E402
from impasto.engines.by_name import engine_of  # noqa: E402
from impasto.styles import builtin  # noqa: E402

SOFTWARE = ["--use-webgpu-adapter=swiftshader", "--ignore-gpu-blocklist"]
RUN = """async ([engine, side, times]) => {
  const found = [];
  for (let i = 0; i <= times; i++) {
    const photo = new ImageData(side, side); // another one each time: what was painted is remembered
    for (let k = 0; k < photo.data.length; k++) photo.data[k] = k % 4 === 3 ? 255 : Math.random() * 255;
    const held = await impasto.open(photo);
    const controls = { brush_size: Math.min(1, 640 / side) }; // nothing is enlarged
    const began = performance.now();
    await impasto.painted(held, { engine, styles: [["udnie", 1]], controls });
    found.push(performance.now() - began);
    impasto.close(held);
  }
  return found.slice(1);
}"""
ENGINES = ("light", "painter")


def in_browser(
    server: Host, provider: str, sides: list[int], times: int, gpu: bool
) -> tuple[dict[tuple[str, int], float], dict[str, int]]:
    """Milliseconds by engine and side; bytes fetched and of the largest process, by engine, after it has painted."""
    import psutil

    arguments = ["--no-sandbox", "--enable-unsafe-webgpu", "--enable-features=Vulkan", *([] if gpu else SOFTWARE)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        page = browser.new_page()
        page.set_default_timeout(600_000)
        page.goto(f"{server.url}test.html")
        page.wait_for_function("window.it")
        page.evaluate("async (provider) => { window.impasto = await it.Impasto.load({ provider }); }", provider)
        found, used = {}, {}
        for engine in ENGINES:
            for side in sides:
                found[engine, side] = statistics.median(page.evaluate(RUN, [engine, side, times]))
            mine = [one for one in psutil.process_iter(["name"]) if "chrom" in (one.info["name"] or "")]
            used[f"{engine} fetched"] = sum(server.sent.values())
            used[f"{engine} memory"] = max((one.memory_info().rss for one in mine), default=0)
        browser.close()
    return found, used


def native(name: str, side: int, times: int) -> float:
    """Milliseconds of the library's engine at the size in which the browser paints."""
    engine, style = engine_of(name), builtin.vector("udnie", name)
    photo: Any = np.random.default_rng(0).random((side, side, 3), np.float32)
    taken = []
    for _ in range(times + 1):
        began = time.perf_counter()
        engine.paint(photo, style)
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--gpu", action="store_true", help="the machine has a graphics processor")
    given = parser.parse_args()
    server = Host(BUILT)
    server.pages["/test.html"] = PAGE
    threading.Thread(target=server.serve_forever, daemon=True).start()
    wasm, used = in_browser(server, "wasm", given.sides, given.times, given.gpu)
    sides = given.sides if given.gpu else [side for side in given.sides if side <= 256]
    graphics, _ = in_browser(server, "webgpu", sides, 1 if not given.gpu else given.times, given.gpu)
    print("| engine | side | library, 1 thread | WASM, 1 thread | ratio | WebGPU |\n|---|---|---|---|---|---|")
    for key in wasm:
        engine, side = key
        own = native(engine, side, given.times)
        shown = f"{graphics[key]:.0f} ms" if key in graphics else ""
        print(f"| {engine} | {side} | {own:.0f} ms | {wasm[key]:.0f} ms | {wasm[key] / own:.1f} | {shown} |")
    print(", ".join(f"{name}: {count / 1e6:.2f} MB" for name, count in used.items()))


if __name__ == "__main__":
    main()

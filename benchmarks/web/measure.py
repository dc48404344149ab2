"""The browser's engine: milliseconds by provider and size beside the library's, the first visit's bytes, memory.

    make web && python benchmarks/web/measure.py

Chromium is headless; its graphics processor is SwiftShader, a program, unless --gpu says that there is a real one. Each
figure is the median of several paintings after a first one; the library's light engine paints the same in turn, with
one thread.
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
from impasto.engines.light import Light  # noqa: E402
from impasto.styles import builtin  # noqa: E402

SOFTWARE = ["--use-webgpu-adapter=swiftshader", "--ignore-gpu-blocklist"]
RUN = """async ([side, times]) => {
  const photo = new ImageData(side, side);
  for (let i = 0; i < photo.data.length; i++) photo.data[i] = i % 4 === 3 ? 255 : Math.random() * 255;
  const held = await impasto.open(photo);
  const found = [];
  for (let i = 0; i <= times; i++) {
    // Nothing is enlarged, so that detail does nothing but keep the last picture from being taken again.
    const controls = { brush_size: Math.min(1, 640 / side), detail: i };
    const began = performance.now();
    await impasto.painted(held, { styles: [["udnie", 1]], controls });
    found.push(performance.now() - began);
  }
  impasto.close(held);
  return found.slice(1);
}"""


def in_browser(url: str, provider: str, sides: list[int], times: int, gpu: bool) -> tuple[dict[int, float], float]:
    """Milliseconds by side, and the browser's memory in MB, all its processes."""
    import psutil

    arguments = ["--no-sandbox", "--enable-unsafe-webgpu", "--enable-features=Vulkan", *([] if gpu else SOFTWARE)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        page = browser.new_page()
        page.set_default_timeout(600_000)
        page.goto(f"{url}test.html")
        page.wait_for_function("window.it")
        page.evaluate("async (provider) => { window.impasto = await it.Impasto.load({ provider }); }", provider)
        found = {side: statistics.median(page.evaluate(RUN, [side, times])) for side in sides}
        mine = [one for one in psutil.process_iter(["name"]) if "chrom" in (one.info["name"] or "")]
        memory = max((one.memory_info().rss for one in mine), default=0) / 1e6
        browser.close()
    return found, memory


def native(side: int, times: int) -> float:
    """Milliseconds of the library's light engine at the size in which the browser paints."""
    engine, style = Light(), builtin.vector("udnie", "light")
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
    wasm, memory = in_browser(server.url, "wasm", given.sides, given.times, given.gpu)
    loaded = sum(server.sent.values())
    sides = given.sides if given.gpu else [side for side in given.sides if side <= 256]
    graphics, _ = in_browser(server.url, "webgpu", sides, 1 if not given.gpu else given.times, given.gpu)
    print("| side | library, 1 thread | WASM, 1 thread | ratio | WebGPU |\n|---|---|---|---|---|")
    for side in given.sides:
        own = native(side, given.times)
        shown = f"{graphics[side]:.0f} ms" if side in graphics else ""
        print(f"| {side} | {own:.0f} ms | {wasm[side]:.0f} ms | {wasm[side] / own:.1f} | {shown} |")
    print(f"engine fetched: {loaded / 1e6:.2f} MB; largest process: {memory:.0f} MB")


if __name__ == "__main__":
    main()

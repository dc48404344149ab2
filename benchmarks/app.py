#!/usr/bin/env python3
"""Visitors who paint at the same time: errors, latency, and the server's memory over the run.

    python benchmarks/app.py [--visitors 8] [--seconds 120]

Starts `impasto app` and a Chromium, opens a page for each visitor, and lets each choose one style after the other.
Latency is the time from the click to the picture that belongs to it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from impasto.app.config import Config
from impasto.cli.app import command_line
from impasto.styles.gallery import Gallery


def resident_megabytes(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


async def visit(
    browser: Browser, url: str, number: int, until: float, latencies: list[float], errors: list[str]
) -> None:
    page = await browser.new_page()
    page.set_default_timeout(60_000)
    try:
        await page.goto(url)
        await page.wait_for_selector("text=Painted in")
        names = Gallery().names()
        for name in itertools.islice(itertools.cycle(names), number * 4, None):
            if time.monotonic() > until:
                return
            started = time.perf_counter()
            await page.get_by_role("button", name=name.replace("-", " "), exact=True).click()
            await page.frame_locator("iframe[title*=compare]").locator(f"#right:text-is('{name}')").wait_for()
            latencies.append(time.perf_counter() - started)
            if await page.locator("[data-testid=stException], [data-testid=stAlert]").count():
                errors.append(f"visitor {number}: an error on the page with {name}")
            await asyncio.sleep(1)
    except Exception as error:  # noqa: BLE001  what went wrong is the result
        errors.append(f"visitor {number}: {type(error).__name__}: {str(error).splitlines()[0]}")
    finally:
        await page.close()


async def run(url: str, server: int, visitors: int, seconds: float) -> None:
    latencies: list[float] = []
    errors: list[str] = []
    memory: list[tuple[float, float]] = []
    started = time.monotonic()
    until = started + seconds

    async def watch() -> None:
        while time.monotonic() < until:
            memory.append((time.monotonic() - started, resident_megabytes(server)))
            await asyncio.sleep(seconds / 12)

    async with async_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        tasks = [visit(browser, url, number, until, latencies, errors) for number in range(visitors)]
        await asyncio.gather(watch(), *tasks)
        await browser.close()
    ordered = sorted(latencies)
    counts = f"{len(ordered)} pictures, {len(errors)} errors"
    print(f"{visitors} visitors, {seconds:.0f} s, {os.cpu_count()} processors: {counts}")
    print(f"latency: median {statistics.median(ordered):.2f} s, 95 % {ordered[int(len(ordered) * 0.95)]:.2f} s")
    print("memory: " + "  ".join(f"{at:.0f} s {megabytes:.0f} MB" for at, megabytes in memory))
    for error in errors[:5]:
        print(error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=120)
    arguments = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | Config().as_environment() | {"IMPASTO_HOME": home}
        command = command_line("127.0.0.1", port, Config(), headless=True)
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as server:
            try:
                time.sleep(5)
                asyncio.run(run(f"http://127.0.0.1:{port}", server.pid, arguments.visitors, arguments.seconds))
            finally:
                server.terminate()


if __name__ == "__main__":
    main()

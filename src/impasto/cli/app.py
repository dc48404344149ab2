"""`impasto app`: open the studio in the browser."""

from __future__ import annotations

import os
import sys
import threading
import time
import urllib.request
import webbrowser

import click

from impasto.cli import options
from impasto.cli.addresses import address, addresses, listening
from impasto.cli.command import Command, option
from impasto.cli.serving import log_as_notes, need_extra
from impasto.errors import ImpastoError
from impasto.service.personal import Personal, access
from impasto.system.sessions import threads

_PATIENCE = 60.0  # seconds for the page to appear


@click.command(cls=Command)
@option("--host", default="127.0.0.1", help="Address to listen on. 0.0.0.0 admits other machines, without a key.")
@option("--port", type=click.IntRange(1, 65535), default=8501, help="Port to listen on.")
@options.settings(Personal, "personal", "Limits")
@option("--browser/--no-browser", default=True, help="Open the page in the browser.")
@option("--check", is_flag=True, help="Start, check that the page answers, and stop.")
def app(host: str, port: int, personal: Personal, browser: bool, check: bool) -> None:
    """Open the studio in the browser: photos, styles, sliders, brushes, clips."""
    need_extra("app")
    threads()  # refuse an invalid IMPASTO_THREADS here, before each worker does
    host = host.strip("[]")  # URLs put IPv6 addresses in brackets
    with listening(host, 0 if check else port) as place:
        from impasto.service.pool import WorkerPool
        from impasto.service.run import Front

        log_as_notes()
        config = personal.service_config()
        hosts = WorkerPool(config.workers, config.worker_megabytes, nice=0)
        job_hosts = WorkerPool(config.job_workers, config.worker_megabytes, nice=10)
        front = Front(hosts, job_hosts, config, access(host))
        url = address(host, place.getsockname()[1])
        if check:
            front.run(place, lambda: None, lambda: _check(url.replace("localhost", "127.0.0.1")))
            return

        def announce() -> None:
            print(f"Impasto is at {addresses(host, place.getsockname()[1])}  (Ctrl-C ends it)", flush=True)
            if browser and has_screen():
                threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

        front.run(place, announce)


def has_screen() -> bool:
    """Return True if a browser would open on a screen, instead of in the terminal."""
    if sys.platform in ("win32", "darwin") or "BROWSER" in os.environ:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _check(url: str) -> None:
    # The page is on this machine, so ignore proxies that the environment names.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            with direct.open(url, timeout=5) as answer:
                page = answer.read()
            direct.open(f"{url}/v1/limits", timeout=5).close()
        except OSError:
            time.sleep(0.1)
            continue
        if b"<html" in page.lower():
            print(f"the page answers ({len(page)} bytes)")
            return
        break
    raise ImpastoError("the page does not answer", "impasto doctor", code="server-failed")

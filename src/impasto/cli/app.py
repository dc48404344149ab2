"""`impasto app`: the web page."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import click

from impasto.app.config import Config
from impasto.cli import options
from impasto.cli.command import Command, option
from impasto.errors import ImpastoError, MissingExtra, UsageError

PAGE = Path(__file__).parent.parent / "app" / "page.py"
_PATIENCE = 60.0  # seconds for a page to appear


@click.command(cls=Command)
@option("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 lets others in.")
@option("--port", type=click.IntRange(1, 65535), default=8501, help="Port.")
@options.settings(Config, "config", "Limits", without=("learn_seconds",))
@option("--browser/--no-browser", default=True, help="Open it in the browser.")
@option("--check", is_flag=True, help="Serve one page, see that it is there, and stop.")
def app(host: str, port: int, config: Config, browser: bool, check: bool) -> None:
    """Open a page in the browser: photos, styles, sliders, regions, before and after."""
    try:
        import streamlit  # noqa: F401
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which the page needs,", "app") from None
    port = _free_port() if check else port
    if not check and _taken(host, port):
        raise UsageError(f"port {port} of {host} is taken", "--port 8502", code="in-use")
    command = command_line(host, port, config, headless=check or not browser)
    environment = os.environ | config.as_environment()
    if check:
        _check(command, environment, port)
        return
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0") else host  # noqa: S104  it is compared, not listened on
    print(f"Impasto is at http://{shown}:{port}  (Ctrl-C ends it)", flush=True)
    with subprocess.Popen(command, env=environment) as server:  # noqa: S603  our own command
        try:
            code = server.wait()
        except KeyboardInterrupt:
            server.terminate()
            server.wait(10)
            print()
            return
    if code:
        raise ImpastoError("the page has ended by itself", f"exit code {code}", code="server-failed")


def command_line(host: str, port: int, config: Config, *, headless: bool) -> list[str]:
    """How the page is served by Streamlit, in a process of its own."""
    settings = {
        "server.address": host,
        "server.port": port,
        "server.headless": str(headless).lower(),
        "server.maxUploadSize": config.max_upload,
        "server.fileWatcherType": "none",
        "server.enableStaticServing": "false",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "theme.light.primaryColor": "#b8431f",
        "theme.dark.primaryColor": "#e0764f",
        "logger.level": "error",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    return [sys.executable, "-m", "streamlit", "run", str(PAGE), *options]


def _check(command: list[str], environment: dict[str, str], port: int) -> None:
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet) as server:  # noqa: S603
        try:
            deadline = time.monotonic() + _PATIENCE
            while time.monotonic() < deadline and server.poll() is None:
                try:
                    address = f"http://127.0.0.1:{port}"
                    with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer:  # noqa: S310
                        healthy = answer.status == 200
                    with urllib.request.urlopen(address, timeout=5) as answer:
                        page = answer.read().decode()
                    if healthy and "<html" in page.lower():
                        print(f"the page answers ({len(page)} bytes)")
                        return
                except OSError:
                    time.sleep(0.2)
        finally:
            server.terminate()
    raise ImpastoError("the page does not answer", "impasto doctor", code="server-failed")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False

"""`impasto app`: the web page."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request

import click

from impasto.app.config import PAGE, Config, streamlit_settings
from impasto.cli import interrupt, options
from impasto.cli.addresses import ALL, address, check_free, in_the_network
from impasto.cli.command import Command, option
from impasto.cli.console import INTERRUPTED
from impasto.errors import ImpastoError, MissingExtra

_PATIENCE = 60.0  # seconds for a page to appear
_LAST_WORDS = 10.0  # seconds for it to end


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
    host = host.strip("[]")  # as IPv6 addresses stand in URLs
    port = check_free(host, 0 if check else port)
    command = command_line(host, port, config, headless=check or not browser)
    environment = os.environ | config.as_environment()
    if check:
        _check(command, environment, host, port)
        return
    others = f", for others at {address(in_the_network(), port)}" if host in ALL else ""
    print(f"Impasto is at {address(host, port)}{others}  (Ctrl-C ends it)", flush=True)
    with subprocess.Popen(command, env=environment) as server:  # noqa: S603  our own command
        try:
            code = server.wait()
        except KeyboardInterrupt:
            _end(server)
            if interrupt.by_the_system():
                raise click.exceptions.Exit(INTERRUPTED) from None
            print()
            return
    if code:
        raise ImpastoError("the page has ended by itself", f"exit code {code}", code="server-failed")


def command_line(host: str, port: int, config: Config, *, headless: bool) -> list[str]:
    """How the page is served by Streamlit, in a process of its own."""
    settings = streamlit_settings(config) | {
        "server.address": host,
        "server.port": port,
        "server.headless": headless,
    }
    if ":" in host:  # Streamlit leaves out the brackets
        settings["browser.serverAddress"] = "[::1]" if host == "::" else f"[{host}]"
    said = {name: str(value).lower() if isinstance(value, bool) else value for name, value in settings.items()}
    options = [f"--{name}={value}" for name, value in said.items()]
    return [sys.executable, "-m", "impasto.app.serve", "run", str(PAGE), *options]


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, and end it if it has not after a while; its port is free then."""
    server.terminate()
    try:
        server.wait(_LAST_WORDS)
    except subprocess.TimeoutExpired:  # a painting that takes long, or a second Ctrl-C
        server.kill()
    except KeyboardInterrupt:
        server.kill()


def _check(command: list[str], environment: dict[str, str], host: str, port: int) -> None:
    quiet = subprocess.DEVNULL
    # The page is on this machine: no proxy of the environment is asked for it.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    url = address(host, port).replace("localhost", "127.0.0.1")
    with subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet) as server:  # noqa: S603
        try:
            deadline = time.monotonic() + _PATIENCE
            while time.monotonic() < deadline and server.poll() is None:
                try:
                    with direct.open(f"{url}/_stcore/health", timeout=5) as answer:
                        healthy = answer.status == 200
                    with direct.open(url, timeout=5) as answer:
                        page = answer.read().decode()
                    if healthy and "<html" in page.lower():
                        print(f"the page answers ({len(page)} bytes)")
                        return
                except OSError:
                    time.sleep(0.2)
        finally:
            _end(server)
    raise ImpastoError("the page does not answer", "impasto doctor", code="server-failed")

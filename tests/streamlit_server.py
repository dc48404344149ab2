"""A Streamlit page on a server of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers import free_port, wait_until


@contextmanager
def shown(script: Path, **environment: str) -> Iterator[str]:
    """The address of a script that `streamlit run` shows."""
    port = free_port()
    settings = {"server.port": port, "server.address": "127.0.0.1", "server.headless": "true"}
    settings |= {"browser.gatherUsageStats": "false", "server.fileWatcherType": "none", "logger.level": "error"}
    options = [f"--{name}={value}" for name, value in settings.items()]
    command = [sys.executable, "-m", "streamlit", "run", str(script), *options]
    with subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.DEVNULL) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: server.poll() is not None or answers(f"{url}/_stcore/health"))
            yield url
        finally:
            server.terminate()


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except OSError:
        return False
    return True

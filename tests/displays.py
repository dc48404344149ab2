"""A screen that nobody sees, for tests of programs with windows."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def display() -> Iterator[str]:
    """Runs Xvfb; gives DISPLAY. Tests that want it are left out where there is none."""
    if shutil.which("Xvfb") is None:
        pytest.skip("there is no Xvfb")
    reads, writes = os.pipe()
    command = ["Xvfb", "-displayfd", str(writes), "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writes], stdout=-3, stderr=-3) as server:
        os.close(writes)
        try:
            with os.fdopen(reads) as said:
                yield f":{said.readline().strip()}"
        finally:
            server.kill()

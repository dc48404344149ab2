"""Run a command in a new process, and measure its time and peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

# On Linux, the peak memory of a process includes that of its parent at the start. So a small process starts it.
LAUNCHER = """
import os, sys, time
started = time.perf_counter()
process = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(process, 0)
seconds = time.perf_counter() - started
os.write(int(sys.argv[1]), f"{seconds} {usage.ru_maxrss} {os.waitstatus_to_exitcode(status)}".encode())
"""


@dataclass(frozen=True)
class Ended:
    """Time and memory of a finished command.

    Attributes:
        seconds: from its start to its end.
        peak_mb: peak resident memory in millions of bytes.
        code: exit code, 0 for success.
        output: its output, including errors.
    """

    seconds: float
    peak_mb: float
    code: int
    output: str


def run(command: Sequence[str]) -> Ended:
    """Run a command to its end."""
    reading, writing = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", LAUNCHER, str(writing), *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[writing],
            check=False,
        )
    finally:
        os.close(writing)
    with open(reading, "rb") as report:
        seconds, size, code = report.read().split() or (b"0", b"0", str(done.returncode or 1).encode())
    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    return Ended(float(seconds), float(size) * unit / 1e6, int(code), done.stdout.decode(errors="replace"))

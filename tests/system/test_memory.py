"""How much memory is free, and arrays that do not fit into it."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import refused

from impasto.errors import OutOfMemory
from impasto.system import cgroups
from impasto.system.memory import allocate, free_memory


def test_linux_says_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    path = tmp_path / "meminfo"
    path.write_text("MemTotal:  9000 kB\nMemFree:  5 kB\nMemAvailable:  17 kB\n")
    assert free_memory(str(path)) == 17 * 1024


@pytest.mark.parametrize("text", [None, "", "MemAvailable: much kB", "MemTotal: 17 kB"])
def test_psutil_is_asked_where_linux_does_not_say(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "meminfo"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(cgroups, "free_memory", lambda: 10**9)
    stub = SimpleNamespace(virtual_memory=lambda: SimpleNamespace(available=12_345, free=7))
    monkeypatch.setitem(sys.modules, "psutil", stub)
    assert free_memory(str(path)) == 12_345
    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setattr(cgroups, "free_memory", lambda: None)
    assert free_memory(str(path)) is None
    monkeypatch.setattr(cgroups, "free_memory", lambda: 9)
    assert free_memory(str(path)) == 9


def test_an_array_above_the_budget_lies_in_a_file() -> None:
    inside, outside = allocate((10, 10), np.uint8, 101), allocate((10, 10), np.uint8, 100)
    assert not isinstance(inside, np.memmap)
    assert isinstance(outside, np.memmap)
    outside[:] = 7
    assert outside.sum() == 700


def test_an_array_that_no_disk_holds_is_refused() -> None:
    with refused(OutOfMemory, "memory"):
        allocate((10**9, 10**9), np.uint8, 100)


ASKS_AGAIN = """
import resource, sys
import numpy as np
from impasto.system.memory import keep_freed
if sys.argv[1] == "keep":
    keep_freed()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    arrays = [np.ones(700_000, np.float32) for _ in range(12)]
    del arrays
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="there is no glibc to tell")
def test_what_was_freed_is_used_again() -> None:
    """Pages that Linux has to hand out anew, with and without being told."""
    plain, kept = (
        int(subprocess.run([sys.executable, "-c", ASKS_AGAIN, how], capture_output=True, check=True).stdout)
        for how in ("plain", "keep")
    )
    assert kept < plain / 4

"""Measure free memory, and allocate arrays that may exceed it."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import OutOfMemory
from impasto.system import cgroups

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of `mallopt` (malloc.h), in bytes
_KEPT = 1 << 28


def free_memory(meminfo: str = "/proc/meminfo") -> int | None:
    """Return the number of bytes that this process may still allocate.

    Linux gives it in a file, and the limits of containers and services in others. On other systems psutil gives it, if
    it is installed.

    Args:
        meminfo: Linux's file.
    Returns:
        None if it is unknown.
    """
    free = _said_by_linux(meminfo)
    if free is None:
        free = _said_by_psutil()
    return min((known for known in (free, cgroups.free_memory()) if known is not None), default=None)


def _said_by_linux(meminfo: str) -> int | None:
    try:
        with open(meminfo, encoding="ascii") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return None


def _said_by_psutil() -> int | None:
    try:
        import psutil

        return int(psutil.virtual_memory().available)
    except (ImportError, OSError):
        return None


def keep_freed() -> None:
    """Keep freed memory in this process for later allocations. Call this in programs, not in libraries.

    The windows of a large picture allocate and free the same few megabytes again and again. Returning them to Linux in
    between takes a sixth of the time. This has an effect only with glibc.
    """
    if sys.platform != "linux":
        return
    try:
        tell = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    tell(_MMAP_THRESHOLD, 1 << 25)  # the largest value that it accepts
    tell(_TRIM_THRESHOLD, _KEPT)


def allocate(size: tuple[int, ...], kind: Any, budget: int) -> NDArray[Any]:
    """Return an uninitialized array, in memory, or in a temporary file if it needs more bytes than the budget.

    Raises:
        OutOfMemory: the disk is full, too.
    """
    wanted = np.dtype(kind).itemsize * math.prod(size)
    try:
        if wanted < budget:
            return np.empty(size, kind)
        import tempfile

        with tempfile.TemporaryFile() as file:
            if hasattr(os, "posix_fallocate"):  # reserve space now: a full disk would crash the program later
                os.posix_fallocate(file.fileno(), 0, wanted)
            return np.memmap(file, kind, "w+", shape=size)
    except (MemoryError, OSError) as error:
        raise OutOfMemory(
            f"no room for the {wanted / 1e9:.1f} GB that painting this photo needs",
            "choose a smaller --size",
        ) from error

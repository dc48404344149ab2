"""How much memory there is, and room for what does not fit into it."""

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

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of `mallopt`, in bytes: malloc.h
_KEPT = 1 << 28


def free_memory(meminfo: str = "/proc/meminfo") -> int | None:
    """Tell how many bytes this process may still take.

    Linux says so in a file, and the limits of containers and services in others. Elsewhere psutil is asked, if it is
    installed.

    Args:
        meminfo: the file in which Linux says so.
    Returns:
        None where nobody tells.
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
    """Have this process keep what it frees for what it asks for next; for programs, not for libraries.

    A large picture's windows free and ask for the same few megabytes again and again. Given back to Linux in between,
    that takes a sixth of the time. The C library glibc can be told; others are left as they are.
    """
    if sys.platform != "linux":
        return
    try:
        tell = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    tell(_MMAP_THRESHOLD, 1 << 25)  # the most that it takes
    tell(_TRIM_THRESHOLD, _KEPT)


def allocate(size: tuple[int, ...], kind: Any, budget: int) -> NDArray[Any]:
    """An array without values: in memory, or in a temporary file if it takes more bytes than the budget has.

    Raises:
        OutOfMemory: there is no room on the disk, either.
    """
    wanted = np.dtype(kind).itemsize * math.prod(size)
    try:
        if wanted < budget:
            return np.empty(size, kind)
        import tempfile

        with tempfile.TemporaryFile() as file:
            if hasattr(os, "posix_fallocate"):  # a disk that fills up later would stop the program where it stands
                os.posix_fallocate(file.fileno(), 0, wanted)
            return np.memmap(file, kind, "w+", shape=size)
    except (MemoryError, OSError) as error:
        raise OutOfMemory(
            f"there is no room for {wanted / 1e9:.1f} GB that the photo takes while it is painted",
            "--size makes the picture smaller",
        ) from error

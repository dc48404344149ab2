"""How much memory there is, and room for what does not fit into it."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import OutOfMemory

_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def free_memory() -> int | None:
    """Bytes that this process may still take, a container's limit included; None where the system does not tell."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return None
    for limit, usage in _CGROUPS:
        try:
            free = min(free, max(0, int(Path(limit).read_text()) - int(Path(usage).read_text())))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return free


def room(size: tuple[int, ...], kind: Any, budget: int) -> NDArray[Any]:
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

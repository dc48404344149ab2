"""Read the resource limits of a container, a service or a cluster job from Linux's control groups, versions 1 and 2.

A group's limits apply to all groups in it, so the tightest one counts. In a container, the kernel's paths may lead to
groups that the container cannot see. These are skipped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_MEMORY = (  # limits, usage, and the part of usage that is reclaimable file cache
    (("memory.max", "memory.high"), "memory.current", ("inactive_file", "active_file")),
    (("memory.limit_in_bytes",), "memory.usage_in_bytes", ("total_inactive_file", "total_active_file")),
)
_MOUNTS = {"memory": ("", "unified", "memory"), "cpu": ("", "unified", "cpu", "cpu,cpuacct", "cpuacct,cpu")}


def free_memory(root: Path = Path("/")) -> int | None:
    """Return the bytes that this process may still use within its groups; None without a limit."""
    free = None
    for group in _groups("memory", root):
        for limits, usage, caches in _MEMORY:
            used = _number(group / usage)
            for limit in filter(None, (_number(group / name) for name in limits)):
                if used is not None:
                    left = max(0, limit - max(0, used - _stat(group / "memory.stat", caches)))
                    free = left if free is None else min(free, left)
    return free


def processors(root: Path = Path("/")) -> int | None:
    """Return the number of processors that this process's groups may use, rounded up; None without a limit."""
    found = [quota for group in _groups("cpu", root) if (quota := _quota(group)) is not None]
    return max(1, math.ceil(min(found))) if found else None


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """Yield the folders of this process's groups and their parents, in both versions' places."""
    paths = {"/"}
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers or controller in controllers.split(","):
            paths.add(path)
    for mount in _MOUNTS[controller]:
        base = root / "sys/fs/cgroup" / mount
        inside = {PurePosixPath("/", *(part for part in PurePosixPath(path).parts if part != "..")) for path in paths}
        for group in {parent for path in inside for parent in (path, *path.parents)}:
            yield base / group.relative_to("/")


def _quota(group: Path) -> float | None:
    quota, _, period = _text(group / "cpu.max").strip().partition(" ")
    if not quota:
        quota, period = _text(group / "cpu.cfs_quota_us").strip(), _text(group / "cpu.cfs_period_us").strip()
    try:
        share = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):  # "max", or no such file
        return None
    return share if share > 0 else None


def _number(file: Path) -> int | None:
    try:
        return int(_text(file))
    except ValueError:  # "max", or no such file
        return None


def _stat(file: Path, names: tuple[str, ...]) -> int:
    """Return the sum of a file's values for the names."""
    pairs = (line.partition(" ") for line in _text(file).splitlines())
    return sum(int(value) for key, _, value in pairs if key in names and value.strip().isdecimal())


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""

"""What a container's files say about memory and processors, in both versions of control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.system import cgroups, sessions

MB = 10**6


def write(root: Path, files: dict[str, object]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


def test_without_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert cgroups.free_memory(tmp_path) is None
    assert cgroups.processors(tmp_path) is None
    write(tmp_path, {"sys/fs/cgroup/memory.max": "max", "sys/fs/cgroup/memory.current": 5})
    write(tmp_path, {"sys/fs/cgroup/cpu.max": "max 100000"})
    assert cgroups.free_memory(tmp_path) is None
    assert cgroups.processors(tmp_path) is None


@pytest.mark.parametrize(
    ("limit", "used", "cache", "base"),
    [
        ("memory.max", "memory.current", "inactive_file", ""),
        ("memory.high", "memory.current", "inactive_file", "unified/"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "memory/"),
    ],
)
def test_file_cache_counts_as_free(tmp_path: Path, limit: str, used: str, cache: str, base: str) -> None:
    group = f"sys/fs/cgroup/{base}"
    write(tmp_path, {group + limit: 2000 * MB, group + used: 1990 * MB})
    assert cgroups.free_memory(tmp_path) == 10 * MB
    write(tmp_path, {f"{group}memory.stat": f"anon 5\n{cache} {1700 * MB}\nworkingset x"})
    assert cgroups.free_memory(tmp_path) == 1710 * MB
    active = cache.replace("inactive", "active")
    write(tmp_path, {f"{group}memory.stat": f"{cache} {1000 * MB}\n{active} {500 * MB}"})
    assert cgroups.free_memory(tmp_path) == 1510 * MB


@pytest.mark.parametrize(
    ("line", "base"), [("0::/machine.slice/job.scope", ""), ("4:memory,hugetlb:/machine.slice/job.scope", "memory/")]
)
def test_the_tightest_of_nested_groups_counts(tmp_path: Path, line: str, base: str) -> None:
    outer, inner = f"sys/fs/cgroup/{base}machine.slice/", f"sys/fs/cgroup/{base}machine.slice/job.scope/"
    limit, used = ("memory.limit_in_bytes", "memory.usage_in_bytes") if base else ("memory.max", "memory.current")
    write(tmp_path, {"proc/self/cgroup": f"12:pids:/other\n{line}", inner + limit: 900, inner + used: 100})
    assert cgroups.free_memory(tmp_path) == 800
    write(tmp_path, {outer + limit: 1000, outer + used: 600})
    assert cgroups.free_memory(tmp_path) == 400


def test_paths_that_a_container_does_not_see_are_skipped(tmp_path: Path) -> None:
    write(tmp_path, {"proc/self/cgroup": "0::/../../kubepods/pod1\n3:cpu,cpuacct:/docker/4711\n4:memory:/docker/4711"})
    write(
        tmp_path, {"sys/fs/cgroup/memory/memory.limit_in_bytes": 700, "sys/fs/cgroup/memory/memory.usage_in_bytes": 0}
    )
    write(tmp_path, {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": 300_000})
    write(tmp_path, {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": 100_000})
    assert cgroups.free_memory(tmp_path) == 700
    assert cgroups.processors(tmp_path) == 3


@pytest.mark.parametrize(("text", "count"), [("100000 100000", 1), ("150000 100000", 2), ("5000 100000", 1)])
def test_a_quota_of_processors_is_rounded_up(tmp_path: Path, text: str, count: int) -> None:
    write(
        tmp_path, {"proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/b/cpu.max": text, "sys/fs/cgroup/a/cpu.max": "max"}
    )
    assert cgroups.processors(tmp_path) == count


@pytest.mark.parametrize("text", ["", "-1 100000", "0 100000", "100000 0", "100000", "much", "\xff", "max max"])
def test_what_makes_no_sense_is_no_limit(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"sys/fs/cgroup/cpu.max": text, "sys/fs/cgroup/memory.max": text, "proc/self/cgroup": text})
    write(tmp_path, {"sys/fs/cgroup/memory.current": 1})
    assert cgroups.processors(tmp_path) is None
    if text != "100000":
        assert cgroups.free_memory(tmp_path) is None


def test_threads_follow_the_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMPASTO_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(64), raising=False)
    monkeypatch.setattr(cgroups, "processors", lambda: 3)
    assert sessions.threads() == 3
    monkeypatch.setattr(cgroups, "processors", lambda: 100)
    assert sessions.threads() == 64
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert sessions.threads() == 1

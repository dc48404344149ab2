"""`impasto bench`: figures that are measured, compared and stored."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Outcome, assert_refused

from impasto.measure.bench import Bench, Latency, bench, compare, gemm_gflops, throughput
from impasto.progress import Progress

Run = Callable[..., Outcome]


def test_a_run_is_measured_stored_and_compared(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bench.json"
    monkeypatch.setattr("impasto.measure.bench.throughput", functools.partial(throughput, pictures=2))
    outcome = run("bench", "--sizes", "64,128", "--rounds", 2, "--json", path)
    assert outcome.code == 0, outcome.err
    for word in ("64 x 64", "128 x 128", "cold start", "impasto stylize, 512 px", "pictures/s", "GEMM"):
        assert word in outcome.out
    data = json.loads(path.read_text())
    assert data["machine"]["threads"] >= 1
    small, large = data["latencies"]
    assert len(small["seconds"]) == 2
    assert min(small["seconds"] + large["seconds"]) > 0
    assert 30 < small["peak_mb"] < 2000
    assert small["mac_per_pixel"] > 10_000
    assert 0 < Latency(**large).share_of_ceiling < 1
    monkeypatch.setattr("impasto.measure.bench.cold_start", lambda rounds: {})  # once is enough
    monkeypatch.setattr("impasto.measure.bench.throughput", lambda workers: 1.0)
    compared = run("bench", "--sizes", "64", "--rounds", 2, "--compare", path)
    assert "64 x 64" in compared.out.split("compared")[1]
    assert_refused(run("bench", "--json", path), 1, "already-there")


def test_the_optimizer_is_measured_by_the_evaluation() -> None:
    (latency,) = bench([64], ["optimize"], rounds=3, workers=()).latencies
    assert len(latency.seconds) == 3
    assert min(latency.seconds) > 0
    assert latency.mac_per_pixel > 300_000


def test_progress_names_what_comes_next_and_stops_the_run() -> None:
    seen: list[Progress] = []

    def watch(now: Progress) -> bool:
        seen.append(now)
        return now.step < 1

    found = bench([32], ["adain"], rounds=1, workers=(1, 2), on_progress=watch)
    assert [(now.step, now.total, now.message) for now in seen] == [(0, 4, "adain at 32 pixels"), (1, 4, "cold start")]
    assert [latency.engine for latency in found.latencies] == ["adain"]
    assert not found.cold
    assert not found.throughput


def test_comparison_gives_ratios_with_their_spread() -> None:
    def one(seconds: list[float], peak: float) -> Bench:
        return Bench({}, [Latency("painter", 512, seconds, peak, 100, 1e4)], {"cold": seconds}, {})

    latency, cold = compare(one([1, 1, 1], 100), one([2, 2, 2], 300))
    assert latency["faster"] == "x 2.00 (2.00-2.00)"
    assert latency["memory"] == "x 0.33"
    assert cold["faster"] == "x 2.00 (2.00-2.00)"
    assert compare(Bench({}), one([1], 1)) == []


def test_share_of_the_ceiling() -> None:
    # 2 x 10^4 multiply-adds x 10^4 pixels in one second are 0.2 GFLOP/s.
    assert Latency("painter", 100, [1.0], 1, 100, 1e4).share_of_ceiling == pytest.approx(0.002)
    assert gemm_gflops(256, 2) > 0.1


def test_bad_input(run: Run, tmp_path: Path) -> None:
    assert_refused(run("bench", "--sizes", "big"), 2, "not-a-number", "big")
    assert_refused(run("bench", "--sizes", "3"), 2, "out-of-range", "size 3 is not in 16..20000")
    assert_refused(run("bench", "--engine", "magic"), 2, "unknown-choice", "'magic'")
    assert_refused(run("bench", "--compare", tmp_path / "no.json"), 1, "no-such-file", "no.json")
    for text in ("{}", "nonsense", '{"latencies": [{}]}', "[]"):
        (tmp_path / "other.json").write_text(text)
        assert_refused(run("bench", "--compare", tmp_path / "other.json"), 1, "damaged-file", "other.json")

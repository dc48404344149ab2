"""Metrics of the service for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest

from impasto.service.messages import resident

if TYPE_CHECKING:
    from impasto.service.load import Load

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


@dataclass(frozen=True)
class JobCounts:
    """The counts of jobs.

    Attributes:
        waiting: jobs in the store; None if the store does not answer.
        running: jobs that run in this service.
        ended: jobs that have ended in this service, by state.
        memory: memory in bytes of the processes that work on jobs.
    """

    waiting: int | None
    running: int
    ended: Mapping[str, int]
    memory: int

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily(
            "impasto_jobs", "Jobs that wait in the store, and jobs that run here.", labels=["state"]
        )
        if self.waiting is not None:
            jobs.add_metric(["waiting"], self.waiting)
        jobs.add_metric(["running"], self.running)
        yield jobs
        ended = CounterMetricFamily("impasto_jobs_ended", "Jobs that have ended here.", labels=["state"])
        for state, count in self.ended.items():
            ended.add_metric([state], count)
        yield ended
        text = "Resident memory of the processes that work on jobs."
        yield GaugeMetricFamily("impasto_jobs_resident_bytes", text, value=self.memory)


class Metrics:
    """Counts finished work, and reports the queue.

    All names begin with impasto_.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._pictures = Counter("impasto_pictures", "Pictures painted.", ["engine"], registry=self._registry)
        self._answers = Counter(
            "impasto_answers", "Requests by the answer's status.", ["status"], registry=self._registry
        )
        self._megapixels = Counter("impasto_megapixels", "Megapixels painted.", ["engine"], registry=self._registry)
        self._seconds = Histogram(
            "impasto_stage_seconds", "Seconds of each stage.", ["stage"], buckets=_SECONDS, registry=self._registry
        )
        self._per_megapixel = Histogram(
            "impasto_stage_seconds_per_megapixel",
            "Seconds of each stage per megapixel.",
            ["stage"],
            buckets=_SECONDS,
            registry=self._registry,
        )

    def watch(self, load: Load) -> None:
        """Report this queue from now on."""
        self._registry.register(_Queue(load))

    def painted(self, engine: str, megapixels: float, seconds: Mapping[str, float]) -> None:
        """Count a picture and the time of each stage."""
        self._pictures.labels(engine).inc()
        self._megapixels.labels(engine).inc(megapixels)
        for stage, spent in seconds.items():
            self._seconds.labels(stage).observe(spent)
            self._per_megapixel.labels(stage).observe(spent / max(megapixels, 0.01))

    def answered(self, status: int) -> None:
        """Count an answer. A status of 0 means that the client disconnected before it."""
        self._answers.labels(str(status) if status else "left").inc()

    def text(self, jobs: JobCounts | None = None) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry) + (generate_latest(jobs) if jobs else b"")


class _Queue:
    """Collects the metrics of the queue when they are requested."""

    def __init__(self, load: Load) -> None:
        self._load = load

    def collect(self) -> Iterator[Metric]:
        load, hosts = self._load, self._load.hosts
        values = {
            "queue_depth": ("Works that wait.", load.waiting),
            "queue_megapixels": ("Megapixels of waiting works.", load.waiting_megapixels),
            "running": ("Running works.", load.running),
            "workers": ("Processes that paint.", hosts.workers),
            "ready": ("1 if it can take work.", float(hosts.ready())),
        }
        for name, (text, value) in values.items():
            yield GaugeMetricFamily(f"impasto_{name}", text, value=value)
        memory = GaugeMetricFamily("impasto_resident_bytes", "Resident memory.", labels=["process"])
        memory.add_metric(["front"], resident())
        memory.add_metric(["workers"], hosts.memory())
        yield memory
        rejections = CounterMetricFamily("impasto_rejections", "Requests refused for load.", labels=["code"])
        for code, count in load.rejected.items():
            rejections.add_metric([code], count)
        yield rejections
        for name in ("lost", "recycled"):
            text = {"lost": "Workers that have died.", "recycled": "Workers replaced for their memory."}[name]
            yield CounterMetricFamily(f"impasto_workers_{name}", text, value=getattr(hosts, name, 0))

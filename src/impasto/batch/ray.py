"""Paint photos on all machines of a Ray cluster."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from threading import Event
from typing import Any

from impasto.batch.job import PaintJob
from impasto.batch.painting import Painting
from impasto.batch.report import Result
from impasto.errors import MissingExtra


class _Host:
    """A Ray worker. It reads the style once, then paints row by row."""

    def __init__(self, painting: Painting) -> None:
        self.painting = painting

    def __call__(self, row: Mapping[str, Any]) -> dict[str, str]:
        return {"result": json.dumps(asdict(self.painting(PaintJob(row["photo"], row["target"]))))}


def painted_by_ray(work: Sequence[PaintJob], painting: Painting, stop: Event) -> Iterator[Result]:
    """Paint all jobs on the cluster that RAY_ADDRESS names, else on this machine.

    If a host is lost, another host repaints its unfinished photos.

    Args:
        stop: once set, nothing more is painted.
    Yields:
        The result of each photo, in the order in which photos finish.
    Raises:
        MissingExtra: Ray is not installed.
    """
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # errors are raised, or the work is repeated
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report every run to its makers
    try:
        import ray
        from ray.data import ActorPoolStrategy, DataContext
    except ImportError:
        raise MissingExtra("Ray, which paints on several machines,", "ray") from None
    began = not ray.is_initialized()
    if began:
        ray.init(log_to_driver=False, include_dashboard=False, logging_level="error")
    try:
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        context = DataContext.get_current()
        context.enable_progress_bars = False
        context.verbose_stats_logs = False
        hosts = max(1, int(ray.cluster_resources().get("CPU", 1)))
        rows = ray.data.from_items([asdict(job) for job in work], override_num_blocks=len(work))
        painted = rows.map(
            _Host,
            fn_constructor_args=[painting],
            compute=ActorPoolStrategy(min_size=1, max_size=min(hosts, len(work))),
            num_cpus=1,
            max_restarts=-1,
            max_task_retries=-1,
        )
        for row in painted.iter_rows():
            result = json.loads(row["result"])
            yield Result(**result | {"size": result["size"] and tuple(result["size"])})
            if stop.is_set():
                return
    finally:
        if began:
            ray.shutdown()

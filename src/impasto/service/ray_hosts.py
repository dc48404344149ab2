"""Work done by replicas of Ray Serve: on the machines of a cluster, or on this one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import sys
import uuid
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from impasto.errors import ImpastoError, MissingExtra
from impasto.progress import Progress
from impasto.service.hosts import Ending, TookTooLong, WorkerLost
from impasto.service.ray_painter import Done, Painter, Step
from impasto.service.work import Answer, Work

_DEATHS = 2  # of processes over the same work, after which it is not tried again
_LOSSES = 10  # of replicas that were lost before they had begun with it
_LOOK_EVERY = 1.0  # seconds between two looks at how many replicas there are
_REPLICA = {"IMPASTO_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


class RayHosts:
    """Replicas that each do one piece of work at a time.

    Ray runs on the cluster that RAY_ADDRESS names, else on this machine.

    Args:
        workers: how many replicas; 0, as many as the cluster has processors.
        worker_megabytes: a replica that holds more after its work is replaced.
        processors: that Ray counts for each replica.
    """

    def __init__(self, workers: int = 0, worker_megabytes: int = 2000, processors: float = 1) -> None:
        self.workers, self._most, self._processors = workers, worker_megabytes * 1_000_000, processors
        self._name = f"impasto-{uuid.uuid4().hex[:12]}"  # several services may share a cluster
        # Ray's processes end with the thread that has begun them, and Ray takes SIGTERM over in the main thread.
        self._thread = ThreadPoolExecutor(1, "ray")
        self._began = self._ending = False
        self._handle: Any = None
        self._deploying: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._replicas = 0
        self._held: OrderedDict[str, int] = OrderedDict()

    async def start(self) -> None:
        """Join the cluster, or start one here, and begin to start the replicas.

        Raises:
            ImpastoError: Ray is not installed, the cluster cannot be reached, or none can be started.
        """
        await self._in_thread(self._connect)
        self._deploying = asyncio.create_task(self._deploy())
        self._looking = asyncio.create_task(self._look())

    async def run(self, work: Work, seconds: float, on_progress: Callable[[Progress], None] | None = None) -> Answer:
        """Do some work on a free replica; on another, if the one that does it is lost. See `Hosts.run`."""
        task = asyncio.current_task()
        assert task is not None
        assert self._deploying is not None
        self._running.add(task)
        try:
            await asyncio.shield(self._deploying)
            begun: list[bool] = []
            while begun.count(True) < _DEATHS and len(begun) < _LOSSES:
                try:
                    return await self._tried(work, seconds, on_progress)
                except _Lost as lost:
                    begun.append(lost.begun)
                if self._ending:
                    raise Ending("the service is being stopped", 1.0, "ask again in a moment")
            raise WorkerLost(
                "the process that painted has died, twice over the same work", "a smaller picture takes less"
            )
        finally:
            self._running.discard(task)

    def ready(self) -> bool:
        return self._replicas > 0 and not self._ending

    def memory(self) -> int:
        """Bytes that the replicas held when each ended its last work."""
        return sum(self._held.values())

    async def close(self, grace: float) -> None:
        """Let what runs end, for so many seconds; then end the replicas, and Ray if it was started here."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=grace)
        self._ending = True
        for task in (self._deploying, self._looking):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await self._in_thread(self._stop)
        self._thread.shutdown(wait=False)

    def _connect(self) -> None:
        local = "RAY_ADDRESS" not in os.environ
        ray = _ray(local)[0]
        self._began = not ray.is_initialized()
        if self._began:
            processors = max(os.cpu_count() or 1, self.workers) if local else None
            try:
                ray.init(log_to_driver=False, include_dashboard=False, logging_level="error", num_cpus=processors)
            except Exception as error:
                first = (str(error).splitlines() or [type(error).__name__])[0][:200]
                hint = "see RAY_ADDRESS, and whether the cluster runs the same Ray and Python"
                raise ImpastoError(f"Ray cannot be used: {first}", hint, code="unreachable") from None
        self.workers = self.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))

    async def _deploy(self) -> None:
        self._handle = await self._in_thread(self._deployed)

    def _deployed(self) -> Any:
        _, serve = _ray()
        serve.start(proxy_location="Disabled", logging_config={"log_level": "ERROR"})
        painter = serve.deployment(Painter).options(
            num_replicas=self.workers,
            max_ongoing_requests=1,
            ray_actor_options={"num_cpus": self._processors, "runtime_env": {"env_vars": _REPLICA}},
            health_check_period_s=1,
            health_check_timeout_s=60,
            graceful_shutdown_timeout_s=1,
            graceful_shutdown_wait_loop_s=0.1,
        )
        target = serve.api.RunTarget(painter.bind(self._most), self._name, None, {"log_level": "ERROR"})
        handle = serve.run_many([target], wait_for_applications_running=False)[0]
        return handle.options(stream=True)

    async def _look(self) -> None:
        """See again and again how many replicas can work."""
        while True:
            if self._handle is not None:
                self._replicas = await self._in_thread(self._counted)
            await asyncio.sleep(_LOOK_EVERY if self._replicas else _LOOK_EVERY / 5)

    def _counted(self) -> int:
        try:
            application = _ray()[1].status().applications.get(self._name)
        except Exception:  # noqa: BLE001  a cluster that does not answer has none
            return 0
        states = [one.replica_states for one in application.deployments.values()] if application else []
        return sum(int(state.get("RUNNING", 0)) for state in states)

    async def _tried(self, work: Work, seconds: float, on_progress: Callable[[Progress], None] | None) -> Answer:
        """Do some work on the next free replica.

        Raises:
            _Lost: the replica is lost.
        """
        from ray.exceptions import RayError, RayTaskError

        said, begun = self._handle.work.remote(work), False
        done: Done | None = None
        try:
            await said.__anext__()
            begun = True
            done = await asyncio.wait_for(_followed(said, on_progress), seconds)
        except (TimeoutError, asyncio.TimeoutError):
            hint = "ask for a smaller picture"
            raise TookTooLong(f"it has taken more than {seconds:g} seconds", hint) from None
        except RayTaskError as error:
            first = (str(error.cause).splitlines() or [type(error.cause).__name__])[0][:200]
            raise ImpastoError(f"the work cannot be done: {first}", "please report it", code="unexpected") from None
        except (RayError, StopAsyncIteration):
            raise _Lost(begun) from None
        finally:
            if done is None:
                said.cancel()
        self._held[done.replica] = done.memory
        self._held.move_to_end(done.replica)
        while len(self._held) > self.workers:  # of one that was replaced
            self._held.popitem(last=False)
        return done.unpacked()

    def _stop(self) -> None:
        ray, serve = _ray()
        if ray.is_initialized() and not (self._began and "RAY_ADDRESS" not in os.environ):
            with contextlib.suppress(Exception):
                serve.delete(self._name)
        if self._began:
            ray.shutdown()

    async def _in_thread(self, call: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


class _Lost(Exception):
    """A replica has died, or cannot be reached.

    Attributes:
        begun: whether it had begun with the work.
    """

    def __init__(self, begun: bool) -> None:
        super().__init__()
        self.begun = begun


async def _followed(said: Any, on_progress: Callable[[Progress], None] | None) -> Done:
    while not isinstance(message := await said.__anext__(), Done):
        if isinstance(message, Step) and on_progress is not None:
            on_progress(message.unpacked())
    return message


def _ray(local: bool = False) -> tuple[Any, Any]:
    """Ray and its Serve, quiet.

    Args:
        local: let nobody else into the cluster that is to be started here; Ray listens to all of the network.
    """
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what goes wrong is raised, or done again
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers about every run
    if local and "RAY_AUTH_MODE" not in os.environ and "ray" not in sys.modules:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
        from ray import serve
    except ImportError:
        raise MissingExtra("Ray, which paints on several machines,", "ray") from None
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    return ray, serve

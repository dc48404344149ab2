"""Let replicas of Ray Serve do the work, on the machines of a cluster or on this one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from impasto.errors import ImpastoError, MissingExtra
from impasto.progress import Progress
from impasto.service.hosts import Ending, Heard, TookTooLong, WorkerLost
from impasto.service.messages import Done
from impasto.service.ray_painter import Painter, Said, Tally
from impasto.service.work import Answer, Work
from impasto.system.memory import free_memory

_LOSSES = 10  # lost replicas before work is given up, most of them lost before they have begun with it
_LOOK_EVERY = 1.0  # seconds between counts of the replicas
_ON_THE_WAY = 256_000_000  # bytes of pictures on the way, for each processor, before Ray uses the disk
_ONE_AT_A_TIME = threading.Lock()  # Ray pickles a deployment's settings with a list of modules that all threads share
_REPLICA = {"IMPASTO_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


class RayHosts:
    """Replicas that each do one piece of work at a time.

    Ray uses the cluster that RAY_ADDRESS names, or else this machine.

    Attributes:
        lost: number of replicas that have died or could not be reached.
        recycled: number of replicas that were replaced because of their memory.

    Args:
        workers: number of replicas; 0 for one on each processor of the cluster.
        worker_megabytes: a replica that holds more after its work is replaced.
        processors: number of processors that Ray reserves for each replica.
    """

    shares_files = False

    def __init__(self, workers: int = 0, worker_megabytes: int = 2000, processors: float = 1) -> None:
        self.workers, self._most, self._processors = workers, worker_megabytes * 1_000_000, processors
        self._name = f"impasto-{uuid.uuid4().hex[:12]}"  # several services can share a cluster
        # Ray's processes end with the thread that starts them. In the main thread, Ray replaces SIGTERM's handler.
        self._thread = ThreadPoolExecutor(1, "ray")
        self._began = self._ending = False
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._handle: Any = None
        self._tally: Any = None
        self._deploying: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[Answer]] = set()
        self.lost = self.recycled = self._replicas = 0
        self._held: OrderedDict[str, int] = OrderedDict()

    async def start(self) -> None:
        """Join the cluster or start one here, and begin to start the replicas.

        Raises:
            ImpastoError: Ray is not installed, or the cluster cannot be reached or started.
        """
        await self._in_thread(self._connect)
        _take_back_sigterm()
        self._deploying = asyncio.create_task(self._deploy())
        self._looking = asyncio.create_task(self._look())

    async def run(self, work: Work, seconds: float, on_progress: Heard | None = None) -> Answer:
        """Do some work on a free replica. If that replica is lost, use another. See `Hosts.run`."""
        if self._ending:
            raise Ending
        task = asyncio.create_task(self._tried_again(work, seconds, on_progress))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            return await task
        except asyncio.CancelledError:
            if self._ending:
                raise Ending from None
            raise

    def ready(self) -> bool:
        return self._replicas > 0 and not self._ending

    def memory(self) -> int:
        """Return the memory of the replicas in bytes, measured after each one's last work."""
        return sum(self._held.values())

    def free_memory(self) -> int | None:
        """Return the free memory for work in bytes if the replicas are on this machine; None for a cluster."""
        return None if "RAY_ADDRESS" in os.environ else free_memory()

    async def close(self, grace: float) -> None:
        """Let running work end, up to a time in seconds. Then end the replicas, and Ray if it was started here."""
        if self._deploying is None:  # it was never started
            return
        if self._running:
            await asyncio.wait(set(self._running), timeout=grace)
        self._ending = True
        ending = [task for task in (self._deploying, self._looking, *self._running) if task is not None]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await self._in_thread(self._stop)
        self._thread.shutdown(wait=False)

    def _connect(self) -> None:
        local = "RAY_ADDRESS" not in os.environ
        ray = _ray(local)[0]
        self._began = not ray.is_initialized()
        if self._began:
            here: dict[str, Any] = {}
            if local:
                processors = max(os.cpu_count() or 1, self.workers)
                short = "/tmp" if os.path.isdir("/tmp") else None  # noqa: S108  sockets' names are short
                self._folder = tempfile.TemporaryDirectory("", "ray-", short, ignore_cleanup_errors=True)
                here = {"address": "local", "num_cpus": processors, "_temp_dir": self._folder.name}
                here["object_store_memory"] = (processors + 1) * _ON_THE_WAY
            with _reached():
                _check_address(os.environ.get("RAY_ADDRESS", "auto"))
                ray.init(log_to_driver=False, include_dashboard=False, logging_level="error", **here)
        self.workers = self.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))

    async def _deploy(self) -> None:
        def alone() -> Any:
            with _ONE_AT_A_TIME:
                return self._deployed()

        self._handle = await self._in_thread(alone)

    def _deployed(self) -> Any:
        ray, serve = _ray()
        self._tally = ray.remote(Tally).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
        serve.start(proxy_location="Disabled", logging_config={"log_level": "ERROR"})
        painter = serve.deployment(Painter).options(
            num_replicas=self.workers,
            max_ongoing_requests=1,
            request_router_config={"initial_backoff_s": 0.005, "max_backoff_s": 0.05},
            ray_actor_options={"num_cpus": self._processors, "runtime_env": {"env_vars": _REPLICA}},
            health_check_period_s=1,
            health_check_timeout_s=60,
            graceful_shutdown_timeout_s=1,
            graceful_shutdown_wait_loop_s=0.1,
        )
        application = painter.bind(self._most, self._name, self._tally)
        target = serve.api.RunTarget(application, self._name, None, {"log_level": "ERROR"})
        with _reached():
            handle = serve.run_many([target], wait_for_applications_running=False)[0]
        return handle.options(stream=True)

    async def _look(self) -> None:
        """Count the replicas that can work, again and again."""
        while True:
            if self._handle is not None:
                self._replicas = await self._in_thread(self._counted)
            await asyncio.sleep(_LOOK_EVERY if self._replicas else _LOOK_EVERY / 5)

    def _counted(self) -> int:
        try:
            with _ONE_AT_A_TIME:
                application = _ray()[1].status().applications.get(self._name)
        except Exception:  # noqa: BLE001  a cluster that does not answer has none
            return 0
        states = [one.replica_states for one in application.deployments.values()] if application else []
        return sum(int(state.get("RUNNING", 0)) for state in states)

    async def _tried_again(self, work: Work, seconds: float, on_progress: Heard | None) -> Answer:
        from ray.exceptions import RayError, RayTaskError

        assert self._deploying is not None
        await asyncio.shield(self._deploying)
        key = uuid.uuid4().hex
        try:
            for _ in range(_LOSSES):
                said = self._handle.work.remote(key, work)
                try:
                    return self._unpacked(await _followed(said, seconds, on_progress))
                except RayTaskError as error:
                    message = f"unexpected error of the service: {_first_line(error.cause)}"
                    raise ImpastoError(message, "please report it", code="unexpected") from None
                except RayError:
                    self.lost += 1
            raise WorkerLost
        finally:
            if not self._ending:
                self._tally.forget.remote(key)

    def _unpacked(self, done: Done) -> Answer:
        self.recycled += done.memory > self._most
        self._held[done.process] = done.memory
        self._held.move_to_end(done.process)
        while len(self._held) > self.workers:  # entries of replaced replicas
            self._held.popitem(last=False)
        return done.unpacked()

    def _stop(self) -> None:
        ray, serve = _ray()
        if ray.is_initialized() and not (self._began and "RAY_ADDRESS" not in os.environ):
            with contextlib.suppress(Exception):
                serve.delete(self._name)
        if self._began:
            ray.shutdown()
        if self._folder is not None:
            self._folder.cleanup()

    async def _in_thread(self, call: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


async def _followed(said: Any, seconds: float, on_progress: Heard | None) -> Done:
    """Wait until a replica has begun and then for its last message. Canceling the wait cancels the work.

    Raises:
        RayError: the replica is lost.
    """
    try:
        await said.__anext__()
        return await asyncio.wait_for(_ended(said, on_progress), seconds)
    except BaseException as error:
        said.cancel()
        if isinstance(error, asyncio.TimeoutError):
            raise TookTooLong(seconds) from None
        raise


async def _ended(said: AsyncIterator[Said], on_progress: Heard | None) -> Done:
    while not isinstance(message := await said.__anext__(), Done):
        if isinstance(message, Progress) and on_progress is not None:
            on_progress(message)
    return message


def _take_back_sigterm() -> None:
    """Restore Python's signal handler. Ray's own prints a stack trace first."""
    handler = signal.getsignal(signal.SIGTERM)
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001  Ray raises of all kinds
        hint = "check RAY_ADDRESS, and that the cluster runs the same Ray and Python"
        raise ImpastoError(f"Ray cannot be used: {_first_line(error)}", hint, code="unreachable") from None


def _check_address(address: str) -> None:
    """Find out quickly whether somebody listens. Ray would try for minutes."""
    if address in ("auto", "local"):
        return
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or "/" in host:  # a Ray client (ray://) cannot receive the replicas' progress
        raise ValueError(f"RAY_ADDRESS must be HOST:PORT, not {address}")
    socket.create_connection((host.strip("[]"), int(port)), 5).close()


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _ray(local: bool = False) -> tuple[Any, Any]:
    """Import Ray and Ray Serve, without their output.

    Args:
        local: True to close the cluster, which is to be started here, to other machines. Ray listens to the whole
            network by default.
    """
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # errors are raised, or the work is retried
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # otherwise Ray reports every run to its makers
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

"""Run the process that answers requests: start, signals and end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from starlette.types import ASGIApp

from impasto.errors import UsageError
from impasto.service.app import make_app
from impasto.service.config import ServiceConfig
from impasto.service.editing import Editing
from impasto.service.ending import Requests
from impasto.service.hosts import Hosts
from impasto.service.jobs.folders import private_folder, remove_abandoned
from impasto.service.jobs.jobs import Jobs
from impasto.service.limits import Access, limited
from impasto.service.log import Log, Say
from impasto.service.server import Server, make_server
from impasto.service.service import Service
from impasto.service.studio import Studio

LOG = logging.getLogger("impasto.service")
BACKLOG = 2048
"""The number of connections that may wait to be accepted."""
KEEP_ALIVE = 15
"""Seconds that a connection stays open without a request. It is longer than the pauses of load balancers' clients."""
_LAST = 2.0  # seconds of the grace period, at most a quarter, for what follows the last work


class Front:
    """The service and its server.

    Args:
        hosts, job_hosts: do the work of pictures and of jobs. They are started here.
        access: who may use the service.
        say: called with a record of each request.
        proxies: addresses, separated by commas, whose X-Forwarded-For and X-Forwarded-Proto are trusted; * for all.
        editing: a file that waits for the page's choice.
    Raises:
        UsageError: the settings of the jobs are invalid.
    """

    def __init__(
        self,
        hosts: Hosts,
        job_hosts: Hosts,
        config: ServiceConfig,
        access: Access | None = None,
        *,
        say: Say | None = None,
        proxies: str = "",
        editing: Editing | None = None,
    ) -> None:
        self.config, self.access = config, access or Access()
        self.service = Service.of(hosts, config, editing)
        self.jobs = self.service.jobs = Jobs(self.service, job_hosts)
        self.service.at_home = self.access.at_home and not proxies
        app: ASGIApp = make_app(self.service, Studio() if self.access.page else None)
        self._requests = Requests(limited(app, self.access, config))
        self._server = _server(Log(self._requests, self._told), proxies, config.max_upload)
        self._say = say
        self._stop = asyncio.Event()
        self._jobs_closed = False

    def run(self, place: socket.socket, announce: Callable[[], None], work: Callable[[], None] | None = None) -> None:
        """Serve until a signal arrives, or until `work`, which runs in a thread, has ended.

        The first SIGTERM or SIGINT lets running work end. A second one ends the process at once, with code 128 +
        number. SIGHUP reloads the keys.

        Args:
            place: a listening socket.
            announce: called when the service answers.
        Raises:
            ImpastoError: the store of jobs or the hosts cannot be opened, or `work` has raised an error.
        """
        loop = _new_loop()
        asyncio.set_event_loop(loop)
        try:
            with _temporary() as folder, self._heard(loop, folder):
                loop.run_until_complete(self._serve(place, announce, work))
                loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    def _told(self, record: dict[str, Any]) -> None:
        self.service.metrics.answered(record["status"])
        if self._say is not None:
            self._say(record)

    async def _serve(self, place: socket.socket, announce: Callable[[], None], work: Callable[[], None] | None) -> None:
        async with AsyncExitStack() as ending:
            ending.push_async_callback(self.service.uploads.close)
            hosts = self.service.load.hosts
            ending.push_async_callback(hosts.close, 0)
            await hosts.start()
            ending.push_async_callback(self._close_jobs)
            await self.jobs.start()
            serving = asyncio.create_task(self._server.serve([place]))
            stopping = asyncio.create_task(self._stop.wait())
            working = asyncio.create_task(asyncio.to_thread(work)) if work else stopping
            announce()
            notify("READY=1")
            await asyncio.wait((serving, stopping, working), return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            deadline = time.monotonic() + self.config.grace
            notify("STOPPING=1")
            await self._drain(deadline)
            self._server.end(deadline - time.monotonic())
            await serving
            if work:
                await working

    async def _drain(self, deadline: float) -> None:
        """Refuse waiting and new work. Answer running work, or refuse it, too, when its time is over."""
        self.service.load.end()
        self._requests.end()
        left = deadline - time.monotonic() - min(_LAST, self.config.grace / 4)
        await asyncio.gather(self._requests.idle(left), self._close_jobs(max(0.0, left)))

    async def _close_jobs(self, grace: float = 0) -> None:
        if not self._jobs_closed:
            self._jobs_closed = True
            await self.jobs.close(grace)

    @contextmanager
    def _heard(self, loop: asyncio.AbstractEventLoop, folder: Path) -> Iterator[None]:
        def asked(number: int, _frame: FrameType | None) -> None:
            if self._stop.is_set():
                shutil.rmtree(folder, ignore_errors=True)
                os._exit(128 + number)  # the workers end with it
            loop.call_soon_threadsafe(self._stop.set)

        def again(_number: int, _frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._reload)

        wanted: dict[int, Callable[[int, FrameType | None], None]] = {signal.SIGINT: asked, signal.SIGTERM: asked}
        if sys.platform != "win32":
            if self.access.keyring:
                wanted[signal.SIGHUP] = again
            elif signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
                wanted[signal.SIGHUP] = asked
        before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _reload(self) -> None:
        assert self.access.keyring is not None
        try:
            self.access.keyring.reload()
        except UsageError as error:
            LOG.error("the old keys remain: %s", error)
        else:
            LOG.warning("reloaded %d keys", len(self.access.keyring))


def _server(app: ASGIApp, proxies: str, max_upload: int) -> Server:
    try:
        from impasto.service.protocol import Protocol as Http
    except ImportError:  # httptools needs CPython
        Http = "h11"  # type: ignore[assignment,misc]  # noqa: N806
    return make_server(
        app,
        http=Http,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies or None,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        ws_max_size=max_upload * 1_000_000,
    )


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # uvloop needs CPython, and does not exist for Windows
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


@contextmanager
def _temporary() -> Iterator[Path]:
    """Put all temporary files, including the workers', in a private folder, and remove it at the end.

    First remove the folders of processes that have died.
    """
    remove_abandoned()
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    with private_folder() as folder:
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
        try:
            yield folder
        finally:
            tempfile.tempdir = before[0]
            if before[1] is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before[1]


def notify(state: str) -> None:
    """Notify systemd, if it started this process with Type=notify."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if place:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as telling:
            telling.connect(f"\0{place[1:]}" if place.startswith("@") else place)
            telling.send(state.encode())

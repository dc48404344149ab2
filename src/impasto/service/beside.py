"""Run the service in a process of its own, for the page of another program, as long as that program lives."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

from impasto.errors import ImpastoError

HOST = "127.0.0.1"
_GRACE = 2.0  # seconds for running work to end; nobody waits for its result any more
_PATIENCE = 10.0  # seconds for the process to end after that


class Beside:
    """A service on a free port of this machine. It ends with this process, however that ends.

    It runs in a process of its own. This separates its signals, temporary files and event loop from those of the other
    program, such as Streamlit.

    Args:
        origins: of the pages that may use it.
    Attributes:
        port: the port on which it listens.
    Raises:
        ImpastoError: it cannot be started.
    """

    def __init__(self, origins: Sequence[str]) -> None:
        command = [sys.executable, "-m", "impasto.service.beside", *origins]
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
        except OSError as error:
            raise ImpastoError(f"the service cannot start: {error.strerror}", code="server-failed") from error
        assert self._process.stdout is not None
        try:
            said = json.loads(self._process.stdout.readline())
        except ValueError:  # it has died; its own message is on standard error
            self.close()
            raise ImpastoError(
                "the service cannot start", "find the cause with impasto doctor", code="server-failed"
            ) from None
        if "port" not in said:
            self.close()
            raise ImpastoError(said["message"], said["hint"], code=said["code"])
        self.port = int(said["port"])

    def alive(self) -> bool:
        """Return True if it is running."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        try:
            self._process.wait(_GRACE + _PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main(origins: Sequence[str]) -> None:
    """Serve until standard input ends, which happens when the parent program ends."""
    try:
        from impasto.service.limits import Access
        from impasto.service.origins import check_origin
        from impasto.service.personal import Personal
        from impasto.service.pool import WorkerPool
        from impasto.service.run import BACKLOG, Front

        # A temporary store of jobs, because `impasto app` may run at the same time with the user's own.
        config = replace(Personal().service_config(), jobs_url=None, grace=_GRACE)
        painting = WorkerPool(config.workers, config.worker_megabytes)
        working = WorkerPool(config.job_workers, config.worker_megabytes, nice=10)
        access = Access(HOST, origins=tuple(map(check_origin, origins)), page=True)
        front = Front(painting, working, config, access)
        with socket.create_server((HOST, 0), backlog=BACKLOG) as place:
            port = place.getsockname()[1]
            front.run(place, lambda: _say({"port": port}), _wait_for_the_end)
    except ImpastoError as error:
        _say({"message": error.message, "hint": error.hint, "code": error.code})


def _say(what: object) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def _wait_for_the_end() -> None:
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main(sys.argv[1:])

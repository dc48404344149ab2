"""How much may wait: a queue bounded in megapixels before the processes that paint."""

from __future__ import annotations

from collections.abc import Callable

from impasto.progress import Progress
from impasto.service.config import ServiceConfig
from impasto.service.hosts import Hosts
from impasto.service.work import Answer, Work


class Load:
    """Work that waits for a host, and the one way to have some done.

    Args:
        hosts: that do it.
    """

    def __init__(self, hosts: Hosts, config: ServiceConfig) -> None:
        self.hosts, self.config = hosts, config
        self.ending = False

    async def run(self, work: Work, on_progress: Callable[[Progress], None] | None = None) -> Answer:
        """Wait for a host and have it do the work. A task that is cancelled leaves the queue, or cancels the work.

        Raises:
            Busy: the queue is full; or there is too little memory.
            Ending: the service is being stopped.
            ImpastoError: as `Hosts.run`.
        """
        return await self.hosts.run(work, self.config.seconds, on_progress)

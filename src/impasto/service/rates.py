"""Limit requests per minute, with a token bucket for each key or, without keys, for each address."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from impasto.service.hosts import Busy
from impasto.service.keys import OPEN
from impasto.service.origins import refuse

_MOST = 10_000  # buckets


class TooOften(Busy):
    """A client sends more requests than allowed."""

    code = "too-often"


class Rates:
    """Refuses requests of clients that send too many.

    Args:
        per_minute: allowed requests of each client. As many may arrive at once.
        most: number of buckets. The least recently used are forgotten.
    """

    def __init__(
        self, app: ASGIApp, per_minute: int, most: int = _MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.app, self.per_minute, self.most, self.clock = app, per_minute, most, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN:
            seconds = self.take(_who(scope))
            if seconds:
                error = TooOften(
                    f"more than {self.per_minute} requests a minute",
                    seconds,
                    "try again after the seconds in Retry-After",
                )
                await refuse(error, scope, receive, send)
                return
        await self.app(scope, receive, send)

    def take(self, who: str) -> float:
        """Take a token. Return 0, or the seconds until there is one."""
        now = self.clock()
        tokens, last = self._buckets.pop(who, (float(self.per_minute), now))
        tokens = min(self.per_minute, tokens + (now - last) * self.per_minute / 60)
        taken = tokens >= 1
        self._buckets[who] = (tokens - taken, now)
        if len(self._buckets) > self.most:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1 - tokens) * 60 / self.per_minute


def _who(scope: Scope) -> str:
    """Return the client of a request: the key's name, or the address. An IPv6 user has a network of 2^64 addresses."""
    key = scope.get("state", {}).get("key")
    if key is not None:
        return f"key {key}"
    address = (scope.get("client") or ("",))[0]
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((int(parsed), 64), strict=False))

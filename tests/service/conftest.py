"""One service for the tests that only ask it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from services import Running, ThreadHosts, running


@pytest.fixture(scope="session")
def service() -> Iterator[Running]:
    with running(ThreadHosts()) as found:
        yield found

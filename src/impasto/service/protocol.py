"""Serve HTTP/1.1 on a connection with uvicorn, with limits for slow clients.

The head of a request is limited in time and size. An answer that the client does not read does not stay in memory.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from impasto.errors import ImpastoError
from impasto.service.problems import malformed, problem

HEAD_SECONDS = 15.0
"""Seconds for a request's head, from the start of the connection or from the end of the last request."""
HEAD_BYTES = 65_536
UNREAD_SECONDS = 30.0
"""Seconds in which a client must read some of a waiting answer."""


class Protocol(HttpToolsProtocol):
    """Closes connections whose request does not begin, whose head does not end, or whose answer is not read."""

    _timer: asyncio.TimerHandle | None = None
    _unread_timer: asyncio.TimerHandle | None = None
    _in_head = True
    _head = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_there()
        self._is_read()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        self._is_read()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head += len(data)
            if self._head > HEAD_BYTES + len(data):  # the last piece may belong to the body
                self._refuse(
                    ImpastoError(f"the head of the request has more than {HEAD_BYTES} bytes", code="long-head")
                )
                return
        if self._timer is None and (self.cycle is None or self.cycle.response_complete):
            self._wait_for_head()
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head = True, 0
        self._wait_for_head()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_is_there()
        super().on_headers_complete()

    def _wait_for_head(self) -> None:
        if self._timer is None:
            late = ImpastoError("the head of the request arrives too slowly", "try again", code="slow-request")
            self._timer = self.loop.call_later(HEAD_SECONDS, self._refuse, late)

    def _head_is_there(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait_for_reader(self) -> None:
        unread = self.transport.get_write_buffer_size()
        self._unread_timer = self.loop.call_later(UNREAD_SECONDS, self._see_what_is_read, unread)

    def _see_what_is_read(self, before: int) -> None:
        if self.transport.get_write_buffer_size() < before:
            self._wait_for_reader()
        else:
            self.transport.abort()  # close() would also wait for the reader

    def _is_read(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def send_400_response(self, msg: str) -> None:
        """Answer in the service's own form that the data are not HTTP."""
        self._refuse(malformed(msg.rstrip(".").lower()))

    def _refuse(self, error: ImpastoError) -> None:
        """Send the reason, unless an answer is on its way, and close."""
        self._head_is_there()
        if not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                answer = problem(error, headers={"connection": "close"})
                status = HTTPStatus(answer.status_code)
                head = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
                head += [name + b": " + value for name, value in answer.raw_headers]
                self.transport.write(b"\r\n".join([*head, b"", bytes(answer.body)]))
            self.transport.close()

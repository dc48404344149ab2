"""`/v1/edit`: let the page choose how `impasto edit` paints a file, while that program waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from impasto.service.fields import PAINTING, SavingFields, names_of, paint_work, read_form
from impasto.service.service import Service
from impasto.service.work import PaintWork, Upload

_LOOK_EVERY = 0.2  # seconds
_GONE_AFTER = 5.0  # seconds; a reload of the page takes less


class Editing:
    """A file that waits to be painted, and the page's choice.

    Attributes:
        chosen: how to paint the file; None to leave it unchanged.

    Args:
        name: of the file.
        count: number of files that are painted alike.
        picture: the content of the picture file that the page shows.
    """

    def __init__(self, name: str, count: int, picture: bytes) -> None:
        self.name, self.count, self.picture = name, count, picture
        self.chosen: PaintWork | None = None
        self._over = threading.Event()
        self._leaving: threading.Timer | None = None

    def end(self, chosen: PaintWork | None = None) -> None:
        """Record the page's choice."""
        if not self._over.is_set():
            self.chosen = chosen
            self._over.set()

    def wait(self, ending: Callable[[], bool]) -> None:
        """Wait for the page's choice, or until the service ends."""
        while not self._over.wait(_LOOK_EVERY) and not ending():
            pass
        self.come()

    @property
    def answered(self) -> bool:
        """Return True if the page has made its choice or is gone."""
        return self._over.is_set()

    def leave(self) -> None:
        """Note that the page was closed. Unless it soon returns, nothing is painted."""
        self.come()
        self._leaving = threading.Timer(_GONE_AFTER, self.end)
        self._leaving.daemon = True
        self._leaving.start()

    def come(self) -> None:
        """Note that the page is open."""
        if self._leaving is not None:
            self._leaving.cancel()


def routes(service: Service) -> list[Route]:
    editing = service.editing
    if editing is None:
        return []

    async def picture(_request: Request) -> Response:
        editing.come()
        return Response(editing.picture, headers={"Cache-Control": "no-store"}, media_type="image/png")

    async def paint(request: Request) -> Response:
        form = await read_form(request)
        form.check_known(PAINTING - names_of(SavingFields) - {"image", "format", "size"})
        whole = replace(form, order={**form.order, "image": [Upload(editing.name, b"")]})
        work = paint_work(whole, service, ".png")
        editing.end(replace(work, controls=replace(work.controls, size=None)))  # a preset may have a size
        return JSONResponse({"name": editing.name, "count": editing.count})

    async def leave(_request: Request) -> Response:
        editing.end()
        return Response(status_code=204)

    async def here(_request: Request) -> Response:
        editing.come()
        return Response(status_code=204)

    async def left(_request: Request) -> Response:
        editing.leave()
        return Response(status_code=204)

    return [
        Route("/v1/edit", paint, methods=["POST"]),
        Route("/v1/edit", leave, methods=["DELETE"]),
        Route("/v1/edit/picture", picture, methods=["GET"]),
        Route("/v1/edit/here", here, methods=["POST"]),
        Route("/v1/edit/left", left, methods=["POST"]),
    ]


def paths(_service: Service) -> dict[str, Any]:
    """Return nothing: only the page uses these paths."""
    return {}

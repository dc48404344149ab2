"""`/v1/edit`: the page chooses how `impasto edit` paints a file; it is there while that waits."""

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
_GONE_AFTER = 5.0  # seconds without the page: a reload takes less


class Editing:
    """What is to be painted, and what the page says of it.

    Attributes:
        chosen: how it is to be painted; None, it is left as it is.

    Args:
        name: of the file.
        count: how many files are painted alike.
        picture: what the page shows: a picture's file.
    """

    def __init__(self, name: str, count: int, picture: bytes) -> None:
        self.name, self.count, self.picture = name, count, picture
        self.chosen: PaintWork | None = None
        self._over = threading.Event()
        self._leaving: threading.Timer | None = None

    def end(self, chosen: PaintWork | None = None) -> None:
        """The page has said what it wants."""
        if not self._over.is_set():
            self.chosen = chosen
            self._over.set()

    def wait(self, ending: Callable[[], bool]) -> None:
        """Wait for the page, or until the service ends."""
        while not self._over.wait(_LOOK_EVERY) and not ending():
            pass
        self.come()

    @property
    def answered(self) -> bool:
        """Whether the page has said what it wants, or is gone."""
        return self._over.is_set()

    def leave(self) -> None:
        """The page is left: unless it comes again soon, nothing is wanted."""
        self.come()
        self._leaving = threading.Timer(_GONE_AFTER, self.end)
        self._leaving.daemon = True
        self._leaving.start()

    def come(self) -> None:
        """The page is there."""
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
        editing.end(replace(work, controls=replace(work.controls, size=None)))  # a preset may have one
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
    """Nothing: these are the page's alone."""
    return {}

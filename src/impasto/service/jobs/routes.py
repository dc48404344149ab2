"""`/v1/jobs`, and the routes that change the gallery."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from impasto.errors import ImpastoError, UsageError
from impasto.service.fields import Form, read_form
from impasto.service.hosts import Busy, Ending
from impasto.service.jobs.documented import documented
from impasto.service.jobs.events import END, events
from impasto.service.jobs.jobs import Jobs, as_json
from impasto.service.jobs.requests import LONGEST, OWNER
from impasto.service.jobs.store import Job, StoreFault
from impasto.service.owners import check_may_change, owner_of, visitor_of
from impasto.service.preset_fields import with_preset
from impasto.service.problems import malformed
from impasto.service.service import Service
from impasto.service.styles import found, told
from impasto.styles.store import Entry

STREAMS = 500
"""Largest number of streams of events at once."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_PRIVATE = {"Cache-Control": "no-store"}
_ENDINGS = {
    "image/jpeg": "jpg",
    "image/tiff": "tif",
    "video/quicktime": "mov",
    "video/matroska": "mkv",
}


def routes(service: Service) -> list[Route]:
    if service.jobs is None:
        return []
    answers = JobRoutes(service)
    return [
        Route("/v1/jobs", answers.send, methods=["POST"]),
        Route("/v1/jobs/{job}", answers.show, methods=["GET"]),
        Route("/v1/jobs/{job}", answers.cancel, methods=["DELETE"]),
        Route("/v1/jobs/{job}/stop", answers.stop, methods=["POST"]),
        Route("/v1/jobs/{job}/result", answers.result, methods=["GET"]),
        Route("/v1/jobs/{job}/preview", answers.preview, methods=["GET"]),
        Route("/v1/jobs/{job}/events", answers.events, methods=["GET"]),
        Route("/v1/styles", answers.learn, methods=["POST"]),
        Route("/v1/styles/{name}", answers.forget, methods=["DELETE"]),
        Route("/v1/styles/{name}", answers.rename, methods=["PATCH"]),
    ]


class JobRoutes:
    """The handlers of requests about jobs."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._streams = 0

    @property
    def jobs(self) -> Jobs:
        found = self.service.jobs
        assert found is not None
        return found

    async def send(self, request: Request) -> Response:
        """Add a job. Answer 202 and the job's address."""
        return await self._send(request, learn=False)

    async def learn(self, request: Request) -> Response:
        """Add a painting to the gallery, as a job."""
        self._allow_learning()
        return await self._send(request, learn=True)

    async def _send(self, request: Request, *, learn: bool) -> Response:
        named = request.headers.get("idempotency-key")
        if named is not None and not _KEY.fullmatch(named):
            raise UsageError(
                "Idempotency-Key is empty, too long or not a text", "use 1 to 255 characters", code="malformed"
            )
        sent = await read_form(request)
        form, webhook = _webhook(sent)
        form = _owned(form, visitor_of(request)) if learn else with_preset(form, self.service)
        if self.service.load.ending:
            raise Ending(5)
        job = await self.jobs.send(form, owner_of(request), learn=learn, idempotency=named or "", webhook=webhook)
        self.service.uploads.hold(sent.kept, lambda: self._goes_on(job))
        place = f"{request.scope.get('root_path', '')}/v1/jobs/{job.id}"
        said = as_json(job, await self.jobs.queue.place(job))
        return JSONResponse(said, 202, {**_PRIVATE, "Location": place})

    async def _goes_on(self, job: Job) -> bool:
        """Return True if a job waits or runs, as far as is known."""
        try:
            now = await self.jobs.queue.get(job.id, job.owner)
        except StoreFault:
            return True
        return now is not None and not now.over

    async def show(self, request: Request) -> Response:
        """Show the state of a job."""
        job = await self._job(request)
        return JSONResponse(as_json(job, await self.jobs.queue.place(job)), headers=_PRIVATE)

    async def cancel(self, request: Request) -> Response:
        """Cancel a job, or remove a finished one."""
        job = await self._job(request)
        canceled = await self.jobs.queue.cancel(job)
        if canceled is not None:
            return JSONResponse(as_json(canceled), 202, _PRIVATE)
        await self.jobs.queue.store.remove(job.id)
        return Response(status_code=204)

    async def stop(self, request: Request) -> Response:
        """End a job with its current result. A single photo has no result before its end."""
        job, queue = await self._job(request), self.jobs.queue
        stopped = await (queue.cancel(job) if job.kind == "photo" else queue.stop(job))
        return JSONResponse(as_json(stopped or job), 202, _PRIVATE)

    async def result(self, request: Request) -> Response:
        """Send the result of a job."""
        job = await self._job(request)
        data = await self.jobs.queue.store.blob(job.id, "result") if job.state == "done" else None
        if data is None:
            raise ImpastoError(f"the job is {job.state} and has no result", _after(job), code="no-result")
        ending = _ENDINGS.get(job.media_type, job.media_type.rpartition("/")[2])
        headers = {"Content-Disposition": f'attachment; filename="painted.{ending}"'}
        return Response(data, media_type=job.media_type, headers=_PRIVATE | headers)

    async def preview(self, request: Request) -> Response:
        """Send a small picture of a job's current state."""
        job = await self._job(request)
        data = await self.jobs.queue.store.blob(job.id, "preview")
        if data is None:
            raise ImpastoError(
                "the job has no preview, or none yet",
                "wait for its next event: GET /v1/jobs/ID/events",
                code="no-result",
            )
        return Response(data, media_type="image/jpeg", headers=_PRIVATE)

    async def events(self, request: Request) -> Response:
        """Send a job's progress as server-sent events."""
        job = await self._job(request)
        last = request.headers.get("last-event-id", "")
        if last == END:
            return Response(status_code=204)  # tells a browser not to reconnect
        if self._streams >= STREAMS:
            raise Busy("too many clients listen to jobs", 10, "poll GET /v1/jobs/ID instead")
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        if request.method == "HEAD":
            return Response(media_type="text/event-stream", headers=headers)
        return StreamingResponse(self._events(job, last), media_type="text/event-stream", headers=headers)

    async def _events(self, job: Job, last: str) -> AsyncIterator[bytes]:
        def ending() -> bool:
            return self.jobs.ending or self.service.load.ending

        self._streams += 1
        try:
            async for event in events(self.jobs.queue, job, as_json, last=last, ending=ending):
                yield event
        finally:
            self._streams -= 1

    async def forget(self, request: Request) -> Response:
        """Remove a style that a client has added to the gallery."""
        self._allow_learning()
        entry = await self._own_style(request)
        await asyncio.to_thread(self.service.gallery.remove, entry.name)
        return Response(status_code=204)

    async def rename(self, request: Request) -> Response:
        """Change the name or title of a style."""
        self._allow_learning()
        wanted = _renaming(await request.body())
        entry = await self._own_style(request)
        gallery = self.service.gallery
        renamed = await asyncio.to_thread(
            lambda: gallery.rename(entry.name, wanted.get("name"), title=wanted.get("title"))
        )
        return JSONResponse(told(renamed, mine=True))

    async def _own_style(self, request: Request) -> Entry:
        """Return the style of a request, if the client may change it."""
        entry = await asyncio.to_thread(found, self.service.gallery, request.path_params["name"])
        check_may_change(entry, visitor_of(request), self.service)
        return entry

    def _allow_learning(self) -> None:
        if not self.service.config.learn:
            raise ImpastoError(
                "the gallery of this service cannot be changed",
                "the operator can allow it: impasto serve --learn",
                code="not-allowed",
            )

    async def _job(self, request: Request) -> Job:
        name = request.path_params["job"]
        job = await self.jobs.queue.get(name, owner_of(request)) if _ID.fullmatch(name) else None
        if job is None:
            raise ImpastoError("no job has this id", "it may have expired; send it again", code="no-such-job")
        return job


def _owned(form: Form, owner: str) -> Form:
    """Return the form of a style with its owner."""
    if OWNER in form.order:
        raise UsageError(f"unknown field '{OWNER}'", code="unknown-setting")
    return Form({**form.order, OWNER: [owner]} if owner else form.order)


def _renaming(body: bytes) -> dict[str, str]:
    """Return a style's new name and title from JSON.

    Raises:
        UsageError: the body contains something else.
    """
    try:
        wanted = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise malformed("the body is not JSON", 'send {"name": "...", "title": "..."}') from error
    valid = isinstance(wanted, dict) and bool(wanted) and set(wanted) <= {"name", "title"}
    if not valid or not all(isinstance(value, str) and len(value) <= LONGEST for value in wanted.values()):
        raise malformed("the body contains neither a name nor a title", 'send {"name": "...", "title": "..."}')
    if not str(wanted.get("title", "")).isprintable():
        raise malformed("the title must be a text")
    return wanted


def _webhook(form: Form) -> tuple[Form, str]:
    """Return the form without its webhook, and the webhook."""
    given = form.text("webhook", "")
    return Form({name: values for name, values in form.order.items() if name != "webhook"}), given or ""


def _after(job: Job) -> str:
    """Return a hint for a client that asks for a missing result."""
    if job.state == "failed":
        return job.error.get("message", "")
    return "send it again" if job.state == "canceled" else "wait until it ends: GET /v1/jobs/ID/events"


def paths(service: Service) -> dict[str, Any]:
    """Return the routes' part of the OpenAPI document."""
    return {} if service.jobs is None else documented(service)

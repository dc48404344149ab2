"""Turn errors into problem details (RFC 9457) with the library's message, hint and code."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from impasto.errors import ImpastoError, UsageError
from impasto.service.hosts import Busy

MEDIA_TYPE = "application/problem+json"
OPENAI = ("/v1/images/", "/v1/models")
"""The prefixes of the paths for OpenAI's clients."""

STATUS = {
    "busy": 429,
    "conflict": 422,
    "ending": 503,
    "in-use": 409,
    "killed": 500,
    "long-head": 431,
    "malformed": 400,
    "memory": 503,
    "missing-extra": 501,
    "name-taken": 409,
    "no-key": 401,
    "no-result": 409,
    "no-such-job": 404,
    "no-such-page": 404,
    "no-such-preset": 404,
    "no-such-style": 404,
    "no-such-upload": 404,
    "not-acceptable": 406,
    "not-ready": 503,
    "not-allowed": 403,
    "not-a-picture": 415,
    "slow-request": 408,
    "too-large": 413,
    "too-often": 429,
    "too-slow": 504,
    "unchanged": 412,
    "unexpected": 500,
    "unknown-format": 415,
    "unreachable": 503,
    "wrong-method": 405,
    "disk-full": 503,
    "not-writable": 503,
}
"""The status of each code. Other codes stand for invalid requests and unusable files, and have status 422."""
_HINTS = {
    "choose another name, or replace it with --overwrite": "choose another name",
    "list all: impasto presets": "list all: GET /v1/presets",
    "list all: impasto styles": "list all: GET /v1/styles",
    "paint it with impasto stylize; for a clip, give a folder of pictures": "send it to POST /v1/stylize as image",
}
_OPTION = re.compile(r"--(size|start|end|fps|codec|style|style-weight|content-weight)\b")


def status_of(error: ImpastoError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, Busy) and error.code not in STATUS:
        return 429
    return STATUS.get(error.code, 422)


def hint_of(error: ImpastoError) -> str:
    """Return an error's hint, with paths and fields in place of commands and options."""
    hint = _HINTS.get(error.hint, error.hint)
    return _OPTION.sub(lambda option: option[1].replace("-", "_"), hint)


def document(error: ImpastoError) -> dict[str, object]:
    """Return the members of a problem: type, title, status, detail, code, and the hint if there is one."""
    status = status_of(error)
    found: dict[str, object] = {
        "type": f"/docs#{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message,
        "code": error.code,
    }
    return found | ({"hint": hint_of(error)} if error.hint else {})


def as_openai(error: ImpastoError) -> dict[str, object]:
    """Return an error in the form for OpenAI's clients."""
    kind = "invalid_request_error" if status_of(error) < 500 else "server_error"
    message = f"{error.message}  ({hint_of(error)})" if error.hint else error.message
    return {"message": message, "type": kind, "param": None, "code": error.code}


def problem(error: ImpastoError, path: str = "", *, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error as an answer.

    Args:
        path: the requested path. On paths for OpenAI's clients, the answer also has their form.
    """
    found = document(error)
    if path.startswith(OPENAI):
        found["error"] = as_openai(error)
    text = json.dumps(found, ensure_ascii=False)
    response = Response(text, status_of(error), dict(headers or {}), MEDIA_TYPE)
    if isinstance(error, Busy):
        response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    elif response.status_code == 503:
        response.headers["Retry-After"] = "10"
    return response


def malformed(message: str, hint: str = "") -> UsageError:
    """Return the error for a request that cannot be parsed."""
    return UsageError(message, hint, code="malformed")


def unchanged(tag: str) -> Response:
    """Return the answer for a client that already has the result."""
    error = ImpastoError("you already have this picture", "to get it again, leave out If-None-Match", code="unchanged")
    return problem(error, headers={"ETag": tag})

"""Replace `upload:ID` in forms by files."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.requests import Request

from impasto.service.owners import owner_of
from impasto.service.work import Upload

if TYPE_CHECKING:
    from impasto.service.fields import Form

PREFIX = "upload:"
_REFERENCE = re.compile(rf"{PREFIX}([A-Za-z0-9_-]{{24}})")
FIELDS = ("image", "image[]", "mask", "style", "region_style", "painting", "clip", "folder", "file")
"""The fields that accept files."""


async def with_uploads(form: Form, request: Request) -> Form:
    """Return the form with files in place of their ids.

    Raises:
        ImpastoError: there is no such upload.
    """
    from impasto.service.service import service_of

    if not any(_REFERENCE.fullmatch(text) for name in FIELDS for text in form.texts.get(name, ())):
        return form
    uploads, owner = service_of(request).uploads, owner_of(request)
    order, ids = dict(form.order), []
    for name in FIELDS:
        values: list[str | Upload] = []
        for one in order.get(name, ()):
            match = _REFERENCE.fullmatch(one) if isinstance(one, str) else None
            if match is None:
                values.append(one)
            else:
                kept = uploads.find(match[1], owner)
                values.append(await asyncio.to_thread(kept.file.upload))
                ids.append(kept.id)
        if name in order:
            order[name] = values
    return replace(form, order=order, kept=tuple(dict.fromkeys(ids)))

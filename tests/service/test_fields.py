"""What requests say."""

from __future__ import annotations

import asyncio
import threading

import pytest

from impasto.service.fields import Form
from impasto.service.work import Upload

JPEG = b"\xff\xd8\xff"


@pytest.mark.parametrize(
    ("files", "aside"),
    [
        ((JPEG + bytes(1000),), False),
        ((), False),
        ((JPEG + bytes(40_000),) * 2, True),
        ((JPEG, b"\x89PNG\r\n\x1a\n"), True),  # whose head may unpack to megabytes
    ],
)
def test_only_small_jpeg_files_are_looked_at_where_requests_are_answered(files: tuple[bytes, ...], aside: bool) -> None:
    form = Form({"image": [Upload("photo", data) for data in files]})
    where = asyncio.run(form.looked_at(threading.get_ident))
    assert (where != threading.get_ident()) == aside

"""Whose a request is, and whose a style."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from starlette.requests import Request

from impasto.errors import ImpastoError, UsageError

if TYPE_CHECKING:
    from impasto.service.service import Service
    from impasto.styles.store import Entry

VISITOR = "Impasto-Visitor"
"""The header with what a visitor's browser has made up and keeps."""
_SECRET = re.compile(r"[\x21-\x7e]{16,200}")


def owner_of(request: Request) -> str:
    """Whose key a request has; "" where there are no keys."""
    return str(request.scope.get("state", {}).get("key", ""))


def visitor_of(request: Request) -> str:
    """A digest that stands for the visitor: of the header's secret, else of the key's name; "" of one who has neither.

    Raises:
        UsageError: the secret is too short to be one, or too long.
    """
    secret, key = request.headers.get(VISITOR, ""), owner_of(request)
    if secret and not _SECRET.fullmatch(secret):
        raise UsageError(f"{VISITOR} is no secret", "16 to 200 letters and digits, random ones", code="malformed")
    said = f"visitor {secret}" if secret else f"key {key}" if key else ""
    return hashlib.sha256(said.encode()).hexdigest() if said else ""


def may_change(entry: Entry, visitor: str, service: Service) -> bool:
    """Whether a style is the visitor's; what the command line has saved is of whoever runs it on this machine.

    Args:
        visitor: of `visitor_of`.
    """
    if entry.builtin:
        return False
    return entry.owner == visitor if entry.owner else service.at_home


def check_may_change(entry: Entry, visitor: str, service: Service) -> None:
    """Raises ImpastoError unless a style is the visitor's; one that is built in is refused by the gallery."""
    if not entry.builtin and not may_change(entry, visitor, service):
        raise ImpastoError(f"{entry.name} is somebody else's", "your own styles can be changed", code="not-allowed")

"""Identify the owner of a request and of a style."""

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
"""The header with a secret that a visitor's browser has generated and keeps."""
_SECRET = re.compile(r"[\x21-\x7e]{16,200}")


def owner_of(request: Request) -> str:
    """Return the name of a request's key; "" without keys."""
    return str(request.scope.get("state", {}).get("key", ""))


def visitor_of(request: Request) -> str:
    """Return a digest that identifies the visitor, from the header's secret or else from the key's name.

    Return "" for a visitor who has neither.

    Raises:
        UsageError: the secret is too short or too long.
    """
    secret, key = request.headers.get(VISITOR, ""), owner_of(request)
    if secret and not _SECRET.fullmatch(secret):
        raise UsageError(
            f"{VISITOR} is not a valid secret", "use 16 to 200 random letters and digits", code="malformed"
        )
    said = f"visitor {secret}" if secret else f"key {key}" if key else ""
    return hashlib.sha256(said.encode()).hexdigest() if said else ""


def may_change(entry: Entry, visitor: str, service: Service) -> bool:
    """Return True if the visitor owns a style. A style from the command line belongs to the operator of the service.

    Args:
        visitor: the result of `visitor_of`.
    """
    if entry.builtin:
        return False
    return entry.owner == visitor if entry.owner else service.at_home


def check_may_change(entry: Entry, visitor: str, service: Service) -> None:
    """Raise an ImpastoError unless the visitor owns a style. The gallery itself refuses to change built-in styles."""
    if not entry.builtin and not may_change(entry, visitor, service):
        raise ImpastoError(f"{entry.name} belongs to somebody else", "change only your own styles", code="not-allowed")

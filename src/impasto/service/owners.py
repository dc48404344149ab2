"""Whose a request is."""

from __future__ import annotations

from starlette.requests import Request


def owner_of(request: Request) -> str:
    """Whose key a request has; "" where there are no keys."""
    return str(request.scope.get("state", {}).get("key", ""))

"""Check the API keys of requests."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import stat
import sys
import warnings
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from impasto.errors import ImpastoError, UsageError
from impasto.service.origins import refuse

OPEN = frozenset({"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/openapi.json", "/docs"})
"""Paths that need no key, for load balancers and for people who want to learn about the service."""
SHORTEST = 16
_LINE = re.compile(r"(?:(?P<name>[\w .-]{1,64}):\s*)?(?P<key>[A-Za-z0-9._~+/=-]+)")  # keys fit headers


class Keyring:
    """The keys in a file: one per line, NAME: KEY or KEY alone. Empty lines and lines that begin with # are ignored.

    Keys are stored as digests. Two keys with the same name belong to one client.

    Raises:
        UsageError: as for `reload`.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._names: dict[bytes, str] = {}
        self.reload()

    def __len__(self) -> int:
        return len(self._names)

    def reload(self) -> None:
        """Read the file again. If it is invalid, the old keys remain.

        Raises:
            UsageError: the file does not exist, cannot be read, or contains no key or a key that is too short.
        """
        try:
            text = self.file.read_text(encoding="utf-8")
            mode = self.file.stat().st_mode
        except FileNotFoundError:
            raise UsageError(
                f"file {self.file} does not exist", "write one key per line", code="no-such-file"
            ) from None
        except IsADirectoryError:
            raise UsageError(
                f"{self.file} is a folder", "give a file with one key per line", code="not-a-file"
            ) from None
        except OSError as error:
            raise UsageError(f"{self.file}: {error.strerror}", code="not-readable") from None
        except UnicodeDecodeError:
            raise UsageError(f"{self.file} is not a text file", "write one key per line", code="malformed") from None
        names = {}
        for number, line in enumerate(map(str.strip, text.splitlines()), 1):
            if line and not line.startswith("#"):
                name, key = self._read(line, number)
                names[_digest(key)] = name or f"key-{_digest(key).hex()[:8]}"
        if not names:
            raise UsageError(
                f"{self.file} contains no key",
                "write one key per line; make one: openssl rand -hex 24",
                code="empty-file",
            )
        if sys.platform != "win32" and mode & stat.S_IROTH:
            warnings.warn(f"other users can read {self.file}  (chmod 600 {self.file})", stacklevel=2)
        self._names = names

    def _read(self, line: str, number: int) -> tuple[str, str]:
        """Return a line's name and key. Error messages never contain the key."""
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise UsageError(
                f"line {number} of {self.file} is not a key",
                "use letters, digits and ._~+/=-, or NAME: KEY",
                code="malformed",
            )
        if len(parts["key"]) < SHORTEST:
            raise UsageError(
                f"the key in line {number} of {self.file} has fewer than {SHORTEST} characters",
                "make one: openssl rand -hex 24",
                code="malformed",
            )
        return parts["name"] or "", parts["key"]

    def name_of(self, key: str) -> str | None:
        """Return the name of a key, given or derived; None for an unknown key. The time is the same for all keys."""
        given, found = _digest(key), None
        for digest, name in self._names.items():
            if hmac.compare_digest(digest, given):
                found = name
        return found


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()


class Keys:
    """Admits requests with a key. `scope["state"]["key"]` contains the key's name.

    Args:
        page: also admit browsers, which ask their users for a name and a password. Any name is valid, the password is
            the key.
    """

    def __init__(self, app: ASGIApp, keyring: Keyring, *, page: bool = False) -> None:
        self.app, self.keyring, self.page = app, keyring, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["path"] not in OPEN:
            given = self._given(Headers(scope=scope))
            name = None if given is None else self.keyring.name_of(given)
            if name is None:
                what = "unknown API key" if given else "an API key is required"
                error = ImpastoError(what, "send a header Authorization: Bearer KEY, or X-API-Key: KEY", code="no-key")
                # One header for each scheme, because browsers read only the first scheme of a header.
                ways = [f'{way} realm="impasto"' for way in (("Bearer", "Basic") if self.page else ("Bearer",))]
                await refuse(error, scope, receive, send, [("WWW-Authenticate", way) for way in ways])
                return
            scope.setdefault("state", {})["key"] = name
        await self.app(scope, receive, send)

    def _given(self, headers: Headers) -> str | None:
        kind, _, text = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return text.strip()
        if kind.lower() == "basic" and self.page:
            try:
                return base64.b64decode(text.strip(), validate=True).decode("utf-8", "replace").partition(":")[2]
            except (binascii.Error, ValueError):
                return ""
        key = headers.get("x-api-key")
        return None if key is None else key.strip()

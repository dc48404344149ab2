"""Keys: who may use the service."""

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
"""Paths that want no key: what balancers and people who learn about the service ask for."""
SHORTEST = 16
_LINE = re.compile(r"(?:(?P<name>[\w .-]{1,64}):\s*)?(?P<key>[A-Za-z0-9._~+/=-]+)")  # keys: what headers can hold


class Keyring:
    """The keys of a file: one a line, NAME: KEY or KEY alone; empty lines and lines that begin with # count nothing.

    Keys are kept as digests. Two keys of one name belong to one client.

    Raises:
        UsageError: as `reload`.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._names: dict[bytes, str] = {}
        self.reload()

    def __len__(self) -> int:
        return len(self._names)

    def reload(self) -> None:
        """Read the file again. If it cannot be used, the keys stay as they were.

        Raises:
            UsageError: there is no such file, or none that can be read; it has no key, or one that is too short.
        """
        try:
            text = self.file.read_text(encoding="utf-8")
            mode = self.file.stat().st_mode
        except FileNotFoundError:
            raise UsageError(f"there is no file {self.file}", "one key a line", code="no-such-file") from None
        except IsADirectoryError:
            raise UsageError(f"{self.file} is a folder", "a file with one key a line", code="not-a-file") from None
        except OSError as error:
            raise UsageError(f"{self.file}: {error.strerror}", code="not-readable") from None
        except UnicodeDecodeError:
            raise UsageError(f"{self.file} is no text", "one key a line", code="malformed") from None
        names = {}
        for number, line in enumerate(map(str.strip, text.splitlines()), 1):
            if line and not line.startswith("#"):
                name, key = self._read(line, number)
                names[_digest(key)] = name or f"key-{_digest(key).hex()[:8]}"
        if not names:
            raise UsageError(f"{self.file} has no key", "one key a line: openssl rand -hex 24", code="empty-file")
        if sys.platform != "win32" and mode & stat.S_IROTH:
            warnings.warn(f"others can read {self.file}  (chmod 600 {self.file})", stacklevel=2)
        self._names = names

    def _read(self, line: str, number: int) -> tuple[str, str]:
        """A line's name and key. What is wrong is told without the key."""
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise UsageError(
                f"line {number} of {self.file} is no key",
                "letters, digits and ._~+/=- ; or NAME: KEY",
                code="malformed",
            )
        if len(parts["key"]) < SHORTEST:
            raise UsageError(
                f"the key in line {number} of {self.file} has fewer than {SHORTEST} characters",
                "openssl rand -hex 24",
                code="malformed",
            )
        return parts["name"] or "", parts["key"]

    def name_of(self, key: str) -> str | None:
        """The name of a key, its own or one made from it; None for an unknown one. It takes as long for each."""
        given, found = _digest(key), None
        for digest, name in self._names.items():
            if hmac.compare_digest(digest, given):
                found = name
        return found


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()


class Keys:
    """Lets in who has a key; `scope["state"]["key"]` says whose it is.

    Args:
        page: let browsers in, too, which ask their users for a name and a password: any name, and the key.
    """

    def __init__(self, app: ASGIApp, keyring: Keyring, *, page: bool = False) -> None:
        self.app, self.keyring, self.page = app, keyring, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["path"] not in OPEN:
            given = self._given(Headers(scope=scope))
            name = None if given is None else self.keyring.name_of(given)
            if name is None:
                what = "this key is not known" if given else "a key is needed"
                error = ImpastoError(what, "Authorization: Bearer KEY, or X-API-Key: KEY", code="no-key")
                # A header for each: browsers read the first way of a header and no other.
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

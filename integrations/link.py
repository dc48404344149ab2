"""Talk to Impasto from inside another program, with the standard library alone.

`Server` talks to `impasto serve` on this or another machine. `Program` runs the command line. `connect` chooses one of
them. Both list styles and paint PNG files, and the user can cancel both.

The module runs on Python 3.8 and later, because host programs bring their own Python.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    OnProgress = Callable[[float | None], bool]
    """Takes the finished share, 0 to 1, or None if unknown; returns False to cancel."""

T = TypeVar("T")

ABSENT = ("Impasto is not found", "type: pip install impasto, then: impasto plugins install krita, gimp or blender")
_TICK = 0.1  # seconds between two calls of on_progress
_POLL = 0.2  # seconds between two checks of a job
_HELLO = 3.0  # seconds to wait for a server's greeting
_PATIENCE = 30.0  # seconds without a byte until a server counts as gone
_QUICK = 60.0  # seconds for commands that do not paint
_CHUNK = 1 << 16
_FOREIGN = ("PYTHONHOME", "PYTHONPATH", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__")
"""Environment variables of a host program's own Python, which Impasto's Python must not get."""


class Trouble(Exception):
    """An error whose text is one line for the user.

    Attributes:
        message: what is wrong.
        hint: what the user can do, or "".
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}  ({hint})" if hint else message)
        self.message = message
        self.hint = hint


class Canceled(Exception):
    """The user canceled the painting."""


@dataclass(frozen=True)
class Style:
    """A style of the gallery.

    Attributes:
        thumbnail: path of a file, or path on the server; "" if the listing has none.
    """

    name: str
    title: str
    artist: str
    thumbnail: str = ""


@dataclass(frozen=True)
class Wish:
    """The settings of a painting, with the ranges of `impasto stylize`.

    Attributes:
        style: a style's name, or the absolute path of a painting's file.
        bits: bits of each channel of the result, 8 or 16.
    """

    style: str
    strength: float = 100
    brush_size: float = 1
    boldness: float = 0
    keep_color: str = "none"
    tone: str = "none"
    detail: float = 60
    engine: str = "painter"
    bits: int = 8

    def settings(self) -> dict[str, str]:
        """Return all settings except the style, with the service's names."""
        names = ("strength", "brush_size", "boldness", "detail", "bits")
        texts = {"keep_color": self.keep_color, "tone": self.tone, "engine": self.engine, "format": "png"}
        return {**{name: f"{getattr(self, name):g}" for name in names}, **texts}


class Server:
    """A running `impasto serve`.

    Args:
        address: HOST:PORT, or a URL.
        key: a key of the server's `--api-key-file`; "" for none.
    Raises:
        Trouble: the address or the key is invalid.
    """

    def __init__(self, address: str, key: str = "") -> None:
        parts = urlsplit(address if "//" in address else f"http://{address}")
        try:
            self.port = parts.port
        except ValueError:
            raise _no_address(address) from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise _no_address(address)
        if not all(" " < letter < "\x7f" for letter in key):
            raise Trouble("the key contains invalid characters", "copy it again from the server's key file")
        self.secure, self.host, self.base = parts.scheme == "https", parts.hostname, parts.path.rstrip("/")
        self.key = key
        self.name = address

    def version(self) -> str:
        """Ask for the server's version.

        Raises:
            Trouble: nothing answers within three seconds, or something other than Impasto answers.
        """
        said = self._json("GET", "/v2", timeout=_HELLO)
        if said.get("name") != "impasto":
            raise _stranger(self.name)
        return str(said.get("version", ""))

    def styles(self) -> list[Style]:
        """List all styles, in the server's order. Raises Trouble."""
        return [_style(entry) for entry in self._json("GET", "/v1/styles")["styles"]]

    def thumbnail(self, style: Style) -> bytes:
        """Return a style's thumbnail as the bytes of a picture file; b"" without one. Raises Trouble."""
        status, data = self._ask("GET", style.thumbnail or f"/v1/styles/{quote(style.name)}/thumbnail")
        return data if status == 200 else b""

    def paint(self, picture: bytes, wish: Wish, on_progress: OnProgress) -> bytes:
        """Paint the bytes of a PNG file; return those of a PNG file of the same size.

        Args:
            on_progress: called at least five times a second, from the thread that calls this.
        Raises:
            Canceled: on_progress returned False. The job on the server is canceled.
            Trouble: the server refuses, fails or is gone.
        """
        job = _Job(self, picture, wish)
        return _watched(job.run, job.stop.set, lambda: job.share, on_progress)

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] = b"",
        headers: dict[str, str] | None = None,
        timeout: float = _PATIENCE,
    ) -> tuple[int, bytes]:
        connection: http.client.HTTPConnection
        if self.secure:
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=timeout)
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        sent = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError), _surviving():
                connection.request(method, self.base + path, body, {**sent, **(headers or {})})
            answer = connection.getresponse()  # a server may answer before it has read the whole request
            return answer.status, answer.read()
        except ssl.SSLError as error:
            raise Trouble(
                f"{self.name} has no valid certificate: {error.reason or error}", "use http:// if it has none"
            ) from None
        except OSError:
            raise Trouble(f"no server answers at {self.name}", "start one: impasto serve") from None
        except (http.client.HTTPException, ValueError):
            raise _stranger(self.name) from None
        finally:
            connection.close()

    def _json(self, method: str, path: str, *args: Any, **options: Any) -> dict[str, Any]:
        status, data = self._ask(method, path, *args, **options)
        try:
            said = json.loads(data)
        except ValueError:
            raise _stranger(self.name) from None
        if not isinstance(said, dict):
            raise _stranger(self.name)
        if status >= 300:
            raise _refusal(said, self.name)
        return said


class _Job:
    """One painting on a server, from upload to result. One thread calls `run`, another uses `stop` and `share`."""

    def __init__(self, server: Server, picture: bytes, wish: Wish) -> None:
        self.server, self.picture, self.wish = server, picture, wish
        self.stop = threading.Event()
        self.share: float | None = None

    def run(self) -> bytes:
        path = self._send()
        try:
            return self._result(path)
        finally:  # DELETE removes a finished job, and cancels a running one
            with contextlib.suppress(Trouble):  # the user must see the first error
                self.server._ask("DELETE", path, timeout=_HELLO)

    def _send(self) -> str:
        body, kind = _form(self.picture, self.wish)
        headers = {"Content-Type": kind, "Content-Length": str(len(body))}
        said = self.server._json("POST", "/v1/jobs", self._chunks(body), headers)
        return f"/v1/jobs/{said['id']}"

    def _chunks(self, body: bytes) -> Iterator[bytes]:
        for start in range(0, len(body), _CHUNK):
            if self.stop.is_set():
                raise Canceled  # the server discards an incomplete form
            yield body[start : start + _CHUNK]

    def _result(self, path: str) -> bytes:
        while not self.stop.wait(_POLL):
            job = self.server._json("GET", path)
            self.share = job["fraction"] if job["state"] != "waiting" else None
            if job["state"] == "failed":
                raise Trouble(job["error"]["message"], job["error"].get("hint", ""))
            if job["state"] == "canceled":
                raise Trouble("the server has canceled the painting", "paint it again")
            if job["state"] == "done":
                return self._fetched(path)
        raise Canceled

    def _fetched(self, path: str) -> bytes:
        status, data = self.server._ask("GET", f"{path}/result")
        if status != 200:
            raise Trouble("the server has lost the painting", "paint it again")
        return data


class Program:
    """Impasto's command line, run as a process.

    Args:
        command: the command that starts it, such as ["/opt/impasto/bin/python", "-m", "impasto"].
    """

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.name = " ".join(command)

    def version(self) -> str:
        """Ask for the program's version. Raises Trouble if it does not run, or is not Impasto."""
        words = self._run("--version").split()
        if len(words) != 2 or words[0] != "impasto":
            raise Trouble(f"{self.name} is not Impasto", ABSENT[1])
        return words[1]

    def styles(self) -> list[Style]:
        """List all styles, in the program's order. Raises Trouble."""
        return [_style(json.loads(line)) for line in self._run("styles", "--json").splitlines()]

    def thumbnail(self, style: Style) -> bytes:
        """Return a style's thumbnail as the bytes of a picture file; b"" without one. Raises Trouble."""
        try:
            with open(style.thumbnail, "rb") as file:
                return file.read()
        except OSError:
            return b""

    def paint(self, picture: bytes, wish: Wish, on_progress: OnProgress) -> bytes:
        """Paint the bytes of a PNG file; return those of a PNG file of the same size.

        Args:
            on_progress: called at least five times a second, from the thread that calls this; always with None.
        Raises:
            Canceled: on_progress returned False. The process is ended.
            Trouble: the program cannot be run, or fails.
        """
        settings = [word for name, value in wish.settings().items() for word in (f"--{name.replace('_', '-')}", value)]
        process = self._start(["stylize", "-", "-o", "-", "--style", wish.style, *settings])

        def work() -> tuple[bytes, bytes]:
            with _surviving():
                return process.communicate(picture)

        try:
            out, err = _watched(work, lambda: _end(process), lambda: None, on_progress)
        except MemoryError:
            raise Trouble("there is too little memory for the picture", "paint a smaller part") from None
        if process.returncode:
            raise _fault(err, process.returncode)
        return out

    def _run(self, *words: str) -> str:
        process = self._start(list(words))
        try:
            out, err = process.communicate(timeout=_QUICK)
        except subprocess.TimeoutExpired:
            _end(process)
            process.communicate()
            raise Trouble(f"{self.name} does not answer", "test it in a terminal: impasto doctor") from None
        if process.returncode:
            raise _fault(err, process.returncode)
        return out.decode("utf-8", "replace")

    def _start(self, words: list[str]) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        try:
            return subprocess.Popen(  # noqa: S603
                [*self.command, *words],
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env=_environment(),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # only on Windows
            )
        except OSError as error:
            raise Trouble(f"{self.name} cannot be run: {error.strerror}", ABSENT[1]) from None


def connect(address: str, command: list[str], key: str = "") -> Server | Program:
    """Connect to the server if an address is given and answers, else to the program.

    Args:
        address: address of a server, or "".
        command: the command that starts the program, or [].
    Raises:
        Trouble: neither is available, or the server refuses the request, for example without a key.
    """
    if address:
        try:
            server = Server(address, key)
            server.version()
            return server
        except Refused:
            raise
        except Trouble:
            if not command:
                raise
    if not command:
        raise Trouble(*ABSENT)
    program = Program(command)
    program.version()
    return program


def installed(folder: str) -> dict[str, Any]:
    """Read version and command that `impasto plugins install` wrote into a plug-in's folder; {} without them."""
    try:
        with open(os.path.join(folder, "installed.json"), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def program(folder: str) -> list[str]:
    """Return the command that starts Impasto: the installer's, or the system's; [] without any."""
    found = shutil.which("impasto")
    return installed(folder).get("command") or ([found] if found else [])


def mismatch(plugin_version: str, program_version: str) -> str:
    """Return one line if the plug-in and the program or server have different versions, else "".

    The third number of a version does not count, because it changes for corrections only.
    """
    if plugin_version.split(".")[:2] == program_version.split(".")[:2]:
        return ""
    return (
        f"The plug-in is of Impasto {plugin_version}, but Impasto has version {program_version}. "
        "Type: impasto plugins install HOST --overwrite"
    )


class Refused(Trouble):
    """A server answered, but refused the request."""


def _watched(
    work: Callable[[], T], stop: Callable[[], object], share: Callable[[], float | None], on_progress: OnProgress
) -> T:
    """Run work in a thread, and call on_progress meanwhile. Wait until the thread has ended."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        try:
            while not future.done():
                if on_progress(share()) is False:
                    raise Canceled
                wait([future], _TICK)
        except BaseException:
            stop()
            raise
        return future.result()


@contextlib.contextmanager
def _surviving() -> Iterator[None]:
    """Turn a write to a closed pipe or connection into a Python error.

    Krita starts its Python without signal handlers, so SIGPIPE would end Krita.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows has no such signal
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
    try:
        yield
    finally:
        if signal.SIGPIPE not in before and signal.SIGPIPE in signal.sigpending():
            signal.sigwait({signal.SIGPIPE})
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process: ask it first, and kill it after two seconds."""
    process.terminate()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()


def _environment() -> dict[str, str]:
    """Return the environment for Impasto's process, without the variables of the host's own Python."""
    found = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    if "APPDIR" in found:  # an AppImage prefers its own libraries
        found.pop("LD_LIBRARY_PATH", None)
    return {**found, "PYTHONIOENCODING": "utf-8"}


def _form(picture: bytes, wish: Wish) -> tuple[bytes, str]:
    """Return the body of a request for a painting, and its content type."""
    boundary = uuid.uuid4().hex
    parts = [_part(name, value.encode()) for name, value in wish.settings().items()]
    if os.path.isabs(wish.style):
        parts.append(_part("style", _read(wish.style), "painting"))
    else:
        parts.append(_part("style", wish.style.encode()))
    parts.append(_part("image", picture, "picture.png"))
    line = f"--{boundary}\r\n".encode()
    return line + line.join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _part(name: str, data: bytes, file: str = "") -> bytes:
    named = f'; filename="{file}"\r\nContent-Type: application/octet-stream' if file else ""
    return f'Content-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + data + b"\r\n"


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Trouble(f"{path} cannot be read: {error.strerror}", "choose another painting") from None


def _style(entry: dict[str, Any]) -> Style:
    return Style(entry["name"], entry["title"], entry.get("artist", ""), entry.get("thumbnail", ""))


def _fault(err: bytes, code: int) -> Trouble:
    """Return the error of a failed program: Impasto's line, or the last line of another program."""
    lines = [line.strip() for line in err.decode("utf-8", "replace").splitlines() if line.strip()]
    said = [line[len("impasto: ") :] for line in lines if line.startswith("impasto: ")]
    if not said:
        return Trouble(
            lines[-1] if lines else f"Impasto ended with the code {code}", "to find the cause, type: impasto doctor"
        )
    message, _, hint = said[-1].partition("  (")
    return Trouble(message, hint[:-1] if hint.endswith(")") else hint)


def _refusal(said: dict[str, Any], name: str) -> Trouble:
    """Return the error in a server's answer."""
    if "detail" not in said or "code" not in said:
        return _stranger(name)
    if said["code"] == "no-key":
        return Refused(f"the server at {name} wants a key", "enter it in the plug-in's settings")
    return Refused(str(said["detail"]), str(said.get("hint", "")))


def _stranger(name: str) -> Trouble:
    return Trouble(f"the server at {name} is not Impasto", "start one: impasto serve")


def _no_address(text: str) -> Trouble:
    return Trouble(f"{text} is not the address of a server", "type one such as localhost:8080")

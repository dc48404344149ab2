"""Destinations of a live camera's pictures: a window, a page in the browser, a virtual camera for other programs."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from impasto.errors import MissingExtra, UsageError
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels
from impasto.video.camera import KEYS

_QUALITY = 85  # of the JPEGs for the page
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Impasto</title>
<meta name="viewport" content="width=device-width">
<style>body{margin:0;background:#111;color:#ddd;font:16px system-ui;text-align:center}
img{max-width:100%;max-height:85vh;display:block;margin:auto}button{font:inherit;margin:.4em;padding:.3em .8em}</style>
<img src="/stream" alt="the camera, painted"><p id="status" role="status"></p>
<p><button data-key="p">Previous style</button><button data-key="n">Next style</button>
<button data-key="-">Weaker</button><button data-key="+">Stronger</button>
<button data-key="s">Snapshot</button><button data-key="r">Record</button></p>
<script>
const line = document.getElementById("status");
const press = key => fetch("/key", {method: "POST", body: new URLSearchParams({key})});
document.querySelectorAll("button").forEach(b => b.onclick = () => press(b.dataset.key));
document.onkeydown = e => { if ("np+-sr".includes(e.key)) press(e.key); };
setInterval(async () => line.textContent = (await (await fetch("/status")).json()).status, 500);
</script></html>"""


class Window:
    """A window of the desktop, made with Tk, which most Pythons include.

    Raises:
        UsageError: there is no display, or no Tk.
    """

    def __init__(self) -> None:
        try:
            import tkinter

            self._root = tkinter.Tk()
        except ImportError:
            raise UsageError(
                "this Python has no Tk for a window", "--serve shows the pictures in the browser", code="no-device"
            ) from None
        except Exception as error:
            raise UsageError(
                f"cannot open a window: {error}", "--serve shows the pictures in the browser", code="no-device"
            ) from error
        self._keys: list[str] = []
        self._label = tkinter.Label(self._root, borderwidth=0)
        self._label.pack()
        self._help = tkinter.Label(self._root, text=KEYS)
        self._help.pack()
        self._root.bind("<Key>", lambda event: self._keys.append("q" if event.keysym == "Escape" else event.char))
        self._root.protocol("WM_DELETE_WINDOW", lambda: self._keys.append("q"))

    def show(self, picture: Pixels, status: str) -> Sequence[str]:
        from PIL import ImageTk

        self._image = ImageTk.PhotoImage(Picture(picture).to_pil())  # stored, because Tk keeps no reference
        self._label.configure(image=self._image)
        self._root.title(f"Impasto   {status}")
        self._root.update()
        keys, self._keys = [key for key in self._keys if key], []
        return keys

    def close(self) -> None:
        self._root.destroy()


class Server:
    """A web page on this computer with a stream of JPEGs, and buttons.

    Raises:
        UsageError: the port is in use.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.status = ""
        self._changed = threading.Condition()
        self._jpeg = b""
        self._number = 0
        self._keys: list[str] = []
        self._closed = False
        try:
            self._http = _Http((host, port), _Handler)
        except OSError as error:
            raise UsageError(f"port {port} of {host} is in use", "--port 8601", code="in-use") from error
        self._http.screen = self
        self.url = f"http://{host}:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def show(self, picture: Pixels, status: str) -> Sequence[str]:
        jpeg = Picture(picture).encode("JPEG", quality=_QUALITY)
        with self._changed:
            self._jpeg, self._number, self.status = jpeg, self._number + 1, status
            self._changed.notify_all()
            keys, self._keys = self._keys, []
        return keys

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._http.shutdown()
        self._http.server_close()

    def press(self, key: str) -> None:
        """Store a key until the next frame is shown."""
        with self._changed:
            self._keys.append(key)

    def newest(self, after: int) -> tuple[int, bytes] | None:
        """Wait up to ten seconds for a frame later than `after`. Return its number and JPEG, or None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > after or self._closed, 10)
            return None if self._closed else (self._number, self._jpeg)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    screen: Server


class _Handler(BaseHTTPRequestHandler):
    """One request: the page, the stream, a snapshot, the status or a key."""

    server: _Http

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        screen = self.server.screen
        if not self._from_here():
            return
        if path == "/":
            self._answer("text/html; charset=utf-8", _PAGE.encode())
        elif path == "/status":
            self._answer("application/json", json.dumps({"status": screen.status}).encode())
        elif path == "/snapshot.jpg":
            newest = screen.newest(-1)
            self._answer("image/jpeg", newest[1] if newest else b"")
        elif path == "/stream":
            self._stream()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        if not self._from_here():
            return
        length = self.headers.get("Content-Length", "")
        body = self.rfile.read(min(int(length), 100)) if length.isdecimal() else b""
        key = parse_qs(body.decode("ascii", "replace")).get("key", [""])[0]
        if urlsplit(self.path).path != "/key" or key not in [*"np+-sr"]:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        self.server.screen.press(key)
        self._answer("application/json", b"{}")

    def _from_here(self) -> bool:
        """Refuse requests from other sites: they must not see the camera or press keys."""
        own = urlsplit(self.server.screen.url).netloc
        names = {own, own.replace("127.0.0.1", "localhost")}
        origin = self.headers.get("Origin")
        if self.headers.get("Host") in names and (origin is None or urlsplit(origin).netloc in names):
            return True
        self.send_error(HTTPStatus.FORBIDDEN)
        return False

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        number = 0
        while (newest := self.server.screen.newest(number)) is not None:
            number, jpeg = newest
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + jpeg + b"\r\n")
            except OSError:  # the viewer has disconnected
                return


class VirtualCamera:
    """A virtual camera that other programs, such as video calls, can use.

    Raises:
        MissingExtra: pyvirtualcam is not installed.
        UsageError: the system has no virtual camera.
    """

    def __init__(self, fps: float) -> None:
        try:
            import pyvirtualcam
        except ImportError:
            raise MissingExtra("pyvirtualcam, which makes a virtual camera,", "camera") from None
        self._open = pyvirtualcam.Camera
        self._fps = fps
        self._camera: Any = None

    def show(self, picture: Pixels, status: str) -> Sequence[str]:  # noqa: ARG002  other screens show it
        if self._camera is None:
            height, width = picture.shape[:2]
            try:
                self._camera = self._open(width=width, height=height, fps=self._fps)
            except Exception as error:
                raise UsageError(
                    f"no virtual camera is available: {error}",
                    "install v4l2loopback (Linux) or OBS",
                    code="no-device",
                ) from error
        self._camera.send(Picture(picture).to_numpy())
        return []

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()

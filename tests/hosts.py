"""A static host of the edition for browsers, and pages that paint."""

from __future__ import annotations

import base64
import functools
import http.server
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from impasto.cli.web import Handler

PAGE = (
    b'<!doctype html><title>t</title><script type="module">'
    b'import * as it from "./engine/impasto-web.js"; window.it = it;</script>'
)
PAINT = """async ([photo, styles, controls, masks, engine]) => {
  const file = async (text) => (await fetch("data:image/png;base64," + text)).blob();
  const style = [];
  for (const [one, weight] of styles)
    style.push([one.length > 60 ? (await impasto.open(await file(one))).id : one, weight]);
  const regions = [];
  for (const { mask, ...rest } of masks) regions.push({ ...rest, mask: (await impasto.open(await file(mask))).id });
  const held = await impasto.open(await file(photo));
  const found = await impasto.painted(held, { engine, styles: style, controls, regions });
  impasto.close(held);
  const canvas = new OffscreenCanvas(found.width, found.height);
  canvas.getContext("2d").putImageData(found, 0, 0);
  const data = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
  let text = "";
  for (let i = 0; i < data.length; i += 4096) text += String.fromCharCode(...data.subarray(i, i + 4096));
  return btoa(text);
}"""


class Host(http.server.ThreadingHTTPServer):
    """A static host of a folder.

    Attributes:
        folder: that is served.
        sent: bytes of bodies, by path.
        pages: what is sent at a path instead of a file.
        isolates: whether pages are isolated from others, as `impasto web` does it; most hosts do not.
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(Counting, directory=str(folder)))
        self.folder = folder
        self.sent: dict[str, int] = {}
        self.pages: dict[str, bytes] = {}
        self.isolates = False

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_address[1]}/"

    def handle_error(self, *_: Any) -> None:
        """Browsers leave in the middle."""


class Counting(Handler):
    server: Host

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        path = "/index.html" if path == "/" and "/index.html" in self.server.pages else path
        if path in self.server.pages:
            self.send_response(200)
            self.send_header("Content-Type", self.guess_type(path))
            self.send_header("Content-Length", str(len(self.server.pages[path])))
            self.end_headers()
            self.wfile.write(self.server.pages[path])
        else:
            super().do_GET()

    def send_header(self, keyword: str, value: str) -> None:
        if keyword == "Content-Length":
            path = self.path.split("?")[0]
            self.server.sent[path] = self.server.sent.get(path, 0) + int(value)
        if not keyword.startswith("Cross-Origin") or self.server.isolates:
            super().send_header(keyword, value)


def png(pixels: Any) -> bytes:
    data = io.BytesIO()
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(data, "PNG")
    return data.getvalue()


def coded(pixels: Any) -> str:
    return base64.b64encode(png(pixels)).decode()


Paint = Callable[..., "np.ndarray[Any, Any]"]


def painter_in(page: Any) -> Paint:
    """What paints on a page that has loaded the engine as `impasto`."""

    def paint(
        photo: Any, style: Any, regions: list[dict[str, Any]] | None = None, *, engine: str = "light", **controls: Any
    ) -> np.ndarray[Any, Any]:
        styles = style if isinstance(style, dict) else {style: 1}
        named = [[one, weight] for one, weight in styles.items()]
        text = page.evaluate(PAINT, [coded(photo), named, controls, regions or [], engine])
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))

    return paint

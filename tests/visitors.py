"""A visitor of the studio's page, as tests in a real browser drive it."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

READY = """() => {
  const studio = document.querySelector("impasto-studio");
  return studio?.painter?.picture && !studio.painter.busy && !studio.painter.painted?.draft;
}"""


REMEMBERED = """() => {
  const { app } = document.querySelector("impasto-studio");
  const { photo, look, at } = app.state;
  const same = (one) => one.photo === photo && one.at === at && JSON.stringify(one.look) === JSON.stringify(look);
  return app.store.get("versions", []).some(same);
}"""


STORED = """key => new Promise((done) => {
  const opening = indexedDB.open("impasto");
  opening.onsuccess = () => {
    const asking = opening.result.transaction("files").objectStore("files").getKey(key);
    asking.onsuccess = () => {
      opening.result.close();
      done(asking.result !== undefined);
    };
  };
})"""


PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
"""A browser's context, as Playwright makes it."""


def pixels(url: str) -> np.ndarray:
    """A data address's picture, H x W x 4."""
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGBA"), np.float32)


def saved(data: bytes) -> np.ndarray:
    """A file's picture, H x W x 3."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"), np.float32)


@dataclass
class Studio:
    """A visitor's page.

    Attributes:
        page: of Playwright.
        folder: for files that are opened.
        faults: what the page's scripts and its console complained about, and answers that are errors.
        hosts: that were asked for anything.
    """

    page: Any
    address: str
    folder: Path
    faults: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def open(self) -> None:
        self.page.goto(self.address)
        self.ready()

    def ready(self) -> None:
        """Until the picture is painted as the page says."""
        self.page.wait_for_timeout(30)
        self.page.wait_for_function(READY)

    def do(self, script: str, argument: Any = None) -> Any:
        """Run a script with the element as `studio`."""
        return self.page.evaluate(
            f"async (argument) => {{ const studio = document.querySelector('impasto-studio'); {script} }}", argument
        )

    def picture(self) -> np.ndarray:
        """What the canvas shows, H x W x 4."""
        url = self.do("return studio.painter.picture.toDataURL('image/png')")
        return pixels(url)

    def photo(self) -> np.ndarray:
        """The photo as the canvas has it, H x W x 3."""
        url = self.do(
            "const c = document.createElement('canvas'); const b = studio.painter.before; c.width = b.width; "
            "c.height = b.height; c.getContext('2d').drawImage(b, 0, 0); return c.toDataURL('image/png')"
        )
        return pixels(url)[:, :, :3]

    def bring(self, *files: Path | tuple[str, bytes], ready: bool = True) -> None:
        """Open files with the button of the bar."""
        paths = [file if isinstance(file, Path) else self.folder / file[0] for file in files]
        for file, path in zip(files, paths, strict=True):
            if not isinstance(file, Path):
                path.write_bytes(file[1])
        before = self.do("return studio.app.photos.size + studio.app.state.photo")
        self.page.locator("header input[multiple]").set_input_files(paths)
        if ready:
            self.page.wait_for_function(
                "before => { const app = document.querySelector('impasto-studio').app; "
                "return app.photos.size + app.state.photo !== before }",
                arg=before,
            )
            self.ready()

    def style(self, name: str) -> None:
        self.page.get_by_role("option", name=name).first.click()
        self.ready()

    def slide(self, label: str, value: float, place: Any = None) -> None:
        """Set a slider, as a finger that moves it and lets it go."""
        slider = (place or self.page).get_by_label(label, exact=True).first
        slider.evaluate(
            "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', {bubbles: true})); "
            "input.dispatchEvent(new Event('change', {bubbles: true})) }",
            value,
        )
        self.ready()

    def stored(self, key: str) -> None:
        """Until the browser has stored a file."""
        self.page.wait_for_function(STORED, arg=key)

    def remembered(self) -> None:
        """Until the history has what is painted."""
        self.ready()
        self.page.wait_for_function(REMEMBERED)

    def look(self) -> dict[str, Any]:
        found: dict[str, Any] = self.do("return studio.app.look")
        return found

    def stroke(self, *places: tuple[float, float]) -> None:
        """Draw on the canvas, through places in 0..1 of the picture."""
        box = self.page.locator("canvas.picture").bounding_box()
        frame = self.do("return studio.view.geometry.frame")
        points = [
            (box["x"] + frame["x"] + x * frame["width"], box["y"] + frame["y"] + y * frame["height"]) for x, y in places
        ]
        self.page.mouse.move(*points[0])
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*point, steps=6)
        self.page.mouse.up()
        self.ready()

    def exported(self, choice: str = "") -> tuple[str, bytes]:
        """What the dialog gives, as it stands or after a choice: name and bytes."""
        self.page.get_by_role("button", name="Export…").click()
        if choice:
            self.page.get_by_role("dialog").get_by_label(choice).check(force=True)
        with self.page.expect_download() as waiting:
            self.page.get_by_role("dialog").get_by_role("button", name="Export", exact=True).click()
        return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()

    def said(self, text: str) -> None:
        self.page.get_by_text(text).first.wait_for()

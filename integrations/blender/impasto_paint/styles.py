"""The styles of the gallery; the program lists them when they are first needed."""

import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import bpy
import bpy.utils.previews

from . import link

DEFAULT = "starry-night"
_TICK = 0.2  # seconds between two checks of the listing


class Gallery:
    """All styles, as the items of an enumeration.

    Attributes:
        items: only the default style, until the listing arrives.
        trouble: the reason why the listing failed, or "".
        note: a line for the user about versions, or "".
    """

    def __init__(self) -> None:
        self.items: list[tuple[str, str, str, int, int]] = [(DEFAULT, "The Starry Night", "", 0, 0)]
        self.trouble = self.note = ""
        self._listing: Future[tuple[str, list[link.Style]]] | None = None
        self._previews: Any = None

    def want(self, command: list[str]) -> None:
        """Start the listing, unless it has started."""
        if self._listing is None:
            pool = ThreadPoolExecutor(1)
            self._listing = pool.submit(_listed, command)
            pool.shutdown(wait=False)
            bpy.app.timers.register(self._look, first_interval=_TICK)

    def forget(self) -> None:
        """Discard a finished listing, so that the next `want` starts a new one."""
        if self._listing is not None and self._listing.done():
            self._listing = None

    def close(self) -> None:
        """Free the thumbnails."""
        if bpy.app.timers.is_registered(self._look):
            bpy.app.timers.unregister(self._look)
        if self._previews is not None:
            bpy.utils.previews.remove(self._previews)
            self._previews = None

    def _look(self) -> float | None:
        if self._listing is None:
            return None
        if not self._listing.done():
            return _TICK
        try:
            version, styles = self._listing.result()
        except link.Trouble as trouble:
            self.trouble = str(trouble)
        else:
            self.trouble, self.note = "", version
            self._show(styles)
        for window in bpy.context.window_manager.windows:
            for area in window.screen.areas:
                area.tag_redraw()
        return None

    def _show(self, styles: list[link.Style]) -> None:
        if self._previews is None:
            self._previews = bpy.utils.previews.new()
        items = []
        for style in styles:
            if style.thumbnail and style.name not in self._previews:
                self._previews.load(style.name, style.thumbnail, "IMAGE")
            icon = self._previews[style.name].icon_id if style.name in self._previews else 0
            items.append((style.name, style.title, style.artist, icon, _number(style.name)))
        self.items = items or self.items


def _number(name: str) -> int:
    """Return a style's number in .blend files. It does not depend on other styles; 0 is the default."""
    return 0 if name == DEFAULT else zlib.crc32(name.encode()) & 0x7FFFFFFF


def _listed(command: list[str]) -> tuple[str, list[link.Style]]:
    """Return a line about versions, or "", and the styles."""
    from .settings import FOLDER

    if not command:
        raise link.Trouble("Impasto is not found", "type: pip install impasto, or enter the program in the preferences")
    program = link.Program(command)
    line = link.mismatch(str(link.installed(FOLDER).get("version", program.version())), program.version())
    return line.replace("HOST", "blender"), program.styles()

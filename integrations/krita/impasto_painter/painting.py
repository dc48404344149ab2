"""One painting, from the click on Paint to the new layer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import layers, link

if TYPE_CHECKING:
    from collections.abc import Callable

    from .task import Tasks


class Painting:
    """Paints a source in a thread. Krita's own thread calls `step` until it returns how the painting ended.

    Args:
        app: Krita's instance.
        tasks: starts the thread.
        title: title of the style, for the new layer's name.
        where: arguments of `link.connect`.
        decode: turns a PNG file, its width, height and bits into Krita's pixels.
    """

    def __init__(
        self,
        app: Any,
        tasks: Tasks,
        source: layers.Source,
        wish: link.Wish,
        title: str,
        where: tuple[str, list[str], str],
        decode: Callable[[bytes, int, int, int], bytes],
    ) -> None:
        self._app, self._source, self._title = app, source, title

        def work(go_on: Callable[[float | None], bool]) -> bytes:
            painted = link.connect(*where).paint(source.to_png(), replace(wish, bits=source.bits), go_on)
            return decode(painted, source.area.width, source.area.height, source.bits)

        self.task = tasks.start(work)

    def step(self) -> str:
        """Check the progress, and add the finished painting to the document.

        Returns:
            "" while it runs, then a line for the user.
        Raises:
            Trouble: it failed. The document is unchanged.
        """
        if not layers.is_open(self._app, self._source.document):
            self.task.cancel()
            return "Canceled, because the document was closed."
        if not self.task.over:
            return ""
        layers.add(self._app, self._source, self.task.result(), f"{self._title}, painted")
        return f"Painted into a new layer. {self._source.note}".strip()

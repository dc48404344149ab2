"""One painting, from the press of the button to the new layer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import layers, link

if TYPE_CHECKING:
    from collections.abc import Callable

    from .task import Tasks


class Painting:
    """Paints a source in a thread; `step` is called from Krita's own thread until it says how it ended.

    Args:
        app: Krita's instance.
        tasks: where the thread is begun.
        title: of the style; the new layer is named after it.
        where: what `link.connect` wants.
        decode: makes Krita's pixels of a PNG file, its width, height and bits.
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
        """See how far it is, and put the finished painting into the document.

        Returns:
            "" while it goes on, then a line for the user.
        Raises:
            Trouble: it has failed. The document is as it was.
        """
        if not layers.is_open(self._app, self._source.document):
            self.task.cancel()
            return "Canceled, because the document was closed."
        if not self.task.over:
            return ""
        layers.add(self._app, self._source, self.task.result(), f"{self._title}, painted")
        return f"Painted into a new layer. {self._source.note}".strip()

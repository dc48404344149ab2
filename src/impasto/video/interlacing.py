"""Deinterlace frames, because the painter would turn their comb pattern into strokes.

An interlaced frame contains two half pictures of two moments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from impasto.video.containers import ffmpeg


class Deinterlacer:
    """Convert interlaced frames to whole pictures with FFmpeg's `bwdif`. Other frames pass unchanged.

    Attributes:
        used: True if a frame was interlaced.
    """

    def __init__(self) -> None:
        self.used = False
        self._graph: Any = None
        self._form: tuple[Any, ...] = ()

    def __call__(self, frames: Iterable[Any]) -> Iterator[Any]:
        """Yield the same number of frames, with their times."""
        for frame in frames:
            form = frame.format.name, frame.width, frame.height, frame.time_base
            if form != self._form:
                yield from self._rest()
            if self._graph is None and not frame.interlaced_frame:
                yield frame
                continue
            if self._graph is None:
                self._graph, self._form, self.used = _graph(frame), form, True
            self._graph.push(frame)
            yield from self._done()
        yield from self._rest()

    def _done(self) -> Iterator[Any]:
        av = ffmpeg()
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            yield frame

    def _rest(self) -> Iterator[Any]:
        if self._graph is not None:
            self._graph.push(None)
            yield from self._done()
            self._graph = None


def _graph(frame: Any) -> Any:
    from av.filter import Graph

    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink"))
    graph.configure()
    return graph

"""Enlarge a clip frame by frame: `impasto.enlarge_video`."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from impasto.enlarging.enlarge import Enlarger
from impasto.enlarging.options import EnlargeOptions
from impasto.errors import UsageError
from impasto.picture import Picture
from impasto.picture.reading import MAX_PIXELS
from impasto.progress import OnProgress, Progress
from impasto.settings import make
from impasto.video.options import VideoOptions
from impasto.video.paint_video import PaintedVideo, open_clip, open_sink
from impasto.video.reading import VideoFrame


def enlarge_video(
    source: Path | str,
    output: Path | str,
    *,
    options: VideoOptions | None = None,
    mark: bool = True,
    overwrite: bool = False,
    max_pixels: int = MAX_PIXELS,
    on_progress: OnProgress | None = None,
    **values: Any,
) -> PaintedVideo:
    """Enlarge a video, and keep its sound and subtitles. Frames are enlarged independently; still parts do not flicker.

    Args:
        source, output, mark, overwrite, max_pixels, on_progress: as for `impasto.paint_video`.
        options: how the clip is read and written. Options of painting and resuming have no effect.
        values: the options of `impasto.enlarge`: scale, size, kind, strength.
    Raises:
        UsageError: an option, format or codec is unknown, or the frames would be too large.
        PictureError: the source cannot be read, or a file cannot be written.

    >>> impasto.enlarge_video("frames", "large.gif", scale=2).frames
    3
    """
    options = options or VideoOptions()
    enlarger = Enlarger(make(EnlargeOptions, values, "option"))
    path = Path(output)
    clip = open_clip(Path(source), path, options, max_pixels)
    size = enlarger.output_size(clip.width, clip.height)
    if size[0] * size[1] > max_pixels:
        raise UsageError(
            f"frames of {size[0]} x {size[1]} pixels are too large", "use a smaller --scale", code="too-large"
        )
    first = next(clip.frames(), None)
    if first is None:
        raise UsageError(
            f"{clip.path} has no frame from {options.start:g} s on", "change --start or --end", code="no-frames"
        )
    enlarger.prepare()
    made_with = enlarger.made_with() if mark else {}
    sink = open_sink(path, clip, size, options, None, first=first, made_with=made_with, overwrite=overwrite)
    began, frames, stopped = time.perf_counter(), 0, False
    try:
        for frame in clip.frames():
            sink.write(_enlarged(frame, enlarger))
            frames += 1
            seconds = time.perf_counter() - began
            total = max(clip.count, frames)
            now = Progress(frames, total, frames / total, f"{frames / seconds:.1f} frames/s")
            stopped = on_progress is not None and on_progress(now) is False
            if stopped:
                break
        kept = not stopped or options.keep_partial
        if kept:
            sink.close(whole=not stopped)
        else:
            sink.discard()
    except BaseException:
        sink.discard()
        raise
    facts = {"all": time.perf_counter() - began}
    return PaintedVideo(path if kept else None, frames, 1, stopped, (*sink.notes, *clip.notes), facts)


def _enlarged(frame: VideoFrame, enlarger: Enlarger) -> VideoFrame:
    made = enlarger(Picture(frame.samples, frame.alpha))
    return replace(frame, samples=made.samples, alpha=made.alpha)

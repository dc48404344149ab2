"""Write a clip: a video file, an animation or a folder of frames. Each says in its metadata how it was made."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from impasto.errors import PictureError, UsageError, write_fault
from impasto.picture import Picture
from impasto.picture.contents import Frame
from impasto.picture.metadata import comment_text
from impasto.pixels.arrays import stored
from impasto.system.files import already_there, part_name
from impasto.system.sessions import threads
from impasto.video.containers import ffmpeg, file_url, first_line, main_video, opened
from impasto.video.decoding import MATRICES, PIXEL_FORMATS, usual_matrix
from impasto.video.frame_pictures import is_animation
from impasto.video.reading import Clip, VideoFrame

if TYPE_CHECKING:
    from av.container import OutputContainer

ENCODERS: dict[str, tuple[str, str, str]] = {  # codec: FFmpeg's encoder, pixels, pixels with alpha
    "h264": ("libx264", "yuv420p", ""),
    "hevc": ("libx265", "yuv420p", ""),
    "av1": ("libsvtav1", "yuv420p10le", ""),
    "vp9": ("libvpx-vp9", "yuv420p", "yuva420p"),
    "prores": ("prores_ks", "yuv422p10le", "yuva444p10le"),
    "ffv1": ("ffv1", "yuv444p", "yuva444p"),
}
DEEP = ("av1", "prores")
"""Codecs that are written with more than 8 bits."""

CONTAINERS = {".mp4": "h264", ".m4v": "h264", ".mov": "h264", ".mkv": "h264", ".avi": "h264", ".webm": "vp9"}
"""Endings of video files, and the codec of each where none is named."""

ANIMATIONS = (".gif", ".webp", ".apng", ".avif")


class Sink(Protocol):
    """Where painted frames go, in the order of their times.

    Attributes:
        notes: what was left out.
    """

    notes: list[str]

    def write(self, frame: VideoFrame) -> None:
        """Add a frame; raise PictureError when the disk is full or the system refuses."""

    def close(self) -> None:
        """Finish, and put the result in its place."""

    def discard(self) -> None:
        """Leave nothing that looks like a result."""


class Writer:
    """A video file that appears whole or not at all: it is written beside its place and moved there.

    Sound and subtitles are copied from `source` as they are, packet by packet.

    Args:
        path: .mp4, .m4v, .mov, .mkv, .avi, .webm.
        width, height: of the frames, in pixels.
        rate: frames a second, on average.
        codec: one of `ENCODERS`; None, the container's usual one.
        quality: the encoder's constant rate factor: lower is better and larger; None, its usual one.
        source: the clip whose sound and subtitles are copied; None, none.
        alpha: whether frames have alpha; a codec without it leaves it out.
        sample_aspect_ratio: how wide a pixel is shown, as a share of its height.
        made_with: what painted the frames, for the file's comment; empty, none is written.
    Raises:
        UsageError: a codec that is not there, or that the container cannot hold.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        rate: Fraction,
        *,
        codec: str | None = None,
        quality: int | None = None,
        source: Clip | None = None,
        alpha: bool = False,
        sample_aspect_ratio: Fraction = Fraction(1),
        made_with: Mapping[str, object] | None = None,
        overwrite: bool = False,
    ) -> None:
        av = ffmpeg()
        suffix = path.suffix.lower()
        if suffix not in CONTAINERS:
            raise UsageError(
                f"{path}: no such video format",
                f"one of {', '.join([*CONTAINERS, *ANIMATIONS])}, or a folder",
                code="unknown-format",
            )
        if path.exists() and not overwrite:
            raise already_there(path)
        self.path, self.overwrite = path, overwrite
        codec = codec or CONTAINERS[suffix]
        if codec not in ENCODERS:
            raise UsageError(f"{codec} is no codec", f"one of {', '.join(ENCODERS)}", code="unknown-choice")
        encoder, plain, transparent = ENCODERS[codec]
        self.format = transparent if alpha and transparent else plain
        self.alpha = alpha and bool(transparent)
        self.part = part_of(path)
        self.sample_aspect_ratio = sample_aspect_ratio
        self.width, self.height = width + width % 2, height + height % 2  # halves of colors need even sides
        self.colorspace = MATRICES[usual_matrix(self.height)]
        self.notes: list[str] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.container: OutputContainer = av.open(file_url(self.part), "w")
            self.container.metadata.update(container_metadata(made_with or {}))
            self.stream = self._video_stream(codec, encoder, rate, quality)
        except (av.FFmpegError, OSError, ValueError) as error:
            self.part.unlink(missing_ok=True)
            raise UsageError(
                f"{path} cannot be written with {codec}", first_line(error), code="not-encodable"
            ) from error
        self._copied = CopiedStreams(self.container, source, self.notes) if source is not None else None

    def _video_stream(self, codec: str, encoder: str, rate: Fraction, quality: int | None) -> Any:
        options = {"crf": str(quality)} if quality is not None and codec not in ("prores", "ffv1") else {}
        if codec == "h264":  # half the time of "fast" 18, a tenth smaller, half a decibel less
            # Its own choice of threads takes two thirds more of the processors, which the network wants.
            options = {"crf": "17", "preset": "veryfast", "threads": str(max(1, threads() // 4))} | options
        stream: Any = self.container.add_stream(encoder, rate=rate.limit_denominator(60_000), options=options)
        stream.width, stream.height, stream.pix_fmt = self.width, self.height, self.format
        context = stream.codec_context
        context.time_base = Fraction(1, 90_000)
        context.color_range = 1
        context.sample_aspect_ratio = self.sample_aspect_ratio
        context.colorspace = usual_matrix(self.height)
        if codec == "hevc" and self.path.suffix.lower() in (".mp4", ".mov"):
            context.codec_tag = "hvc1"
        return stream

    def write(self, frame: VideoFrame) -> None:
        """Encode a frame; raise PictureError when the disk is full or the system refuses."""
        av = ffmpeg()
        deep = "10le" in self.format
        kind = np.dtype(np.uint16 if deep else np.uint8)
        values = frame.samples if frame.samples.dtype == kind else stored(frame.pixels, kind)
        if self.alpha and frame.alpha is not None:
            values = np.dstack([values, stored(frame.alpha, kind)])
        border = [(0, self.height - values.shape[0]), (0, self.width - values.shape[1])]
        if any(beyond for _, beyond in border):
            values = np.pad(values, [*border, (0, 0)], mode="edge")
        name = PIXEL_FORMATS[deep, values.shape[2] == 4]
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(values), format=name)
        picture = picture.reformat(format=self.format, dst_colorspace=self.colorspace)
        picture.time_base = self.stream.codec_context.time_base
        picture.pts = round(frame.time / picture.time_base)
        self._mux(picture)
        if self._copied:
            self._copied.until(frame.time)

    def close(self) -> None:
        """Finish the file and put it in its place."""
        av = ffmpeg()
        self._mux(None)
        try:
            if self._copied:
                self._copied.until(None)
            self.container.close()
            put_in_place(self.part, self.path, self.overwrite)
        except (av.FFmpegError, OSError) as error:
            raise cannot_write(self.path, error) from error
        finally:
            self.part.unlink(missing_ok=True)

    def discard(self) -> None:
        with contextlib.suppress(Exception):
            self.container.close()
        self.part.unlink(missing_ok=True)

    def _mux(self, picture: Any) -> None:
        av = ffmpeg()
        try:
            for packet in self.stream.encode(picture):
                self.container.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise cannot_write(self.path, error) from error


class CopiedStreams:
    """Sound and subtitles on their way from one file to another, kept in step with the pictures."""

    def __init__(self, target: OutputContainer, source: Clip, notes: list[str]) -> None:
        av = ffmpeg()
        moves = source.path.is_file() and not is_animation(source.path)
        self.container = opened(source.path, untrusted=source.untrusted) if moves else None
        self.streams: dict[int, Any] = {}
        self._next: Any = None
        if self.container is None:
            return
        for stream in (*self.container.streams.audio, *self.container.streams.subtitles):
            kind = "sound" if stream.type == "audio" else "subtitles"
            try:
                self.streams[stream.index] = target.add_stream_from_template(stream)
            except (av.FFmpegError, ValueError) as error:
                notes.append(f"its {kind} cannot go into this kind of file and are left out ({first_line(error)})")
        self.target = target
        video = main_video(self.container)
        self.origin = Fraction(0) if video.start_time is None else video.start_time * video.time_base
        self.begun, self.ended = source.span
        self.origin += self.begun
        wanted = [self.container.streams[index] for index in self.streams]
        self.packets = iter(self.container.demux(wanted)) if wanted else iter(())

    def until(self, time: Fraction | None) -> None:
        """Copy what belongs before a picture's time; None, all the rest."""
        if self.container is None:
            return
        av = ffmpeg()
        while True:
            try:
                packet = self._next or next(self.packets, None)
            except av.FFmpegError:  # the end of what can be read
                return
            self._next = None
            if packet is None:
                return
            if packet.dts is None:
                continue
            at = packet.dts * packet.time_base - self.origin
            if time is not None and at > time:
                self._next = packet
                return
            if self.ended is not None and at >= self.ended - self.begun:
                return
            if at < 0 and self.begun:  # what an encoder puts before the first sound stays with a whole clip
                continue
            shift = round(self.origin / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts -= shift
            packet.stream = self.streams[packet.stream.index]
            self.target.mux(packet)


class FolderWriter:
    """Frames as numbered PNG files; each is whole or not there.

    Args:
        made_with: what painted the frames, for each file's metadata; empty, none is written.
        done: how many an earlier run has left for good; those after them are written anew.
    """

    def __init__(
        self, folder: Path, *, made_with: Mapping[str, object] | None = None, overwrite: bool = False, done: int = 0
    ) -> None:
        if folder.exists() and not folder.is_dir():
            raise PictureError(f"{folder} is a file, not a folder", code="not-a-folder")
        self.folder, self.overwrite, self.count = folder, overwrite or done > 0, done
        self.made_with = made_with or {}
        self.notes: list[str] = []

    def write(self, frame: VideoFrame) -> None:
        self.count += 1
        picture = Picture(frame.pixels, frame.alpha, made_with=self.made_with)
        picture.save(self.folder / f"{self.count:06d}.png", overwrite=self.overwrite)

    def close(self) -> None: ...

    def discard(self) -> None: ...


class AnimationWriter:
    """An animated GIF, WebP, PNG or AVIF; its frames are kept until the end, so it is for short clips.

    Every frame is shown until the next one's time.

    Args:
        path: one of the endings of `ANIMATIONS`.
        rate: frames a second, on average: the last one is shown as long.
        made_with: what painted the frames, for the file's metadata; empty, none is written.
    Raises:
        UsageError: more frames than fit into a gigabyte.
    """

    def __init__(
        self, path: Path, rate: Fraction, *, made_with: Mapping[str, object] | None = None, overwrite: bool = False
    ) -> None:
        if path.exists() and not overwrite:
            raise already_there(path)
        self.path, self.overwrite = path, overwrite
        self.made_with = made_with or {}
        self.last_duration = 1000 / float(rate)
        self.times: list[Fraction] = []
        self.first: Picture | None = None
        self.frames: list[Frame] = []
        self.notes: list[str] = []

    def write(self, frame: VideoFrame) -> None:
        count = len(self.frames) + (self.first is not None)
        if (count + 1) * frame.samples.size > 10**9:
            raise UsageError(
                f"{count} frames are too many for {self.path.suffix}", "--end, --size, or .mp4", code="too-large"
            )
        kind = np.dtype(np.uint8)
        samples = frame.samples if frame.samples.dtype == kind else stored(frame.pixels, kind)
        self.times.append(frame.time)
        if self.first is None:
            self.first = Picture(samples, frame.alpha, made_with=self.made_with)
        else:
            values = samples if frame.alpha is None else np.dstack([samples, stored(frame.alpha, kind)])
            self.frames.append(Frame(values.astype(np.uint8, copy=False), 0))

    def close(self) -> None:
        if self.first is None:
            return
        gaps = [1000 * float(after - time) for time, after in itertools.pairwise(self.times)]
        first, *durations = [*gaps, self.last_duration]
        frames = [replace(frame, duration=shown) for frame, shown in zip(self.frames, durations, strict=True)]
        picture = replace(self.first, frames=tuple(frames), duration=first)
        picture.save(self.path, quality=85, overwrite=self.overwrite)

    def discard(self) -> None: ...


def container_metadata(made_with: Mapping[str, object]) -> dict[str, str]:
    """The metadata of a video file that say how it was made; empty if nothing is known.

    Every container that we write keeps a comment, and few keep anything else.
    """
    return {"comment": comment_text(made_with)} if made_with else {}


def part_of(path: Path) -> Path:
    """Where a clip is written until it is whole: FFmpeg tells the format by the ending."""
    return path.with_name(part_name(path.stem, path.suffix))


def put_in_place(part: Path, path: Path, overwrite: bool) -> None:
    """Move a finished file to its place."""
    if path.exists() and not overwrite:
        raise already_there(path)
    os.replace(part, path)


def cannot_write(path: Path, error: BaseException) -> PictureError:
    return PictureError(
        f"cannot write {path}: {first_line(error)}", "what was there is untouched", code=write_fault(error)
    )

"""Encode painted frames into a file of pictures only, which stays readable even if encoding is interrupted."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from impasto.errors import UsageError
from impasto.pixels.arrays import floats, stored
from impasto.system.sessions import threads
from impasto.video.containers import ffmpeg, file_url
from impasto.video.decoding import MATRICES, PIXEL_FORMATS, usual_matrix
from impasto.video.reading import VideoFrame
from impasto.video.streams import FORMATS, cannot_write, faults

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
"""Endings of video files, and their default codecs."""

SAY_THEIR_ASPECT = ("h264", "hevc")
"""Codecs whose streams store the pixel aspect ratio, so that every container keeps it."""

_REORDERS = ("h264", "hevc")
_TICK = Fraction(1, 90_000)  # seconds
_COARSE = (".mkv", ".webm")  # containers with times in whole milliseconds


@dataclass(frozen=True)
class Encoding:
    """Set how frames are encoded.

    Attributes:
        width, height: of the frames, in pixels.
        rate: frames a second, on average.
        suffix: the result's ending, one of `CONTAINERS`.
        codec: one of `ENCODERS`.
        quality: constant rate factor; None: the encoder's default.
        alpha: True if frames have alpha. Codecs without alpha drop it.
        aspect: width of a pixel divided by its height.
    Raises:
        UsageError: the codec is unknown.
    """

    width: int
    height: int
    rate: Fraction
    suffix: str
    codec: str
    quality: int | None = None
    alpha: bool = False
    aspect: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if self.codec not in ENCODERS:
            raise UsageError(f"unknown codec '{self.codec}'", f"one of {', '.join(ENCODERS)}", code="unknown-choice")

    @property
    def holds_alpha(self) -> bool:
        """True if alpha is kept. VP9 stores it beside its pictures, which only Matroska supports."""
        beside = self.codec == "vp9" and self.suffix not in (".webm", ".mkv")
        return self.alpha and bool(ENCODERS[self.codec][2]) and not beside

    @property
    def pixels(self) -> str:
        """FFmpeg's name of the pixel format."""
        return ENCODERS[self.codec][2 if self.holds_alpha else 1]

    @property
    def said_of_stream(self) -> dict[str, str]:
        """More metadata that a file's stream needs."""
        return {"alpha_mode": "1"} if self.codec == "vp9" and self.holds_alpha else {}

    @property
    def even_size(self) -> tuple[int, int]:
        """Width and height, rounded up to even numbers for color subsampling."""
        return self.width + self.width % 2, self.height + self.height % 2

    @property
    def steady(self) -> bool:
        """True if all frames last equally long, because AVI stores no times."""
        return self.suffix == ".avi"

    @property
    def piece_suffix(self) -> str:
        """The ending of the file to which the frames are encoded.

        An MP4 file stores for each packet when it is decoded and when it is shown. Codecs that store frames in another
        order need both times.
        """
        return ".mp4" if self.codec in _REORDERS and not self.steady else self.suffix

    def add_stream(self, container: Any) -> Any:
        """Add the encoder's stream to a file."""
        codec, quality = self.codec, self.quality
        options = {"crf": str(quality)} if quality is not None and codec not in ("prores", "ffv1") else {}
        if codec == "h264":  # half the time of "fast" 18, files a tenth smaller, half a decibel worse
            # By default, x264 starts so many threads that it uses two thirds more processor time, which the
            # network needs. Dividing blocks between frames takes a third of its time, and saves no bytes of a painting.
            few = str(max(1, threads() // 4))
            options = {"crf": "17", "preset": "veryfast", "partitions": "i8x8", "threads": few} | options
        if codec == "hevc":
            options |= {"x265-params": "log-level=error"}  # x265 and SVT-AV1 write to standard error by themselves
        elif codec == "av1":
            os.environ.setdefault("SVT_LOG", "1")
        stream: Any = container.add_stream(ENCODERS[codec][0], rate=self.rate, options=options)
        stream.width, stream.height = self.even_size
        stream.pix_fmt = self.pixels
        stream.metadata.update(self.said_of_stream)
        context = stream.codec_context
        context.time_base = 1 / self.rate if self.steady else _TICK
        context.color_range, context.colorspace = 1, usual_matrix(*self.even_size[::-1])
        context.color_primaries = context.color_trc = 1  # BT.709, which has the primaries of sRGB
        if self.steady and codec in _REORDERS:
            context.max_b_frames = 0  # AVI stores only the order of decoding
        if self.aspect != 1 and codec in SAY_THEIR_ASPECT:
            context.sample_aspect_ratio = self.aspect
        if codec == "hevc" and self.suffix in (".mp4", ".m4v", ".mov"):
            context.codec_tag = "hvc1"
        return stream


def encoding_for(
    path: Path,
    width: int,
    height: int,
    rate: Fraction,
    *,
    codec: str | None = None,
    quality: int | None = None,
    alpha: bool = False,
    aspect: Fraction = Fraction(1),
) -> Encoding:
    """Return the encoding for a file name.

    Args:
        codec: one of `ENCODERS`; None: the container's default.
    Raises:
        UsageError: the ending or the codec is unknown.
    """
    suffix = path.suffix.lower()
    if suffix not in CONTAINERS:
        raise UsageError(
            f"{path}: unsupported video format",
            f"use one of {', '.join([*CONTAINERS, '.gif', '.webp', '.apng', '.avif'])}, or a folder",
            code="unknown-format",
        )
    rate = rate.limit_denominator(60_000)
    return Encoding(width, height, rate, suffix, codec or CONTAINERS[suffix], quality, alpha, aspect)


def losses(encoding: Encoding, frame: VideoFrame) -> list[str]:
    """Return notes on what an encoding loses of such frames."""
    lost = []
    if frame.alpha is not None and not encoding.holds_alpha:
        lost.append(
            f"{encoding.codec} in {encoding.suffix} has no transparency: transparent parts become white "
            "(use vp9 in .webm, or prores in .mov)"
        )
    if frame.samples.dtype == np.uint16 and "10le" not in encoding.pixels:
        lost.append(f"{encoding.codec} has 8 bits a color, fewer than the source (use av1 or prores)")
    return lost


class EncodedFile:
    """A file to which frames are encoded. It stays readable even if it is never closed.

    Args:
        path: of the file.
        result: the path that errors name.
    Raises:
        PictureError: the container or the encoder cannot store such frames, or the system refuses to write.
    """

    def __init__(self, path: Path, encoding: Encoding, result: Path) -> None:
        self.path, self.encoding, self.result = path, encoding, result
        self.colorspace = MATRICES[usual_matrix(*encoding.even_size[::-1])]
        self.frames = 0
        self._last = -1  # tick of the last frame
        self._shown: Any = None
        self._first = 0  # tick of the first frame
        self._until = 0  # tick at which the last frame ends
        suffix = path.suffix.lower()
        options = {"flush_packets": "1"}  # otherwise FFmpeg buffers 256 kB, up to half a minute of video
        if suffix in (".mp4", ".m4v", ".mov"):
            options |= {"movflags": "frag_keyframe+empty_moov", "frag_duration": "1000000"}
        elif suffix in (".mkv", ".webm"):
            options["cluster_time_limit"] = "1000"
        try:
            self.container = ffmpeg().open(file_url(path), "w", format=FORMATS.get(suffix), container_options=options)
            self.stream = encoding.add_stream(self.container)
        except faults() as error:
            path.unlink(missing_ok=True)
            raise cannot_write(result, error) from error

    def write(self, frame: VideoFrame) -> None:
        """Encode a frame. Raise PictureError if the disk is full or the system refuses to write."""
        self._encode(self._picture(frame), frame.time, frame.duration)
        self.frames += 1

    def _picture(self, frame: VideoFrame) -> Any:
        deep = "10le" in self.encoding.pixels
        kind = np.dtype(np.uint16 if deep else np.uint8)
        values = frame.samples if frame.samples.dtype == kind else stored(frame.pixels, kind)
        if self.encoding.holds_alpha:
            alpha = np.ones(values.shape[:2], np.float32) if frame.alpha is None else frame.alpha
            values = np.dstack([values, stored(alpha, kind)])
        elif frame.alpha is not None:
            share = frame.alpha[:, :, None]
            values = stored(floats(values) * share + (1 - share), kind)
        width, height = self.encoding.even_size
        border = [(0, height - values.shape[0]), (0, width - values.shape[1])]
        if any(beyond for _, beyond in border):
            values = np.pad(values, [*border, (0, 0)], mode="edge")
        name = PIXEL_FORMATS[deep, values.shape[2] == 4]
        picture = ffmpeg().VideoFrame.from_ndarray(np.ascontiguousarray(values), format=name)
        return picture.reformat(format=self.encoding.pixels, dst_colorspace=self.colorspace)

    def _encode(self, picture: Any, time: Fraction, duration: Fraction) -> None:
        base = self.stream.codec_context.time_base
        least = round(Fraction(1, 1000) / base) if self.encoding.suffix in _COARSE else 1
        at = max(round(time / base), self._last + least) if self._last >= 0 else round(time / base)
        if self.encoding.steady and self._shown is not None:
            for tick in range(self._last + 1, at):
                self._mux(self._shown, tick)
        self._first = at if self._last < 0 else self._first
        self._last, self._until = at, at + max(1, round((duration or 1 / self.encoding.rate) / base))
        self._mux(picture, at)
        self._shown = picture if self.encoding.steady else None

    @property
    def last(self) -> tuple[Fraction, Fraction]:
        """Seconds from the first frame to the last, and the duration of the last."""
        base = self.stream.codec_context.time_base
        return (self._last - self._first) * base, (self._until - self._last) * base

    def close(self, *, ends: bool = True) -> None:
        """Finish the file.

        Args:
            ends: True if the clip ends with this file. A file of constant rate then repeats its last frame for its
                duration.
        """
        if self._shown is not None and ends:
            for tick in range(self._last + 1, self._until):
                self._mux(self._shown, tick)
        try:
            self._mux(None, 0)
            self.container.close()
        except faults() as error:
            raise cannot_write(self.result, error) from error

    def end(self) -> None:
        """Finish as much as possible after a failure."""
        with contextlib.suppress(Exception):
            self._mux(None, 0)
        with contextlib.suppress(Exception):
            self.container.close()

    def discard(self) -> None:
        with contextlib.suppress(Exception):
            self.container.close()
        self.path.unlink(missing_ok=True)

    def _mux(self, picture: Any, tick: int) -> None:
        if picture is not None:
            picture.time_base, picture.pts = self.stream.codec_context.time_base, tick
        try:
            for packet in self.stream.encode(picture):
                packet.duration = packet.duration or round(1 / self.encoding.rate / packet.time_base)
                if packet.pts == self._last and not self.encoding.steady:
                    packet.duration = self._until - self._last
                self.container.mux(packet)
        except faults() as error:
            raise cannot_write(self.result, error) from error

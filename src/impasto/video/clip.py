"""Moving pictures in and out: files that FFmpeg knows, and folders of frames."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from impasto.errors import MissingExtra, PictureError, UsageError
from impasto.picture import Picture
from impasto.picture.formats import SUFFIXES
from impasto.pixels.arrays import Pixels, Samples, fit, floats, stored
from impasto.system.files import already_there, part_name
from impasto.system.sessions import threads

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer

ENCODERS: dict[str, tuple[str, str, str]] = {  # codec: FFmpeg's encoder, pixels, pixels with alpha
    "h264": ("libx264", "yuv420p", ""),
    "hevc": ("libx265", "yuv420p", ""),
    "av1": ("libsvtav1", "yuv420p10le", ""),
    "vp9": ("libvpx-vp9", "yuv420p", "yuva420p"),
    "prores": ("prores_ks", "yuv422p10le", "yuva444p10le"),
    "ffv1": ("ffv1", "yuv444p", "yuva444p"),
}
CONTAINERS = {".mp4": "h264", ".m4v": "h264", ".mov": "h264", ".mkv": "h264", ".avi": "h264", ".webm": "vp9"}
ANIMATIONS = (".gif", ".webp", ".apng")
_FRAME_RATE = 25  # of folders of frames
DEEP = ("av1", "prores")
"""Codecs that are written with more than 8 bits."""

_RGB = {(False, False): "rgb24", (False, True): "rgba", (True, False): "rgb48le", (True, True): "rgba64le"}
_MATRICES = {1: "ITU709", 4: "FCC", 5: "ITU601", 6: "ITU601", 7: "SMPTE240M", 9: "BT2020", 10: "BT2020"}


@dataclass(frozen=True)
class Frame:
    """One picture of a clip.

    Attributes:
        samples: H x W x 3, upright, in the bits of the file, or float32.
        time: seconds since the first frame that is taken.
        alpha: H x W, or None.
    """

    samples: Samples
    time: Fraction
    alpha: Pixels | None = None

    @property
    def pixels(self) -> Pixels:
        """H x W x 3, float32, 0..1."""
        return self.samples if self.samples.dtype == np.float32 else floats(self.samples)


@dataclass
class Clip:
    """A video's file or a folder of frames, opened for reading.

    Attributes:
        width, height: of the upright picture.
        rate: frames a second, on average.
        count: about how many frames; 0 if nobody knows.
        note: what was wrong on the way, once frames have been read.
    """

    path: Path
    start: float = 0.0
    end: float | None = None
    width: int = 0
    height: int = 0
    rate: Fraction = Fraction(_FRAME_RATE)
    count: int = 0
    note: str = ""
    _files: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.start < 0 or (self.end is not None and self.end <= self.start):
            last = "the end" if self.end is None else f"{self.end:g} s"
            raise UsageError(f"there is nothing from {self.start:g} s to {last}", "--start, --end")
        if self.path.is_dir():
            self._files = sorted(path for path in self.path.iterdir() if path.suffix.lower() in SUFFIXES)
            if not self._files:
                raise PictureError(f"there are no pictures in {self.path}")
            first = Picture.open(self._files[0])
            self.width, self.height, self.count = first.width, first.height, len(self._files)
            return
        with self._opened() as container:
            stream: Any = container.streams.video[0]  # what may be None differs between PyAV's versions
            self.rate = stream.average_rate or stream.guessed_rate or Fraction(_FRAME_RATE)
            first_frame = next(self._decoded(container), None)
            if first_frame is None:
                raise PictureError(f"{self.path} holds no frame that can be read")
            self.height, self.width = _upright(first_frame).shape[:2]
            known = stream.duration is not None and stream.time_base is not None
            length = float(stream.duration * stream.time_base) if known else (container.duration or 0) / 1e6
            length = min(length, self.end or length) - self.start
            self.count = max(0, round(length * float(self.rate)))

    @property
    def span(self) -> tuple[Fraction, Fraction | None]:
        """Start and end in seconds."""
        exact = [None if at is None else Fraction(at).limit_denominator(10**6) for at in (self.start, self.end)]
        return exact[0] or Fraction(0), exact[1]

    def frames(self, size: tuple[int, int] | None = None) -> Iterator[Frame]:
        """Every frame from start to end, all of one size.

        Damage ends the clip where it is; `note` then says so.

        Args:
            size: width and height; None, the first frame's.
        """
        width, height = size or (self.width, self.height)
        begun, ended = self.span
        if self._files:
            for index, path in enumerate(self._files):
                time = Fraction(index) / self.rate
                if begun <= time and (ended is None or time < ended):
                    picture = Picture.open(path).resized(width, height)
                    yield Frame(picture.samples, time - begun, picture.alpha)
            return
        with self._opened() as container:
            stream: Any = container.streams.video[0]
            stream.thread_type = "AUTO"
            origin: Fraction | None = None
            last = Fraction(-1)
            for index, frame in enumerate(self._decoded(container)):
                known = frame.pts is not None and frame.time_base is not None
                time = frame.pts * frame.time_base if known else Fraction(index) / self.rate
                origin = time if origin is None else origin
                time -= origin
                if ended is not None and time >= ended:
                    break
                if time < begun or time <= last:
                    continue
                last = time
                samples, alpha = _samples(frame, (width, height))
                yield Frame(samples, time - begun, alpha)

    def _opened(self) -> InputContainer:
        av = ffmpeg()
        if not self.path.exists():
            raise PictureError(f"there is no file {self.path}")
        try:
            container: InputContainer = av.open(str(self.path))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise PictureError(f"{self.path} is no video that can be read", _first_line(error)) from error
        if not container.streams.video:
            container.close()
            raise PictureError(f"{self.path} holds no pictures that move", "sound alone cannot be painted")
        return container

    def _decoded(self, container: InputContainer) -> Iterator[Any]:
        av = ffmpeg()
        try:
            yield from container.decode(video=0)
        except av.FFmpegError as error:
            self.note = f"{self.path} is damaged: {_first_line(error)}; what could be read is painted"


def _samples(frame: Any, size: tuple[int, int] | None = None) -> tuple[Samples, Pixels | None]:
    """A decoded frame, upright; its alpha, in 0..1, if it has any.

    Args:
        size: width and height of the upright picture; FFmpeg resizes ten times as fast as we do, in the frame's own
            bits. None, the frame's.
    """
    deep = any(component.bits > 8 for component in frame.format.components)
    transparent = len(frame.format.components) in (2, 4) and "a" in frame.format.name
    quarters = round((frame.rotation or 0) / 90) % 4
    wanted = {}
    lying = size if size is None or quarters % 2 == 0 else size[::-1]
    if lying is not None and lying != (frame.width, frame.height):
        smaller = lying[0] <= frame.width and lying[1] <= frame.height
        wanted = {"width": lying[0], "height": lying[1], "interpolation": "AREA" if smaller else "BICUBIC"}
    rgb = frame.reformat(format=_RGB[deep, transparent], src_colorspace=_colorspace(frame), **wanted)
    samples = rgb.to_ndarray()
    if quarters:
        samples = np.rot90(samples, quarters)
    return np.ascontiguousarray(samples[:, :, :3]), floats(samples[:, :, 3]) if transparent else None


def _upright(frame: Any) -> Pixels:
    return floats(_samples(frame)[0])


def _colorspace(frame: Any) -> str:
    """The frame's own matrix; where it does not say, that of its size: BT.709 from 720 lines on, else BT.601."""
    return _MATRICES.get(int(frame.colorspace), _MATRICES[_usual_matrix(frame.height)])


def _usual_matrix(height: int) -> int:
    """What players expect of a file that does not say: BT.709 from 720 lines on, else BT.601."""
    return 1 if height >= 720 else 5


class Writer:
    """A video's file that appears whole or not at all: it is written beside its place and moved there.

    Sound and subtitles are copied from `source` as they are, packet by packet.

    Args:
        path: .mp4, .mov, .mkv, .avi, .webm.
        source: what sound and subtitles are copied from, and from where on; None, none.
        quality: the encoder's constant rate factor: lower is better and larger; None, its usual one.
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
        overwrite: bool = False,
    ) -> None:
        av = ffmpeg()
        suffix = path.suffix.lower()
        if suffix not in CONTAINERS:
            raise UsageError(
                f"{path}: no such video format", f"one of {', '.join([*CONTAINERS, *ANIMATIONS])}, or a folder"
            )
        if path.exists() and not overwrite:
            raise already_there(path)
        self.path, self.overwrite = path, overwrite
        codec = codec or CONTAINERS[suffix]
        if codec not in ENCODERS:
            raise UsageError(f"{codec} is no codec", f"one of {', '.join(ENCODERS)}")
        encoder, plain, transparent = ENCODERS[codec]
        self.format = transparent if alpha and transparent else plain
        self.alpha = alpha and bool(transparent)
        self.part = part_of(path)
        self.width, self.height = width + width % 2, height + height % 2  # halves of colours need even sides
        self.notes: list[str] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.container: OutputContainer = av.open(str(self.part), "w")
            options = {"crf": str(quality)} if quality is not None and codec not in ("prores", "ffv1") else {}
            if codec == "h264":  # half the time of "fast" 18, a tenth smaller, half a decibel less
                # Its own choice of threads takes two thirds more of the processors, which the network wants.
                options = {"crf": "17", "preset": "veryfast", "threads": str(max(1, threads() // 4))} | options
            self.stream: Any = self.container.add_stream(encoder, rate=rate.limit_denominator(60_000), options=options)
            self.stream.width, self.stream.height, self.stream.pix_fmt = self.width, self.height, self.format
            self.colorspace = _MATRICES[_usual_matrix(self.height)]
            context = self.stream.codec_context
            context.time_base = Fraction(1, 90_000)
            context.color_range = 1
            context.colorspace = _usual_matrix(self.height)
            if codec == "hevc" and suffix in (".mp4", ".mov"):
                context.codec_tag = "hvc1"
        except (av.FFmpegError, OSError, ValueError) as error:
            self.part.unlink(missing_ok=True)
            raise UsageError(f"{path} cannot be written with {codec}", _first_line(error)) from error
        self._copied = Copied(self.container, source, self.notes) if source is not None else None

    def write(self, frame: Frame) -> None:
        """Encode a frame; raises PictureError when the disk is full or the system refuses."""
        av = ffmpeg()
        deep = "10le" in self.format
        kind = np.dtype(np.uint16 if deep else np.uint8)
        values = frame.samples if frame.samples.dtype == kind else stored(frame.pixels, kind)
        if self.alpha and frame.alpha is not None:
            values = np.dstack([values, stored(frame.alpha, kind)])
        border = [(0, self.height - values.shape[0]), (0, self.width - values.shape[1])]
        if any(beyond for _, beyond in border):
            values = np.pad(values, [*border, (0, 0)], mode="edge")
        name = _RGB[deep, values.shape[2] == 4]
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


def part_of(path: Path) -> Path:
    """Where a clip is written until it is whole: FFmpeg tells the format by the ending."""
    return path.with_name(part_name(path.stem, path.suffix))


def put_in_place(part: Path, path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise already_there(path)
    os.replace(part, path)


class Copied:
    """Sound and subtitles on their way from one file to another, kept in step with the pictures."""

    def __init__(self, target: OutputContainer, source: Clip, notes: list[str]) -> None:
        av = ffmpeg()
        self.container = av.open(str(source.path)) if source.path.is_file() else None
        self.streams: dict[int, Any] = {}
        self._next: Any = None
        if self.container is None:
            return
        for stream in (*self.container.streams.audio, *self.container.streams.subtitles):
            kind = "sound" if stream.type == "audio" else "subtitles"
            try:
                self.streams[stream.index] = target.add_stream_from_template(stream)
            except (av.FFmpegError, ValueError) as error:
                notes.append(f"its {kind} cannot go into this kind of file and are left out ({_first_line(error)})")
        self.target = target
        video: Any = self.container.streams.video[0]
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
        done: how many an earlier run has left for good; those after them are written anew.
    """

    def __init__(self, folder: Path, *, overwrite: bool = False, done: int = 0) -> None:
        if folder.exists() and not folder.is_dir():
            raise PictureError(f"{folder} is a file, not a folder")
        self.folder, self.overwrite, self.count = folder, overwrite or done > 0, done
        self.notes: list[str] = []

    def write(self, frame: Frame) -> None:
        self.count += 1
        Picture(frame.pixels, frame.alpha).save(self.folder / f"{self.count:06d}.png", overwrite=self.overwrite)

    def close(self) -> None: ...

    def discard(self) -> None: ...


class AnimationWriter:
    """An animated GIF, WebP or PNG; its frames are kept until the end, so it is for short clips.

    Raises:
        UsageError: more frames than fit into a gigabyte.
    """

    def __init__(self, path: Path, rate: Fraction, *, overwrite: bool = False) -> None:
        if path.exists() and not overwrite:
            raise already_there(path)
        self.path, self.rate, self.overwrite = path, rate, overwrite
        self.frames: list[Any] = []
        self.notes: list[str] = []

    def write(self, frame: Frame) -> None:
        if (len(self.frames) + 1) * frame.samples.size > 10**9:
            raise UsageError(f"{len(self.frames)} frames are too many for {self.path.suffix}", "--end, --size, or .mp4")
        self.frames.append(Picture(frame.pixels, frame.alpha).to_pil())

    def close(self) -> None:
        import io

        from impasto.system.files import write_atomically

        out = io.BytesIO()
        first, *rest = self.frames
        kind = {".gif": "GIF", ".webp": "WEBP", ".apng": "PNG"}[self.path.suffix.lower()]
        options: dict[str, Any] = {"quality": 85} if kind == "WEBP" else {}
        duration = round(1000 / float(self.rate))
        first.save(out, kind, save_all=True, append_images=rest, duration=duration, loop=0, **options)
        write_atomically(self.path, out.getvalue(), overwrite=self.overwrite)

    def discard(self) -> None: ...


def output_size(clip: Clip, size: int | None) -> tuple[int, int]:
    return (clip.width, clip.height) if size is None else fit(clip.width, clip.height, size)


def cannot_write(path: Path, error: BaseException) -> PictureError:
    return PictureError(f"cannot write {path}: {_first_line(error)}", "what was there is untouched")


def _first_line(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text).splitlines()[0][:120] if text else type(error).__name__


def ffmpeg() -> Any:
    """PyAV; raises MissingExtra where it is not installed."""
    try:
        import av
    except ImportError:
        raise MissingExtra("PyAV, which reads and writes video,", "video") from None
    return av

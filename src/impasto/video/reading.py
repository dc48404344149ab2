"""Read a clip: a video file, an animation, or a folder of frames."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from impasto.errors import PictureError, UsageError
from impasto.picture import Picture
from impasto.picture.reading import MAX_PIXELS
from impasto.pixels.arrays import Pixels, Samples, fit, floats
from impasto.video.containers import (
    alpha_is_apart,
    check_file,
    decoder_of,
    ffmpeg,
    first_line,
    main_video,
    opened,
    promises_alpha,
    video_packets,
)
from impasto.video.cropping import WHOLE, Cropping, cropping_of
from impasto.video.decoding import Orientation, color_notes, decoded_samples, has_alpha, orientation_of
from impasto.video.frame_pictures import animation_frames, frame_files, is_animation, placed, same_shape
from impasto.video.interlacing import Deinterlacer
from impasto.video.times import (
    ANIMATIONS,
    USUAL_RATE,
    AnimationTimes,
    FrameTimes,
    PacketTimes,
    exact_rate,
    file_rate,
    measured_rate,
    shown_by,
    stream_length,
)

if TYPE_CHECKING:
    from av.container import InputContainer

_Arrays: TypeAlias = "tuple[Samples, Pixels | None]"

_TIMES_MAY_JUMP, _NO_TIMES = 0x200, 0x80  # FFmpeg's flags of formats: MPEG-TS, raw streams
_LONGEST_PAUSE = Fraction(10)  # seconds, in formats whose times may jump
_SHORT = 0.5  # seconds: tolerated error of the length that a file states
_NARROWEST = Fraction(1, 8)  # least pixel aspect ratio; ratios beyond it are ignored as invalid


@dataclass(frozen=True)
class VideoFrame:
    """One picture of a clip.

    Attributes:
        samples: H x W x 3, upright; uint8 or uint16 as in the file, or float32 in 0..1.
        time: seconds since the first frame that is painted.
        alpha: H x W in 0..1, or None.
        duration: seconds, as stored in the file; 0 if unknown. Only the last frame's duration is used.
    """

    samples: Samples
    time: Fraction
    alpha: Pixels | None = None
    duration: Fraction = Fraction(0)

    @property
    def pixels(self) -> Pixels:
        """The picture as H x W x 3, float32, 0..1."""
        return self.samples if self.samples.dtype == np.float32 else floats(self.samples)


@dataclass
class Clip:
    """A video file, an animation or a folder of frames, opened for reading.

    Args:
        path: the file or the folder.
        start, end: seconds; None: the clip's own end.
        fps: a new rate in frames a second, reached by dropping or repeating frames. None keeps a file's own timing,
            constant or variable, and reads a folder at 25.
        untrusted: a stranger chose the file: refuse links and folders.
        max_pixels: refuse larger frames, before they use memory.
    Attributes:
        width, height: of the upright picture, as stored.
        sample_aspect_ratio: displayed width of a pixel divided by its height; 1 for square pixels.
        rate: frames a second, on average.
        count: approximate number of frames; 0 if unknown.
        notes: what was damaged, repaired or converted. Complete after all frames have been read.
    Raises:
        UsageError: the span is empty, or the rate is invalid.
        PictureError: the path cannot be read as a clip.
        MissingExtra: PyAV is not installed.
    """

    path: Path
    start: float = 0.0
    end: float | None = None
    fps: float | None = None
    untrusted: bool = False
    max_pixels: int = MAX_PIXELS
    width: int = 0
    height: int = 0
    sample_aspect_ratio: Fraction = Fraction(1)
    rate: Fraction = USUAL_RATE
    count: int = 0
    notes: list[str] = field(default_factory=list)
    _files: list[Path] = field(default_factory=list)
    _animation: Picture | None = None
    _file_rate: Fraction = USUAL_RATE
    _stored_size: tuple[int, int] = (0, 0)
    _cropping: Cropping = WHOLE
    _edited: bool = True

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        numbers = [value for value in (self.start, self.end, self.fps) if value is not None]
        if not all(map(math.isfinite, numbers)) or (self.fps is not None and self.fps <= 0):
            raise UsageError("start, end and fps must be finite numbers, and fps above 0", code="not-a-number")
        if self.start < 0 or (self.end is not None and self.end <= self.start):
            last = "the end" if self.end is None else f"{self.end:g} s"
            raise UsageError(
                f"there is nothing from {self.start:g} s to {last}", "change --start or --end", code="no-frames"
            )
        if os.path.isdir(self.path) and not self.untrusted:
            self._look_at_folder()
            return
        check_file(self.path, untrusted=self.untrusted)
        if is_animation(self.path):
            self._look_at_animation()
        else:
            self._look_at_file()

    def _look_at_folder(self) -> None:
        self._files = frame_files(self.path)
        _, first = next(self._pictures(self._files), (None, None))
        if first is None:
            raise PictureError(f"no picture in {self.path} can be read", code="no-pictures")
        self.width, self.height, self.count = first.width, first.height, len(self._files)
        self.rate = self._wanted_rate or self.rate

    def _look_at_animation(self) -> None:
        self._animation = Picture.open(self.path, max_pixels=self.max_pixels, untrusted=self.untrusted)
        self.width, self.height = self._animation.width, self._animation.height
        *_, (_, last, _) = animation_frames(self._animation)
        self.count = len(self._animation.frames) + 1
        if last:
            self._file_rate = (self.count - 1) / last
        self.rate = self._wanted_rate or self._file_rate

    def _look_at_file(self) -> None:
        with self.opened() as container:
            stream = main_video(container)
            length = float(stream_length(container, stream) or Fraction(container.duration or 0, 10**6))
            rate = file_rate(stream)
            if rate is None or container.format.name in ANIMATIONS:
                with self.opened() as beside:
                    rate, ended = measured_rate(video_packets(beside, main_video(beside)), self._packet_times(beside))
                    length = length if ended is None else float(ended)
            self._file_rate = rate or USUAL_RATE
            self.rate = self._wanted_rate or self._file_rate
            first = next(self._decoded(container, stream, self._packet_times(container), _Losses()), None)
            if first is None and self._edited:
                self._edited = False
                self._look_at_file()
                self._note("its edit list hides every frame and is ignored")
                return
            if first is None:
                raise PictureError(
                    f"{self.path} contains no readable frame", "the file is damaged or encrypted", code="no-frames"
                )
            upright = _orientation(first, stream)
            self._stored_size = first.width, first.height
            self._cropping = cropping_of(self.path, container, stream)
            self.height, self.width = decoded_samples(first, None, upright, self._cropping)[0].shape[:2]
            ratio = _pixel_ratio(stream)
            self.sample_aspect_ratio = 1 / ratio if upright.transposed else ratio
            length = min(length, self.end or length) - self.start
            self.count = max(0, round(length * float(self.rate)))

    @property
    def span(self) -> tuple[Fraction, Fraction | None]:
        """Start and end in seconds."""
        exact = [None if at is None else Fraction(at).limit_denominator(10**6) for at in (self.start, self.end)]
        return exact[0] or Fraction(0), exact[1]

    def output_size(self, side: int | None, *, square: bool = False) -> tuple[int, int]:
        """Return width and height for a longer side of `side` pixels; None: the clip's own size.

        Args:
            square: convert to square pixels; else pixels keep `sample_aspect_ratio`.
        """
        width, height = self.width, self.height
        if square:
            ratio = self.sample_aspect_ratio
            width, height = round(width * max(ratio, Fraction(1))), round(height / min(ratio, Fraction(1)))
        return (width, height) if side is None else fit(width, height, side)

    def frames(self, size: tuple[int, int] | None = None) -> Iterator[VideoFrame]:
        """Yield every frame from start to end, all of one size.

        Damaged frames are left out, and `notes` report them.

        Args:
            size: width and height; None: those of the first frame.
        """
        size = size or (self.width, self.height)
        if self._files:
            return self._frames_of_folder(*size)
        frames = self._frames_of_file(size) if self._animation is None else self._frames_of_animation(size)
        return frames if self._wanted_rate is None else at_rate(frames, self._wanted_rate, 1 / self._file_rate)

    @property
    def _wanted_rate(self) -> Fraction | None:
        return None if self.fps is None else exact_rate(self.fps)

    def _frames_of_folder(self, width: int, height: int) -> Iterator[VideoFrame]:
        begun, ended = self.span
        times = {path: index / self.rate for index, path in enumerate(self._files)}
        wanted = [path for path, time in times.items() if begun <= time and (ended is None or time < ended)]
        for path, picture in self._pictures(wanted):
            color, alpha = placed(picture, width, height)
            yield VideoFrame(color, times[path] - begun, alpha)

    def _pictures(self, paths: Iterable[Path]) -> Iterator[tuple[Path, Picture]]:
        """Yield the pictures of a folder. Replace an unreadable picture with the last one, or with the next one."""
        last: Picture | None = None
        unread: list[Path] = []
        for path in paths:
            unread.append(path)
            try:
                last = Picture.open(path, max_pixels=self.max_pixels)
            except PictureError as error:
                self._note(f"{error.message}; the frame beside it replaces it")
            if last is not None:
                yield from ((place, last) for place in unread)
                unread = []

    def _frames_of_animation(self, size: tuple[int, int]) -> Iterator[VideoFrame]:
        assert self._animation is not None
        begun, ended = self.span
        for picture, time, shown in animation_frames(self._animation):
            if begun <= time and (ended is None or time < ended):
                color, alpha = placed(picture, *size)
                yield VideoFrame(color, time - begun, alpha, shown if ended is None else min(shown, ended - time))

    def _frames_of_file(self, size: tuple[int, int]) -> Iterator[VideoFrame]:
        begun, ended = self.span
        losses, deinterlaced = _Losses(), Deinterlacer()
        with self.opened() as container:
            stream = main_video(container)
            packets, times = self._packet_times(container), self._frame_times(stream)
            decoded = self._decoded(container, stream, packets, losses)
            length = stream_length(container, stream)
            origin: Fraction | None = None
            end = Fraction(0)
            try:
                for frame, at in times.of(deinterlaced(decoded)):
                    if origin is None:
                        origin = at
                        self._note(*color_notes(frame))
                        if promises_alpha(stream) and not has_alpha(frame):
                            self._note("its transparency is left out: FFmpeg cannot decode it here")
                    time = at - origin
                    if ended is not None and time >= ended:
                        break
                    losses.damaged += frame.is_corrupt
                    duration = shown_by(frame, 1 / self._file_rate)
                    end = max(at, time) + duration
                    if time >= begun:
                        color, alpha = self._arrays(frame, stream, size)
                        until = [limit - time for limit in (ended, length) if limit is not None and limit > time]
                        yield VideoFrame(color, time - begun, alpha, min([duration, *until]))
                else:
                    losses.end(end, length)
            finally:
                if packets.jumps:  # where streams are joined, data seem to be missing, and no length is valid for both
                    losses.torn, losses.missing = 0, ""
                self._note(*losses.notes)
                if (packets.jumps or times.made_up) and not int(container.format.flags) & _NO_TIMES:
                    self._note("invalid times were repaired: they restart, repeat or are missing")
                if deinterlaced.used:
                    self._note("interlaced frames were deinterlaced")

    def _arrays(self, frame: Any, stream: Any, size: tuple[int, int]) -> _Arrays:
        upright = _orientation(frame, stream)
        cropping = self._cropping if (frame.width, frame.height) == self._stored_size else WHOLE
        width, height = cropping.size(frame.width, frame.height)
        if upright.transposed:
            width, height = height, width
        if same_shape(width, height, self.width, self.height):
            return decoded_samples(frame, size, upright, cropping)
        self._note("frames of another shape are shown within the first one's")
        picture = Picture(*decoded_samples(frame, None, upright))
        stretch = Fraction(size[0] * self.height, size[1] * self.width)  # makes the clip's pixels square
        return placed(picture.resized(max(1, round(width * stretch)), height), *size)

    def opened(self) -> InputContainer:
        """Open the file with the clip's settings."""
        return opened(self.path, untrusted=self.untrusted, max_pixels=self.max_pixels, edited=self._edited)

    def _packet_times(self, container: InputContainer) -> PacketTimes:
        if container.format.name in ANIMATIONS:
            return AnimationTimes(1 / self._file_rate)
        times = PacketTimes(1 / self._file_rate)
        if int(container.format.flags) & _TIMES_MAY_JUMP:
            times.longest = _LONGEST_PAUSE
        return times

    def _frame_times(self, stream: Any) -> FrameTimes:
        return FrameTimes(1 / self._file_rate, max(1, stream.codec_context.reorder_depth))

    def _decoded(self, container: InputContainer, stream: Any, times: PacketTimes, losses: _Losses) -> Iterator[Any]:
        """Yield every frame that can be decoded, in the order of display."""
        av = ffmpeg()
        decoder = decoder_of(stream, self.max_pixels)
        if alpha_is_apart(stream) and decoder is stream.codec_context:
            self._note("its transparency is left out: FFmpeg has no libvpx here")
        for packet in video_packets(container, stream):
            if isinstance(packet, Exception):
                losses.add(packet)
                continue
            times.mend(packet)
            losses.torn += packet.is_corrupt
            try:
                frames = decoder.decode(packet)
            except av.EOFError:
                continue
            except (av.FFmpegError, ValueError) as error:
                losses.add(error)
                continue
            yield from frames

    def _note(self, *texts: str) -> None:
        for text in (f"{self.path}: {text}" for text in texts):
            if text not in self.notes:
                self.notes.append(text)


@dataclass
class _Losses:
    """Parts of a file that could not be decoded."""

    places: int = 0
    torn: int = 0  # packets
    damaged: int = 0  # frames
    first: str = ""
    missing: str = ""

    def add(self, error: Exception) -> None:
        self.places += 1
        self.first = self.first or first_line(error)

    def end(self, shown: Fraction, length: Fraction | None) -> None:
        """Compare the displayed length with the length that the file states, in seconds."""
        if length is not None and shown < 0.95 * length - _SHORT:
            self.missing = f"it is truncated: it contains {float(shown):.1f} of {float(length):.1f} s"

    @property
    def notes(self) -> list[str]:
        notes = [self.missing] if self.missing else []
        if self.places:
            count = "one place" if self.places == 1 else f"{self.places} places"
            notes.append(f"it is damaged: {count} cannot be decoded ({self.first}); the rest is painted")
        elif self.torn or self.damaged:
            notes.append("it is damaged: some data are missing; the decodable part is painted")
        return notes


def at_rate(frames: Iterable[VideoFrame], rate: Fraction, last: Fraction) -> Iterator[VideoFrame]:
    """Bring frames to a constant rate: show each until the next one begins.

    Args:
        rate: frames a second.
        last: duration of the last frame in seconds, if it has none itself.
    """
    index = 0
    shown: VideoFrame | None = None
    for frame in frames:
        while shown is not None and index / rate < frame.time:
            yield replace(shown, time=index / rate, duration=1 / rate)
            index += 1
        shown = frame
    while shown is not None and index / rate < shown.time + (shown.duration or last):
        yield replace(shown, time=index / rate, duration=1 / rate)
        index += 1


def _orientation(frame: Any, stream: Any) -> Orientation:
    return orientation_of(frame, stream.metadata.get("rotate") or stream.metadata.get("ROTATE"))


def _pixel_ratio(stream: Any) -> Fraction:
    ratio = stream.sample_aspect_ratio
    return Fraction(ratio) if ratio and _NARROWEST <= ratio <= 1 / _NARROWEST else Fraction(1)

"""Read a clip: a video file that FFmpeg decodes, or a folder of frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from impasto.errors import MissingExtra, PictureError, UsageError
from impasto.picture import Picture
from impasto.picture.formats import SUFFIXES
from impasto.pixels.arrays import Pixels, Samples, fit, floats

if TYPE_CHECKING:
    from av.container import InputContainer

PIXEL_FORMATS = {(False, False): "rgb24", (False, True): "rgba", (True, False): "rgb48le", (True, True): "rgba64le"}
"""FFmpeg's name of an array's pixels, by whether a channel has 16 bits and whether there is alpha."""

MATRICES = {1: "ITU709", 4: "FCC", 5: "ITU601", 6: "ITU601", 7: "SMPTE240M", 9: "BT2020", 10: "BT2020"}
"""PyAV's name of a color matrix, by the number that files give it (ITU-T H.273, table 4)."""

_FRAME_RATE = Fraction(25)  # of folders of frames, and of files that do not say


@dataclass(frozen=True)
class VideoFrame:
    """One picture of a clip.

    Attributes:
        samples: H x W x 3, upright; uint8 or uint16 as in the file, or float32 in 0..1.
        time: seconds since the first frame that is taken.
        alpha: H x W in 0..1, or None.
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
    """A video file or a folder of frames, opened for reading.

    Args:
        path: the file or the folder.
        start, end: seconds; None, the clip's own end.
        fps: frames a second. A file's frames are left out or repeated for it. None keeps a file's own timing, variable
            or not, and reads a folder at 25.
    Attributes:
        width, height: of the upright picture.
        rate: frames a second, on average.
        count: about how many frames; 0 if nobody knows.
        note: what was damaged, once frames have been read; else "".
    Raises:
        UsageError: a span that holds nothing.
        PictureError: a path that cannot be read as a clip.
        MissingExtra: PyAV is not installed.
    """

    path: Path
    start: float = 0.0
    end: float | None = None
    fps: float | None = None
    width: int = 0
    height: int = 0
    rate: Fraction = _FRAME_RATE
    count: int = 0
    note: str = ""
    _files: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.start < 0 or (self.end is not None and self.end <= self.start):
            last = "the end" if self.end is None else f"{self.end:g} s"
            raise UsageError(f"there is nothing from {self.start:g} s to {last}", "--start, --end", code="no-frames")
        if self.path.is_dir():
            self._look_at_folder()
        else:
            self._look_at_file()

    def _look_at_folder(self) -> None:
        self._files = sorted(path for path in self.path.iterdir() if path.suffix.lower() in SUFFIXES)
        if not self._files:
            raise PictureError(f"there are no pictures in {self.path}", code="no-pictures")
        first = Picture.open(self._files[0])
        self.width, self.height, self.count = first.width, first.height, len(self._files)
        self.rate = self._wanted_rate or self.rate

    def _look_at_file(self) -> None:
        with self._opened() as container:
            stream: Any = container.streams.video[0]  # what may be None differs between PyAV's versions
            self._file_rate = stream.average_rate or stream.guessed_rate or _FRAME_RATE
            self.rate = self._wanted_rate or self._file_rate
            first_frame = next(self._decoded(container), None)
            if first_frame is None:
                raise PictureError(f"{self.path} holds no frame that can be read", code="no-frames")
            self.height, self.width = decoded_samples(first_frame)[0].shape[:2]
            known = stream.duration is not None and stream.time_base is not None
            length = float(stream.duration * stream.time_base) if known else (container.duration or 0) / 1e6
            length = min(length, self.end or length) - self.start
            self.count = max(0, round(length * float(self.rate)))

    @property
    def span(self) -> tuple[Fraction, Fraction | None]:
        """Start and end in seconds."""
        exact = [None if at is None else Fraction(at).limit_denominator(10**6) for at in (self.start, self.end)]
        return exact[0] or Fraction(0), exact[1]

    def output_size(self, side: int | None) -> tuple[int, int]:
        """Width and height with the longer side of `side` pixels; None, the clip's own."""
        return (self.width, self.height) if side is None else fit(self.width, self.height, side)

    def frames(self, size: tuple[int, int] | None = None) -> Iterator[VideoFrame]:
        """Yield every frame from start to end, all of one size.

        Damage ends the clip where it is; `note` then says so.

        Args:
            size: width and height; None, the first frame's.
        """
        size = size or (self.width, self.height)
        if self._files:
            return self._frames_of_folder(*size)
        if self._wanted_rate is None:
            return self._frames_of_file(size)
        return at_rate(self._frames_of_file(size), self._wanted_rate, 1 / self._file_rate)

    @property
    def _wanted_rate(self) -> Fraction | None:
        return None if self.fps is None else Fraction(self.fps).limit_denominator(60_000)

    def _frames_of_folder(self, width: int, height: int) -> Iterator[VideoFrame]:
        begun, ended = self.span
        for index, path in enumerate(self._files):
            time = index / self.rate
            if begun <= time and (ended is None or time < ended):
                picture = Picture.open(path).resized(width, height)
                yield VideoFrame(picture.samples, time - begun, picture.alpha)

    def _frames_of_file(self, size: tuple[int, int]) -> Iterator[VideoFrame]:
        begun, ended = self.span
        with self._opened() as container:
            stream: Any = container.streams.video[0]
            stream.thread_type = "AUTO"
            origin: Fraction | None = None
            last = Fraction(-1)
            for index, frame in enumerate(self._decoded(container)):
                known = frame.pts is not None and frame.time_base is not None
                time = frame.pts * frame.time_base if known else index / self._file_rate
                origin = time if origin is None else origin
                time -= origin
                if ended is not None and time >= ended:
                    break
                if time < begun or time <= last:
                    continue
                last = time
                samples, alpha = decoded_samples(frame, size)
                yield VideoFrame(samples, time - begun, alpha)

    def _opened(self) -> InputContainer:
        av = ffmpeg()
        if not self.path.exists():
            raise PictureError(f"there is no file {self.path}", code="no-such-file")
        try:
            container: InputContainer = av.open(str(self.path))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise PictureError(
                f"{self.path} is no video that can be read", first_line(error), code="not-a-video"
            ) from error
        if not container.streams.video:
            container.close()
            raise PictureError(
                f"{self.path} holds no pictures that move", "sound alone cannot be painted", code="not-a-video"
            )
        return container

    def _decoded(self, container: InputContainer) -> Iterator[Any]:
        av = ffmpeg()
        try:
            yield from container.decode(video=0)
        except av.FFmpegError as error:
            self.note = f"{self.path} is damaged: {first_line(error)}; what could be read is painted"


def at_rate(frames: Iterable[VideoFrame], rate: Fraction, last: Fraction) -> Iterator[VideoFrame]:
    """Bring frames to a constant rate: show each until the next one begins.

    Args:
        rate: frames a second.
        last: seconds that the last frame is shown.
    """
    index = 0
    shown: VideoFrame | None = None
    for frame in frames:
        while shown is not None and index / rate < frame.time:
            yield replace(shown, time=index / rate)
            index += 1
        shown = frame
    while shown is not None and index / rate < shown.time + last:
        yield replace(shown, time=index / rate)
        index += 1


def decoded_samples(frame: Any, size: tuple[int, int] | None = None) -> tuple[Samples, Pixels | None]:
    """Turn FFmpeg's frame into arrays.

    Args:
        frame: PyAV's `VideoFrame`.
        size: width and height of the upright picture. FFmpeg resizes ten times as fast as we do, in the frame's own
            bits. None, the frame's.
    Returns:
        H x W x 3, upright, uint8 or uint16; and alpha, H x W in 0..1, or None.
    """
    deep = any(component.bits > 8 for component in frame.format.components)
    transparent = len(frame.format.components) in (2, 4) and "a" in frame.format.name
    quarters = round((frame.rotation or 0) / 90) % 4
    wanted = {}
    lying = size if size is None or quarters % 2 == 0 else size[::-1]
    if lying is not None and lying != (frame.width, frame.height):
        smaller = lying[0] <= frame.width and lying[1] <= frame.height
        wanted = {"width": lying[0], "height": lying[1], "interpolation": "AREA" if smaller else "BICUBIC"}
    matrix = MATRICES.get(int(frame.colorspace), MATRICES[usual_matrix(frame.height)])
    rgb = frame.reformat(format=PIXEL_FORMATS[deep, transparent], src_colorspace=matrix, **wanted)
    samples = rgb.to_ndarray()
    if quarters:
        samples = np.rot90(samples, quarters)
    return np.ascontiguousarray(samples[:, :, :3]), floats(samples[:, :, 3]) if transparent else None


def usual_matrix(height: int) -> int:
    """The matrix that players expect where a file names none: BT.709 from 720 lines on, else BT.601."""
    return 1 if height >= 720 else 5


def first_line(error: BaseException) -> str:
    """What FFmpeg or the system says, in one short line."""
    text = getattr(error, "strerror", None) or str(error)
    return str(text).splitlines()[0][:120] if text else type(error).__name__


def ffmpeg() -> Any:
    """Import PyAV; raise MissingExtra where it is not installed."""
    try:
        import av
    except ImportError:
        raise MissingExtra("PyAV, which reads and writes video,", "video") from None
    return av

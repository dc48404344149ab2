"""Paint a live camera: the newest frame, at a size that keeps up. Keys change style and strength."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import cv2
import cv2.utils.logging
import numpy as np

from impasto.controls import Controls
from impasto.engines.by_name import EngineName, engine_of
from impasto.engines.shot import Shot
from impasto.errors import ImpastoError, PictureError
from impasto.painting.compose import Composition
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels, fit, resize
from impasto.styles.gallery import Gallery
from impasto.styles.resolve import StyleRequest
from impasto.system.names import free_name
from impasto.video.assembly import Assembly
from impasto.video.encoding import encoding_for
from impasto.video.reading import VideoFrame
from impasto.video.writing import Writer

KEYS = "n p: next and previous style   + -: strength   r: record   s: snapshot   q: quit"

_SMALLEST = 160  # least longer side, in pixels, at which a picture is recognizable
_STEP = 16
_PATIENCE = 5.0  # seconds without a frame, after which the camera counts as disconnected


class Camera:
    """Read a camera in a thread, and keep only the newest frame, so that frames are never outdated.

    Args:
        source: a camera's number; or a video file or URL, which is played once at its own speed.
    Raises:
        PictureError: the camera or the video cannot be opened.
    """

    def __init__(self, source: int | str) -> None:
        cv2.utils.logging.setLogLevel(0)  # OpenCV reports a missing camera itself, in several lines
        self._capture = cv2.VideoCapture(source)
        if not self._capture.isOpened():
            what = f"camera {source}" if isinstance(source, int) else str(source)
            raise PictureError(f"{what} cannot be opened", "--camera 1, or a video file", code="no-device")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self._pause = 0.0 if isinstance(source, int) else 1 / (rate if 0 < rate <= 1000 else 25)
        self._changed = threading.Condition()
        self._frame: Any = None
        self._number = 0
        self._ended = False
        self._thread = threading.Thread(target=self._reading, daemon=True)
        self._thread.start()

    def newest(self, after: int) -> tuple[int, Pixels] | None:
        """Return number and pixels (H x W x 3, 0..1) of a frame later than `after`, the newest; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > after or self._ended, _PATIENCE)
            if self._number <= after:
                return None
            number, frame = self._number, self._frame
        return number, np.ascontiguousarray(frame[:, :, ::-1], np.float32) / np.float32(255)

    def close(self) -> None:
        """Switch the camera off. If its thread were still inside OpenCV at exit, the program would abort."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join(_PATIENCE)

    def _reading(self) -> None:
        due = time.monotonic()
        while not self._ended:
            good, frame = self._capture.read()
            if not good:
                break
            with self._changed:
                self._frame, self._number = frame, self._number + 1
                self._changed.notify_all()
            due = max(due + self._pause, time.monotonic() - 1)
            with self._changed:
                self._changed.wait_for(lambda: self._ended, max(0.0, due - time.monotonic()))
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._capture.release()


class Screen(Protocol):
    """A destination of painted frames, and source of keys."""

    def show(self, picture: Pixels, status: str) -> Sequence[str]:
        """Show a frame, H x W x 3 in 0..1. Return the keys pressed since the last one."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class LiveStatus:
    """The present state of painting.

    Attributes:
        side: the longer side that is shown. Above 640 pixels, the painted size does not grow.
        rate: recent frames a second.
    """

    style: str
    strength: float
    side: int
    rate: float
    frames: int
    recording: bool

    def __str__(self) -> str:
        recording = "   recording" if self.recording else ""
        return f"{self.style}   {self.strength:.0f} %   {self.rate:.0f} frames/s at {self.side}{recording}"


class Live:
    """Paint a camera until it ends or the user quits.

    Args:
        styles: names, paintings or blends that the keys select in turn.
        controls: strength, color, tone, brush size; `size` is the longer side that is shown.
        fps: target rate in frames a second. To keep it, the painted size shrinks, and grows again up to
            `controls.size`.
        folder: for recordings and snapshots.
        engine: the engine that paints.
        mark: write into the metadata of recordings and snapshots how they were made.
    """

    def __init__(
        self,
        camera: Camera,
        styles: Sequence[StyleRequest],
        controls: Controls,
        *,
        fps: float = 15,
        folder: Path = Path(),
        engine: EngineName = "light",
        mark: bool = True,
        gallery: Gallery | None = None,
        on_note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.camera, self.styles, self.controls = camera, list(styles), controls
        self.fps, self.folder, self.gallery, self.on_note = fps, folder, gallery, on_note
        self.painter, self.mark = engine_of(engine), mark
        self.strength = controls.strength
        self.index = self.frames = 0
        self.side = controls.size or 640
        self._asked = self.side
        self._seconds = 1 / fps
        self._stylizers: dict[int, Stylizer] = {}
        self._paint: Composition | None = None
        self._record: tuple[Writer, float] | None = None
        self._stylizer()  # reports a missing style before the camera has been on for long

    def run(
        self,
        screen: Screen,
        *,
        frames: int | None = None,
        on_status: Callable[[LiveStatus], bool] = lambda _: True,
    ) -> int:
        """Paint until the end. Return the number of frames.

        Args:
            frames: stop after this number of frames.
            on_status: called after each frame. Returning False stops.
        """
        number, began = 0, time.perf_counter()
        try:
            while frames is None or self.frames < frames:
                found = self.camera.newest(number)
                if found is None:
                    break
                number, frame = found
                picture = self._painted(frame)
                self.frames += 1
                status = self.status()
                if not self._handle(screen.show(picture, str(status)), picture) or not on_status(status):
                    break
                now = time.perf_counter()
                self._adapt(now - began)
                began = now
        finally:
            self._stop_recording()
            self.camera.close()
            screen.close()
        return self.frames

    def status(self) -> LiveStatus:
        style = self._stylizer().style.label
        recording = self._record is not None
        return LiveStatus(style, self.strength, self.side, 1 / self._seconds, self.frames, recording)

    def _painted(self, frame: Pixels) -> Pixels:
        height, width = frame.shape[:2]
        shown = fit(width, height, min(self._asked, max(width, height)))
        size = fit(width, height, min(self.side, max(width, height)))
        small = resize(frame, *size)
        if self._paint is None:  # one set of statistics, as for a video's shot
            self._paint = self._stylizer().for_frames(small, Shot())
        picture = resize(self._paint(small), *shown)
        if self._record is not None:
            writer, began = self._record
            writer.write(VideoFrame(picture, Fraction(time.perf_counter() - began).limit_denominator(90_000)))
        return picture

    def _stylizer(self) -> Stylizer:
        if self.index not in self._stylizers:
            plain = replace(self.controls, size=None)
            self._stylizers[self.index] = Stylizer(
                self.styles[self.index], controls=plain, gallery=self.gallery, painter=self.painter
            )
        stylizer = self._stylizers[self.index]
        return stylizer.with_controls(replace(stylizer.controls, strength=self.strength))

    def _handle(self, keys: Sequence[str], picture: Pixels) -> bool:
        """Act on the keys. Return False to quit."""
        for key in keys:
            if key == "q":
                return False
            if key in "np":
                self.index = (self.index + (1 if key == "n" else -1)) % len(self.styles)
                self._paint = None
            elif key in "+-":
                self.strength = min(100.0, max(0.0, self.strength + (10 if key == "+" else -10)))
                self._paint = None
            elif key == "s":
                self._guarded(lambda: self._snapshot(picture))
            elif key == "r":
                self._guarded(lambda: self._toggle_recording(picture))
        return True

    def _guarded(self, act: Callable[[], None]) -> None:
        """Run an action. On errors, such as a full disk, end the recording but keep painting."""
        try:
            act()
        except ImpastoError as error:
            self._record = None
            self.on_note(error.message)

    def _snapshot(self, picture: Pixels) -> None:
        path = self._new_file(".png")
        Picture(picture, made_with=self._made_with()).save(path)
        self.on_note(f"{path} saved")

    def _toggle_recording(self, picture: Pixels) -> None:
        """Start or end a recording. Its metadata name the style with which it starts."""
        if self._record is not None:
            self._stop_recording()
            return
        height, width = picture.shape[:2]
        rate = Fraction(self.fps).limit_denominator(1000)
        path = self._new_file(".mp4")
        writer = Writer(Assembly(path, encoding_for(path, width, height, rate), made_with=self._made_with()))
        self._record = writer, time.perf_counter()

    def _stop_recording(self) -> None:
        if self._record is not None:
            writer, _ = self._record
            self._record = None
            writer.close()
            self.on_note(f"{writer.path} saved")

    def _made_with(self) -> dict[str, object]:
        """Return the entry for a file's metadata; empty if files must not have one."""
        controls = replace(self.controls, strength=self.strength).as_dict()
        return self._stylizer().made_with() | {"controls": controls} if self.mark else {}

    def _new_file(self, suffix: str) -> Path:
        stem = datetime.now().strftime("impasto-%Y%m%d-%H%M%S")
        return free_name(self.folder, stem, suffix)

    def _adapt(self, seconds: float) -> None:
        """Change the size if the rate is off by more than a tenth. The time is proportional to the number of pixels."""
        self._seconds += 0.2 * (seconds - self._seconds)
        if self.frames % 5:
            return
        ratio = (1 / self.fps) / self._seconds
        if ratio > 0.9 and (ratio < 1.25 or self.side == self._asked):
            return
        wanted = self.side * min(1.25, max(0.5, ratio**0.5))
        side = int(min(self._asked, max(_SMALLEST, round(wanted / _STEP) * _STEP)))
        if side != self.side:
            self.side, self._paint = side, None
            self._seconds = 1 / self.fps  # the measured time belonged to the old size

"""Paint a clip in three threads: reading with motion, painting, blending and writing.

Only a few frames are in memory at a time.
"""

from __future__ import annotations

import copy
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.engines.shot import Shot
from impasto.painting.compose import Composition, Moved
from impasto.painting.octaves import enlarge_frame
from impasto.painting.stylizer import Stylizer
from impasto.pixels.arrays import Pixels, Samples, filled, reduced
from impasto.progress import OnProgress, Progress
from impasto.video.encoding import DEEP
from impasto.video.keyframes import Keyframes
from impasto.video.moving_masks import MovingMasks
from impasto.video.options import VideoOptions
from impasto.video.reading import Clip, VideoFrame
from impasto.video.segments import Checkpoint, Segments, State
from impasto.video.steady import Motion, MotionFinder, blend
from impasto.video.writing import Sink

if TYPE_CHECKING:
    from impasto.video.optimizer import FrameOptimizer

_QUEUED = 4  # frames between two stages


@dataclass(frozen=True)
class Painters:
    """Everything that paints a clip's frames.

    Attributes:
        stylizer: style, regions and controls; with keyframes, those of the first one.
        masks: the regions' moving masks.
        keyframes: styles that change; None: one style.
        optimizer: optimizes each frame; None: an engine paints it.
    """

    stylizer: Stylizer
    masks: MovingMasks
    keyframes: Keyframes | None = None
    optimizer: FrameOptimizer | None = None

    def at(self, time: Fraction) -> Stylizer:
        """Return the stylizer at a time."""
        return self.stylizer if self.keyframes is None else self.keyframes.at(time)

    def painted_size(self, frame: VideoFrame) -> tuple[int, int]:
        """Return the width and height at which a frame is painted."""
        height, width = frame.samples.shape[:2]
        if self.optimizer is not None:
            return self.optimizer.worked_size(width, height)
        return self.at(frame.time).painted_size(width, height)


@dataclass(frozen=True)
class Painted:
    """A frame and its picture, on the way to the file.

    Attributes:
        frame: from the source.
        motion: back to the previous frame.
        picture: H x W x 3, at the size at which it was painted.
        painter: enlarges and finishes the picture; None for the optimizer's, which already follows the motion.
        moved: the moving masks, by their region's number.
    """

    frame: VideoFrame
    motion: Motion
    picture: Pixels
    painter: Composition | None = None
    moved: Moved | None = None


@dataclass(frozen=True)
class CheckpointDue:
    """The state of painting after a frame. The writing thread saves it when that frame is in the file.

    Attributes:
        frames, shots: painted so far.
        first: the shot's first frame.
        shot: the state of the shot.
        masks: the state of the masks that are found.
    """

    frames: int
    shots: int
    first: VideoFrame
    shot: Shot | None
    masks: Mapping[str, NDArray[np.float32]]


_Queued: TypeAlias = Painted | CheckpointDue


class Pipeline:
    """Paint one clip.

    Args:
        clip: the source.
        size: width and height of the result.
        painters: everything that paints.
        sink: the destination of the frames. It is not closed.
        options: how the clip is read, painted and written.
        checkpoint: the state of an earlier run, and the place for that of this run; None: not stored.
        on_progress: called after every painted frame.
    Attributes:
        frames, shots: painted so far, including earlier runs.
        stopped: True if `on_progress` stopped the run.
        seconds: of the whole run ("all") and of each stage: "read", "motion", "paint", "write". Blending is part of
            writing.
    """

    def __init__(
        self,
        clip: Clip,
        size: tuple[int, int],
        painters: Painters,
        sink: Sink,
        options: VideoOptions,
        *,
        checkpoint: Checkpoint | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        self.clip, self.size, self.painters, self.sink, self.options = clip, size, painters, sink, options
        self.checkpoint, self.on_progress = checkpoint, on_progress
        self.steady = options.steady / 100
        self.before = checkpoint.state if checkpoint else None  # the state of an earlier run
        self.frames = self.shots = 0
        self.stopped = False
        self.seconds = dict.fromkeys(("read", "motion", "paint", "write"), 0.0)
        self._shot: Shot | None = None
        self._first: VideoFrame | None = None  # of the shot
        self._last: Pixels | None = None  # the optimizer's previous picture
        self._painter: Composition | None = None
        if self.before is not None:
            self.frames, self.shots = self.before.frames, self.before.shots
            self._shot, self._last = self.before.shot, self.before.last
            self.painters.masks.memory = self.before.masks
            self._first = VideoFrame(self.before.first, Fraction(0))
        self._read: queue.Queue[tuple[VideoFrame, Motion] | None] = queue.Queue(_QUEUED)
        self._painted: queue.Queue[_Queued | None] = queue.Queue(_QUEUED)
        self._failure: BaseException | None = None
        self._ending = threading.Event()  # set when no more frames are needed
        self._written = threading.Event()  # set when writing has ended, with or without an error

    def run(self) -> None:
        """Paint all frames, until `on_progress` returns False. Raise any stage's error."""
        started = time.perf_counter()
        stages = ((self._reading, lambda: self._put(self._read, None)), (self._writing, self._written.set))
        threads = [threading.Thread(target=self._guarded, args=stage, daemon=True) for stage in stages]
        for thread in threads:
            thread.start()
        try:
            self._painting(started)
        finally:
            self._ending.set()
            self._put(self._painted, None)
            for thread in threads[::-1]:
                thread.join()
        if self._failure is not None:
            raise self._failure
        self.seconds["all"] = time.perf_counter() - started

    def _reading(self) -> None:
        find_motion = MotionFinder(flow=self.steady > 0)
        done = self.before.frames if self.before else 0
        for index, frame in enumerate(_timed(self.clip.frames(self.size), self.seconds, "read")):
            if self._ending.is_set():
                break
            if index < done - 1:
                continue
            began = time.perf_counter()
            frame = replace(frame, samples=filled(frame.samples, frame.alpha))  # invisible colors must not have effects
            motion = find_motion(frame.samples, self.painters.painted_size(frame))
            self.seconds["motion"] += time.perf_counter() - began
            if index >= done:
                self._put(self._read, (frame, motion))

    def _painting(self, started: float) -> None:
        while (read := self._read.get()) is not None:
            began = time.perf_counter()
            painted = self._paint(*read)
            now = time.perf_counter()
            self.seconds["paint"] += now - began
            self.frames += 1
            self._put(self._painted, painted)
            self.stopped = self._report(now - started) is False
            if self.stopped or self.frames % self.options.segment == 0:
                self._note_state()
            if self.stopped or self._failure is not None:
                return
        if self._failure is None and self.frames % self.options.segment:
            self._note_state()  # all frames are painted: if writing fails, the next run only needs to write

    def _note_state(self) -> None:
        if self.checkpoint and self._first is not None:
            shot = copy.deepcopy(self._shot)
            masks = self.painters.masks.memory
            self._put(self._painted, CheckpointDue(self.frames, self.shots, self._first, shot, masks))

    def _paint(self, frame: VideoFrame, motion: Motion) -> Painted:
        painters = self.painters
        if motion.cut or self._first is None:
            # A shot's statistics belong to one style. If the style changes, every frame uses its own.
            self._shot = Shot() if painters.keyframes is None else None
            self._first, self._last, self._painter = frame, None, None
            self.shots += 1
        if painters.optimizer is not None:
            small = reduced(frame.samples, *painters.painted_size(frame))
            self._last = painters.optimizer(small, motion, self._last)
            return Painted(frame, motion, self._last)
        if painters.keyframes is not None or self._painter is None:
            self._painter = painters.at(frame.time).for_frames(self._first.samples, self._shot)
        moved = painters.masks.at(frame.time, frame.samples, motion)
        return Painted(frame, motion, self._painter.painted(frame.samples, moved), self._painter, moved)

    def _report(self, seconds: float) -> bool | None:
        if self.on_progress is None:
            return None
        total = max(self.clip.count, self.frames)
        done = self.frames - (self.before.frames if self.before else 0)
        message = f"{done / max(seconds, 1e-6):.1f} frames/s"
        return self.on_progress(Progress(self.frames, total, self.frames / total, message))

    def _writing(self) -> None:
        """Blend each picture with the last one, enlarge and write it, while the next one is painted."""
        last = self.before.last if self.before else None
        while (item := self._painted.get()) is not None:
            began = time.perf_counter()
            match item:
                case Painted():
                    last = self._blended(item, last)
                    self.sink.write(replace(item.frame, samples=self._finished(item, last)))
                case CheckpointDue():
                    assert last is not None
                    self._save(item, last)
            self.seconds["write"] += time.perf_counter() - began

    def _blended(self, item: Painted, last: Pixels | None) -> Pixels:
        if last is None or item.motion.cut or item.painter is None:
            return item.picture
        return blend(item.picture, last, item.motion, self.steady)

    def _finished(self, item: Painted, picture: Pixels) -> Samples:
        """Return the picture at the frame's size."""
        source = item.frame.samples
        if item.painter is not None:
            kind = np.uint16 if self.options.codec in DEEP else source.dtype
            return item.painter.finished(picture, source, item.moved, kind)
        if picture.shape == source.shape:
            return picture
        return enlarge_frame(picture, source, self.painters.stylizer.controls.detail / 100)

    def _save(self, due: CheckpointDue, last: Pixels) -> None:
        if self.checkpoint is None:
            return
        pieces = 0
        if isinstance(self.sink, Segments):
            self.sink.cut()
            pieces = self.sink.pieces
        state = State(due.frames, due.shots, due.first.samples, last, due.shot, due.masks)
        self.checkpoint.save(state, pieces)

    def _guarded(self, stage: Callable[[], None], after: Callable[[], None]) -> None:
        """Run a stage, then `after`. An error of the stage ends the other stages."""
        try:
            stage()
        except BaseException as error:  # noqa: BLE001  raised again by `run`
            self._failure = self._failure or error
            self._ending.set()
        finally:
            after()

    def _put(self, target: queue.Queue[Any], item: Any) -> None:
        """Wait for room in a queue, unless the stage that empties it has ended."""
        ended = self._ending if target is self._read else self._written
        while True:
            try:
                target.put(item, timeout=0.1)
                return
            except queue.Full:
                if ended.is_set():
                    return


def _timed(frames: Iterator[VideoFrame], seconds: dict[str, float], name: str) -> Iterator[VideoFrame]:
    while True:
        began = time.perf_counter()
        frame = next(frames, None)
        seconds[name] += time.perf_counter() - began
        if frame is None:
            return
        yield frame

"""Paint a clip: reading, motion, painting and writing overlap, with a few frames in memory at a time."""

from __future__ import annotations

import copy
import functools
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from impasto.controls import Controls
from impasto.engines.by_name import DEFAULT, engine_of
from impasto.engines.shot import Shot
from impasto.errors import MissingExtra, UsageError
from impasto.painting.compose import FramePainter, Moved
from impasto.painting.octaves import enlarge_frame
from impasto.painting.regions import Regions
from impasto.painting.stylizer import Stylizer
from impasto.picture.reading import MAX_PIXELS
from impasto.pixels.arrays import Pixels, Samples, reduced
from impasto.pixels.flow import one_thread
from impasto.settings import make
from impasto.styles.gallery import Gallery
from impasto.styles.resolve import StyleRequest
from impasto.video.clip import ANIMATIONS, DEEP, AnimationWriter, Clip, FolderWriter, Frame, Writer, output_size
from impasto.video.keyframes import Keyframe, Keyframes, parse_keyframes
from impasto.video.moving_masks import MovingMasks
from impasto.video.segments import LENGTH as SEGMENT
from impasto.video.segments import Checkpoint, Segments, State
from impasto.video.steady import Motion, MotionFinder, blend

if TYPE_CHECKING:
    from impasto.optimization.recipe import Recipe
    from impasto.video.optimizer import FrameOptimizer

Engine = Literal["light", "painter", "optimize"]

_QUEUED = 4  # frames between two stages


@dataclass(frozen=True)
class VideoProgress:
    """Where a clip stands.

    Attributes:
        frame, total: frames painted, and about how many there are.
        seconds: since the start.
    """

    frame: int
    total: int
    seconds: float


@dataclass(frozen=True)
class PaintedVideo:
    """What came out.

    Attributes:
        path: the file, or the folder; None where it was stopped and nothing was kept.
        frames, shots: how many.
        stopped: whether `on_progress` ended it.
        notes: what was left out or damaged.
        seconds: of the whole, and of each stage: read, motion, paint, write; the blending belongs to the writing.
    """

    path: Path | None
    frames: int
    shots: int
    stopped: bool
    notes: tuple[str, ...]
    seconds: dict[str, float] = field(default_factory=dict)


OnVideoProgress: TypeAlias = Callable[[VideoProgress], "bool | None"]

Sink: TypeAlias = Writer | Segments | FolderWriter | AnimationWriter

_Job: TypeAlias = "tuple[Frame, Motion]"


@dataclass(frozen=True)
class _Painted:
    """A frame, what was painted of it, and what enlarges and finishes that; None where it is done."""

    frame: Frame
    motion: Motion
    painted: Pixels
    painter: FramePainter | None
    moved: Moved | None


def paint_video(
    source: Path | str,
    style: StyleRequest,
    output: Path | str,
    *,
    engine: Engine = "light",
    recipe: str | Recipe = "fast",
    long_term: int = 0,
    keyframes: str | None = None,
    steady: float = 70,
    start: float = 0,
    end: float | None = None,
    fps: float | None = None,
    codec: str | None = None,
    quality: int | None = None,
    sound: bool = True,
    keep_partial: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    regions: Regions | None = None,
    gallery: Gallery | None = None,
    max_pixels: int = MAX_PIXELS,
    on_progress: OnVideoProgress | None = None,
    **controls: Any,
) -> PaintedVideo:
    """Paint a video in the style of a painting, without flicker, with its sound and subtitles.

    Args:
        source: a file that FFmpeg reads, or a folder of frames.
        style, gallery, controls: as for `impasto.stylize`.
        regions: as there, too; a mask may also be a video or a folder of frames, and then moves with the clip.
        output: .mp4, .mov, .mkv, .avi, .webm, .gif, .webp, .apng, or a folder for PNG frames (no ending).
        engine: "light"; "painter" takes five times as long a frame; "optimize" optimises every frame, for short clips,
            and needs the extra `torch`.
        recipe: of the optimiser, a name from `impasto.optimization.recipe.RECIPES` or a `Recipe`.
        long_term: the optimiser also holds to the picture so many frames ago, where the last one shows something else.
        keyframes: styles that change, such as "0:starry-night,5:great-wave:0.5" (see `keyframes.parse_keyframes`);
            seconds of the result. `style` does not count then.
        steady: 0..100, how much of the last picture is carried along the motion.
        start, end: seconds of the source.
        fps: another frame rate, by leaving out or repeating frames; None keeps the source's timing, variable or not.
        codec: h264, hevc, av1, vp9, prores, ffv1; None, the container's usual one.
        quality: the encoder's constant rate factor.
        keep_partial: when stopped, keep what is done as a playable file.
        resume: keep what is done in pieces beside the result, whatever ends the run, and go on from there if an
            earlier run left some.
    Raises:
        UsageError: a style, control, format or codec that is unknown.
        PictureError: a source that cannot be read, or a file that cannot be written.

    >>> painted = impasto.paint_video("frames", "starry-night", "painted.gif", strength=80)
    >>> painted.frames
    3
    """
    if not 0 <= steady <= 100:
        raise UsageError(f"steady {steady:g} is not in 0..100")
    if engine not in get_args(Engine):
        raise UsageError(f"{engine} is no engine", f"one of {', '.join(get_args(Engine))}")
    if engine == "optimize" and keyframes is not None:
        raise UsageError("the optimiser takes one style for the whole clip", "--style")
    chosen = make(Controls, controls, "control")
    clip = Clip(Path(source), start, end)
    if fps is not None and not 0 < fps <= 1000:
        raise UsageError(f"{fps:g} frames a second", "above 0, up to 1000")
    width, height = output_size(clip, chosen.size)
    if width * height > max_pixels:
        raise UsageError(f"frames of {width} x {height} pixels are too large", "--size makes them smaller")
    if fps is not None and clip.path.is_dir():  # frames have no times of their own
        clip.rate, fps = Fraction(fps).limit_denominator(60_000), None
    rate = clip.rate if fps is None else Fraction(fps).limit_denominator(60_000)
    moments = [Keyframe(0, "")] if keyframes is None else parse_keyframes(keyframes)
    plain = replace(chosen, size=None)
    masks = MovingMasks(regions)
    painter = engine_of(engine if engine != "optimize" else DEFAULT)
    make_stylizer = functools.partial(
        Stylizer, regions=masks.regions, controls=plain, gallery=gallery, painter=painter, max_pixels=max_pixels
    )
    stylizers = [make_stylizer(frame.style or style) for frame in moments]
    stylizer = stylizers[0]
    if engine != "optimize":
        stylizer.prepare()
    changing = None if keyframes is None else Keyframes(moments, stylizers)
    optimizer = _optimizer(stylizer, recipe, steady / 100, long_term) if engine == "optimize" else None
    if optimizer and masks.moving:
        raise UsageError("the optimiser's masks do not move", "pictures as masks")
    first = next(clip.frames(), None)
    if first is None:
        raise UsageError(f"{clip.path} has no frame from {start:g} s on", "--start, --end")
    checkpoint = None
    if resume:
        settings = {
            "source": (str(clip.path.resolve()), clip.width, clip.height, start, end, fps, clip.rate),
            "style": str(style),
            "regions": str(regions),
            "keyframes": keyframes,
            "steady": steady,
            "engine": engine,
            "recipe": recipe,
            "controls": chosen.as_dict(),
            "codec": codec,
            "quality": quality,
        }
        checkpoint = Checkpoint(Path(output), settings)
    sink = _writer(
        Path(output), clip, width, height, rate, codec, quality, sound, first.alpha is not None, overwrite, checkpoint
    )
    deep = codec in DEEP
    run = _Run(
        clip,
        stylizer,
        optimizer,
        changing,
        masks,
        sink,
        checkpoint,
        steady / 100,
        (width, height),
        fps,
        deep,
        on_progress,
    )
    try:
        with one_thread():
            run.all()
    except BaseException:
        sink.discard()
        raise
    kept = not run.stopped or (keep_partial and run.frames > 0 and checkpoint is None)
    if kept:
        sink.close()
        if checkpoint:
            checkpoint.forget()
    else:
        sink.discard()
    notes = [*sink.notes, *([clip.note] if clip.note else [])]
    return PaintedVideo(Path(output) if kept else None, run.frames, run.shots, run.stopped, tuple(notes), run.seconds)


def _optimizer(stylizer: Stylizer, recipe: str | Recipe, steady: float, long_term: int) -> FrameOptimizer:
    try:
        from impasto.optimization.recipe import find_recipe
        from impasto.video.optimizer import FrameOptimizer
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which the optimiser needs,", "torch") from None
    return FrameOptimizer(stylizer, find_recipe(recipe), steady, long_term)


def _writer(
    path: Path,
    clip: Clip,
    width: int,
    height: int,
    rate: Fraction,
    codec: str | None,
    quality: int | None,
    sound: bool,
    alpha: bool,
    overwrite: bool,
    checkpoint: Checkpoint | None,
) -> Sink:
    suffix = path.suffix.lower()
    if not suffix or path.is_dir():
        done = checkpoint.state.frames if checkpoint and checkpoint.state else 0
        return FolderWriter(path, overwrite=overwrite, done=done)
    if suffix in ANIMATIONS:
        if checkpoint:
            raise UsageError(f"{suffix} files are made in one piece", "--resume goes with video files and folders")
        return AnimationWriter(path, rate, overwrite=overwrite)
    source = clip if sound else None

    def open_writer(path: Path, source: Clip | None = None, overwrite: bool = True) -> Writer:
        return Writer(
            path, width, height, rate, codec=codec, quality=quality, source=source, alpha=alpha, overwrite=overwrite
        )

    if checkpoint:
        return Segments(path, checkpoint.folder, checkpoint.pieces, open_writer, source=source, overwrite=overwrite)
    return open_writer(path, source, overwrite)


class _Run:
    """One clip on its way through three threads: reading with motion, painting, blending and writing."""

    def __init__(
        self,
        clip: Clip,
        stylizer: Stylizer,
        optimizer: FrameOptimizer | None,
        changing: Keyframes | None,
        masks: MovingMasks,
        sink: Sink,
        checkpoint: Checkpoint | None,
        steady: float,
        size: tuple[int, int],
        fps: float | None,
        deep: bool,
        on_progress: OnVideoProgress | None,
    ) -> None:
        self.clip, self.stylizer, self.changing, self.sink = clip, stylizer, changing, sink
        self.optimizer, self.masks, self.checkpoint = optimizer, masks, checkpoint
        self.before = checkpoint.state if checkpoint else None  # what an earlier run has done
        self.steady, self.size, self.fps, self.deep = steady, size, fps, deep
        self.on_progress = on_progress
        self.frames = self.shots = 0
        self.stopped = False
        self.seconds = dict.fromkeys(("read", "motion", "paint", "write"), 0.0)
        self._read: queue.Queue[_Job | None] = queue.Queue(_QUEUED)
        self._painted: queue.Queue[_Painted | functools.partial[State] | None] = queue.Queue(_QUEUED)
        self._failure: BaseException | None = None
        self._ending = threading.Event()  # no more is wanted from the reading
        self._written = threading.Event()  # the writing has come to its end, good or bad

    def all(self) -> None:
        started = time.perf_counter()
        threads = [
            threading.Thread(
                target=self._guarded, args=(self._reading, lambda: self._put(self._read, None)), daemon=True
            ),
            threading.Thread(target=self._guarded, args=(self._writing, self._written.set), daemon=True),
        ]
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
        for index, frame in enumerate(_timed(self._source(), self.seconds, "read")):
            if self._ending.is_set():
                break
            if index < done - 1:
                continue
            began = time.perf_counter()
            motion = find_motion(frame.samples, self._painted_size(frame))
            self.seconds["motion"] += time.perf_counter() - began
            if index >= done:
                self._put(self._read, (frame, motion))

    def _painted_size(self, frame: Frame) -> tuple[int, int]:
        """Width and height at which a frame is painted."""
        height, width = frame.samples.shape[:2]
        if self.optimizer is not None:
            return self.optimizer.worked_size(width, height)
        stylizer = self.stylizer if self.changing is None else self.changing.at(frame.time)
        return stylizer.controls.painted_size(width, height)

    def _source(self) -> Iterator[Frame]:
        """The clip's frames, or those of another frame rate: each shown until the next one's time."""
        if self.fps is None:
            yield from self.clip.frames(self.size)
            return
        step, index = 1 / Fraction(self.fps).limit_denominator(60_000), 0
        held: Frame | None = None
        for frame in self.clip.frames(self.size):
            while held is not None and index * step < frame.time:
                yield replace(held, time=index * step)
                index += 1
            held = frame
        while held is not None and index * step < held.time + 1 / self.clip.rate:
            yield replace(held, time=index * step)
            index += 1

    def _painting(self, started: float) -> None:
        last: Pixels | None = None
        shot: Shot | None = None
        first: Frame | None = None
        painter: FramePainter | None = None
        if (before := self.before) is not None:
            self.frames, self.shots, last, shot = before.frames, before.shots, before.last, before.shot
            first = Frame(before.first, Fraction(0), before.first_alpha)
        while (job := self._read.get()) is not None:
            frame, motion = job
            began = time.perf_counter()
            if motion.cut or first is None:
                # A block's statistics belong to its style: where that changes, every frame has its own.
                shot, first, last = Shot() if self.changing is None else None, frame, None
                painter = None
                self.shots += 1
            if self.optimizer is not None:
                small = reduced(frame.samples, *self._painted_size(frame))
                painted = last = self.optimizer(small, motion, last)
                # It has followed the motion.
                result = _Painted(frame, Motion(None, None, motion.cut), painted, None, None)
            else:
                if self.changing is not None or painter is None:
                    stylizer = self.stylizer if self.changing is None else self.changing.at(frame.time)
                    painter = stylizer.for_frames(first.samples, first.alpha, shot)
                moved = self.masks.at(frame.time)
                result = _Painted(frame, motion, painter.painted(frame.samples, moved), painter, moved)
            self.seconds["paint"] += time.perf_counter() - began
            self.frames += 1
            self._put(self._painted, result)
            report = VideoProgress(self.frames, max(self.clip.count, self.frames), time.perf_counter() - started)
            self.stopped = self.on_progress is not None and self.on_progress(report) is False
            if self.checkpoint and (self.stopped or self.frames % SEGMENT == 0):
                now = copy.deepcopy(shot)
                so_far = functools.partial(State, self.frames, self.shots, first.samples, first.alpha, shot=now)
                self._put(self._painted, so_far)
            if self.stopped or self._failure is not None:
                return

    def _writing(self) -> None:
        """Blend each picture with the one before, enlarge and write it, all while the next one is painted."""
        last = self.before.last if self.before else None
        while (item := self._painted.get()) is not None:
            began = time.perf_counter()
            if isinstance(item, _Painted):
                painted, motion = item.painted, item.motion
                last = painted if last is None or motion.cut else blend(painted, last, motion, self.steady)
                samples: Samples = last
                if item.painter is None:
                    if last.shape != item.frame.samples.shape:
                        samples = enlarge_frame(last, item.frame.samples, self.stylizer.controls.detail / 100)
                else:
                    kind = np.uint16 if self.deep else item.frame.samples.dtype
                    samples = item.painter.finished(last, item.frame.samples, item.moved, kind)
                self.sink.write(replace(item.frame, samples=samples))
            elif self.checkpoint:
                assert last is not None
                pieces = 0
                if isinstance(self.sink, Segments):
                    self.sink.cut()
                    pieces = self.sink.pieces
                self.checkpoint.save(item(last=last), pieces)
            self.seconds["write"] += time.perf_counter() - began

    def _guarded(self, stage: Callable[[], None], after: Callable[[], None]) -> None:
        """Run a stage, and what says that it has ended; what it raises ends the others."""
        try:
            stage()
        except BaseException as error:  # noqa: BLE001  raised again by `all`
            self._failure = self._failure or error
            self._ending.set()
        finally:
            after()

    def _put(self, target: queue.Queue[Any], item: Any) -> None:
        """Wait for a place, but not for a stage that has ended."""
        ended = self._ending if target is self._read else self._written
        while True:
            try:
                target.put(item, timeout=0.1)
                return
            except queue.Full:
                if ended.is_set():
                    return


def _timed(frames: Iterator[Frame], seconds: dict[str, float], name: str) -> Iterator[Frame]:
    while True:
        began = time.perf_counter()
        frame = next(frames, None)
        seconds[name] += time.perf_counter() - began
        if frame is None:
            return
        yield frame

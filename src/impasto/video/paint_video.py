"""Paint a clip: the public function."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.controls import Controls
from impasto.engines.by_name import DEFAULT, engine_of
from impasto.errors import ImpastoError, MissingExtra, UsageError
from impasto.painting.regions import Regions
from impasto.painting.stylizer import Stylizer
from impasto.picture.formats import format_of
from impasto.picture.limits import check_size
from impasto.picture.reading import MAX_PIXELS
from impasto.pixels.flow import one_thread
from impasto.progress import OnProgress
from impasto.styles.gallery import Gallery
from impasto.styles.resolve import StyleRequest
from impasto.video.assembly import Assembly, constant_rate
from impasto.video.encoding import CONTAINERS, SAY_THEIR_ASPECT, encoding_for
from impasto.video.keyframes import Keyframes, parse_keyframes
from impasto.video.moving_masks import MovingMasks
from impasto.video.options import VideoOptions, options_and_controls
from impasto.video.pipeline import Painters, Pipeline
from impasto.video.reading import Clip, VideoFrame
from impasto.video.segments import Checkpoint, Segments
from impasto.video.writing import ANIMATIONS, AnimationWriter, FolderWriter, Sink, Writer

if TYPE_CHECKING:
    from impasto.optimization.recipe import Recipe
    from impasto.video.optimizer import FrameOptimizer

# Options that a resumed run may change, because they do not change any frame.
_MAY_CHANGE = ("sound", "strip_location", "strip_metadata", "keep_partial", "resume", "segment", "untrusted")


@dataclass(frozen=True)
class PaintedVideo:
    """The result of `impasto.paint_video`.

    Attributes:
        path: the file or the folder; None if the run was stopped and kept nothing.
        frames, shots: their numbers.
        stopped: True if `on_progress` stopped the run.
        notes: what was left out or damaged.
        seconds: of the whole run ("all"), and of each stage: read, motion, paint, write. Blending is part of writing.
    """

    path: Path | None
    frames: int
    shots: int
    stopped: bool
    notes: tuple[str, ...]
    seconds: dict[str, float] = field(default_factory=dict)


def paint_video(
    source: Path | str,
    style: StyleRequest,
    output: Path | str,
    *,
    options: VideoOptions | None = None,
    recipe: str | Recipe = "fast",
    regions: Regions | None = None,
    gallery: Gallery | None = None,
    mark: bool = True,
    overwrite: bool = False,
    max_pixels: int = MAX_PIXELS,
    on_progress: OnProgress | None = None,
    **values: Any,
) -> PaintedVideo:
    """Paint a video in the style of a painting without flicker, and keep its sound and subtitles.

    Args:
        source: a file that FFmpeg reads, or a folder of frames.
        style, gallery, max_pixels: as for `impasto.stylize`. Keyframes replace the style.
        output: .mp4, .mov, .mkv, .avi, .webm, .gif, .webp, .apng, .avif, or a folder for PNG frames (no ending).
        options: how the clip is read, painted and written.
        recipe: for the optimizer: a name from `impasto.optimization.recipe.RECIPES` or a `Recipe`.
        regions: as for `impasto.stylize`. A mask may also be a video or a folder of frames; then it moves.
        mark: write into the result's metadata how it was made.
        overwrite: replace existing files.
        on_progress: called after every frame; `step` counts frames. Returning False stops.
        values: fields of `VideoOptions`, which replace those of `options`, and of `impasto.Controls`.
    Raises:
        UsageError: a style, control, option, format or codec is unknown.
        PictureError: the source cannot be read, or a file cannot be written.

    >>> painted = impasto.paint_video("frames", "starry-night", "painted.gif", strength=80)
    >>> painted.frames
    3
    """
    options, controls = options_and_controls(options, values)
    if options.engine == "optimize" and options.keyframes is not None:
        raise UsageError(
            "the optimizer uses one style for the whole clip", "use --style instead of --keyframes", code="conflict"
        )
    clip = open_clip(Path(source), Path(output), options, max_pixels)
    size = clip.output_size(controls.size, square=not _holds_pixel_shape(Path(output), options.codec))
    if size[0] * size[1] > max_pixels:
        raise UsageError(
            f"frames of {size[0]} x {size[1]} pixels are too large", "use a smaller --size", code="too-large"
        )
    masks = MovingMasks(regions, untrusted=options.untrusted)
    make_stylizer = functools.partial(
        Stylizer,
        regions=masks.regions,
        controls=replace(controls, size=None),
        gallery=gallery,
        painter=engine_of(options.engine if options.engine != "optimize" else DEFAULT),
        max_pixels=max_pixels,
        untrusted=options.untrusted,
    )
    painters = _painters(style, masks, make_stylizer, options, recipe)
    first = next(clip.frames(), None)
    if first is None:
        raise UsageError(
            f"{clip.path} has no frame from {options.start:g} s on", "change --start or --end", code="no-frames"
        )
    made_with = _made_with(painters, options, controls, recipe) if mark else {}
    with contextlib.ExitStack() as claimed:
        checkpoint = None
        if options.resume:
            checkpoint = Checkpoint(Path(output), _settings(clip, style, regions, recipe, options, controls))
            claimed.callback(checkpoint.close)
        sink = open_sink(
            Path(output), clip, size, options, checkpoint, first=first, made_with=made_with, overwrite=overwrite
        )
        pipeline = Pipeline(clip, size, painters, sink, options, checkpoint=checkpoint, on_progress=on_progress)
        try:
            with one_thread():
                pipeline.run()
            kept = not pipeline.stopped or (options.keep_partial and pipeline.frames > 0 and checkpoint is None)
            if kept:
                sink.close(whole=not pipeline.stopped)
                if checkpoint:
                    checkpoint.forget()
            else:
                sink.discard()
        except Exception as error:
            _say_what_is_kept(error, sink.keep(), resume=checkpoint is not None)
            raise
        except BaseException:
            sink.discard()
            raise
    notes = (*sink.notes, *clip.notes, *masks.notes)
    path = Path(output) if kept else None
    return PaintedVideo(path, pipeline.frames, pipeline.shots, pipeline.stopped, notes, pipeline.seconds)


def open_clip(source: Path, output: Path, options: VideoOptions, max_pixels: int) -> Clip:
    """Open the source at a rate that players of the result support."""
    open_at = functools.partial(
        Clip, source, options.start, options.end, untrusted=options.untrusted, max_pixels=max_pixels
    )
    clip = open_at(fps=options.fps)
    suffix = output.suffix.lower()
    fastest = None if output.is_dir() else ANIMATIONS.get(suffix)
    if fastest is None or clip.rate <= fastest:
        return clip
    said = f"players show at most {fastest} frames a second of {suffix}"
    if options.fps is not None:
        raise UsageError(said, f"--fps {fastest}", code="out-of-range")
    slower = open_at(fps=float(fastest))
    slower.notes.append(f"{said}: some frames are left out, because the clip has {float(clip.rate):.4g} a second")
    return slower


def _say_what_is_kept(error: Exception, kept: Path | None, *, resume: bool) -> None:
    """Add to an error where the frames are that were painted before it."""
    if kept is None or not isinstance(error, ImpastoError):
        return
    resumed = f"the painted part is in {kept}; type the same command to continue from it"
    error.hint = resumed if resume else f"the frames painted so far are in {kept}"
    error.args = (f"{error.message}  ({error.hint})",)


def _painters(
    style: StyleRequest,
    masks: MovingMasks,
    make_stylizer: functools.partial[Stylizer],
    options: VideoOptions,
    recipe: str | Recipe,
) -> Painters:
    if options.keyframes is not None:
        moments = parse_keyframes(options.keyframes)
        stylizers = [make_stylizer(moment.style) for moment in moments]
        stylizers[0].prepare()
        return Painters(stylizers[0], masks, keyframes=Keyframes(moments, stylizers))
    stylizer = make_stylizer(style)
    if options.engine != "optimize":
        stylizer.prepare()
        return Painters(stylizer, masks)
    if masks.moving:
        raise UsageError("the optimizer does not support moving masks", "use pictures as masks", code="conflict")
    return Painters(stylizer, masks, optimizer=_optimizer(stylizer, recipe, options))


def _optimizer(stylizer: Stylizer, recipe: str | Recipe, options: VideoOptions) -> FrameOptimizer:
    try:
        from impasto.optimization.recipe import find_recipe
        from impasto.video.optimizer import FrameOptimizer
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which the optimizer needs,", "torch") from None
    return FrameOptimizer(stylizer, find_recipe(recipe), options.steady / 100, options.long_term)


def _made_with(
    painters: Painters, options: VideoOptions, controls: Controls, recipe: str | Recipe
) -> dict[str, object]:
    """Return the entry in the result's metadata."""
    made_with = painters.stylizer.made_with() | {"controls": controls.as_dict(), "steady": options.steady}
    if painters.keyframes is not None:
        made_with["style"] = painters.keyframes.label
    if painters.optimizer is not None:
        made_with["engine"] = "optimize"
        if isinstance(recipe, str):
            made_with["recipe"] = recipe
    return made_with


def _settings(
    clip: Clip,
    style: StyleRequest,
    regions: Regions | None,
    recipe: str | Recipe,
    options: VideoOptions,
    controls: Controls,
) -> dict[str, object]:
    """Return the settings that must be equal in a run that continues from this one."""
    said = {name: value for name, value in asdict(options).items() if name not in _MAY_CHANGE}
    return said | {
        "source": (str(clip.path.resolve()), clip.width, clip.height),
        "style": str(style),
        "regions": str(regions),
        "recipe": recipe,
        "controls": controls.as_dict(),
    }


def _holds_pixel_shape(path: Path, codec: str | None) -> bool:
    """Return True if a result can store a pixel aspect ratio. Some codecs can; animations and pictures cannot."""
    usual = None if path.is_dir() else CONTAINERS.get(path.suffix.lower())
    return usual is not None and (codec or usual) in SAY_THEIR_ASPECT


def open_sink(
    path: Path,
    clip: Clip,
    size: tuple[int, int],
    options: VideoOptions,
    checkpoint: Checkpoint | None,
    *,
    first: VideoFrame,
    made_with: Mapping[str, object],
    overwrite: bool,
) -> Sink:
    """Open the destination of the frames, by the output's ending."""
    suffix = path.suffix.lower()
    if not suffix or path.is_dir():
        done = checkpoint.state.frames if checkpoint and checkpoint.state else 0
        return FolderWriter(path, made_with=made_with, overwrite=overwrite, done=done)
    if suffix in ANIMATIONS:
        if checkpoint:
            raise UsageError(
                f"{suffix} files cannot be written in pieces",
                "use --resume with video files and folders",
                code="conflict",
            )
        check_size(format_of(path), *size, str(path))
        return AnimationWriter(path, clip.rate, count=clip.count, size=size, made_with=made_with, overwrite=overwrite)
    encoding = encoding_for(
        path,
        *size,
        constant_rate(clip) if suffix == ".avi" else clip.rate,
        codec=options.codec,
        quality=options.quality,
        alpha=first.alpha is not None,
        aspect=clip.sample_aspect_ratio,
    )
    assembly = Assembly(
        path,
        encoding,
        source=clip,
        sound=options.sound,
        strip_location=options.strip_location,
        strip_metadata=options.strip_metadata,
        made_with=made_with,
        first=first,
        overwrite=overwrite,
    )
    if checkpoint:
        return Segments(assembly, checkpoint)
    return Writer(assembly)

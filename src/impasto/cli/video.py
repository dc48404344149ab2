"""`impasto video`: paint a clip, or a folder of frames."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click

from impasto.cli import defaults, options
from impasto.cli.command import Command, argument, option
from impasto.cli.console import INTERRUPTED
from impasto.cli.interrupt import by_the_system
from impasto.cli.options import read_region
from impasto.cli.progress import watched
from impasto.cli.results import report_clip
from impasto.controls import Controls
from impasto.errors import ImpastoError, UsageError
from impasto.progress import Progress
from impasto.system.names import shortened
from impasto.video.options import VideoOptions

EXAMPLES = """
impasto video clip.mp4 --style starry-night -o painted.mp4
impasto video clip.mov --style my_painting.jpg --steady 90 --size 1280 -o painted.mov --codec prores
impasto video clip.mp4 --style udnie --start 2 --end 6 -o painted.gif
impasto video clip.mp4 --keyframes 0:starry-night,5:great-wave:0.5 -o changing.mp4
impasto video long.mp4 --style udnie --region dancer.mp4=great-wave --resume -o painted.mp4
impasto video short.mp4 --style painting.jpg --engine optimize --long-term 8 --size 320 -o painted.mp4
impasto video frames/ --style great-wave --fps 24 -o painted.webm
"""

_OUTPUT = ("fps", "codec", "quality", "sound", "strip_location", "strip_metadata", "keep_partial", "resume")


@click.command(cls=Command, examples=EXAMPLES)
@argument("source", "File of a video, or a folder of frames.", type=options.PATH)
@options.style()
@option("--recipe", default="fast", help="Recipe of the optimizer, such as fast or default.")
@options.region
@defaults.presets()
@option(
    "--output",
    "-o",
    type=options.PATH,
    help="A file (.mp4, .mov, .mkv, .avi, .webm, .gif, .webp, .apng, .avif), or a folder for PNG frames.",
    panel="Output",
)
@options.mark
@options.overwrite
@options.max_pixels
@options.quiet
@options.json
@options.settings(
    VideoOptions,
    "video_options",
    "Options",
    without=("segment", "untrusted"),
    panels=dict.fromkeys(_OUTPUT, "Output"),
    names={"quality": "--crf"},
)
@options.settings(Controls, "controls", "Controls")
def video(
    source: Path,
    video_options: VideoOptions,
    controls: Controls,
    style: tuple[str, ...],
    recipe: str,
    region: tuple[str, ...],
    output: Path | None,
    mark: bool,
    overwrite: bool,
    max_pixels: int,
    quiet: bool,
    json: bool,
) -> None:
    """Paint a video without flicker. Sound, timing and rotation stay."""
    from impasto.video.paint_video import paint_video

    if video_options.keyframes is not None and defaults.are_defaults("style"):
        style = ()
    if bool(style) == (video_options.keyframes is not None):
        raise UsageError(
            "give either --style or --keyframes", "--keyframes 0:starry-night,5:great-wave:0.5", code="conflict"
        )
    if not quiet:
        options.note_low_strength(controls.strength)
        options.note_unlearned(style, video_options.engine)
    if output is None:
        output = Path(shortened(f"{source.stem}-painted.mp4", 255))
    if os.path.exists(source) and os.path.exists(output) and source.samefile(output):
        raise UsageError(f"{output} is the video itself", "choose another -o", code="same-file")
    with watched(quiet=quiet or json) as on_progress:
        if not (video_options.keep_partial or video_options.resume):
            on_progress = _kept_unless_by_ctrl_c(on_progress)
        result = paint_video(
            source,
            style,
            output,
            options=video_options,
            recipe=recipe,
            regions=[read_region(text) for text in region],
            mark=mark,
            overwrite=overwrite,
            max_pixels=max_pixels,
            on_progress=on_progress,
            **asdict(controls),
        )
    report_clip(result, resume=video_options.resume, quiet=quiet, json=json)


def _kept_unless_by_ctrl_c(on_progress: Callable[[Progress], bool]) -> Callable[[Progress], bool]:
    """Let SIGTERM and SIGHUP stop the work as an error does.

    The user did not choose these stops, so the frames so far are kept.
    """

    def goes_on(progress: Progress) -> bool:
        going = on_progress(progress)
        if not going and by_the_system():
            error = ImpastoError("stopped", code="stopped")
            error.exit_code = INTERRUPTED
            raise error
        return going

    return goes_on

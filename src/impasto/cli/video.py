"""`impasto video`: a clip, or a folder of frames."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli.console import INTERRUPTED, console, note, print_json
from impasto.cli.interrupt import catching_stops
from impasto.cli.options import (
    Json,
    Mark,
    MaxPixels,
    OptionalStyles,
    Overwrite,
    Quiet,
    Regions,
    read_region,
    takes,
    takes_controls,
)
from impasto.controls import Controls
from impasto.errors import UsageError
from impasto.picture.reading import MAX_PIXELS
from impasto.progress import Progress
from impasto.video.options import VideoOptions

if TYPE_CHECKING:
    from impasto.video.paint_video import PaintedVideo

EXAMPLES = """
[b]Examples[/b]

impasto video clip.mp4 --style starry-night -o painted.mp4

impasto video clip.mov --style my_painting.jpg --steady 90 --size 1280 -o painted.mov --codec prores

impasto video clip.mp4 --style udnie --start 2 --end 6 -o painted.gif

impasto video clip.mp4 --keyframes 0:starry-night,5:great-wave:0.5 -o changing.mp4

impasto video long.mp4 --style udnie --region dancer.mp4=great-wave --resume -o painted.mp4

impasto video short.mp4 --style painting.jpg --engine optimize --long-term 8 --size 320 -o painted.mp4

impasto video frames/ --style great-wave --fps 24 -o painted.webm
"""


def _takes_video_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb an option for every field of `VideoOptions`; it receives them as `options`."""

    def make(values: dict[str, Any]) -> VideoOptions:
        return VideoOptions(**values)

    written = ("fps", "codec", "quality", "sound", "keep_partial", "resume")
    return takes(
        verb,
        "options",
        VideoOptions,
        make,
        "Options",
        without=("segment",),
        panels=dict.fromkeys(written, "Output"),
        names={"quality": "--crf"},
    )


@takes_controls
@_takes_video_options
def video(
    source: Annotated[Path, typer.Argument(help="A video's file, or a folder of frames.", show_default=False)],
    options: VideoOptions,
    controls: Controls,
    style: OptionalStyles = None,
    recipe: Annotated[str, typer.Option(help="The optimiser's, such as fast or default.")] = "fast",
    region: Regions = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="A file (.mp4, .mov, .mkv, .avi, .webm, .gif, .webp, .apng), or a folder for PNG frames.",
            show_default=False,
            rich_help_panel="Output",
        ),
    ] = None,
    mark: Mark = True,
    overwrite: Overwrite = False,
    max_pixels: MaxPixels = MAX_PIXELS,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Paint a video without flicker; its sound, timing and rotation stay."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from impasto.video.paint_video import paint_video

    if (style is None) == (options.keyframes is None):
        raise UsageError("--style or --keyframes, one of the two", "--keyframes 0:starry-night,5:great-wave:0.5")
    if output is None:
        output = Path(f"{source.stem}-painted.mp4")
    if source.exists() and output.exists() and source.samefile(output):
        raise UsageError(f"{output} is the video itself", "choose another -o")
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    hidden = quiet or json or not sys.stderr.isatty()
    bar = Bar(*columns, console=console(to_stderr=True), disable=hidden, transient=True)
    task = bar.add_task("", total=None)
    with catching_stops() as stopped, bar:

        def show(progress: Progress) -> bool:
            bar.update(task, completed=progress.step, total=progress.total, description=progress.message)
            return not stopped()

        result = paint_video(
            source,
            style or [],
            output,
            options=options,
            recipe=recipe,
            regions=[read_region(text) for text in region or []],
            mark=mark,
            overwrite=overwrite,
            max_pixels=max_pixels,
            on_progress=show,
            **asdict(controls),
        )
    _report(result, options, quiet=quiet, json=json)


def _report(result: PaintedVideo, options: VideoOptions, *, quiet: bool, json: bool) -> None:
    """Print what came out; exit if it was stopped."""
    for line in result.notes:
        note(line)
    if json:
        print_json(
            {
                "output": None if result.path is None else str(result.path),
                "frames": result.frames,
                "shots": result.shots,
                "stopped": result.stopped,
                "notes": list(result.notes),
                "seconds": {name: round(value, 3) for name, value in result.seconds.items()},
            }
        )
    elif not quiet and result.path is not None:
        total = result.seconds["all"]
        print(f"{result.path}  {result.frames} frames  {result.frames / total:.1f} frames/s  {total:.1f} s")
    if result.stopped:
        kept = f"{result.path} holds {result.frames} frames" if result.path else "nothing was written"
        if options.resume:
            kept = f"{result.frames} frames are done; the same command goes on from there"
        note(f"stopped; {kept}")
        sys.exit(INTERRUPTED)

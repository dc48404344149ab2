"""`impasto video`: a clip, or a folder of frames."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from impasto.cli.console import INTERRUPTED, console, note, print_json
from impasto.cli.interrupt import catching_stops
from impasto.cli.options import Json, MaxPixels, OptionalStyles, Overwrite, Quiet, Regions, read_region, takes_controls
from impasto.controls import Controls
from impasto.errors import UsageError
from impasto.picture.reading import MAX_PIXELS

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


@takes_controls
def video(
    source: Annotated[Path, typer.Argument(help="A video's file, or a folder of frames.", show_default=False)],
    controls: Controls,
    style: OptionalStyles = None,
    engine: Annotated[
        str, typer.Option(help="light, painter (five times as long a frame), or optimize (minutes a second).")
    ] = "light",
    recipe: Annotated[str, typer.Option(help="The optimiser's, such as fast or default.")] = "fast",
    long_term: Annotated[
        int, typer.Option(help="The optimiser also holds to the picture so many frames ago.", min=0, max=100)
    ] = 0,
    keyframes: Annotated[
        str | None,
        typer.Option(
            help="Styles that change: SECONDS:STYLE[:SHARE OF THE STRENGTH[:BRUSH SIZE]], with commas between.",
            show_default=False,
        ),
    ] = None,
    region: Regions = None,
    steady: Annotated[
        float, typer.Option(help="How much of the last picture is carried along the motion. 0 to 100.")
    ] = 70,
    start: Annotated[float, typer.Option(help="From this second on.")] = 0,
    end: Annotated[float | None, typer.Option(help="Up to this second.", show_default=False)] = None,
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
    fps: Annotated[
        float | None, typer.Option(help="Another frame rate.", show_default=False, rich_help_panel="Output")
    ] = None,
    codec: Annotated[
        str | None,
        typer.Option(
            help="h264, hevc, av1, vp9, prores or ffv1; the container's usual one if not given.",
            show_default=False,
            rich_help_panel="Output",
        ),
    ] = None,
    crf: Annotated[
        int | None,
        typer.Option(
            help="Constant rate factor: lower is better and larger.",
            min=0,
            max=63,
            show_default=False,
            rich_help_panel="Output",
        ),
    ] = None,
    sound: Annotated[
        bool, typer.Option("--sound/--no-sound", help="Copy sound and subtitles.", rich_help_panel="Output")
    ] = True,
    keep_partial: Annotated[
        bool, typer.Option("--keep-partial", help="When stopped, keep what is done.", rich_help_panel="Output")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Keep what is done, whatever happens; go on from there.", rich_help_panel="Output"
        ),
    ] = False,
    overwrite: Overwrite = False,
    max_pixels: MaxPixels = MAX_PIXELS,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Paint a video without flicker; its sound, timing and rotation stay."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from impasto.video.run import VideoProgress, paint_video

    if (style is None) == (keyframes is None):
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

        def show(progress: VideoProgress) -> bool:
            speed = progress.frame / max(progress.seconds, 1e-6)
            bar.update(task, completed=progress.frame, total=progress.total, description=f"{speed:.1f} frames/s")
            return not stopped()

        result = paint_video(
            source,
            style or [],
            output,
            engine=engine,  # type: ignore[arg-type]  # it is checked there
            recipe=recipe,
            long_term=long_term,
            keyframes=keyframes,
            steady=steady,
            start=start,
            end=end,
            fps=fps,
            codec=codec,
            quality=crf,
            sound=sound,
            keep_partial=keep_partial,
            resume=resume,
            overwrite=overwrite,
            regions=[read_region(text) for text in region or []],
            max_pixels=max_pixels,
            on_progress=show,
            **asdict(controls),
        )
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
        if resume:
            kept = f"{result.frames} frames are done; the same command goes on from there"
        note(f"stopped; {kept}")
        sys.exit(INTERRUPTED)

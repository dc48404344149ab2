"""`impasto video`: a clip, or a folder of frames."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from impasto.cli import options
from impasto.cli.command import Command, argument, option
from impasto.cli.console import INTERRUPTED, note, print_json
from impasto.cli.options import read_region
from impasto.cli.progress import watched
from impasto.controls import Controls
from impasto.errors import UsageError
from impasto.progress import Progress

EXAMPLES = """
impasto video clip.mp4 --style starry-night -o painted.mp4
impasto video clip.mov --style my_painting.jpg --steady 90 --size 1280 -o painted.mov --codec prores
impasto video clip.mp4 --style udnie --start 2 --end 6 -o painted.gif
impasto video clip.mp4 --keyframes 0:starry-night,5:great-wave:0.5 -o changing.mp4
impasto video long.mp4 --style udnie --region dancer.mp4=great-wave --resume -o painted.mp4
impasto video short.mp4 --style painting.jpg --engine optimize --long-term 8 --size 320 -o painted.mp4
impasto video frames/ --style great-wave --fps 24 -o painted.webm
"""


@click.command(cls=Command, examples=EXAMPLES)
@argument("source", "A video's file, or a folder of frames.", type=options.PATH)
@options.style()
@option(
    "--engine", default="light", help="light, painter (five times as long a frame), or optimize (minutes a second)."
)
@option("--recipe", default="fast", help="The optimiser's, such as fast or default.")
@option(
    "--long-term",
    type=click.IntRange(0, 100),
    default=0,
    help="The optimiser also holds to the picture so many frames ago.",
)
@option(
    "--keyframes",
    help="Styles that change: SECONDS:STYLE[:SHARE OF THE STRENGTH[:BRUSH SIZE]], with commas between.",
)
@options.region
@option("--steady", type=float, default=70, help="How much of the last picture is carried along the motion. 0 to 100.")
@option("--start", type=float, default=0, help="From this second on.")
@option("--end", type=float, help="Up to this second.")
@option(
    "--output",
    "-o",
    type=options.PATH,
    help="A file (.mp4, .mov, .mkv, .avi, .webm, .gif, .webp, .apng), or a folder for PNG frames.",
    panel="Output",
)
@option("--fps", type=float, help="Another frame rate.", panel="Output")
@option("--codec", help="h264, hevc, av1, vp9, prores or ffv1; the container's usual one if not given.", panel="Output")
@option("--crf", type=click.IntRange(0, 63), help="Constant rate factor: lower is better and larger.", panel="Output")
@option("--sound/--no-sound", default=True, help="Copy sound and subtitles.", panel="Output")
@option("--keep-partial", is_flag=True, help="When stopped, keep what is done.", panel="Output")
@option("--resume", is_flag=True, help="Keep what is done, whatever happens; go on from there.", panel="Output")
@options.overwrite
@options.max_pixels
@options.quiet
@options.json
@options.settings(Controls, "controls", "Controls")
def video(
    source: Path,
    controls: Controls,
    style: tuple[str, ...],
    engine: str,
    recipe: str,
    long_term: int,
    keyframes: str | None,
    region: tuple[str, ...],
    steady: float,
    start: float,
    end: float | None,
    output: Path | None,
    fps: float | None,
    codec: str | None,
    crf: int | None,
    sound: bool,
    keep_partial: bool,
    resume: bool,
    overwrite: bool,
    max_pixels: int,
    quiet: bool,
    json: bool,
) -> None:
    """Paint a video without flicker; its sound, timing and rotation stay."""
    from impasto.video.run import VideoProgress, paint_video

    if bool(style) == (keyframes is not None):
        raise UsageError("--style or --keyframes, one of the two", "--keyframes 0:starry-night,5:great-wave:0.5")
    if output is None:
        output = Path(f"{source.stem}-painted.mp4")
    if source.exists() and output.exists() and source.samefile(output):
        raise UsageError(f"{output} is the video itself", "choose another -o")
    with watched(quiet=quiet or json) as on_progress:

        def show(now: VideoProgress) -> bool:
            speed = now.frame / max(now.seconds, 1e-6)
            return on_progress(Progress(now.frame, now.total, message=f"{speed:.1f} frames/s"))

        result = paint_video(
            source,
            style,
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
            regions=[read_region(text) for text in region],
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
        raise click.exceptions.Exit(INTERRUPTED)

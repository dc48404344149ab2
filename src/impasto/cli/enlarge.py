"""`impasto enlarge`: enlarge one picture, several, a folder, or a clip."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from impasto.batch.enlarge import enlarge_folder
from impasto.batch.painting import Saving
from impasto.batch.report import Report
from impasto.cli import options
from impasto.cli.command import Command, argument, option
from impasto.cli.options import check_saving, read_memory, read_suffix
from impasto.cli.pipes import PIPE, paint_pipe, plan_pipe
from impasto.cli.progress import watched
from impasto.cli.results import Printer, report_clip
from impasto.enlarging.enlarge import Enlarger
from impasto.enlarging.options import EnlargeOptions
from impasto.errors import UsageError
from impasto.picture.formats import NAMES
from impasto.system.names import shortened
from impasto.video.options import VideoOptions

EXAMPLES = """
impasto enlarge photo.jpg --scale 4 -o big.png
impasto enlarge painted.png --kind painting --scale 4 -o poster.png
impasto enlarge photo.jpg --size 6000 --strength 70 -o print.jpg
impasto enlarge scans/ --scale 2 -o large/
impasto enlarge clip.mp4 --scale 2 -o large.mp4
cat photo.jpg | impasto enlarge - --scale 2 -o - > big.png
"""

VIDEOS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".wmv"})
"""Endings of video files."""


@click.command(cls=Command, examples=EXAMPLES)
@argument(
    "pictures",
    "Pictures, folders of them, or a clip; - reads a picture from standard input.",
    nargs=-1,
    required=True,
    type=options.PLACE,
)
@options.settings(EnlargeOptions, "enlarging", "Options")
@option("--output", "-o", type=options.PLACE, help="A file, a folder, or - for standard output.", panel="Output")
@option("--format", help=f"Write this format, whatever the file's extension: {', '.join(NAMES)}.", panel="Output")
@options.quality
@options.bits
@options.mark
@options.strip_location
@options.strip_metadata
@options.overwrite
@option("--watch", is_flag=True, help="Keep running, and enlarge pictures that arrive in the folder.", panel="Running")
@option(
    "--jobs", "-j", type=click.IntRange(1, 64), default=1, help="Pictures to work on at the same time.", panel="Running"
)
@options.memory
@options.max_pixels
@options.quiet
@options.json
def enlarge(
    pictures: tuple[str, ...],
    enlarging: EnlargeOptions,
    output: str | None,
    format: str | None,
    quality: int,
    bits: int,
    mark: bool,
    strip_location: bool,
    strip_metadata: bool,
    overwrite: bool,
    watch: bool,
    jobs: int,
    memory: str | None,
    max_pixels: int,
    quiet: bool,
    json: bool,
) -> None:
    """Enlarge photos, painted pictures and clips, with the detail that such pictures have.

    Scaled down again, the result equals the original: colors do not shift.
    """
    if len(pictures) == 1 and _is_clip(pictures[0], output):
        saved = {"strip_location": strip_location, "strip_metadata": strip_metadata}
        _enlarge_clip(Path(pictures[0]), output, enlarging, saved, mark, overwrite, max_pixels, quiet, json)
        return
    depth = check_saving(quality, bits, [], "")
    saving = Saving(read_suffix(format), quality, depth, mark, overwrite, strip_location, strip_metadata)
    printer = Printer(json, quiet, watched=pictures[0] if watch else "")
    room = read_memory(memory)
    if PIPE in (*pictures, output):
        if watch:
            raise UsageError("- (a pipe) and --watch exclude each other", "leave out --watch", code="conflict")
        job = plan_pipe(pictures, output, [])
        if json and job.target == PIPE:
            raise UsageError("--json and the picture cannot both go to standard output", "-o FILE", code="conflict")
        result = paint_pipe(job, Enlarger(enlarging, memory=room), max_pixels, saving)
        printer.show(result)
        report = Report()
        report.add(result)
    else:
        with printer.progress(pictures) as on_progress:
            report = enlarge_folder(
                pictures,
                output,
                memory=room,
                max_pixels=max_pixels,
                jobs=jobs,
                watch=watch,
                on_result=printer.show,
                on_progress=on_progress,
                **asdict(saving),
                **asdict(enlarging),
            )
    printer.finish(report)
    if report.exit_code:
        raise click.exceptions.Exit(report.exit_code)


def _is_clip(source: str, output: str | None) -> bool:
    """Return True if the input or the output is a video."""
    names = (Path(source).suffix.lower(), Path(output or "").suffix.lower())
    return not Path(source).is_dir() and any(name in VIDEOS for name in names)


def _enlarge_clip(
    source: Path,
    output: str | None,
    enlarging: EnlargeOptions,
    saved: dict[str, Any],
    mark: bool,
    overwrite: bool,
    max_pixels: int,
    quiet: bool,
    json: bool,
) -> None:
    from impasto.video.enlarge_video import enlarge_video

    into = Path(output or shortened(f"{source.stem}-{Enlarger(enlarging).label}.mp4", 255))
    if source.exists() and into.exists() and source.samefile(into):
        raise UsageError(f"{into} is the video itself", "choose another -o", code="same-file")
    with watched(quiet=quiet or json) as on_progress:
        result = enlarge_video(
            source,
            into,
            options=VideoOptions(**saved),
            mark=mark,
            overwrite=overwrite,
            max_pixels=max_pixels,
            on_progress=on_progress,
            **asdict(enlarging),
        )
    report_clip(result, resume=False, quiet=quiet, json=json)

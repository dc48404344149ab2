"""`impasto stylize`: one photo, several, or a folder of them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from impasto.batch.painting import Saving
from impasto.batch.report import Report
from impasto.batch.run import Hosts, stylize_folder
from impasto.batch.sources import Sources
from impasto.cli.console import console
from impasto.cli.options import (
    Bits,
    Json,
    Mark,
    MaxPixels,
    Memory,
    Overwrite,
    Quality,
    Quiet,
    Regions,
    Styles,
    check_saving,
    read_memory,
    read_region,
    takes_controls,
)
from impasto.cli.pipes import PIPE, paint_pipe, plan_pipe
from impasto.cli.results import Printer
from impasto.controls import Controls
from impasto.engines.by_name import DEFAULT, EngineName, engine_of
from impasto.errors import UsageError
from impasto.painting.stylizer import Stylizer
from impasto.picture.formats import SUFFIXES
from impasto.picture.reading import MAX_PIXELS
from impasto.progress import OnProgress

EXAMPLES = """
[b]Examples[/b]

impasto stylize photo.jpg --style starry-night -o out.png

impasto stylize photo.jpg --style my_painting.jpg --strength 70 --keep-color luminance -o out.jpg

impasto stylize photo.jpg --style starry-night:0.6 --style great-wave:0.4 -o blend.png

impasto stylize photo.jpg --style udnie --region sky.png=great-wave --region face.png=none -o regions.png

impasto stylize photos/ --style the-scream -o painted/

impasto stylize s3://bucket/photos --style the-scream -o s3://bucket/painted --engine-hosts ray

impasto stylize incoming/ --style the-scream --watch -o painted/

cat photo.jpg | impasto stylize - --style udnie -o - > out.png
"""

FORMATS = sorted({suffix.lstrip(".") for suffix in SUFFIXES})


@takes_controls
def stylize(
    photos: Annotated[
        list[str],
        typer.Argument(help="Photos, or folders of photos; - reads one from standard input.", show_default=False),
    ],
    style: Styles,
    controls: Controls,
    region: Regions = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="A file, a folder, or - for standard output.",
            show_default=False,
            rich_help_panel="Output",
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            help=f"Write {', '.join(FORMATS)}, whatever the name's ending.",
            show_default=False,
            rich_help_panel="Output",
        ),
    ] = None,
    quality: Quality = 92,
    bits: Bits = 8,
    mark: Mark = True,
    overwrite: Overwrite = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Wait for photos that arrive in the folder.", rich_help_panel="Running")
    ] = False,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs", "-j", help="How many photos are worked on at once.", min=1, max=64, rich_help_panel="Running"
        ),
    ] = 2,
    engine: Annotated[
        EngineName,
        typer.Option(
            help="What paints: light is fast and plainer; adain and wct are slow.", rich_help_panel="Painting"
        ),
    ] = DEFAULT,
    engine_hosts: Annotated[
        Hosts,
        typer.Option(
            help="Paint on this machine, or on all of the Ray cluster that RAY_ADDRESS names.",
            rich_help_panel="Running",
        ),
    ] = "local",
    memory: Memory = None,
    max_pixels: MaxPixels = MAX_PIXELS,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Paint photos in the style of a painting, or of several."""
    saving = Saving(_suffix(format), quality, check_saving(quality, bits, [], ""), mark, overwrite)
    painting: dict[str, Any] = {"engine": engine, "memory": read_memory(memory), "max_pixels": max_pixels}
    painting["regions"] = [read_region(text) for text in region or []]
    printer = Printer(json, quiet, watched=photos[0] if watch else "")
    if PIPE in (*photos, output):
        if watch or engine_hosts != "local":
            raise UsageError("- is for one photo that is here", "leave out --watch and --engine-hosts")
        report = _paint_pipe(photos, style, output, controls, saving, painting, printer)
    else:
        running = {"jobs": jobs, "hosts": engine_hosts, "watch": watch} | painting
        report = _paint_files(photos, style, output, controls, saving, running, printer)
    printer.finish(report)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def _paint_files(
    photos: list[str],
    style: list[str],
    output: str | None,
    controls: Controls,
    saving: Saving,
    running: dict[str, Any],
    printer: Printer,
) -> Report:
    several = len(photos) > 1 or Path(photos[0]).is_dir()
    here = running["hosts"] == "local"
    with contextlib.ExitStack() as stack:
        on_progress: OnProgress = printer.wait
        if not here:  # Ray and its workers print, too
            printer.out = sys.stdout
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        elif several and not running["watch"] and not printer.quiet and not printer.json and sys.stderr.isatty():
            on_progress = stack.enter_context(_bar())
        values = running | asdict(saving) | asdict(controls)
        return stylize_folder(photos, style, output, on_result=printer.show, on_progress=on_progress, **values)


@contextlib.contextmanager
def _bar() -> Iterator[OnProgress]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("painting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Lines for a file must not go to the terminal with the bar.
    redirected = sys.stdout.isatty()
    with Bar(*columns, console=console(to_stderr=True), transient=True, redirect_stdout=redirected) as bar:
        task = bar.add_task("", total=None)
        yield lambda progress: bar.update(task, total=progress.total, completed=progress.step)


def _paint_pipe(
    photos: list[str],
    style: list[str],
    output: str | None,
    controls: Controls,
    saving: Saving,
    painting: dict[str, Any],
    printer: Printer,
) -> Report:
    job = plan_pipe(photos, output, Sources(style, painting["regions"]).files)
    if printer.json and job.target == PIPE:
        raise UsageError("--json and a picture cannot both go to standard output", "-o FILE")
    painter = engine_of(painting["engine"], painting["memory"])
    regions, max_pixels = painting["regions"], painting["max_pixels"]
    stylizer = Stylizer(style, regions=regions, controls=controls, painter=painter, max_pixels=max_pixels)
    stylizer.prepare()
    result = paint_pipe(job, stylizer, max_pixels, saving)
    printer.show(result)
    report = Report()
    report.add(result)
    return report


def _suffix(format: str | None) -> str | None:
    if format is None:
        return None
    if format.lower().lstrip(".") not in FORMATS:
        raise UsageError(f"--format {format} is unknown", f"one of {', '.join(FORMATS)}")
    return "." + format.lower().lstrip(".")

"""`impasto stylize`: paint one photo, several, or a folder."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, get_args

import click

from impasto.batch.painting import Saving
from impasto.batch.report import Report
from impasto.batch.run import Hosts, stylize_folder
from impasto.batch.sources import Sources
from impasto.cli import defaults, options
from impasto.cli.command import Command, argument, option
from impasto.cli.options import check_saving, read_memory, read_region, read_suffix
from impasto.cli.pipes import PIPE, paint_pipe, plan_pipe
from impasto.cli.results import Printer
from impasto.controls import Controls
from impasto.engines.by_name import EngineName, engine_of
from impasto.errors import UsageError
from impasto.painting.stylizer import Stylizer
from impasto.picture.formats import NAMES
from impasto.progress import OnProgress

EXAMPLES = """
impasto stylize photo.jpg --style starry-night -o out.png
impasto stylize photo.jpg --style my_painting.jpg --strength 70 --keep-color luminance -o out.jpg
impasto stylize photo.jpg --style starry-night:0.6 --style great-wave:0.4 -o blend.png
impasto stylize photo.jpg --style udnie --region sky.png=great-wave --region face.png=none -o regions.png
impasto stylize portrait.jpg --style starry-night --region person=none -o portrait.png
impasto stylize photo.jpg --preset quiet-night -o out.png
impasto stylize photo.jpg --like painted.jpg -o out.png
impasto stylize photos/ --style the-scream -o painted/
impasto stylize s3://bucket/photos --style the-scream -o s3://bucket/painted --engine-hosts ray
impasto stylize incoming/ --style the-scream --watch -o painted/
cat photo.jpg | impasto stylize - --style udnie -o - > out.png
"""


@click.command(cls=Command, examples=EXAMPLES)
@argument(
    "photos",
    "Photos, or folders of photos; - reads a photo from standard input.",
    nargs=-1,
    required=True,
    type=options.PLACE,
)
@options.style(required=True)
@options.region
@defaults.presets()
@option("--output", "-o", type=options.PLACE, help="A file, a folder, or - for standard output.", panel="Output")
@option("--format", help=f"Write this format, whatever the file's extension: {', '.join(NAMES)}.", panel="Output")
@options.quality
@options.bits
@options.mark
@options.strip_location
@options.strip_metadata
@options.overwrite
@option("--watch", is_flag=True, help="Keep running, and paint photos that arrive in the folder.", panel="Running")
@option(
    "--jobs",
    "-j",
    type=click.IntRange(1, 64),
    default=2,
    help="Photos to work on at the same time.",
    panel="Running",
)
@options.engine
@option(
    "--engine-hosts",
    type=click.Choice(get_args(Hosts)),
    default="local",
    help="Paint on this machine, or on the Ray cluster at RAY_ADDRESS.",
    panel="Running",
)
@options.memory
@options.max_pixels
@options.quiet
@options.json
@options.settings(Controls, "controls", "Controls")
def stylize(
    photos: tuple[str, ...],
    style: tuple[str, ...],
    controls: Controls,
    region: tuple[str, ...],
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
    engine: EngineName,
    engine_hosts: Hosts,
    memory: str | None,
    max_pixels: int,
    quiet: bool,
    json: bool,
) -> None:
    """Paint photos in the style of a painting, or of several."""
    depth = check_saving(quality, bits, [], "")
    saving = Saving(read_suffix(format), quality, depth, mark, overwrite, strip_location, strip_metadata)
    painting: dict[str, Any] = {"engine": engine, "memory": read_memory(memory), "max_pixels": max_pixels}
    painting["regions"] = [read_region(text) for text in region]
    printer = Printer(json, quiet, watched=photos[0] if watch else "")
    if not quiet:
        options.note_low_strength(controls.strength)
        options.note_unlearned(style, engine)
    if PIPE in (*photos, output):
        if watch or engine_hosts != "local":
            raise UsageError(
                "- (a pipe) excludes --watch and --engine-hosts",
                "leave out --watch and --engine-hosts",
                code="conflict",
            )
        report = _paint_pipe(photos, style, output, controls, saving, painting, printer)
    else:
        running = {"jobs": jobs, "hosts": engine_hosts, "watch": watch} | painting
        report = _paint_files(photos, style, output, controls, saving, running, printer)
    printer.finish(report)
    if report.exit_code:
        raise click.exceptions.Exit(report.exit_code)


def _paint_files(
    photos: Sequence[str],
    style: Sequence[str],
    output: str | None,
    controls: Controls,
    saving: Saving,
    running: dict[str, Any],
    printer: Printer,
) -> Report:
    with contextlib.ExitStack() as stack:
        on_progress: OnProgress = printer.wait
        if running["hosts"] != "local":  # Ray and its workers also print
            printer.out = sys.stdout
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        else:
            on_progress = stack.enter_context(printer.progress(photos))
        values = running | asdict(saving) | asdict(controls)
        return stylize_folder(photos, style, output, on_result=printer.show, on_progress=on_progress, **values)


def _paint_pipe(
    photos: Sequence[str],
    style: Sequence[str],
    output: str | None,
    controls: Controls,
    saving: Saving,
    painting: dict[str, Any],
    printer: Printer,
) -> Report:
    job = plan_pipe(photos, output, Sources(style, painting["regions"]).files)
    if printer.json and job.target == PIPE:
        raise UsageError("--json and the picture cannot both go to standard output", "-o FILE", code="conflict")
    painter = engine_of(painting["engine"], painting["memory"])
    regions, max_pixels = painting["regions"], painting["max_pixels"]
    stylizer = Stylizer(style, regions=regions, controls=controls, painter=painter, max_pixels=max_pixels)
    stylizer.prepare()
    result = paint_pipe(job, stylizer, max_pixels, saving)
    printer.show(result)
    report = Report()
    report.add(result)
    return report

"""`impasto edit`: paint files in place, as the external editor of another program."""

from __future__ import annotations

import click

from impasto.batch.edit import Edit
from impasto.batch.painting import Work
from impasto.cli import defaults, options
from impasto.cli.command import Command, argument, option
from impasto.cli.console import note
from impasto.cli.options import check_saving, read_memory, read_region
from impasto.cli.results import Printer
from impasto.controls import Controls
from impasto.engines.by_name import DEFAULT, EngineName, engine_of
from impasto.errors import UsageError
from impasto.painting.stylizer import Stylizer

EXAMPLES = """
impasto edit exported.tif
impasto edit exported.tif --preset quiet-night
impasto edit *.tif --style starry-night --strength 70 --backup
"""


@click.command(cls=Command, examples=EXAMPLES)
@argument("files", "Picture files.", nargs=-1, required=True, type=options.PLACE)
@options.style()
@options.region
@defaults.presets()
@options.engine
@options.quality
@options.mark
@option("--backup", is_flag=True, help="Keep a copy of the original beside it, as NAME.original.", panel="Output")
@options.memory
@options.max_pixels
@options.quiet
@options.json
@options.settings(Controls, "controls", "Controls", without=("size",))
def edit(
    files: tuple[str, ...],
    style: tuple[str, ...],
    region: tuple[str, ...],
    controls: Controls,
    engine: EngineName,
    quality: int,
    mark: bool,
    backup: bool,
    memory: str | None,
    max_pixels: int,
    quiet: bool,
    json: bool,
) -> None:
    """Paint files in place, as the external editor of Lightroom, darktable, RawTherapee or digiKam.

    Without --style and --preset, a page opens in the browser to choose how to paint. Format, size, bit depth and
    metadata stay. Each file is replaced in one step, once its picture is complete.
    """
    check_saving(quality, 8, [], "")
    work: Work | None
    if style:
        painter = engine_of(engine, read_memory(memory))
        regions = [read_region(text) for text in region]
        work = Stylizer(style, regions=regions, controls=controls, painter=painter, max_pixels=max_pixels)
    elif region or controls != Controls() or engine != DEFAULT:
        hint = "--style STYLE; without any options, the studio opens"
        raise UsageError("these options need a style", hint, code="nothing-given")
    else:
        from impasto.cli.choosing import chosen_in_the_browser

        work = chosen_in_the_browser(files, max_pixels)
    if work is None:
        note("nothing was chosen; the files are unchanged")
        return
    printer = Printer(json, quiet)
    report = Edit(work, quality, mark, backup, max_pixels)(files, printer.show)
    if report.exit_code:
        raise click.exceptions.Exit(report.exit_code)

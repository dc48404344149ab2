"""`impasto sheet`: one photo in every style, on one labeled sheet."""

from __future__ import annotations

from pathlib import Path

import click

from impasto.batch.job import PaintJob
from impasto.batch.plan import check
from impasto.cli import defaults, options
from impasto.cli.command import Command, argument, option
from impasto.cli.progress import bar
from impasto.controls import Controls
from impasto.picture import Picture
from impasto.picture.formats import format_of
from impasto.styles.resolve import parse
from impasto.system.places import check_target

EXAMPLES = """
impasto sheet photo.jpg -o sheet.png
impasto sheet photo.jpg --style udnie --style my_painting.jpg --columns 3 -o three.png
"""


@click.command(cls=Command, examples=EXAMPLES)
@argument("photo", "The photo.", type=options.PLACE)
@option(
    "--output",
    "-o",
    type=options.PLACE,
    default="sheet.png",
    show_default=False,
    help="The sheet's file.",
    panel="Output",
)
@options.style("Only these styles; default: all of the gallery.")
@defaults.presets(without=("style",))
@option("--columns", type=click.IntRange(min=1), help="Tiles in a row.")
@option("--tile", type=click.IntRange(32, 2048), default=320, help="Longer side of a tile in pixels.")
@options.quality
@options.mark
@options.overwrite
@options.max_pixels
@options.quiet
@options.settings(Controls, "controls", "Controls")
def sheet(
    photo: str,
    controls: Controls,
    output: str,
    style: tuple[str, ...],
    columns: int | None,
    tile: int,
    quality: int,
    mark: bool,
    overwrite: bool,
    max_pixels: int,
    quiet: bool,
) -> None:
    """Paint one photo in every style, on one labeled contact sheet."""
    from impasto.painting.contact_sheet import contact_sheet

    target = Path(output)
    file_format = format_of(target)
    check([PaintJob(photo, output)], inputs=[parse(text)[0] for text in style])
    check_target(output, overwrite=overwrite)
    picture = Picture.open(photo, max_pixels=max_pixels)
    with bar(hidden=quiet) as draw:
        result = contact_sheet(
            picture,
            style or None,
            controls=controls,  # `size` has no effect: `tile` sets the size
            columns=columns,
            tile=tile,
            file_format=file_format,
            on_progress=draw,
        )
    result.save(target, quality=quality, mark=mark, overwrite=overwrite)
    if not quiet:
        print(f"{target}  {result.width} x {result.height}")

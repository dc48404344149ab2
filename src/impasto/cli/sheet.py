"""`impasto sheet`: one photo in every style, on one labelled sheet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from impasto.batch.plan import PaintJob, check
from impasto.cli.console import console
from impasto.cli.options import Mark, MaxPixels, Overwrite, Quality, Quiet, complete_style, takes_controls
from impasto.controls import Controls
from impasto.picture import Picture
from impasto.picture.formats import format_of
from impasto.picture.reading import MAX_PIXELS
from impasto.styles.resolve import parse
from impasto.system.places import check_target

EXAMPLES = """
[b]Examples[/b]

impasto sheet photo.jpg -o sheet.png

impasto sheet photo.jpg --style udnie --style my_painting.jpg --columns 3 -o three.png
"""


@takes_controls
def sheet(
    photo: Annotated[str, typer.Argument(help="The photo.", show_default=False)],
    controls: Controls,
    output: Annotated[
        str, typer.Option("--output", "-o", help="The sheet's file.", show_default=False, rich_help_panel="Output")
    ] = "sheet.png",
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            "-s",
            help="Only these styles; all of the gallery if not given.",
            autocompletion=complete_style,
            show_default=False,
        ),
    ] = None,
    columns: Annotated[int | None, typer.Option(help="Tiles in a row.", min=1, show_default=False)] = None,
    tile: Annotated[int, typer.Option(help="Longer side of a tile in pixels.", min=32, max=2048)] = 320,
    quality: Quality = 92,
    mark: Mark = True,
    overwrite: Overwrite = False,
    max_pixels: MaxPixels = MAX_PIXELS,
    quiet: Quiet = False,
) -> None:
    """Paint one photo in every style and put the results on one labelled contact sheet."""
    from impasto.painting.contact_sheet import contact_sheet

    target = Path(output)
    format_of(target)
    check([PaintJob(photo, output)], inputs=[parse(text)[0] for text in style or []])
    check_target(output, overwrite=overwrite)
    picture = Picture.open(photo, max_pixels=max_pixels)
    # `size` is a tile's own business here.
    if quiet or not sys.stderr.isatty():
        result = contact_sheet(picture, style, controls=controls, columns=columns, tile=tile)
    else:
        with console(to_stderr=True).status("painting") as status:
            result = contact_sheet(
                picture,
                style,
                controls=controls,
                columns=columns,
                tile=tile,
                on_tile=lambda n, total: status.update(f"painted {n} of {total}"),
            )
    result.save(target, quality=quality, mark=mark, overwrite=overwrite)
    if not quiet:
        print(f"{target}  {result.width} x {result.height}")

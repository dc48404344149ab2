"""`impasto evaluate`: score what engines paint, or pictures that any program has made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from impasto.cli.console import print_json, print_table, progress_line, report
from impasto.cli.options import Json, Quiet
from impasto.errors import MissingExtra, UsageError
from impasto.progress import Progress

EXAMPLES = """
[b]Examples[/b]

impasto evaluate --photos DIR --styles DIR --engine painter -o report/

impasto evaluate --photos DIR --styles DIR --results other/ --judge vgg16.safetensors -o report/
"""


def evaluate(
    photos: Annotated[Path, typer.Option(help="Folder of photos.", show_default=False)],
    styles: Annotated[Path, typer.Option(help="Folder of paintings.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the report.", show_default=False)],
    engine: Annotated[
        list[str] | None,
        typer.Option(help="Paint with this engine: painter, light, adain, wct, optimize.", show_default=False),
    ] = None,
    results: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of results named PHOTO__STYLE.ext, by any program.", show_default=False),
    ] = None,
    size: Annotated[
        int, typer.Option(help="Longer side in pixels at which everything is scored.", min=64, max=4096)
    ] = 512,
    strengths: Annotated[str, typer.Option(help="Strengths that engines paint with.")] = "20,40,60,80,100",
    limit: Annotated[
        int | None, typer.Option(help="At most so many photos and styles.", min=1, show_default=False)
    ] = None,
    judge: Annotated[
        Path | None,
        typer.Option(help="VGG-16 in torchvision's format; the torch hub's if not given.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier report.")] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Score pictures with the field's metrics and write a report: report.html, results.json, results.csv."""
    try:
        from impasto.measure import evaluate as run
        from impasto.measure.judge import Scorer, find_judge
        from impasto.measure.report import as_dict, write_report
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which evaluate needs,", "torch") from None

    for name in ("report.html", "results.json", "results.csv"):
        if (output / name).exists() and not overwrite:
            raise UsageError(f"{output} holds a report already", "--overwrite replaces it")
    scorer = Scorer(find_judge(judge), size)

    def show(now: Progress) -> None:
        if not quiet:
            progress_line(f"{now.step} of {now.total}  {now.message}")

    found = run.evaluate(
        scorer,
        photos,
        styles,
        engines=engine or [],
        results=results or [],
        strengths=_strengths(strengths),
        limit=limit,
        on_progress=show,
    )
    if not quiet:
        progress_line()
    for line in found.failures:
        report(line)
    write_report(found, output, overwrite=overwrite)
    if json:
        print_json(as_dict(found))
    elif not quiet:
        rows = run.table(found)
        names = list(dict.fromkeys(name for row in rows for name in row))
        print_table(names, ([row.get(name, "") for name in names] for row in rows))
        print(f"scored by {found.judge} at {found.size} pixels; more in {output / 'report.html'}")
    if found.failures:
        raise typer.Exit(1)


def _strengths(text: str) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--strengths {text} are no numbers", "20,40,60,80,100") from None
    if not all(0 <= value <= 100 for value in values):
        raise UsageError(f"--strengths {text} are not all in 0..100")
    return sorted(set(values))

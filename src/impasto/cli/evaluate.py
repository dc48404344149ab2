"""`impasto evaluate`: score the results of engines, or pictures that any program has made."""

from __future__ import annotations

from pathlib import Path

import click

from impasto.cli import options
from impasto.cli.command import Command, option
from impasto.cli.console import INTERRUPTED, note, print_json, print_table, report
from impasto.cli.progress import watched
from impasto.errors import ImpastoError, MissingExtra, UsageError
from impasto.measure.engines import ENGINES

EXAMPLES = """
impasto evaluate --photos DIR --styles DIR --engine painter -o report/
impasto evaluate --photos DIR --styles DIR --results other/ --judge vgg16.safetensors -o report/
"""


@click.command(cls=Command, examples=EXAMPLES)
@option("--photos", type=options.PATH, required=True, help="Folder of photos.")
@option("--styles", type=options.PATH, required=True, help="Folder of paintings.")
@option("--output", "-o", type=options.PATH, required=True, help="Folder for the report.")
@option("--engine", multiple=True, help=f"Engine to paint with: {', '.join(ENGINES)}. Repeatable.")
@option("--results", type=options.PATH, multiple=True, help="Folder of results named PHOTO__STYLE.ext, by any program.")
@option(
    "--size", type=click.IntRange(64, 4096), default=512, help="Longer side at which everything is scored, in pixels."
)
@option("--strengths", default="20,40,60,80,100", help="Strengths to paint with.")
@option(
    "--blend-steps",
    type=click.IntRange(0, 32),
    default=8,
    help="Steps between two styles, at which each engine's blends are measured; 0 skips blends.",
)
@option("--limit", type=click.IntRange(min=1), help="Largest number of photos, and of styles.")
@option("--judge", type=options.PATH, help="VGG-16 in torchvision's format; default: from the torch hub.")
@option("--overwrite", is_flag=True, help="Replace an earlier report.")
@options.quiet
@options.json
def evaluate(
    photos: Path,
    styles: Path,
    output: Path,
    engine: tuple[str, ...],
    results: tuple[Path, ...],
    size: int,
    strengths: str,
    blend_steps: int,
    limit: int | None,
    judge: Path | None,
    overwrite: bool,
    quiet: bool,
    json: bool,
) -> None:
    """Score pictures with standard metrics, and write report.html, results.json and results.csv."""
    try:
        from impasto.measure import evaluate as run
        from impasto.measure.judge import Scorer, find_judge
        from impasto.measure.report import as_dict, write_report
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which evaluate needs,", "torch") from None

    for name in ("report.html", "results.json", "results.csv"):
        if (output / name).exists() and not overwrite:
            raise UsageError(f"{output} already contains a report", "--overwrite replaces it", code="already-there")
    scorer = Scorer(find_judge(judge), size)

    with watched(quiet=quiet, at_once=True) as on_progress:
        found = run.evaluate(
            scorer,
            photos,
            styles,
            engines=engine,
            results=results,
            strengths=_strengths(strengths),
            blend_steps=blend_steps,
            limit=limit,
            on_progress=on_progress,
        )
    for line in found.failures:
        report(ImpastoError(line))
    write_report(found, output, overwrite=overwrite)
    if json:
        print_json(as_dict(found))
    elif not quiet:
        rows = run.table(found)
        names = list(dict.fromkeys(name for row in rows for name in row))
        print_table(names, ([row.get(name, "") for name in names] for row in rows))
        print(f"scored by {found.judge} at {found.size} pixels; details: {output / 'report.html'}")
    if found.stopped:
        note(f"stopped; {output / 'report.html'} has the scores so far")
        raise click.exceptions.Exit(INTERRUPTED)
    if found.failures:
        raise click.exceptions.Exit(1)


def _strengths(text: str) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(
            f"--strengths {text} is not a list of numbers", "--strengths 20,40,60,80,100", code="not-a-number"
        ) from None
    if not all(0 <= value <= 100 for value in values):
        raise UsageError(f"--strengths {text} contains numbers outside 0..100", code="out-of-range")
    return sorted(set(values))

"""`impasto study`: ask people which of two results they prefer, and evaluate their answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from impasto.cli import options
from impasto.cli.addresses import addresses, listening
from impasto.cli.command import Group, argument, option
from impasto.cli.console import note, print_json, print_table, report
from impasto.cli.progress import told_of_stops, watched
from impasto.cli.serving import log_as_notes, need_extra
from impasto.errors import ImpastoError, MissingExtra, UsageError
from impasto.measure.engines import ENGINES
from impasto.study import making, wording
from impasto.study.plan import QUESTIONS, Question

if TYPE_CHECKING:
    from impasto.study.findings import Findings

EXAMPLES = """
impasto study make --photos DIR --styles DIR --engine painter --engine light -o study/
impasto study make --photos DIR --styles DIR --results ours/ --results theirs/ --mail me@example.org -o study/
impasto study serve study/ --port 8090
impasto study report study/
impasto study report study/ answers-4f1e2d3c4b5a6978.csv -o report/
"""


@click.group(cls=Group, examples=EXAMPLES)
def study() -> None:
    """Ask people which of two results they prefer, and report their answers.

    make paints or gathers results, and writes the observers' page. serve shows the page and keeps the answers.
    study.html is the same page in one file, and needs no server. report turns answers into scores with intervals.
    """


@study.command("make")
@option("--photos", type=options.PATH, required=True, help="Folder of photos.")
@option("--styles", type=options.PATH, required=True, help="Folder of paintings.")
@option("--output", "-o", type=options.PATH, required=True, help="Folder for the study.")
@option("--engine", multiple=True, help=f"Engine to compare: {', '.join(ENGINES)}. Repeatable.")
@option("--results", type=options.PATH, multiple=True, help="Folder of results named PHOTO__STYLE.ext, by any program.")
@option("--limit", type=click.IntRange(min=1), help="Largest number of photos, and of styles.")
@option("--size", type=click.IntRange(64, 4096), default=making.SIZE, help="Longer side of the pictures in pixels.")
@option(
    "--trials",
    type=click.IntRange(3, 1000),
    default=making.TRIALS,
    help="Pairs for each observer, including repeats and catch trials.",
    panel="Course",
)
@option(
    "--repeats",
    type=click.IntRange(0, 40),
    default=making.SHARE,
    help="Percentage of pairs that are shown twice, to measure consistency.",
    panel="Course",
)
@option(
    "--catches",
    type=click.IntRange(0, 40),
    default=making.SHARE,
    help="Percentage of pairs that contain the unpainted photo, to measure attention.",
    panel="Course",
)
@option("--seed", type=click.IntRange(min=0), default=0, help="Seed of the order and the sides.", panel="Course")
@option(
    "--question",
    multiple=True,
    help='NAME=TEXT, such as "calmer=Which is calmer?"; replaces the two standard questions. '
    "The question named closer judges catch trials.",
    panel="Words",
)
@option("--title", default=wording.TITLE, show_default=False, help="Title of the page.", panel="Words")
@option("--welcome", default=wording.WELCOME, show_default=False, help="First text of the page.", panel="Words")
@option("--consent", default=wording.CONSENT, show_default=False, help="Text that observers agree to.", panel="Words")
@option(
    "--mail",
    default="",
    show_default=False,
    help="Mail address for the answers of study.html.",
    panel="Words",
)
@option("--overwrite", is_flag=True, help="Replace a study that has no answers.")
@options.max_pixels
@options.quiet
@options.json
def make_study(
    photos: Path,
    styles: Path,
    output: Path,
    engine: tuple[str, ...],
    results: tuple[Path, ...],
    limit: int | None,
    size: int,
    trials: int,
    repeats: int,
    catches: int,
    seed: int,
    question: tuple[str, ...],
    title: str,
    welcome: str,
    consent: str,
    mail: str,
    overwrite: bool,
    max_pixels: int,
    quiet: bool,
    json: bool,
) -> None:
    """Paint or gather results, and make a study of them.

    The folder receives study.json, the pictures, and study.html for any static host. study.json says which program made
    which picture: keep it from observers.
    """
    words = wording.Wording(title, welcome, consent, mail, tuple(map(_question, question)) or QUESTIONS)
    with told_of_stops("type the same command to resume"), watched(quiet=quiet, at_once=True) as on_progress:
        made = making.make(
            output,
            photos,
            styles,
            engines=engine,
            results=results,
            size=size,
            limit=limit,
            wording=words,
            trials=trials,
            repeats=repeats,
            catches=catches,
            seed=seed,
            overwrite=overwrite,
            max_pixels=max_pixels,
            on_progress=on_progress,
        )
    for line in made.notes:
        note(line)
    for line in made.failures:
        report(ImpastoError(line))
    plan = made.plan
    if json:
        page = str(made.page) if made.page else None
        print_json(
            {"study": str(output), "conditions": plan.conditions, "scenes": len(plan.scenes), "trials": plan.trials}
            | {"page": page, "notes": made.notes, "failures": made.failures}
        )
    elif not quiet:
        print(f"{output}: {', '.join(plan.conditions)}; scenes: {len(plan.scenes)}; pairs an observer: {plan.trials}")
        print(f"impasto study serve {output}")
        if made.page:
            megabytes = made.page.stat().st_size / 1e6
            print(f"or put {made.page} ({megabytes:.1f} MB) on any web host, or send it")
        else:
            print("there are too many pictures for a single-file page")
    if made.failures:
        raise click.exceptions.Exit(1)


def _question(text: str) -> Question:
    name, separator, words = text.partition("=")
    if not separator or not name.strip() or not words.strip():
        hint = '--question "calmer=Which is calmer?"'
        raise UsageError(f"--question {text} is not NAME=TEXT", hint, code="malformed")
    return Question(name.strip(), words.strip(), catch=name.strip() == QUESTIONS[0].name)


@study.command()
@argument("folder", "Folder of a study, as make writes it.", type=options.PATH)
@option("--host", default="127.0.0.1", help="Address to listen on. 0.0.0.0 admits other machines.")
@option("--port", type=click.IntRange(1, 65535), default=8090, help="Port to listen on.")
@option("--allowed-host", multiple=True, help="Host name of the page, such as that of a proxy. Repeatable.")
def serve(folder: Path, host: str, port: int, allowed_host: tuple[str, ...]) -> None:
    """Show the observers' page, and keep their answers in FOLDER/answers.csv.

    Each answer is on disk before the page receives a confirmation. The next pair is the one that adds most to all
    answers so far. No addresses and no names are kept. Ctrl-C stops the server. Started again, it continues.
    """
    need_extra("study")
    from impasto.service.limits import Access
    from impasto.service.study import make_app
    from impasto.service.study import serve as answer
    from impasto.study.gathering import Gathering
    from impasto.study.pictures import check_pictures

    host = host.strip("[]")  # URLs put IPv6 addresses in brackets
    with Gathering(folder) as gathering, listening(host, port) as place:
        check_pictures(folder, gathering.plan)
        log_as_notes()
        where = addresses(host, place.getsockname()[1])
        there = f"; {gathering.observers} observers have answered" if gathering.observers else ""
        app = make_app(folder, gathering, Access(host, allowed_hosts=allowed_host).hosts())
        answer(app, place, lambda: print(f"the study is at {where}{there}  (Ctrl-C ends it)", flush=True))


@study.command("report")
@argument("sources", "Folders of studies, and tables of answers.", nargs=-1, required=True, type=options.PATH)
@option("--output", "-o", type=options.PATH, help="Folder for the report; default: STUDY/report.")
@option(
    "--metrics",
    type=options.PATH,
    multiple=True,
    help="Table of metrics, such as results.csv of impasto evaluate; replaces own scores.",
)
@option("--no-metrics", is_flag=True, help="Skip the comparison of metrics with people.")
@option("--judge", type=options.PATH, help="VGG-16 in torchvision's format, for the metrics.")
@option("--keep-random", is_flag=True, help="Include observers who seem to click at random.")
@option("--seed", type=click.IntRange(min=0), default=0, help="Seed of the resampling.")
@option("--overwrite", is_flag=True, help="Replace an earlier report.")
@options.quiet
@options.json
def report_study(
    sources: tuple[Path, ...],
    output: Path | None,
    metrics: tuple[Path, ...],
    no_metrics: bool,
    judge: Path | None,
    keep_random: bool,
    seed: int,
    overwrite: bool,
    quiet: bool,
    json: bool,
) -> None:
    """Turn answers into scores with intervals, per question, photo and style: report.html, report.json, scores.csv.

    Sources are studies, tables of answers that observers have sent, and tables with pwcmp's columns from any program.
    Several sources are merged.
    """
    try:
        import choix  # noqa: F401 - report a missing extra before anything is read

        from impasto.study import findings
        from impasto.study import report as reporting
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which a study's report needs,", "study") from None
    if metrics and no_metrics:
        raise UsageError("--metrics and --no-metrics exclude each other", "leave one of them out", code="conflict")
    place = output or reporting.place_for(sources)
    reporting.check_free(place, overwrite)
    with (
        told_of_stops("no report was written; the metrics so far are kept"),
        watched(quiet=quiet, at_once=True) as on_progress,
    ):
        found = findings.find(
            sources,
            metrics=metrics,
            score=not (no_metrics or metrics),
            judge=judge,
            keep_random=keep_random,
            seed=seed,
            on_progress=on_progress,
        )
        reporting.write_report(found, place, overwrite=overwrite)
    if json:
        print_json(reporting.as_dict(found))
    elif not quiet:
        _print(found)
        print(f"details: {place / 'report.html'}")


def _print(found: Findings) -> None:
    from impasto.study.rows import tables

    for name, rows in tables(found):
        print(f"\n{name}")
        print_table(list(rows[0]), (list(row.values()) for row in rows))
    for line in found.notes:
        note(line)

"""What the verbs that train have in common: options, what they print while they train, recipes of earlier runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from impasto.cli import options
from impasto.cli.command import F, option
from impasto.cli.console import INTERRUPTED, note, print_json
from impasto.cli.progress import describe, watched
from impasto.progress import OnProgress, Progress
from impasto.settings import make

if TYPE_CHECKING:
    from impasto.training.job import Job, Net, Trained

T = TypeVar("T")

_RUNNING = (
    option("--resume", is_flag=True, help="Go on exactly where it stopped."),
    option(
        "--folder",
        type=options.PATH,
        help="For checkpoints, curves and samples; in the platform's data folder if not given.",
        panel="Output",
    ),
    option("--sample-every", type=click.IntRange(min=1), default=500, help="Steps.", panel="Output"),
    option("--checkpoint-every", type=click.IntRange(min=1), default=500, help="Steps.", panel="Output"),
    option("--licence", default="", show_default=False, help="Of the trained weights, for their card.", panel="Output"),
    options.overwrite,
    options.network,
    options.device,
    options.precision,
    option("--workers", type=click.IntRange(0, 64), help="Processes that read photographs.", panel="Running"),
    options.quiet,
    options.json,
)


def running(verb: F) -> F:
    """Give a verb the options that all trainings have."""
    for decorate in reversed(_RUNNING):
        verb = decorate(verb)
    return verb


def settled(chosen: T, name: str, precision: str, folder: Path, *, resume: bool) -> tuple[T, str]:
    """The recipe and the precision of a run; those that it was begun with, if it goes on and nobody says others.

    Args:
        chosen, name: the recipe, and what it is called.
    Raises:
        UsageError: there is nothing to go on with.
        TrainingError: what is there is damaged.
    """
    if not resume:
        return chosen, precision
    from impasto.training.checkpoint import read_settings

    before = read_settings(folder)
    if name == "default":
        known = [part.name for part in fields(type(chosen)) if part.name in before]  # type: ignore[arg-type]
        values = {name: tuple(before[name]) if isinstance(before[name], list) else before[name] for name in known}
        chosen = make(type(chosen), values, "setting")
    return chosen, before.get("precision", precision) if precision == "auto" else precision


def report(
    trained: Trained[Any],
    name: str,
    folder: Path,
    try_it: str,
    facts: Mapping[str, object],
    *,
    quiet: bool,
    json: bool,
) -> None:
    """Print what came out; exit if it was stopped.

    Args:
        try_it: a command that uses it.
        facts: what the record says besides.
    """
    if json:
        said = {"step": trained.step, "steps": trained.total, "stopped": trained.stopped, "losses": trained.losses}
        rest = {"seconds": round(trained.seconds, 1), "folder": str(folder)}
        print_json({"name": name, **facts, **said, **rest})
    else:
        if trained.stopped:
            note(f"stopped at step {trained.step} of {trained.total}; --resume goes on")
        if trained.damaged and not quiet:
            note(f"{trained.damaged} damaged photographs were skipped")
        if not quiet:
            total = f"  loss {trained.losses['total']:.4f}" if trained.losses else ""
            print(f"{name}  {trained.step} steps{total}  {trained.seconds / 60:.1f} minutes  {folder}")
            print(try_it)
    if trained.stopped:
        raise click.exceptions.Exit(INTERRUPTED)


def train_watched(job: Job[Net], *, resume: bool, overwrite: bool, quiet: bool) -> Trained[Net] | None:
    """Train, and show how it goes; None in all processes but the first, which reports.

    Raises:
        ImpastoError: as `impasto.training.loop.train`.
    """
    from impasto.training import loop

    with _watched_training(quiet=quiet) as on_progress:
        trained = loop.train(job, resume=resume, overwrite=overwrite, on_progress=on_progress)
    loop.leave()
    return trained


@contextmanager
def _watched_training(*, quiet: bool) -> Iterator[OnProgress]:
    """What is called with the photographs found, as step 0, and after every step."""
    with watched(quiet=quiet) as on_progress:

        def show(progress: Progress) -> bool:
            if progress.step == 0:
                if not quiet:
                    note(progress.message)
                return True
            if not quiet and not sys.stderr.isatty() and progress.step % 100 == 0:
                note(f"step {describe(progress)}")
            return on_progress(progress)

        yield show

"""What the verbs that train have in common: options, what they print while they train, recipes of earlier runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, TypeVar

import click

from impasto.cli import options
from impasto.cli.command import F, option
from impasto.cli.console import note
from impasto.cli.progress import describe, watched
from impasto.progress import OnProgress, Progress
from impasto.settings import make

T = TypeVar("T")

_RUNNING = (
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


def recipe_of(kind: type[T], settings: Mapping[str, Any]) -> T:
    """The recipe that a run was begun with."""
    known = [part.name for part in fields(kind) if part.name in settings]  # type: ignore[arg-type]
    values = {name: tuple(settings[name]) if isinstance(settings[name], list) else settings[name] for name in known}
    return make(kind, values, "setting")


@contextmanager
def watched_training(*, quiet: bool) -> Iterator[OnProgress]:
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

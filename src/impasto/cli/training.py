"""What the verbs that train have in common: options, what they print while they train, recipes of earlier runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from impasto.cli import options
from impasto.cli.command import gathered, option
from impasto.cli.console import INTERRUPTED, note, print_json
from impasto.cli.progress import describe, watched
from impasto.progress import OnProgress, Progress
from impasto.settings import make
from impasto.system.files import user_folder

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


@dataclass(frozen=True)
class Run:
    """What a user says of any training; the fields are the options."""

    resume: bool
    folder: Path | None
    sample_every: int
    checkpoint_every: int
    licence: str
    overwrite: bool
    network: Path | None
    device: str
    precision: str
    workers: int | None
    quiet: bool
    json: bool

    @property
    def replaces(self) -> bool:
        """Whether what has the name already may go."""
        return self.resume or self.overwrite

    def settled(self, chosen: T, recipe: str, name: str) -> tuple[T, dict[str, Any]]:
        """The recipe of a run, and what a job says of its running.

        A run that goes on has those that it was begun with, unless somebody says others.

        Args:
            chosen, recipe: the recipe, and what it is called.
            name: of what is trained.
        Raises:
            UsageError: there is nothing to go on with.
            TrainingError: what is there is damaged.
        """
        folder, precision = self.folder or user_folder("training") / name, self.precision
        if self.resume:
            from impasto.training.checkpoint import read_settings

            before = read_settings(folder)
            if recipe == "default":
                known = [part.name for part in fields(type(chosen)) if part.name in before]  # type: ignore[arg-type]
                values = {key: tuple(before[key]) if isinstance(before[key], list) else before[key] for key in known}
                chosen = make(type(chosen), values, "setting")
            precision = before.get("precision", precision) if precision == "auto" else precision
        return chosen, {
            "folder": folder,
            "network": self.network,
            "device": self.device,
            "precision": precision,
            "workers": self.workers,
            "checkpoint_every": self.checkpoint_every,
            "sample_every": self.sample_every,
        }


running = gathered("run", Run, _RUNNING)


def report(
    trained: Trained[Any],
    name: str,
    folder: Path,
    try_it: str,
    facts: Mapping[str, object],
    run: Run,
) -> None:
    """Print what came out; exit if it was stopped.

    Args:
        try_it: a command that uses it.
        facts: what the record says besides.
    """
    if run.json:
        said = {"step": trained.step, "steps": trained.total, "stopped": trained.stopped, "losses": trained.losses}
        rest = {"seconds": round(trained.seconds, 1), "folder": str(folder)}
        print_json({"name": name, **facts, **said, **rest})
    else:
        if trained.stopped:
            note(f"stopped at step {trained.step} of {trained.total}; --resume goes on")
        if trained.damaged and not run.quiet:
            note(f"{trained.damaged} damaged photographs were skipped")
        if not run.quiet:
            total = f"  loss {trained.losses['total']:.4f}" if trained.losses else ""
            print(f"{name}  {trained.step} steps{total}  {trained.seconds / 60:.1f} minutes  {folder}")
            print(try_it)
    if trained.stopped:
        raise click.exceptions.Exit(INTERRUPTED)


def train_watched(job: Job[Net], run: Run) -> Trained[Net] | None:
    """Train, and show how it goes; None in all processes but the first, which reports.

    Raises:
        ImpastoError: as `impasto.training.loop.train`.
    """
    from impasto.training import loop

    with _watched_training(quiet=run.quiet or run.json) as on_progress:
        trained = loop.train(job, resume=run.resume, overwrite=run.overwrite, on_progress=on_progress)
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

"""Code that the training verbs share: options, progress, recipes of earlier runs."""

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
    option("--resume", is_flag=True, help="Resume exactly where training stopped."),
    option(
        "--folder",
        type=options.PATH,
        help="Folder for checkpoints, curves and samples; default: in the platform's data folder.",
        panel="Output",
    ),
    option("--sample-every", type=click.IntRange(min=1), default=500, help="Steps between samples.", panel="Output"),
    option(
        "--checkpoint-every", type=click.IntRange(min=1), default=500, help="Steps between checkpoints.", panel="Output"
    ),
    option(
        "--license",
        default="",
        show_default=False,
        help="License of the trained weights, for their model card.",
        panel="Output",
    ),
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
    """The options of any training, one in each field."""

    resume: bool
    folder: Path | None
    sample_every: int
    checkpoint_every: int
    license: str
    overwrite: bool
    network: Path | None
    device: str
    precision: str
    workers: int | None
    quiet: bool
    json: bool

    @property
    def replaces(self) -> bool:
        """True if the training may replace a style of the same name."""
        return self.resume or self.overwrite

    def settled(self, chosen: T, recipe: str, name: str) -> tuple[T, dict[str, Any]]:
        """Return the recipe of a run, and the settings of its job.

        A resumed run uses its earlier recipe and precision, unless the user gives others.

        Args:
            chosen, recipe: the recipe, and its name.
            name: the name of the network.
        Raises:
            UsageError: there is no earlier run to resume.
            TrainingError: the earlier run's files are damaged.
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
    """Print the result of a training, and exit if it was stopped.

    Args:
        try_it: a command that uses the result.
        facts: additional values of the JSON record.
    """
    if run.json:
        said = {"step": trained.step, "steps": trained.total, "stopped": trained.stopped, "losses": trained.losses}
        rest = {"seconds": round(trained.seconds, 1), "folder": str(folder)}
        print_json({"name": name, **facts, **said, **rest})
    else:
        if trained.stopped:
            note(f"stopped at step {trained.step} of {trained.total}; --resume continues")
        if trained.damaged and not run.quiet:
            note(f"{trained.damaged} damaged photographs were skipped")
        if not run.quiet:
            total = f"  loss {trained.losses['total']:.4f}" if trained.losses else ""
            print(f"{name}  {trained.step} steps{total}  {trained.seconds / 60:.1f} minutes  {folder}")
            print(try_it)
    if trained.stopped:
        raise click.exceptions.Exit(INTERRUPTED)


def train_watched(job: Job[Net], run: Run) -> Trained[Net] | None:
    """Train, and show the progress. Return None in all processes but the first, which reports.

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
    """Yield a callback that runs once after photographs are found (step 0), and after every step."""
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

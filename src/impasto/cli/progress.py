"""The progress bar of the command line, and its handling of Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from impasto.cli.console import INTERRUPTED, console, note
from impasto.cli.interrupt import catching_stops
from impasto.progress import Progress, Stopped


@contextmanager
def bar(*, hidden: bool = False) -> Iterator[Callable[[Progress], None]]:
    """Draw each `Progress` as a bar on standard error.

    The bar disappears at the end. Nothing is drawn if `hidden`, or if standard error is not a terminal.
    """
    if hidden or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = BarColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn(), TimeRemainingColumn()
    on_terminal = sys.stdout.isatty()  # otherwise output goes to a file, and must not pass through the bar's stream
    with Bar(*columns, console=console(to_stderr=True), transient=True, redirect_stdout=on_terminal) as drawn:
        task = drawn.add_task("", total=None)

        def draw(progress: Progress) -> None:
            share = progress.fraction or progress.step / max(progress.total, 1)
            known = bool(progress.total or progress.fraction)
            drawn.update(task, completed=share, total=1.0 if known else None, description=describe(progress))

        yield draw


def describe(progress: Progress) -> str:
    """Return a progress as text, such as "3 of 40  painting  style 0.12"."""
    parts = [f"{progress.step} of {progress.total}"] if progress.total else []
    parts += [progress.message] if progress.message else []
    return "  ".join([*parts, *(f"{name} {value:.4g}" for name, value in progress.losses.items())])


@contextmanager
def watched(
    *, quiet: bool, preview: Path | None = None, every: int = 1, replace: bool = False, at_once: bool = False
) -> Iterator[Callable[[Progress], bool]]:
    """Yield an `on_progress` that draws a bar, saves previews, and returns False after Ctrl-C.

    Args:
        quiet: draw nothing, and print no note.
        preview: a folder for the first preview, each `every`th one, and the last one before a stop.
        replace: overwrite previews of an earlier run.
        at_once: Ctrl-C before the first step ends the program. Use this if preparation is long: there is nothing to
            keep yet.
    """
    with catching_stops(at_once=at_once, quiet=quiet) as stopped, bar(hidden=quiet) as draw:

        def show(progress: Progress) -> bool:
            stopped()  # from now on there is something to keep
            draw(progress)
            if (
                preview is not None
                and progress.preview is not None
                and (progress.step == 1 or progress.step % every == 0 or stopped())
            ):
                progress.preview().save(preview / f"step-{progress.step:05d}.png", overwrite=replace)
            return not stopped()

        yield show


@contextmanager
def told_of_stops(words: str) -> Iterator[None]:
    """Turn `Stopped` into the exit code that shells expect after Ctrl-C, and a note.

    Args:
        words: the state of the work, for the note.
    """
    try:
        yield
    except Stopped:
        note(f"stopped; {words}")
        raise click.exceptions.Exit(INTERRUPTED) from None

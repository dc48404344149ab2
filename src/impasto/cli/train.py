"""`impasto train`: networks of the user's own."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli.console import INTERRUPTED, console, note, print_json
from impasto.cli.interrupt import catching_stops
from impasto.cli.options import Device, Json, LossNetwork, Overwrite, Precision, Quiet, complete_style, takes_settings
from impasto.errors import MissingExtra, UsageError
from impasto.picture.formats import SUFFIXES
from impasto.progress import OnProgress, Progress
from impasto.settings import make
from impasto.styles.gallery import Gallery
from impasto.styles.store import as_name
from impasto.system.files import already_there, user_folder, write_atomically
from impasto.training.recipe import RECIPES, TrainingRecipe, find_recipe

if TYPE_CHECKING:
    from impasto.training.job import Trained, TrainingJob

EXAMPLES = """
[b]Examples[/b]

impasto train style --style painting.jpg --photos photos/ --name my-style

impasto train style --style painting.jpg --photos photos/ --name my-style --resume

impasto train style --styles paintings/ --photos photos/ --name my-gallery --recipe light

torchrun --nproc-per-node 2 -m impasto train style --style painting.jpg --photos s3://bucket/coco/
"""

app = typer.Typer(help="Train networks of your own; take them elsewhere.", no_args_is_help=True)


@app.command(epilog=EXAMPLES)
@functools.partial(takes_settings, TrainingRecipe)
def style(
    photos: Annotated[
        str, typer.Option(help="Folder of photographs, tar shards, or a URL of either.", show_default=False)
    ],
    changes: dict[str, Any],
    style: Annotated[
        list[Path] | None, typer.Option("--style", "-s", help="A painting's file; several, one network for all.")
    ] = None,
    styles: Annotated[
        Path | None, typer.Option(help="A folder of paintings: one network for all.", show_default=False)
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="What the style will be called; made from the painting's file if not given."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on exactly where it stopped.")] = False,
    recipe: Annotated[str, typer.Option(help=f"One of {', '.join(RECIPES)}.")] = "default",
    folder: Annotated[
        Path | None,
        typer.Option(
            help="For checkpoints, curves and samples; in the platform's data folder if not given.",
            show_default=False,
            rich_help_panel="Output",
        ),
    ] = None,
    sample: Annotated[
        list[Path] | None,
        typer.Option(help="A photo to paint now and then; the built-in one if not given.", rich_help_panel="Output"),
    ] = None,
    sample_every: Annotated[int, typer.Option(help="Steps.", min=1, rich_help_panel="Output")] = 500,
    checkpoint_every: Annotated[int, typer.Option(help="Steps.", min=1, rich_help_panel="Output")] = 500,
    licence: Annotated[
        str, typer.Option(help="Of the trained weights, for their card.", rich_help_panel="Output")
    ] = "",
    overwrite: Overwrite = False,
    network: LossNetwork = None,
    device: Device = "auto",
    precision: Precision = "auto",
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that read photographs.", min=0, max=64, show_default=False, rich_help_panel="Running"
        ),
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Train a feed-forward network for a painting, or one for several (Johnson et al. 2016).

    Ctrl-C saves a checkpoint and what has been learned so far; --resume goes on.
    """
    paintings = _paintings(style or [], styles)
    name = (
        as_name(next(iter(paintings)) if len(paintings) == 1 or styles is None else styles.name)
        if name is None
        else name
    )
    gallery = Gallery()
    gallery.check_free(name, replace=resume or overwrite)
    if len(paintings) == 1:
        paintings = {name: next(iter(paintings.values()))}
    folder = folder or user_folder("training") / name
    try:
        from impasto.exchange.export import to_onnx, to_weights
        from impasto.training import checkpoint, loop
        from impasto.training.job import TrainingJob
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which training needs,", "train") from None
    from impasto.picture import Picture
    from impasto.system.files import ASSETS

    chosen = find_recipe(recipe)
    if resume:
        before = checkpoint.read_settings(folder)
        if recipe == "default":
            chosen = _recipe_of(before)
        precision = before.get("precision", precision) if precision == "auto" else precision
    job = TrainingJob(
        paintings,
        photos,
        folder,
        replace(chosen, **changes),
        network,
        device,
        precision,
        workers,
        checkpoint_every,
        sample_every,
        tuple(sample or [ASSETS / "samples" / "colosseum.jpg"]),
    )
    with _watched(quiet=quiet or json) as on_progress:
        trained = loop.train(job, resume=resume, overwrite=overwrite, on_progress=on_progress)
    loop.leave()
    if trained is None:  # another of several processes reports
        return
    card = trained.card | {"licence": licence}
    gallery.add_network(
        name,
        to_onnx(trained.net, list(paintings), card),
        paintings=[Picture.open(path) for path in paintings.values()],
        weights=to_weights(trained.net, list(paintings), card),
        replace=True,
    )
    _report(trained, name, list(paintings), job, quiet=quiet, json=json)
    if trained.stopped:
        sys.exit(INTERRUPTED)


COCO = """No folder of photographs at hand? COCO 2017 is what the papers train on: 118,287 photographs, 19 GB.

  curl -LO http://images.cocodataset.org/zips/train2017.zip
  unzip -q train2017.zip
  impasto train style --style painting.jpg --photos train2017/

Their licences are their photographers' (cocodataset.org); any folder of a few thousand photographs does as well."""


@app.command()
def photos(
    folder: Annotated[
        str | None, typer.Argument(help="A folder, tar shards, or a URL of either.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Count the photographs that can be trained on. Without a folder: where to get some."""
    if folder is None:
        print(COCO)
        return
    try:
        from impasto.training.data import find_photos
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which training needs,", "train") from None
    found = find_photos(folder)
    if json:
        print_json({"photographs": len(found.items), "damaged": found.damaged, "tiny": found.tiny})
    else:
        print(f"{len(found.items)} photographs, {found.damaged} damaged files, {found.tiny} too small")


@app.command()
def export(
    name: Annotated[str, typer.Argument(help="A network of yours.", autocompletion=complete_style, show_default=False)],
    onnx: Annotated[Path | None, typer.Option(help="Write an .onnx file.", show_default=False)] = None,
    torch_export: Annotated[
        Path | None, typer.Option(help="Write a .pt2 file of torch.export.", show_default=False)
    ] = None,
    safetensors: Annotated[
        Path | None, typer.Option(help="Write the tensors with their card.", show_default=False)
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a network of yours for other programs."""
    targets = {"onnx": onnx, "torch_export": torch_export, "safetensors": safetensors}
    if not any(targets.values()):
        raise UsageError("nothing to write", "--onnx FILE, --torch-export FILE, --safetensors FILE")
    for path in targets.values():
        if path is not None and path.exists() and not overwrite:
            raise already_there(path)
    weights = Gallery().weights(name)
    try:
        from impasto.exchange import export as write
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which export needs,", "train") from None
    net, facts = write.from_weights(weights)
    makers = {"onnx": write.to_onnx, "torch_export": write.to_program, "safetensors": write.to_weights}
    for kind, path in targets.items():
        if path is not None:
            write_atomically(path, makers[kind](net, facts.styles, facts.card or {}), overwrite=overwrite)
            print(path)


def _paintings(files: list[Path], folder: Path | None) -> dict[str, Path]:
    """{name: painting}."""
    found = list(files)
    if folder is not None:
        if not folder.is_dir():
            raise UsageError(f"there is no folder {folder}")
        found += sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not found:
        raise UsageError("no painting to learn from", "--style FILE or --styles FOLDER")
    named: dict[str, Path] = {}
    for path in found:
        name = as_name(path.stem)
        if name in named:
            raise UsageError(f"{named[name]} and {path} would both be called {name}", "rename one of the files")
        named[name] = path
    return named


def _recipe_of(settings: dict[str, Any]) -> TrainingRecipe:
    """The recipe that a run was begun with."""
    known = [part.name for part in fields(TrainingRecipe) if part.name in settings]
    values = {name: tuple(settings[name]) if isinstance(settings[name], list) else settings[name] for name in known}
    return make(TrainingRecipe, values, "setting")


@contextmanager
def _watched(*, quiet: bool) -> Iterator[OnProgress]:
    """What is called with the photographs found, and after every step."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    terminal = sys.stderr.isatty()
    bar = Bar(*columns, console=console(to_stderr=True), disable=quiet or not terminal, transient=True)
    task = bar.add_task("", total=None)

    def show(progress: Progress) -> bool:
        if progress.step == 0:
            if not quiet:
                note(progress.message)
            return not stopped()
        terms = "  ".join(f"{name} {value:.3f}" for name, value in progress.losses.items())
        text = f"{terms}  {progress.message}"
        bar.update(task, completed=progress.step, total=progress.total, description=text)
        if not quiet and not terminal and progress.step % 100 == 0:
            note(f"step {progress.step} of {progress.total}  {text}")
        return not stopped()

    with catching_stops() as stopped, bar:
        yield show


def _report(trained: Trained, name: str, styles: list[str], job: TrainingJob, *, quiet: bool, json: bool) -> None:
    names = [name] if len(styles) == 1 else [f"{name}/{style}" for style in styles]
    if json:
        print_json(
            {
                "name": name,
                "styles": names,
                "step": trained.step,
                "steps": trained.total,
                "stopped": trained.stopped,
                "losses": trained.losses,
                "seconds": round(trained.seconds, 1),
                "folder": str(job.folder),
            }
        )
        return
    if trained.stopped:
        note(f"stopped at step {trained.step} of {trained.total}; --resume goes on")
    if trained.damaged and not quiet:
        note(f"{trained.damaged} damaged photographs were skipped")
    if not quiet:
        total = f"  loss {trained.losses['total']:.4f}" if trained.losses else ""
        print(f"{name}  {trained.step} steps{total}  {trained.seconds / 60:.1f} minutes  {job.folder}")
        print(f"impasto stylize photo.jpg --style {names[0]}")

"""`impasto styles`: the gallery."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from impasto.cli.console import note, print_json, print_table, progress_line
from impasto.cli.options import Json, Quiet, complete_style
from impasto.errors import MissingExtra
from impasto.gallery import Gallery
from impasto.picture import Picture

app = typer.Typer(help="List, show, add and remove named styles.", no_args_is_help=False)

Name = Annotated[str, typer.Argument(help="The style's name.", autocompletion=complete_style, show_default=False)]


@app.callback(invoke_without_command=True)
def styles(context: typer.Context, json: Json = False) -> None:
    """List, show, add and remove named styles.

    Without a verb: all styles, with artist, year and licence.
    """
    if context.invoked_subcommand:
        return
    gallery = Gallery()
    entries = gallery.entries()
    for problem in gallery.problems():
        note(problem)
    if json:
        for entry in entries:
            print_json(entry.as_dict())
        return
    rows = (
        (
            entry.name,
            entry.title,
            entry.artist,
            entry.year,
            entry.kind,
            "public domain" if entry.builtin else entry.licence,
        )
        for entry in entries
    )
    print_table(["name", "title", "artist", "year", "kind", "licence"], rows)


@app.command()
def show(name: Name, json: Json = False) -> None:
    """Everything that is known of one style."""
    entry = Gallery().get(name)
    if json:
        print_json(entry.as_dict() | {"thumbnail": str(entry.thumbnail)})
        return
    for key, value in entry.as_dict().items():
        if key != "builtin":
            print(f"{key:10} {value or '-'}")
    print(f"{'gallery':10} {'built in' if entry.builtin else 'your own'}")
    print(f"{'thumbnail':10} {entry.thumbnail}")


@app.command()
def add(
    painting: Annotated[str, typer.Argument(help="The painting's file.", show_default=False)],
    name: Annotated[
        str, typer.Option(help="What to call it: lower-case letters, digits and hyphens.", show_default=False)
    ],
    title: Annotated[
        str, typer.Option(help="Its title; made from the file's name if not given.", show_default=False)
    ] = "",
    artist: Annotated[str, typer.Option(show_default=False)] = "",
    year: Annotated[str, typer.Option(show_default=False)] = "",
    licence: Annotated[str, typer.Option(show_default=False)] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace your own style of that name.")] = False,
) -> None:
    """Put a painting into your own gallery; it is then a style like any other."""
    entry = Gallery().add(name, painting, title=title, artist=artist, year=year, licence=licence, replace=overwrite)
    print(f"{entry.name} added: impasto stylize photo.jpg --style {entry.name}")


@app.command(name="import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="A checkpoint of PyTorch's fast_neural_style (.pth, .model), or .onnx with one picture input.",
            show_default=False,
        ),
    ],
    name: Annotated[str, typer.Option(help="What to call it.", show_default=False)],
    painting: Annotated[
        list[Path] | None,
        typer.Option(help="The painting it was trained on, if it is at hand.", show_default=False),
    ] = None,
    licence: Annotated[str, typer.Option(help="Of its weights.", show_default=False)] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace your own style of that name.")] = False,
) -> None:
    """Take over a network that another program has trained; it is then a style like any other."""
    try:
        from impasto.training.imports import import_network
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which import needs,", "train") from None
    entries = import_network(file, name, paintings=painting or (), licence=licence, replace=overwrite)
    for entry in entries:
        print(f"{entry.name} added: impasto stylize photo.jpg --style {entry.name}")


@app.command()
def fit(
    painting: Annotated[Path, typer.Argument(help="The painting's file.", show_default=False)],
    name: Annotated[str, typer.Option(help="What to call it.", show_default=False)],
    photos: Annotated[
        str | None,
        typer.Option(
            help="Folder of photographs to fit on, tar shards, or a URL of either; built-in ones if not given.",
            show_default=False,
        ),
    ] = None,
    steps: Annotated[int, typer.Option(help="Of the descent.", min=1, max=10_000)] = 80,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace your own style of that name.")] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Fit one style vector of the painter to a painting: a better likeness than at once, for a minute's work."""
    gallery = Gallery()
    gallery.check_free(name, replace=overwrite)
    picture = Picture.open(painting)
    try:
        from impasto.training.fit import fit_style
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which fit needs,", "train") from None

    def show(step: int, total: int, loss: float) -> None:
        if not quiet and not json:
            progress_line(f"{step} of {total}  loss {loss:.4f}")

    fitted = fit_style(picture, photos=photos, steps=steps, device=device, on_step=show)
    progress_line()
    gallery.add(name, painting, vector=fitted.vector, replace=overwrite)
    if json:
        print_json({"name": name, "before": fitted.before, "after": fitted.after})
    elif not quiet:
        for term in ("style", "content"):
            before, after = fitted.before[term], fitted.after[term]
            print(f"{term:8} {before:.4f} -> {after:.4f}  ({(after / before - 1) * 100:+.0f} %)")
        print(f"{name} added: impasto stylize photo.jpg --style {name}")


@app.command()
def remove(name: Name) -> None:
    """Delete one of your own styles."""
    Gallery().remove(name)
    print(f"{name} removed")

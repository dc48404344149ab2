"""`impasto styles`: the gallery."""

from __future__ import annotations

from typing import Annotated

import typer

from impasto.cli.console import note, print_json, print_table
from impasto.cli.options import Json, complete_style
from impasto.gallery import Gallery

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


@app.command()
def remove(name: Name) -> None:
    """Delete one of your own styles."""
    Gallery().remove(name)
    print(f"{name} removed")

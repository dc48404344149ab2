"""`impasto styles`: the gallery."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from impasto.cli.console import INTERRUPTED, note, print_json, print_table, progress_line
from impasto.cli.interrupt import catching_stops
from impasto.cli.options import Device, Json, Quiet, complete_style, read_duration
from impasto.engines.by_name import DEFAULT, EngineName
from impasto.errors import MissingExtra, UsageError
from impasto.progress import Progress
from impasto.styles.gallery import Gallery

DURATION = "3m"

app = typer.Typer(help="List, show, add and remove named styles.", no_args_is_help=False)

Name = Annotated[str, typer.Argument(help="The style's name.", autocompletion=complete_style, show_default=False)]
_LEARNING = "Learning"
Photos = Annotated[
    str | None,
    typer.Option(
        help="Folder of photographs to learn on, tar shards, or a URL of either; those that ship if not given.",
        show_default=False,
        rich_help_panel=_LEARNING,
    ),
]
Preview = Annotated[
    Path | None,
    typer.Option(
        help="Folder for pictures of photographs as they are painted after every few steps.",
        show_default=False,
        rich_help_panel=_LEARNING,
    ),
]
PreviewEvery = Annotated[int, typer.Option(help="How many.", min=1, rich_help_panel=_LEARNING)]
Learner = Annotated[
    EngineName,
    typer.Option(
        "--engine",
        help="What learns: painter or light. Each learns separately.",
        rich_help_panel=_LEARNING,
    ),
]


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
        if key not in ("builtin", "learned"):
            print(f"{key:10} {value or '-'}")
    for engine, facts in entry.learned.items():
        worth = ", ".join(f"{term} {facts.get(term, 1):.2f}" for term in ("style", "content"))
        print(f"{'learned':10} by {engine}, {facts.get('seconds', 0):.0f} s: {worth} of the encoded vector's loss")
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
    learn: Annotated[
        str | None,
        typer.Option(
            help="Learn the painting for this time: 90s, 3m, 1h. It is painted better then.", show_default=False
        ),
    ] = None,
    photos: Photos = None,
    preview: Preview = None,
    preview_every: PreviewEvery = 20,
    engine: Learner = DEFAULT,
    device: Device = "auto",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Put a painting into your own gallery; it is then a style like any other.

    With --learn, Ctrl-C keeps the best so far, and `impasto styles learn` goes on later.
    """
    about = {"title": title, "artist": artist, "year": year, "licence": licence, "replace": overwrite}
    if learn is not None:
        seconds = read_duration(learn, "--learn")
        _learn(name, painting, seconds, photos, preview, preview_every, engine, device, quiet=quiet, json=json, **about)
        return
    for option, value in {"--photos": photos, "--preview": preview}.items():
        if value is not None:
            raise UsageError(f"{option} is for learning", f"--learn {DURATION}")
    if engine != DEFAULT:
        raise UsageError("--engine is for learning", f"--learn {DURATION}")
    entry = Gallery().add(name, painting, **about)  # type: ignore[arg-type]
    if json:
        print_json(entry.as_dict())
    elif not quiet:
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
    from impasto.exchange.import_network import import_network

    entries = import_network(file, name, paintings=painting or (), licence=licence, replace=overwrite)
    for entry in entries:
        print(f"{entry.name} added: impasto stylize photo.jpg --style {entry.name}")


@app.command()
def learn(
    name: Name,
    duration: Annotated[str, typer.Option("--for", help="How long: 90s, 3m, 1h.")] = DURATION,
    photos: Photos = None,
    preview: Preview = None,
    preview_every: PreviewEvery = 20,
    engine: Learner = DEFAULT,
    device: Device = "auto",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Learn the painting of one of your own styles, or go on learning it.

    The style stays usable meanwhile. Ctrl-C keeps the best so far; a second Ctrl-C leaves at once.
    """
    seconds = read_duration(duration, "--for")
    _learn(name, None, seconds, photos, preview, preview_every, engine, device, quiet=quiet, json=json)


def _learn(
    name: str,
    painting: str | None,
    seconds: float,
    photos: str | None,
    preview: Path | None,
    every: int,
    engine: str,
    device: str,
    *,
    quiet: bool,
    json: bool,
    **about: Any,
) -> None:
    if preview is not None and preview.exists() and not preview.is_dir():
        raise UsageError(f"--preview {preview} is no folder")
    try:
        from impasto.training.lessons import learn as run
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which learning needs,", "torch") from None

    def show(progress: Progress) -> bool:
        if not quiet and not json:
            spent, whole = (
                f"{int(value) // 60}:{int(value) % 60:02}" for value in (progress.fraction * seconds, seconds)
            )
            terms = "  ".join(f"{term} {value:.2f}" for term, value in progress.losses.items())
            progress_line(f"{spent} of {whole}  {terms}")
        if preview is not None and progress.preview is not None and (progress.step % every == 0 or stopped()):
            progress.preview().save(preview / f"step-{progress.step:05d}.png", overwrite=True)
        return not stopped()

    with catching_stops() as stopped:
        learned = run(
            painting,
            name=name,
            minutes=seconds / 60,
            photos=photos,
            engine=engine,
            device=device,
            on_progress=show,
            **about,
        )
    progress_line()
    worth = {term: learned.ratio(term) for term in ("style", "content")}
    if json:
        record = {"name": name, "before": learned.before, "after": learned.after, "ratio": worth}
        print_json(record | {"steps": learned.steps, "seconds": round(learned.seconds, 1), "stopped": learned.stopped})
    else:
        if learned.stopped:
            note(f"stopped; {name} is the best so far, impasto styles learn {name} goes on")
        if not quiet:
            for term, ratio in worth.items():
                before, after = learned.before[term], learned.after[term]
                print(f"{term:8} {before:.4f} -> {after:.4f}  ({(ratio - 1) * 100:+.0f} %)")
            if learned.after == learned.before:
                print("nothing better was found: the style is what the engine sees in the painting at once")
            other = "" if engine == DEFAULT else f" --engine {engine}"
            print(f"{name} learned: impasto stylize photo.jpg --style {name}{other}")
    if learned.stopped:
        sys.exit(INTERRUPTED)


@app.command()
def remove(name: Name) -> None:
    """Delete one of your own styles."""
    Gallery().remove(name)
    print(f"{name} removed")

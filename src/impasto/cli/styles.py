"""`impasto styles`: the gallery."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import click

from impasto.cli import options
from impasto.cli.command import Group, argument, gathered, option
from impasto.cli.console import INTERRUPTED, note, print_json, print_table
from impasto.cli.options import complete_style, read_duration
from impasto.cli.progress import watched
from impasto.engines.by_name import DEFAULT, EngineName
from impasto.errors import MissingExtra, UsageError
from impasto.styles.gallery import Gallery
from impasto.styles.store import load_network

DURATION = "3m"

name_argument = argument("name", "The style's name.", shell_complete=complete_style)
overwrite = option("--overwrite", is_flag=True, help="Replace your own style of that name.")

_LEARNING = (
    option(
        "--photos",
        type=options.PLACE,
        help="Folder of photographs to learn on, tar shards, or a URL of either; those that ship if not given.",
        panel="Learning",
    ),
    option(
        "--preview",
        type=options.PATH,
        help="Folder for pictures of photographs as they are painted after every few steps.",
        panel="Learning",
    ),
    option("--preview-every", type=click.IntRange(min=1), default=20, help="How many.", panel="Learning"),
    option(
        "--engine",
        type=click.Choice(get_args(EngineName)),
        default=DEFAULT,
        help="What learns: painter or light. Each learns separately.",
        panel="Learning",
    ),
    options.device,
)


@dataclass(frozen=True)
class Lesson:
    """What a user says of learning; the fields are the options."""

    photos: str | None
    preview: Path | None
    preview_every: int
    engine: EngineName
    device: str


learning = gathered("lesson", Lesson, _LEARNING)


@click.group(cls=Group, invoke_without_command=True)
@options.json
@click.pass_context
def styles(context: click.Context, json: bool) -> None:
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
            print_json(entry.as_dict() | {"thumbnail": str(entry.thumbnail)})
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


@styles.command()
@name_argument
@options.json
def show(name: str, json: bool) -> None:
    """Everything that is known of one style."""
    entry = Gallery().get(name)
    network = None if entry.network is None else load_network(entry.network)
    takes = {} if network is None else {"takes": network.describe()}
    card = dict(entry.card) if network is None else network.facts.card or {}
    if json:
        print_json(entry.as_dict() | {"thumbnail": str(entry.thumbnail)} | takes | ({"card": card} if card else {}))
        return
    for key, value in entry.as_dict().items():
        if key not in ("builtin", "learned", "card"):
            print(f"{key:10} {value or '-'}")
    for key, value in takes.items():
        print(f"{key:10} {value}")
    for engine, facts in entry.learned.items():
        worth = ", ".join(f"{term} {facts.get(term, 1):.2f}" for term in ("style", "content"))
        print(f"{'learned':10} by {engine}, {facts.get('seconds', 0):.0f} s: {worth} of the encoded vector's loss")
    made = {key: value for key, value in card.items() if isinstance(value, str | int) and value}
    if made:
        print(f"{'card':10} " + ", ".join(f"{key} {value}" for key, value in made.items()))
    print(f"{'gallery':10} {'built in' if entry.builtin else 'your own'}")
    print(f"{'thumbnail':10} {entry.thumbnail}")


@styles.command()
@argument("painting", "The painting's file.", type=options.PLACE)
@option("--name", required=True, help="What to call it: lower-case letters, digits and hyphens.")
@option("--title", default="", show_default=False, help="Its title; made from the file's name if not given.")
@option("--artist", default="", show_default=False)
@option("--year", default="", show_default=False)
@option("--licence", default="", show_default=False)
@overwrite
@option("--learn", help="Learn the painting for this time: 90s, 3m, 1h. It is painted better then.")
@learning
@options.quiet
@options.json
def add(
    painting: str,
    name: str,
    title: str,
    artist: str,
    year: str,
    licence: str,
    overwrite: bool,
    learn: str | None,
    lesson: Lesson,
    quiet: bool,
    json: bool,
) -> None:
    """Put a painting into your own gallery; it is then a style like any other.

    With --learn, Ctrl-C keeps the best so far, and `impasto styles learn` goes on later.
    """
    about = {"title": title, "artist": artist, "year": year, "licence": licence, "replace": overwrite}
    if learn is not None:
        seconds = read_duration(learn, "--learn")
        _learn(name, painting, seconds, lesson, quiet=quiet, json=json, **about)
        return
    for given, value in {"--photos": lesson.photos, "--preview": lesson.preview}.items():
        if value is not None:
            raise UsageError(f"{given} is for learning", f"--learn {DURATION}", code="conflict")
    if lesson.engine != DEFAULT:
        raise UsageError("--engine is for learning", f"--learn {DURATION}", code="conflict")
    entry = Gallery().add(name, painting, **about)  # type: ignore[arg-type]
    if json:
        print_json(entry.as_dict())
    elif not quiet:
        print(f"{entry.name} added: impasto stylize photo.jpg --style {entry.name}")


@styles.command("import")
@argument(
    "file",
    "A checkpoint of PyTorch's fast_neural_style (.pth, .model), or .onnx with one picture input.",
    type=options.PATH,
)
@option("--name", required=True, help="What to call it.")
@option("--painting", type=options.PATH, multiple=True, help="The painting it was trained on, if it is at hand.")
@option("--licence", default="", show_default=False, help="Of its weights.")
@option(
    "--range",
    "takes",
    metavar="RANGE",
    help="Values that it sees: 0..1, 0..255, -1..1, imagenet, caffe or LOW..HIGH; by a trial if not given.",
    panel="Values",
)
@option("--output-range", "gives", metavar="RANGE", help="Values that it gives, if others.", panel="Values")
@option("--mean", metavar="R,G,B", help="Taken from what it sees, as in 0.485,0.456,0.406.", panel="Values")
@option("--std", metavar="R,G,B", help="What it sees is divided by it then.", panel="Values")
@option("--bgr", is_flag=True, help="Its channels lie in the order blue, green, red.", panel="Values")
@option(
    "--layout",
    type=click.Choice(["nchw", "nhwc"]),
    help="Channels first or last, where the file leaves it open.",
    panel="Values",
)
@overwrite
def import_(
    file: Path,
    name: str,
    painting: tuple[Path, ...],
    licence: str,
    takes: str | None,
    gives: str | None,
    mean: str | None,
    std: str | None,
    bgr: bool,
    layout: str | None,
    overwrite: bool,
) -> None:
    """Take over a network that another program has trained; it is then a style like any other."""
    from impasto.engines.network import Told
    from impasto.engines.ranges import read_ranges
    from impasto.exchange.import_network import import_network

    seen, made = read_ranges(takes, gives, mean, std)
    told = Told(seen, made, bgr, layout or "")
    entries = import_network(file, name, paintings=painting, licence=licence, replace=overwrite, told=told)
    for entry in entries:
        print(f"{entry.name} added: impasto stylize photo.jpg --style {entry.name}")


@styles.command()
@name_argument
@option("--for", "duration", default=DURATION, help="How long: 90s, 3m, 1h.")
@learning
@options.quiet
@options.json
def learn(
    name: str,
    duration: str,
    lesson: Lesson,
    quiet: bool,
    json: bool,
) -> None:
    """Learn the painting of one of your own styles, or go on learning it.

    The style stays usable meanwhile. Ctrl-C keeps the best so far; a second Ctrl-C leaves at once.
    """
    seconds = read_duration(duration, "--for")
    _learn(name, None, seconds, lesson, quiet=quiet, json=json)


def _learn(
    name: str,
    painting: str | None,
    seconds: float,
    lesson: Lesson,
    *,
    quiet: bool,
    json: bool,
    **about: Any,
) -> None:
    preview = lesson.preview
    if preview is not None and preview.exists() and not preview.is_dir():
        raise UsageError(f"--preview {preview} is no folder", code="not-a-folder")
    try:
        from impasto.training.lessons import learn as run
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which learning needs,", "torch") from None

    watching = watched(quiet=quiet or json, preview=preview, every=lesson.preview_every, replace=True, at_once=True)
    with watching as on_progress:
        learned = run(
            painting,
            name=name,
            minutes=seconds / 60,
            photos=lesson.photos,
            engine=lesson.engine,
            device=lesson.device,
            on_progress=on_progress,
            **about,
        )
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
            other = "" if lesson.engine == DEFAULT else f" --engine {lesson.engine}"
            print(f"{name} learned: impasto stylize photo.jpg --style {name}{other}")
    if learned.stopped:
        raise click.exceptions.Exit(INTERRUPTED)


@styles.command()
@name_argument
def remove(name: str) -> None:
    """Delete one of your own styles."""
    Gallery().remove(name)
    print(f"{name} removed")

"""`impasto styles`: the gallery of named styles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import click

from impasto.cli import options
from impasto.cli.command import Group, argument, gathered, option
from impasto.cli.console import INTERRUPTED, console, note, print_json, print_table
from impasto.cli.options import complete_style, read_duration
from impasto.cli.progress import watched
from impasto.engines.by_name import DEFAULT, EngineName
from impasto.errors import MissingExtra, UsageError
from impasto.progress import Progress
from impasto.styles.gallery import Gallery
from impasto.styles.store import load_network

DURATION = "3m"

name_argument = argument("name", "The style's name.", shell_complete=complete_style)
overwrite = option("--overwrite", is_flag=True, help="Replace your own style of that name.")

_LEARNING = (
    option(
        "--photos",
        type=options.PLACE,
        help="Folder of photographs to learn on, tar shards, or a URL; default: the built-in ones.",
        panel="Learning",
    ),
    option(
        "--preview",
        type=options.PATH,
        help="Folder for intermediate pictures.",
        panel="Learning",
    ),
    option(
        "--preview-every", type=click.IntRange(min=1), default=20, help="Steps between two previews.", panel="Learning"
    ),
    option(
        "--boldness",
        type=click.FloatRange(0, 100),
        help="How far the painting's lines and dots may fill plain areas of photos, 0 to 100; default: as in the last "
        "run, else 0.",
        panel="Learning",
    ),
    option(
        "--engine",
        type=click.Choice(get_args(EngineName)),
        default=DEFAULT,
        help="Engine that learns: painter or light. Each learns separately.",
        panel="Learning",
    ),
    options.device,
)


@dataclass(frozen=True)
class Lesson:
    """The options of learning, one in each field."""

    photos: str | None
    preview: Path | None
    preview_every: int
    boldness: float | None
    engine: EngineName
    device: str


learning = gathered("lesson", Lesson, _LEARNING)


@click.group(cls=Group, invoke_without_command=True)
@options.json
@click.pass_context
def styles(context: click.Context, json: bool) -> None:
    """List, show, add and remove named styles.

    Without a verb, list all styles, with artist, year and license.
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
    names = ["name", "title", "artist", "year", "kind", "license"]
    if console().width < 120:  # characters; `impasto styles show` prints everything
        names = names[:3]
    rows = (
        (
            entry.name,
            entry.title,
            entry.artist,
            entry.year,
            entry.kind,
            "public domain" if entry.builtin else entry.license,
        )[: len(names)]
        for entry in entries
    )
    print_table(names, rows)


@styles.command()
@name_argument
@options.json
def show(name: str, json: bool) -> None:
    """Show everything that is known about one style."""
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
        how = f"by {engine}, {facts.get('seconds', 0):.0f} s, boldness {facts.get('boldness', 0):g}"
        print(f"{'learned':10} {how}: {worth} of the loss without learning")
    made = {key: value for key, value in card.items() if isinstance(value, str | int) and value}
    if made:
        print(f"{'card':10} " + ", ".join(f"{key} {value}" for key, value in made.items()))
    print(f"{'gallery':10} {'built in' if entry.builtin else 'your own'}")
    print(f"{'thumbnail':10} {entry.thumbnail}")


@styles.command()
@argument("painting", "The painting's file.", type=options.PLACE)
@option("--name", required=True, help="Name of the style: lower-case letters, digits and hyphens.")
@option("--title", default="", show_default=False, help="Title of the style; default: from the file's name.")
@option("--artist", default="", show_default=False)
@option("--year", default="", show_default=False)
@option("--license", default="", show_default=False)
@overwrite
@option("--learn", help="Learn the painting for this time: 90s, 3m, 1h. The results get better.")
@learning
@options.quiet
@options.json
def add(
    painting: str,
    name: str,
    title: str,
    artist: str,
    year: str,
    license: str,
    overwrite: bool,
    learn: str | None,
    lesson: Lesson,
    quiet: bool,
    json: bool,
) -> None:
    """Add a painting to your own gallery, as a style like any other.

    With --learn, Ctrl-C keeps the best result so far. `impasto styles learn` continues later.
    """
    about = {"title": title, "artist": artist, "year": year, "license": license, "replace": overwrite}
    if learn is not None:
        seconds = read_duration(learn, "--learn")
        _learn(name, painting, seconds, lesson, quiet=quiet, json=json, **about)
        return
    for given, value in {"--photos": lesson.photos, "--preview": lesson.preview}.items():
        if value is not None:
            raise UsageError(f"{given} needs --learn", f"add --learn {DURATION}", code="conflict")
    if lesson.engine != DEFAULT:
        raise UsageError("--engine needs --learn", f"add --learn {DURATION}", code="conflict")
    entry = Gallery().add(name, painting, **about)  # type: ignore[arg-type]
    if json:
        print_json(entry.as_dict())
    elif not quiet:
        print(f"added {entry.name}; to use it: impasto stylize photo.jpg --style {entry.name}")


@styles.command("import")
@argument(
    "file",
    "A checkpoint of PyTorch's fast_neural_style (.pth, .model), or .onnx with one picture input.",
    type=options.PATH,
)
@option("--name", required=True, help="Name of the style.")
@option(
    "--painting", type=options.PATH, multiple=True, help="File of the painting that it was trained on, if available."
)
@option("--license", default="", show_default=False, help="License of its weights.")
@option(
    "--range",
    "takes",
    metavar="RANGE",
    help="Input values: 0..1, 0..255, -1..1, imagenet, caffe or LOW..HIGH; default: by a trial.",
    panel="Values",
)
@option("--output-range", "gives", metavar="RANGE", help="Output values, if they differ.", panel="Values")
@option("--mean", metavar="R,G,B", help="Mean to subtract from the input, such as 0.485,0.456,0.406.", panel="Values")
@option("--std", metavar="R,G,B", help="Deviation to divide the input by.", panel="Values")
@option("--bgr", is_flag=True, help="Channels are in the order blue, green, red.", panel="Values")
@option(
    "--layout",
    type=click.Choice(["nchw", "nhwc"]),
    help="Channels first or last, if the file does not say.",
    panel="Values",
)
@overwrite
def import_(
    file: Path,
    name: str,
    painting: tuple[Path, ...],
    license: str,
    takes: str | None,
    gives: str | None,
    mean: str | None,
    std: str | None,
    bgr: bool,
    layout: str | None,
    overwrite: bool,
) -> None:
    """Import a network that another program has trained, as a style like any other."""
    from impasto.engines.network import Told
    from impasto.engines.ranges import read_ranges
    from impasto.exchange.import_network import import_network

    seen, made = read_ranges(takes, gives, mean, std)
    told = Told(seen, made, bgr, layout or "")
    entries = import_network(file, name, paintings=painting, license=license, replace=overwrite, told=told)
    for entry in entries:
        print(f"added {entry.name}; to use it: impasto stylize photo.jpg --style {entry.name}")


@styles.command()
@name_argument
@option("--for", "duration", default=DURATION, help="Duration: 90s, 3m, 1h.")
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
    """Learn the painting of one of your own styles, or continue learning it.

    The style stays usable meanwhile. Ctrl-C keeps the best result so far. A second Ctrl-C stops at once.
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
        raise UsageError(f"--preview {preview} is not a folder", code="not-a-folder")
    try:
        from impasto.training.lessons import learn as run
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which learning needs,", "train") from None

    watching = watched(quiet=quiet or json, preview=preview, every=lesson.preview_every, replace=True, at_once=True)
    replaces = painting is not None and name in Gallery()
    kept = f"{name} stays as it was" if replaces else f"{name} was not added"
    other = "" if lesson.engine == DEFAULT else f" --engine {lesson.engine}"
    go_on = f"to continue: impasto styles learn {name}{other}"
    try:
        with watching as draw:

            def on_progress(progress: Progress) -> bool:
                nonlocal kept
                if progress.step or not replaces:
                    kept = go_on
                if progress.step:
                    return draw(progress)
                if not quiet and not json:
                    note(f"preparing {name}, up to a minute; then it learns for {seconds:g} s")
                return True

            learned = run(
                painting,
                name=name,
                minutes=seconds / 60,
                photos=lesson.photos,
                boldness=lesson.boldness,
                engine=lesson.engine,
                device=lesson.device,
                on_progress=on_progress,
                **about,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(kept) from None
    worth = {term: learned.ratio(term) for term in ("style", "content")}
    if json:
        record = {"name": name, "before": learned.before, "after": learned.after, "ratio": worth}
        print_json(record | {"steps": learned.steps, "seconds": round(learned.seconds, 1), "stopped": learned.stopped})
    else:
        if learned.stopped:
            note(f"stopped; {name} keeps the best result so far; {go_on}")
        if not quiet:
            for term, ratio in worth.items():
                before, after = learned.before[term], learned.after[term]
                print(f"{term:8} {before:.4f} without learning, {after:.4f} with it  ({(ratio - 1) * 100:+.0f} %)")
            if learned.after == learned.before:
                print("learning found nothing better, so the style stays as it was")
            print(f"learned {name}; to use it: impasto stylize photo.jpg --style {name}{other}")
    if learned.stopped:
        raise click.exceptions.Exit(INTERRUPTED)


@styles.command()
@name_argument
def remove(name: str) -> None:
    """Delete one of your own styles."""
    Gallery().remove(name)
    print(f"{name} removed")

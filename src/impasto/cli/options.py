"""Options that several verbs share, and options that are generated from a dataclass of settings."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import Field, fields
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

import click

from impasto.cli.command import F, option
from impasto.cli.console import note
from impasto.engines.by_name import DEFAULT, LEARNS, EngineName
from impasto.errors import UsageError
from impasto.painting.regions import Region
from impasto.picture.formats import NAMES, SIXTEEN_BITS
from impasto.picture.formats import Bits as Depth
from impasto.picture.reading import MAX_PIXELS
from impasto.settings import hints_of

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

R = TypeVar("R")

PATH = click.Path(path_type=Path)
PLACE = click.Path(readable=False)
"""A file, a folder, a URL or -, as text. The verb checks it. The shell completes file names."""

overwrite = option("--overwrite", is_flag=True, help="Replace files that exist.", panel="Output")
quiet = option("--quiet", "-q", is_flag=True, help="Print failures only.", panel="Running")
json = option("--json", is_flag=True, help="Print JSON instead of text, one object a line.", panel="Running")
max_pixels = option(
    "--max-pixels",
    type=click.IntRange(min=1),
    default=MAX_PIXELS,
    show_default=False,
    help=f"Refuse pictures with more pixels; default: {MAX_PIXELS:,}.",
    panel="Running",
)
network = option(
    "--network",
    type=PATH,
    help="VGG-16 or VGG-19 in torchvision's format; default: the built-in VGG-19.",
    panel="Running",
)
device = option("--device", default="auto", help="Device: auto, cpu, cuda or mps.", panel="Running")
precision = option(
    "--precision", default="auto", help="Precision of convolutions: auto, float32, bfloat16.", panel="Running"
)
memory = option(
    "--memory",
    help="Memory for painting, besides the photo, such as 2GB. Larger pictures use temporary files. "
    "Default: a third of the free memory, at most 1.5 GB.",
    panel="Running",
)
quality = option("--quality", type=int, default=92, help="Quality of JPEG, WebP and AVIF, 1 to 100.", panel="Output")
bits = option("--bits", type=int, default=8, help="Bits a channel, 8 or 16. Only PNG and TIFF have 16.", panel="Output")
mark = option(
    "--mark/--no-mark", default=True, help="Record in the file's metadata how the picture was made.", panel="Output"
)
strip_location = option(
    "--strip-location", is_flag=True, help="Remove the photo's location: GPS and place names.", panel="Output"
)
strip_metadata = option(
    "--strip-metadata",
    is_flag=True,
    help="Remove all metadata of the photo: EXIF, XMP, IPTC, comments, texts.",
    panel="Output",
)
engine = option(
    "--engine",
    type=click.Choice(get_args(EngineName)),
    default=DEFAULT,
    help="Engine that paints: light is fast and plainer; adain and wct are slow.",
    panel="Painting",
)
region = option(
    "--region",
    type=PLACE,
    multiple=True,
    metavar="MASK=STYLE",
    help="Paint the white part of a mask in another style. STYLE none keeps the photo. Add ,strength=60 or "
    ",brush-size=2 to change both there. Masks that Impasto finds: person, background, faces.",
)

_LONGEST = 30 * 24 * 3600  # seconds


def complete_style(_context: object, _parameter: object, incomplete: str) -> list[CompletionItem[str]]:
    """Complete a style for the shell: by the styles' names, else as a file."""
    from click.shell_completion import CompletionItem

    from impasto.styles.gallery import Gallery

    names = [CompletionItem(name) for name in Gallery().names() if name.startswith(incomplete)]
    return names or [CompletionItem(incomplete, type="file")]


def style(
    help: str = "Name of a style or file of a painting, with :WEIGHT for a blend of several.", *, required: bool = False
) -> Callable[[F], F]:
    """Add the option --style to a verb. It may be typed several times."""
    return option("--style", "-s", multiple=True, required=required, help=help, shell_complete=complete_style)


def note_unlearned(styles: Sequence[str], engine: str) -> None:
    """Print a note for each style that the user has had learned, but not by the engine that paints now."""
    from impasto.styles.gallery import Gallery
    from impasto.styles.resolve import parse

    if engine not in LEARNS:
        return
    gallery = Gallery()
    for name in dict.fromkeys(parse(text)[0] for text in styles):
        learned = gallery.get(name).learned if name in gallery else {}
        if learned and engine not in learned:
            other = next(iter(learned))
            note(
                f"the engine {other} has learned {name}, the engine {engine} has not: "
                f"use --engine {other}, or impasto styles learn {name} --engine {engine}"
            )


def note_low_strength(strength: float) -> None:
    """Print a note for a strength such as 0.8, which was probably meant as a share."""
    if 0 < strength < 1:
        note(f"--strength {strength:g} means {strength:g} percent, nearly the photo")


_REGION_SETTING = re.compile(r"(?:^|[,:])(strength|brush[-_]size)=([^,]*)$")


def read_region(text: str) -> Region:
    """Parse MASK=STYLE, MASK=STYLE,strength=60,brush-size=2, or MASK=strength=60 for the picture's own style.

    File names may contain "=". The mask ends at the first "=" that leaves an existing file to its left.

    Raises:
        UsageError: the text has no mask and style, or a value is not a number.

    >>> read_region("sky.png=great-wave,strength=60")
    Region(mask='sky.png', style='great-wave', strength=60.0, brush_size=None)
    """
    splits = [(text[:i], text[i + 1 :]) for i, character in enumerate(text) if character == "="]
    if not splits or not all(splits[0]):
        raise UsageError(f"--region {text}: no MASK=STYLE", "--region sky.png=great-wave", code="malformed")
    mask, style = next((pair for pair in splits if Path(pair[0]).is_file()), splits[0])
    values: dict[str, float] = {}
    while not Path(style).is_file() and (found := _REGION_SETTING.search(style)):
        name, style = found[1].replace("-", "_"), style[: found.start()]
        try:
            values.setdefault(name, float(found[2]))
        except ValueError:
            raise UsageError(f"--region {text}: {found[2]!r} is not a number", code="not-a-number") from None
    return Region(mask, style, **values)


def region_text(region: Region) -> str:
    """Format a region, with named mask and style, as `read_region` parses it.

    >>> region_text(Region("faces", "udnie", strength=60))
    'faces=udnie,strength=60'
    """
    return f"{region.mask}={','.join(filter(None, (region.style, region.settings)))}"


def read_memory(text: str | None) -> int | None:
    """Parse an amount of memory, such as 2GB, 500MB or a number of bytes, and return it in bytes.

    Raises:
        UsageError: the text is not an amount of memory.

    >>> read_memory("2GB")
    2000000000
    """
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", text.strip().lower())
    number = float(found[1]) * 1000 ** " kmgt".index(found[2] or " ") if found else 0
    if number < 1:
        raise UsageError(f"--memory {text} is not an amount of memory", "--memory 2GB", code="malformed")
    return int(number)


def read_suffix(format: str | None) -> str | None:
    """Return the file ending of a format.

    Raises:
        UsageError: Impasto does not write such a format.

    >>> read_suffix("PNG")
    '.png'
    """
    if format is None:
        return None
    name = format.lower().lstrip(".")
    if name not in NAMES:
        raise UsageError(f"unknown --format {format!r}", f"one of {', '.join(NAMES)}", code="unknown-format")
    return f".{name}"


def read_duration(text: str, option: str) -> float:
    """Parse a duration, such as 90s, 3m, 1h or 1h30m, and return it in seconds.

    Raises:
        UsageError: the text is not a duration, or is longer than 30 days.

    >>> read_duration("1h30m", "--time")
    5400.0
    """
    found = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", text.strip().lower())
    parts = [float(part or 0) for part in found.groups()] if found else [0.0]
    seconds = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    if not 0 < seconds <= _LONGEST:
        raise UsageError(
            f"{option} {text} is not a duration", f"{option} 90s, {option} 3m or {option} 1h", code="malformed"
        )
    return seconds


def check_saving(quality: int, bits: int, formats: Iterable[str], hint: str) -> Depth:
    """Return the bits a channel, if all formats can store the quality and the bits.

    Raises:
        UsageError: the quality or the bits are out of range, or a format cannot store 16 bits.
    """
    if bits not in (8, 16):
        raise UsageError(f"--bits {bits} is not 8 or 16", code="unknown-choice")
    if not 1 <= quality <= 100:
        raise UsageError(f"--quality {quality} is not in 1..100", code="out-of-range")
    flat = [name for name in formats if name not in SIXTEEN_BITS]
    if bits == 16 and flat:
        raise UsageError(f"{flat[0]} cannot store 16 bits a channel", hint, code="not-encodable")
    return 16 if bits == 16 else 8


def settings(
    described: type[Any],
    into: str,
    panel: str,
    *,
    without: Collection[str] = (),
    only_typed: bool = False,
    panels: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Add an option to a verb for each field of a dataclass that is made of `impasto.settings.setting`.

    The dataclass itself checks the values, so that Python, the page and the command line agree. A boolean field becomes
    a flag if its default is False, else a pair of flags. Values of tuples are typed with commas between them.

    Args:
        into: the verb's parameter that receives the dataclass.
        panel: the help panel of the options. `panels` names another one for some fields.
        without: fields that get no option, and keep their defaults.
        only_typed: pass only the typed values, as {field: value}, instead of the dataclass. No option has a default
            then.
        names: option names that differ from the fields' names.
    """
    hints = hints_of(described)
    chosen = [part for part in fields(described) if part.name not in without]

    def decorate(verb: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(verb)
        def parsed(**values: Any) -> R:
            given = {part.name: values.pop(part.name) for part in chosen}
            typed = {name: value for name, value in given.items() if value is not None}
            if only_typed:
                return verb(**values, **{into: typed})
            try:
                made = described(**typed)
            except UsageError as error:  # the message names the field; name the option instead
                raise _as_typed(error, [part.name for part in chosen], names or {}) from None
            return verb(**values, **{into: made})

        for part in reversed(chosen):  # decorators apply in reverse order
            name = (names or {}).get(part.name, "--" + part.name.replace("_", "-"))
            attributes = _attributes(part, hints[part.name], has_default=not only_typed)
            if attributes.get("is_flag") and attributes["default"] is not False:
                name = f"{name}/--no-{name[2:]}"
            option(name, part.name, panel=(panels or {}).get(part.name, panel), **attributes)(parsed)
        return parsed

    return decorate


def _as_typed(error: UsageError, fields: Sequence[str], names: Mapping[str, str]) -> UsageError:
    """Return an error about a field with the option's name in place of the field's."""
    for name in fields:
        label = name.replace("_", " ")
        if error.message.startswith(f"{label} "):
            option = names.get(name, "--" + name.replace("_", "-"))
            return UsageError(option + error.message.removeprefix(label), error.hint, code=error.code)
    return error


def _attributes(part: Field[Any], hint: Any, *, has_default: bool) -> dict[str, Any]:
    """Return the attributes of `click.Option` for a field of settings."""
    low, high = part.metadata["low"], part.metadata["high"]
    span = f" {low:g} to {high:g}." if low is not None and high is not None and high <= 100 else ""
    shared = {"help": part.metadata["help"] + span, "default": part.default if has_default else None}
    kinds = [kind for kind in get_args(hint) if kind is not NoneType] if NoneType in get_args(hint) else [hint]
    kind = kinds[0]
    if kind is bool:
        return {"is_flag": True, **shared}
    if get_origin(kind) is Literal:
        return {"type": click.Choice(get_args(kind)), **shared}
    if get_origin(kind) is tuple:
        shared["default"] = shared["default"] and [shared["default"]]
        return {"type": _Commas(get_args(kind)[0]), "metavar": "A,B", "multiple": True, "callback": _joined, **shared}
    return {"type": PATH if kind is Path else kind, **shared}


def _joined(_context: click.Context, _option: click.Parameter, given: tuple[tuple[Any, ...], ...]) -> Any:
    """Join the values from all occurrences of an option; None if it was not typed."""
    return tuple(value for values in given for value in values) if given else None


class _Commas(click.ParamType):  # type: ignore[type-arg]  # without arguments in older releases
    """A list of values with commas between them."""

    name = "text"

    def __init__(self, kind: Callable[[str], Any]) -> None:
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(self.kind(part.strip()) for part in value.split(",") if part.strip())
        except ValueError:
            self.fail(f"{value} is not a list of numbers", param, ctx)

"""Options that several verbs share; those of the controls are made from `Controls` itself."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from impasto.controls import Controls
from impasto.errors import UsageError
from impasto.picture.formats import SIXTEEN_BITS
from impasto.picture.formats import Bits as Depth
from impasto.picture.reading import MAX_PIXELS

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.", rich_help_panel="Output")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print failures only.", rich_help_panel="Running")]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object a line instead of text.", rich_help_panel="Running")
]
MaxPixels = Annotated[
    int,
    typer.Option(
        help=f"Refuse pictures with more pixels. Default {MAX_PIXELS:,}.",
        show_default=False,
        rich_help_panel="Running",
        min=1,
    ),
]
LossNetwork = Annotated[
    Path | None,
    typer.Option(
        help="VGG-16 or VGG-19 in torchvision's format; the VGG-19 that ships if not given.",
        show_default=False,
        rich_help_panel="Running",
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.", rich_help_panel="Running")]
Precision = Annotated[
    str, typer.Option(help="Of the convolutions: auto, float32, bfloat16.", rich_help_panel="Running")
]
Memory = Annotated[
    str | None,
    typer.Option(
        help="What painting may take beside the photo, such as 2GB; what needs more goes to temporary files. "
        "A third of what is free if not given, at most 1.5 GB.",
        show_default=False,
        rich_help_panel="Running",
    ),
]
Quality = Annotated[int, typer.Option(help="1 to 100, for JPEG, WebP and AVIF.", rich_help_panel="Output")]
Bits = Annotated[int, typer.Option(help="8 or 16 bits a channel; 16 for PNG and TIFF.", rich_help_panel="Output")]
Regions = Annotated[
    list[str] | None,
    typer.Option(
        "--region",
        help="MASK=STYLE: white of the mask is painted in that style; STYLE none leaves the photo.",
        show_default=False,
    ),
]
Mark = Annotated[
    bool,
    typer.Option(
        "--mark/--no-mark", help="Say in the file's metadata what made the picture.", rich_help_panel="Output"
    ),
]


_LONGEST = 30 * 24 * 3600  # seconds


def complete_style(incomplete: str) -> list[str]:
    """Shell completion: the styles' names."""
    from impasto.styles.gallery import Gallery

    return [name for name in Gallery().names() if name.startswith(incomplete)]


_STYLE = typer.Option(
    "--style",
    "-s",
    help="A style's name or a painting's file, with :WEIGHT if there are several.",
    autocompletion=complete_style,
    show_default=False,
)
Styles = Annotated[list[str], _STYLE]
OptionalStyles = Annotated[list[str] | None, _STYLE]


def read_region(text: str) -> tuple[str, str]:
    """MASK=STYLE; at the first = that leaves an existing file to its left, since file names may hold one.

    >>> read_region("sky.png=great-wave")
    ('sky.png', 'great-wave')
    """
    splits = [(text[:i], text[i + 1 :]) for i, character in enumerate(text) if character == "="]
    if not splits or not all(splits[0]):
        raise UsageError(f"--region {text}: no mask and style", "--region sky.png=great-wave")
    return next((pair for pair in splits if Path(pair[0]).is_file()), splits[0])


def read_memory(text: str | None) -> int | None:
    """2GB, 500MB or a number of bytes.

    >>> read_memory("2GB")
    2000000000
    """
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", text.strip().lower())
    number = float(found[1]) * 1000 ** " kmgt".index(found[2] or " ") if found else 0
    if number < 1:
        raise UsageError(f"--memory {text} is no amount of memory", "--memory 2GB")
    return int(number)


def read_duration(text: str, option: str) -> float:
    """90s, 3m, 1h or 1h30m in seconds.

    >>> read_duration("1h30m", "--time")
    5400.0
    """
    found = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", text.strip().lower())
    parts = [float(part or 0) for part in found.groups()] if found else [0.0]
    seconds = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    if not 0 < seconds <= _LONGEST:
        raise UsageError(f"{option} {text} is not a duration", f"{option} 90s, {option} 3m or {option} 1h")
    return seconds


def check_saving(quality: int, bits: int, formats: Iterable[str], hint: str) -> Depth:
    """The bits of a channel, if what is asked for can be written in all of the formats."""
    if bits not in (8, 16):
        raise UsageError(f"--bits {bits}: 8 or 16")
    if not 1 <= quality <= 100:
        raise UsageError(f"--quality {quality} is not in 1..100")
    flat = [name for name in formats if name not in SIXTEEN_BITS]
    if bits == 16 and flat:
        raise UsageError(f"{flat[0]} holds no 16 bits a channel", hint)
    return 16 if bits == 16 else 8


def takes_settings(described: type, verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb an option for every field of a recipe; it receives what was typed as a dictionary, `changes`."""
    hints = get_type_hints(described)

    def make(values: dict[str, Any]) -> dict[str, Any]:
        typed = {name: value for name, value in values.items() if value is not None}
        return {
            name: _split(name, value, hints[name]) if get_origin(hints[name]) is tuple else value
            for name, value in typed.items()
        }

    panel = "Recipe: each given here replaces the recipe's own"
    return _takes(verb, "changes", described, make, panel, show_defaults=False)


def _split(name: str, text: str, hint: Any) -> tuple[Any, ...]:
    kind = get_args(hint)[0]
    try:
        return tuple(kind(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise UsageError(f"--{name.replace('_', '-')} {text} are no numbers", "1,0.5") from None


def takes_controls(verb: Callable[..., None], *, without: tuple[str, ...] = ()) -> Callable[..., None]:
    """Give a verb an option for every field of `Controls` but those left out; it receives them as `controls`."""

    def make(values: dict[str, Any]) -> Controls:
        return Controls(**values)

    return _takes(verb, "controls", Controls, make, "Controls", without=without)


def _takes(
    verb: Callable[..., None],
    name: str,
    described: type,
    make: Callable[[dict[str, Any]], object],
    panel: str,
    *,
    without: tuple[str, ...] = (),
    show_defaults: bool = True,
) -> Callable[..., None]:
    """Give a verb an option for every field of a dataclass whose metadata hold help and range.

    Without defaults every option is None unless it is typed, and tuples are typed with commas between.
    """
    hints = get_type_hints(described)
    chosen = [part for part in fields(described) if part.name not in without]
    options = []
    for part in chosen:
        low, high = part.metadata["low"], part.metadata["high"]
        span = f" {low:g} to {high:g}." if low is not None and high is not None and high <= 100 else ""
        default = part.default if show_defaults else None
        hint = hints[part.name]
        if not show_defaults:
            hint = (str if get_origin(hint) is tuple else hint) | None
        option = typer.Option(
            default, help=part.metadata["help"] + span, rich_help_panel=panel, show_default=default is not None
        )
        options.append(inspect.Parameter(part.name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=hint))

    signature = inspect.signature(verb, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != name]

    @functools.wraps(verb)
    def wrapper(**arguments: Any) -> None:
        made = make({part.name: arguments.pop(part.name) for part in chosen})
        verb(**arguments, **{name: made})

    keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    wrapper.__signature__ = signature.replace(parameters=[*keyword_only, *options])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *options]}
    return wrapper

"""Options that several verbs share; those of the controls are made from `Controls` itself."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from impasto.controls import Controls
from impasto.errors import UsageError
from impasto.optimization.recipe import Recipe
from impasto.picture import MAX_PIXELS

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
Quality = Annotated[int, typer.Option(help="1 to 100, for JPEG, WebP and AVIF.", rich_help_panel="Output")]
Mark = Annotated[
    bool,
    typer.Option(
        "--mark/--no-mark", help="Say in the file's metadata what made the picture.", rich_help_panel="Output"
    ),
]


def complete_style(incomplete: str) -> list[str]:
    """Shell completion: the styles' names."""
    from impasto.gallery import Gallery

    return [name for name in Gallery().names() if name.startswith(incomplete)]


def takes_recipe(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb an option for every field of `Recipe`; it receives what was typed as a dictionary, `changes`."""
    hints = get_type_hints(Recipe)

    def make(values: dict[str, Any]) -> dict[str, Any]:
        typed = {name: value for name, value in values.items() if value is not None}
        return {
            name: _split(name, value, hints[name]) if get_origin(hints[name]) is tuple else value
            for name, value in typed.items()
        }

    panel = "Recipe: each given here replaces the recipe's own"
    return _takes(verb, "changes", Recipe, make, panel, show_defaults=False)


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

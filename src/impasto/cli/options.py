"""Options that several verbs share; those of the controls are made from `Controls` itself."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any, get_type_hints

import typer

from impasto.controls import Controls
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


def takes_controls(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb an option for every field of `Controls`; it receives them as one argument, `controls`."""
    hints = get_type_hints(Controls)
    options = []
    for control in fields(Controls):
        low, high = control.metadata["low"], control.metadata["high"]
        span = f" {low:g} to {high:g}." if low is not None and high is not None and high <= 100 else ""
        option = typer.Option(
            control.default,
            help=control.metadata["help"] + span,
            rich_help_panel="Controls",
            show_default=control.default is not None,
        )
        options.append(
            inspect.Parameter(
                control.name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=hints[control.name]
            )
        )

    signature = inspect.signature(verb, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "controls"]

    @functools.wraps(verb)
    def wrapper(**arguments: Any) -> None:
        controls = Controls(**{control.name: arguments.pop(control.name) for control in fields(Controls)})
        verb(**arguments, controls=controls)

    keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    wrapper.__signature__ = signature.replace(parameters=[*keyword_only, *options])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *options]}
    return wrapper

"""--preset and --like: take the defaults of other options from a preset or a picture."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from impasto.cli.command import F, option
from impasto.cli.console import note
from impasto.cli.options import region_text
from impasto.errors import PictureError, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from impasto.presets.preset import Preset


def are_defaults(name: str) -> bool:
    """Return True if a verb's parameter has its value from --preset or --like."""
    return click.get_current_context().get_parameter_source(name) is ParameterSource.DEFAULT_MAP


def complete_preset(_context: object, _parameter: object, incomplete: str) -> list[CompletionItem[str]]:
    """Complete a preset for the shell: by the presets' names, else as a file."""
    from click.shell_completion import CompletionItem

    from impasto.presets.store import names

    found = [CompletionItem(name) for name in names() if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


def presets(*, without: Collection[str] = ()) -> Callable[[F], F]:
    """Add the options --preset and --like to a verb. Options that the user types win over both.

    Args:
        without: parameters of the verb that keep their own defaults.
    """

    def read(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
        if value is None or context.resilient_parsing:
            return
        if context.default_map is not None:
            raise UsageError("--preset and --like exclude each other", "leave one of them out", code="conflict")
        found = like(Path(value)) if parameter.name == "like" else _preset(value)
        say_left_out(found, value)
        if found.regions and all(one.name != "region" for one in context.command.params):
            note(f"{value}: {context.info_name} does not paint regions")
        context.default_map = {name: given for name, given in _defaults(found).items() if name not in without}

    def decorate(verb: F) -> F:
        said: dict[str, Any] = {"panel": "Controls", "is_eager": True, "expose_value": False, "callback": read}
        verb = option(
            "--like",
            type=click.Path(),
            metavar="PICTURE",
            help="Use the styles and controls that made this picture or clip.",
            **said,
        )(verb)
        return option(
            "--preset",
            type=click.Path(),
            metavar="NAME",
            help="Use the styles and controls of a preset (name or file): see impasto presets.",
            shell_complete=complete_preset,
            **said,
        )(verb)

    return decorate


def say_left_out(preset: Preset, name: str) -> None:
    """Print a note about regions that a preset could not include."""
    if preset.left_out:
        note(f"{name}: regions with drawn masks are not included: {preset.left_out}")


def like(path: Path) -> Preset:
    """Read the settings that made a picture or a clip.

    Raises:
        UsageError, PictureError, MissingExtra: the file has no settings, or cannot be read.
    """
    from impasto.presets.preset import Preset, says_nothing

    try:
        return Preset.like(path)
    except PictureError as error:
        if error.code not in ("not-a-picture", "unknown-format") or not path.is_file():
            raise
        from impasto.presets.made_with import preset_like, settings_of_clip
        from impasto.video.reading import Clip

        with Clip(path).opened() as container:
            settings = settings_of_clip(container.metadata)
        if settings is None:
            raise says_nothing(path) from None
        return preset_like(settings, str(path))


def _preset(text: str) -> Preset:
    from impasto.presets.preset import Preset

    return Preset.open(text)


def _defaults(preset: Preset) -> dict[str, Any]:
    """Return the options' values as a user would type them, by the names of a verb's parameters."""
    said: dict[str, Any] = {
        "style": [f"{style}:{weight!r}" for style, weight in preset.styles],
        "region": [region_text(one) for one in preset.regions if one.style or one.settings],
        "engine": preset.engine,
    }
    return {name: value for name, value in said.items() if value} | dict(preset.controls)

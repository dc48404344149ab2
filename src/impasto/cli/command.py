"""Click commands with help panels, examples, and arguments that have help texts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any, TypeVar, cast

import click

F = TypeVar("F", bound=Callable[..., Any])


class Option(click.Option):
    """An option that knows its help panel."""

    def __init__(self, names: list[str], *, panel: str = "Options", **attributes: Any) -> None:
        super().__init__(names, **attributes)
        self.panel = panel


class Argument(click.Argument):
    """An argument with a line of help. Click's own arguments have help from 8.5 on."""

    panel = "Arguments"

    def __init__(self, names: list[str], *, help: str, **attributes: Any) -> None:
        super().__init__(names, **attributes)
        self.help = help

    def get_help_record(self, context: click.Context) -> tuple[str, str]:
        return self.make_metavar(context), self.help or ""


def option(*names: str, panel: str = "Options", **attributes: Any) -> Callable[[F], F]:
    """Add an option to a verb. `attributes` are those of `click.Option`."""
    return click.option(*names, cls=Option, panel=panel, **attributes)


def argument(name: str, help: str, **attributes: Any) -> Callable[[F], F]:
    """Add an argument to a verb. `attributes` are those of `click.Argument`."""
    return click.argument(name, cls=Argument, help=help, **attributes)


def gathered(name: str, kind: type[Any], given: Iterable[Callable[[Any], Any]]) -> Callable[[F], F]:
    """Add several options to a verb, which receives them as one dataclass.

    Args:
        name: the name of the verb's parameter.
        kind: a dataclass with a field for each option, of the same name.
        given: the options, in the order of the help.
    """

    def decorate(verb: F) -> F:
        @functools.wraps(verb)
        def parsed(**values: Any) -> Any:
            together = kind(**{part.name: values.pop(part.name) for part in fields(kind)})
            return verb(**values, **{name: together})

        found: Any = parsed
        for each in reversed(list(given)):
            found = each(found)
        return cast(F, found)

    return decorate


def _write_panels(formatter: click.HelpFormatter, rows: Iterable[tuple[str, tuple[str, str]]]) -> None:
    panels: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}  # these two first
    for panel, row in rows:
        panels.setdefault(panel, []).append(row)
    for panel, members in panels.items():
        if members:
            with formatter.section(panel):
                formatter.write_dl(members)


class Command(click.Command):
    """A command whose help shows options in panels, and examples as one line each."""

    def __init__(self, *words: Any, examples: str = "", **attributes: Any) -> None:
        super().__init__(*words, **attributes)
        self.examples = examples.strip().splitlines()

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        parameters = [(parameter, parameter.get_help_record(context)) for parameter in self.get_params(context)]
        _write_panels(formatter, ((getattr(of, "panel", "Options"), record) for of, record in parameters if record))

    def format_arguments(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write nothing: arguments have a panel of their own."""

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(context, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


class Group(Command, click.Group):
    """A command with verbs. Its help shows the verbs in panels, too."""

    command_class = Command

    def panel_of(self, _verb: str) -> str:
        """Return the help panel of a verb."""
        return "Commands"

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(context, formatter)
        self.format_commands(context, formatter)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        verbs = [(verb, self.get_command(context, verb)) for verb in self.list_commands(context)]
        rows = [(self.panel_of(verb), (verb, of.get_short_help_str(limit=1000))) for verb, of in verbs if of]
        _write_panels(formatter, rows)

    def list_commands(self, _context: click.Context) -> list[str]:
        """Return the verbs in the order in which they were added."""
        return list(self.commands)

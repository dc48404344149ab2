"""Write the site's page about the command line, from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from impasto.cli.main import program


def page() -> str:
    """Return the page as Markdown: a section for each verb, a table for each panel of options."""
    parts = ["# Command line\n", "`impasto VERB --help` shows the same in a terminal.\n"]
    parts += _verbs(program, "impasto", None, 2)
    return "\n".join(parts)


def _verbs(group: click.Group, name: str, parent: click.Context | None, level: int) -> Iterator[str]:
    context = click.Context(group, info_name=name, parent=parent, **group.context_settings)
    for verb in group.list_commands(context):
        command = group.get_command(context, verb)
        assert command is not None
        yield from _verb(command, verb, context, level)


def _verb(command: click.Command, verb: str, parent: click.Context, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=verb, parent=parent)
    yield f"{'#' * level} {context.command_path}\n"
    yield inspect.cleandoc(command.help or "") + "\n"
    yield f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
    panels: dict[str, list[str]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and record[0] != "-h, --help":
            name, text = (part.replace("|", "\\|") for part in record)
            panels.setdefault(getattr(parameter, "panel", "Options"), []).append(f"| `{name}` | {text} |")
    for panel, rows in panels.items():
        yield "\n".join([f"| {panel} | |", "|---|---|", *rows]) + "\n"
    examples = getattr(command, "examples", ())
    if examples:
        yield "\n".join(["```sh", *examples, "```\n"])
    if isinstance(command, click.Group):
        yield from _verbs(command, verb, parent, level + 1)

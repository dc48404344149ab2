"""The program: its verbs, and what a failure looks like to the person who typed the command."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from impasto.cli.console import INTERRUPTED, note, report
from impasto.errors import ImpastoError
from impasto.system.files import remove_unfinished
from impasto.version import __version__

PAINT, STYLES, MEASURE, HERE = "Paint", "Styles", "Measure", "This installation"
VERBS = {  # each in a module of its name
    "stylize": PAINT,
    "optimize": PAINT,
    "sheet": PAINT,
    "video": PAINT,
    "camera": PAINT,
    "app": PAINT,
    "styles": STYLES,
    "train": STYLES,
    "evaluate": MEASURE,
    "bench": MEASURE,
    "doctor": HERE,
}
GROUPS = {"styles", "train"}


def _version(wanted: bool) -> None:
    if wanted:
        print(f"impasto {__version__}")
        raise typer.Exit


def _impasto(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


def command_line(words: Sequence[str]) -> typer.Typer:
    """The program with the verb that the words begin with; with all of them if they begin with none, for the help.

    Modules of verbs that are not asked for would take a tenth of a second to load.
    """
    program = typer.Typer(
        name="impasto",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Paint photographs in the style of any painting, offline, on an ordinary computer.",
        epilog="Exit codes: 0 done, 1 something could not be read, painted or written, "
        "2 the command makes no sense, 130 stopped.",
    )
    program.callback()(_impasto)
    first = words[0] if words else ""
    wanted = [first] if first in VERBS else [] if first == "--version" else list(VERBS)
    for verb in wanted:
        module = importlib.import_module(f"impasto.cli.{verb}")
        if verb in GROUPS:
            program.add_typer(module.app, name=verb, rich_help_panel=VERBS[verb])
        else:
            epilog = getattr(module, "EXAMPLES", None)
            program.command(verb, rich_help_panel=VERBS[verb], epilog=epilog)(getattr(module, verb))
    return program


def main() -> None:
    """Run the command line and exit."""
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    try:
        program = command_line(sys.argv[1:])
        code: Any = program(standalone_mode=False, prog_name="impasto")
        if code == INTERRUPTED:  # Typer has caught the KeyboardInterrupt
            _stop_at_once()
        sys.stdout.flush()
    except ImpastoError as error:
        report(error.message, error.hint)
        code = error.exit_code
    except KeyboardInterrupt:
        _stop_at_once()
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # nobody listens; the last flush must not fail again
        code = 1
    except Exception as error:  # noqa: BLE001  the last resort: one line instead of a traceback
        code = _unexpected(error)
    gc.freeze()  # what modules hold need not be looked through on leaving
    sys.exit(code if isinstance(code, int) else 0)


def _stop_at_once() -> None:
    """Ctrl-C: painting threads cannot be interrupted, so leave without them; half-written files go."""
    remove_unfinished()
    report("stopped", "pictures that were finished are complete")
    sys.stdout.flush()
    os._exit(INTERRUPTED)


def _unexpected(error: Exception) -> int:
    if type(error).__name__ == "Abort":
        _stop_at_once()
    if hasattr(error, "format_message"):  # Typer's own complaint about the command
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "impasto"
        message = error.format_message().strip().rstrip(".")
        if not message:  # no arguments at all: Typer has printed the help
            return 2
        report(" ".join(message.split()), f"{path} --help")
        return int(getattr(error, "exit_code", 2))
    if os.environ.get("IMPASTO_DEBUG"):
        raise error
    first = str(error).splitlines()[0][:200] if str(error) else ""
    report(
        f"this should not have happened: {type(error).__name__}: {first}",
        "IMPASTO_DEBUG=1 shows where; please report it",
    )
    return 1


def _show_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    if issubclass(category, UserWarning):
        note(str(message))

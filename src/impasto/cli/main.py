"""The program `impasto`: its verbs, and how it reports failures."""

from __future__ import annotations

import contextlib
import difflib
import functools
import gc
import importlib
import os
import sys
import warnings
from typing import Any, NoReturn

import click

from impasto.cli import interrupt, streams
from impasto.cli.command import Command, Group, option
from impasto.cli.console import INTERRUPTED, note, report
from impasto.errors import ImpastoError, UsageError, write_fault
from impasto.system.files import remove_unfinished
from impasto.system.memory import keep_freed
from impasto.version import __version__

PAINT, STYLES, MEASURE, HERE = "Paint", "Styles", "Measure", "This installation"
VERBS = {  # each verb has a module of the same name
    "stylize": PAINT,
    "optimize": PAINT,
    "edit": PAINT,
    "sheet": PAINT,
    "enlarge": PAINT,
    "video": PAINT,
    "texture": PAINT,
    "camera": PAINT,
    "app": PAINT,
    "serve": PAINT,
    "web": PAINT,
    "styles": STYLES,
    "presets": STYLES,
    "train": STYLES,
    "evaluate": MEASURE,
    "study": MEASURE,
    "bench": MEASURE,
    "plugins": HERE,
    "doctor": HERE,
}


class Program(Group):
    """All verbs. A verb's module is loaded on demand, since loading all of them takes a tenth of a second."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, _context: click.Context, verb: str) -> click.Command | None:
        if verb not in VERBS:
            return None
        command: Command = getattr(importlib.import_module(f"impasto.cli.{verb}"), verb)
        return command

    def resolve_command(
        self, context: click.Context, words: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if words[0] not in VERBS and not context.resilient_parsing:
            near = difflib.get_close_matches(words[0], VERBS, 1)
            context.fail(f"unknown command {words[0]!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(context, words)

    def panel_of(self, verb: str) -> str:
        return VERBS[verb]

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except KeyboardInterrupt as stopped:  # before Click catches it and prints an empty line
            _stop_at_once(str(stopped))


def _complete(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from impasto.cli import completion

        act = completion.install if parameter.name == "install_completion" else completion.script
        print(act(context.command))
        context.exit()


_about_completion = functools.partial(option, is_flag=True, expose_value=False, is_eager=True, callback=_complete)


@click.command(
    cls=Program,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True},
    epilog="Exit codes: 0 done; 1 a file could not be read, painted or written; 2 the command is invalid; "
    "130 stopped by Ctrl-C; 143 stopped by SIGTERM; 129 stopped by SIGHUP.",
)
@click.version_option(__version__, message="%(prog)s %(version)s", help="Print the version and stop.")
@_about_completion("--install-completion", help="Install completion for your shell.")
@_about_completion("--show-completion", help="Print the completion script of your shell.")
def program() -> None:
    """Paint photographs in the style of any painting, offline, on an ordinary computer."""


def main() -> None:
    """Run the command line and exit."""
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    streams.say_anything()
    interrupt.end_on_signals()
    keep_freed()
    try:
        code: Any = program.main(prog_name="impasto", standalone_mode=False)
        sys.stdout.flush()
    except ImpastoError as error:
        report(error)
        code = error.exit_code
    except click.ClickException as error:
        code = _misused(error)
    except (KeyboardInterrupt, click.Abort):
        _stop_at_once()
    except BrokenPipeError:
        _say_no_more()
        code = 1
    except OSError as error:
        code = _refused(error)
    except Exception as error:  # noqa: BLE001  last resort: print one line instead of a traceback
        code = _unexpected(error)
    if code == INTERRUPTED:
        code = interrupt.exit_code()
    gc.freeze()  # skip the garbage collection of module objects at exit
    sys.exit(code if isinstance(code, int) else 0)


def _stop_at_once(kept: str = "") -> NoReturn:
    """Delete half-written files and exit. Do not wait for painting threads, which Ctrl-C cannot interrupt.

    Args:
        kept: what is left of the work, and how to continue it.
    """
    remove_unfinished()
    report(ImpastoError("stopped", kept, code="stopped"))
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(interrupt.exit_code())


def _say_no_more() -> None:
    """Redirect standard output to nothing, so that the last flush cannot fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refused(error: OSError) -> int:
    """Report an unexpected error of the system, such as a failed write to standard output."""
    if os.environ.get("IMPASTO_DEBUG"):
        raise error
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    _say_no_more()
    place = f"{error.filename}: " if error.filename else ""
    report(ImpastoError(f"{place}{error.strerror or error}", code=write_fault(error)))
    return 1


def _misused(error: click.ClickException) -> int:
    """Report an error that Click has found in the command, and return the exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        print(error.format_message())
        return error.exit_code
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "impasto"
    hint = f"{path} --help"
    if isinstance(error, click.MissingParameter) and error.param is not None and error.param.name == "style":
        hint = "list all: impasto styles"
    elif path == "impasto stylize" and "'--engine': 'optimize' is not" in error.format_message():
        hint = "the optimizer is a command of its own: impasto optimize"
    report(UsageError(" ".join(error.format_message().split()).rstrip("."), hint))
    return error.exit_code


def _unexpected(error: Exception) -> int:
    if os.environ.get("IMPASTO_DEBUG"):
        raise error
    first = str(error).splitlines()[0][:200] if str(error) else ""
    message = f"unexpected error: {type(error).__name__}: {first}"
    report(ImpastoError(message, "IMPASTO_DEBUG=1 prints a traceback; please report it", code="unexpected"))
    return 1


def _show_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    if issubclass(category, UserWarning):
        note(str(message))

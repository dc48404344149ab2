"""The program: its verbs, and what a failure looks like to the person who typed the command."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Annotated, Any

import typer

from impasto.cli import app as page
from impasto.cli import bench, camera, doctor, evaluate, optimize, sheet, styles, stylize, train, video
from impasto.cli.console import INTERRUPTED, note, report
from impasto.errors import ImpastoError
from impasto.files import remove_unfinished
from impasto.version import __version__

app = typer.Typer(
    name="impasto",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Paint photographs in the style of any painting, offline, on an ordinary computer.",
    epilog="Exit codes: 0 done, 1 something could not be read, painted or written, "
    "2 the command makes no sense, 130 stopped.",
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"impasto {__version__}")
        raise typer.Exit


@app.callback()
def _impasto(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


app.command("stylize", rich_help_panel="Paint", epilog=stylize.EXAMPLES)(stylize.stylize)
app.command("optimize", rich_help_panel="Paint", epilog=optimize.EXAMPLES)(optimize.optimize)
app.command("sheet", rich_help_panel="Paint", epilog=sheet.EXAMPLES)(sheet.sheet)
app.command("video", rich_help_panel="Paint", epilog=video.EXAMPLES)(video.video)
app.command("camera", rich_help_panel="Paint", epilog=camera.EXAMPLES)(camera.camera)
app.command("app", rich_help_panel="Paint")(page.app)
app.add_typer(styles.app, name="styles", rich_help_panel="Styles")
app.add_typer(train.app, name="train", rich_help_panel="Styles")
app.command("evaluate", rich_help_panel="Measure", epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command("bench", rich_help_panel="Measure", epilog=bench.EXAMPLES)(bench.bench)
app.command("doctor", rich_help_panel="This installation")(doctor.doctor)


def main() -> None:
    """Run the command line and exit."""
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    try:
        code: Any = app(standalone_mode=False, prog_name="impasto")
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

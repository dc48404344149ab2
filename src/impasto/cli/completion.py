"""Completion of commands, options and styles' names by the shell."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from impasto.errors import UsageError
from impasto.system.files import write_atomically

_VARIABLE = "_IMPASTO_COMPLETE"
_BY_HAND = "_IMPASTO_COMPLETE=bash_source impasto, or zsh or fish, prints the script"


def script(program: click.Command) -> str:
    """Return the program text that makes the user's shell complete.

    Raises:
        UsageError: a shell that Click does not know.
    """
    shell = _shell()
    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(
            f"there is no completion for the shell {shell or 'that you use'}", _BY_HAND, code="unknown-choice"
        )
    return kind(program, {}, "impasto", _VARIABLE).source()


def install(program: click.Command) -> str:
    """Put the script where the user's shell looks for it, and return a line that says so.

    For Bash and Zsh, add one line to the start file, once.

    Raises:
        UsageError: a shell other than Bash, Zsh and Fish, or no home folder.
    """
    shell = _shell()
    try:
        home = Path.home()
    except RuntimeError:  # no HOME, and a user whom nobody knows
        raise UsageError("this user has no home folder", "--show-completion", code="no-such-folder") from None
    places = {
        "bash": (home / ".bash_completions" / "impasto.sh", ".bashrc", "source ~/.bash_completions/impasto.sh"),
        "zsh": (home / ".zfunc" / "_impasto", ".zshrc", "fpath+=~/.zfunc; autoload -Uz compinit; compinit"),
        "fish": (home / ".config" / "fish" / "completions" / "impasto.fish", "", ""),
    }
    if shell not in places:
        raise UsageError(
            f"completion for {shell or 'this shell'} is not installed by itself",
            "--show-completion",
            code="unknown-choice",
        )
    target, start_file, line = places[shell]
    write_atomically(target, script(program).encode(), overwrite=True)
    start = home / start_file
    if line and (not start.is_file() or line not in start.read_text(encoding="utf-8")):
        with start.open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    return f"completion for {shell} is in {target}; it begins in the next terminal"


def _shell() -> str:
    return "powershell" if os.name == "nt" else Path(os.environ.get("SHELL", "")).name

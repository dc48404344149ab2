"""Shell completion of commands, options and style names."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from impasto.errors import UsageError
from impasto.system.files import write_atomically

_VARIABLE = "_IMPASTO_COMPLETE"
_BY_HAND = "_IMPASTO_COMPLETE=bash_source impasto prints the script; also zsh_source, fish_source"


def script(program: click.Command) -> str:
    """Return the completion script for the user's shell.

    Raises:
        UsageError: Click does not support the shell.
    """
    shell = _shell()
    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"no completion for the shell {shell or 'that you use'}", _BY_HAND, code="unknown-choice")
    return kind(program, {}, "impasto", _VARIABLE).source()


def install(program: click.Command) -> str:
    """Install completion for the user's shell, and return a line that says so.

    Write the script where the shell looks for it. For Bash and Zsh, also add one line to the start file, once.

    Raises:
        UsageError: the shell is not Bash, Zsh or Fish, or the user has no home folder.
    """
    shell = _shell()
    try:
        home = Path.home()
    except RuntimeError:  # no HOME, and no entry in the user database
        raise UsageError("this user has no home folder", "--show-completion", code="no-such-folder") from None
    places = {
        "bash": (home / ".bash_completions" / "impasto.sh", ".bashrc", "source ~/.bash_completions/impasto.sh"),
        "zsh": (home / ".zfunc" / "_impasto", ".zshrc", "fpath+=~/.zfunc; autoload -Uz compinit; compinit"),
        "fish": (home / ".config" / "fish" / "completions" / "impasto.fish", "", ""),
    }
    if shell not in places:
        raise UsageError(
            f"cannot install completion for {shell or 'this shell'}",
            "--show-completion",
            code="unknown-choice",
        )
    target, start_file, line = places[shell]
    write_atomically(target, script(program).encode(), overwrite=True)
    start = home / start_file
    if line and (not start.is_file() or line not in start.read_text(encoding="utf-8")):
        with start.open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    return f"completion for {shell} is in {target}; it works from the next terminal on"


def _shell() -> str:
    return "powershell" if os.name == "nt" else Path(os.environ.get("SHELL", "")).name

"""Commands and examples of the documents: all of them are understood, the README's and the quickstart's are run."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from documents import Block, blocks, fill, pages
from helpers import ROOT, free_port

from impasto.cli.main import program

pytest.importorskip("av")
BIN = Path(sys.executable).parent
TYPED = ("README.md", "docs/quickstart.md")  # what a newcomer types first
WAITED_FOR = {"app", "serve"}  # until they answer; then they are ended
EXTRAS = re.compile(r"pip install '?(?:impasto|\.)(?:\[(.+?)\])?'?$")


def lines(block: Block) -> Iterator[str]:
    """The commands of a block: one a line, but where a line is continued or a quotation goes on."""
    whole = ""
    for line in block.text.replace("\\\n", " ").splitlines():
        whole += line
        try:
            words = shlex.split(whole, comments=True)
        except ValueError:
            whole += "\n"
            continue
        if words:
            yield whole.strip()
        whole = ""
    assert not whole, f"{block.page.name}:{block.line}: a quotation has no end"


def calls(line: str) -> Iterator[list[str]]:
    """The words after each `impasto` that begins a command of a line, up to the next pipe or redirection."""
    words = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    words.whitespace_split = True
    command: list[str] = []
    for word in [*words, ";"]:
        if word[0] not in "|&;<>":
            if command or not re.match(r"\w+=", word):  # settings of the environment stand before
                command.append(word)
        else:
            if command and Path(command[0]).name == "impasto":
                yield command[1:]
            command = []


def understand(words: list[str]) -> None:
    """Parse a command as the program does, without running it."""
    context, command = click.Context(program, info_name="impasto", **program.context_settings), program
    while isinstance(command, click.Group):
        verb = next((word for word in words if not word.startswith("-")), None)
        if verb is None:
            break
        found = command.get_command(context, verb)
        if found is None:
            if command is program:
                raise click.UsageError(f"no verb {verb}")
            break
        words = words[words.index(verb) + 1 :]
        command, context = found, click.Context(found, info_name=verb, parent=context)
    command.make_parser(context).parse_args(list(words))


COMMANDS = [
    pytest.param(words, id=f"{block.page.relative_to(ROOT)}:{block.line}:{' '.join(words)[:60]}")
    for page in pages()
    if page.name != "CHANGELOG.md"
    for block in blocks(page, "sh")
    for line in lines(block)
    for words in calls(line)
]


@pytest.mark.parametrize("words", COMMANDS)
def test_commands_are_understood(words: list[str]) -> None:
    understand(words)


def outputs(page: Path) -> list[str]:
    """The files that a page's commands write, one for each command."""
    words = [words for block in blocks(page, "sh") for line in lines(block) for words in calls(line) if "-o" in words]
    return [name for name in (found[found.index("-o") + 1] for found in words) if Path(name).suffix]


def test_no_command_of_the_quickstart_or_a_guide_finds_its_file_taken() -> None:
    guides = sorted((ROOT / "docs" / "guides").rglob("*.md"))
    first = outputs(ROOT / "docs" / "quickstart.md")
    assert len(first) > 5
    for page in guides:
        names = [*first, *outputs(page)]
        assert len(set(names)) == len(names), (page.name, sorted({name for name in names if names.count(name) > 1}))


def test_there_are_commands_to_understand() -> None:
    assert len(COMMANDS) > 100
    with pytest.raises(click.UsageError):
        understand(["stylize", "photo.jpg", "--stile", "udnie"])
    with pytest.raises(click.UsageError):
        understand(["stylise", "photo.jpg"])


@pytest.mark.parametrize("page", [page for page in pages() if any(blocks(page, "sh"))], ids=lambda page: page.name)
def test_make_and_pip_are_asked_for_what_there_is(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    metadata = importlib.metadata.metadata("impasto")
    extras = set(metadata.get_all("Provides-Extra") or ())
    for block in blocks(page, "sh"):
        for line in lines(block):
            words = shlex.split(line, comments=True)
            if words[0] == "make":
                assert {word for word in words[1:] if "=" not in word and word[0] != "-"} <= targets, line
            elif found := EXTRAS.match(shlex.join(words)):
                assert set((found[1] or "").split(",")) - {""} <= extras, line


@pytest.mark.parametrize("name", TYPED)
def test_what_a_newcomer_types_works(name: str, tmp_path: Path) -> None:
    """In the order of the page, in one folder, with the files that it names."""
    fill(tmp_path)
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "BROWSER": "true"}
    ran = 0
    for block in blocks(ROOT / name, "sh"):
        for line in lines(block):
            for words in calls(line):
                run(words, tmp_path, environment)
                ran += 1
    assert ran > 5
    written = {path.name for path in tmp_path.iterdir()}
    assert {"out.png", "sheet.png", "blend.png", "painted", "painted.mp4"} <= written


def run(words: list[str], folder: Path, environment: dict[str, str]) -> None:
    if "--learn" in words:  # for as long as a test can wait
        words[words.index("--learn") + 1] = "2s"
    command = [sys.executable, "-m", "impasto", *words]
    if words[0] in WAITED_FOR:
        answers([*command, "--no-browser"] if words[0] == "app" else command, folder, environment)
        return
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (words, done.stderr)
    if "-o" in words:
        assert (folder / words[words.index("-o") + 1]).exists(), words


def answers(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """A server says where it listens, sends a page, and ends by Ctrl-C."""
    command += ["--port", str(free_port())]
    streams: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=folder, env=environment, **streams) as server:
        try:
            address = next(found[0] for line in server.stdout if (found := re.search(r"http://[\w.:\[\]]+", line)))
            with urllib.request.urlopen(address, timeout=60) as page:
                assert page.status == 200
            server.send_signal(signal.SIGINT)
            rest = server.communicate(timeout=60)[0]
        finally:
            server.kill()
    assert "Traceback" not in rest


EXAMPLES = [
    pytest.param(page, id=str(page.relative_to(ROOT)))
    for page in pages()
    if any(block.runs for block in blocks(page, "python"))
]


@pytest.mark.parametrize("page", EXAMPLES)
@pytest.mark.filterwarnings("ignore")  # photo.jpg shows nobody, and is small
def test_python_examples_run(page: Path, tmp_path: Path) -> None:
    """A page's blocks, in its order, one program each."""
    for number, block in enumerate(block for block in blocks(page, "python") if block.runs):
        folder = tmp_path / str(number)
        folder.mkdir()
        fill(folder)
        environment = os.environ | {"PYTHONWARNINGS": "ignore"}
        code = [sys.executable, "-c", block.text]
        done = subprocess.run(code, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{page.name}:{block.line}\n{done.stderr[-2000:]}"
        shutil.rmtree(folder)

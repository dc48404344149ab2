"""Completion by the shell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Outcome, assert_refused

from impasto.styles.gallery import Gallery

Run = Callable[..., Outcome]


@pytest.fixture
def complete(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """What Bash is offered for a command that ends with the word to complete."""

    def offered(words: str) -> list[str]:
        monkeypatch.setenv("_IMPASTO_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
        return run().out.split()

    return offered


@pytest.mark.parametrize(
    "words", ["stylize photo.jpg --style ", "sheet photo.jpg -s ", "styles show ", "train export ", "camera --style "]
)
def test_styles_are_offered(complete: Callable[[str], list[str]], words: str) -> None:
    assert complete(f"impasto {words}starry") == ["plain,starry-night"]
    assert complete(f"impasto {words}") == [f"plain,{name}" for name in Gallery().names()]


def test_verbs_options_and_files_are_offered(complete: Callable[[str], list[str]]) -> None:
    assert complete("impasto s") == [f"plain,{verb}" for verb in ("stylize", "sheet", "serve", "styles", "study")]
    assert complete("impasto stylize --keep-color l") == ["plain,luminance"]
    assert complete("impasto stylize --br") == ["plain,--brush-size"]
    for words in ("stylize ph", "stylize photo.jpg -o ou", "stylize photo.jpg --style ./my", "video cl"):
        assert complete(f"impasto {words}") == [f"file,{words.split()[-1]}"]


@pytest.mark.parametrize(
    ("shell", "place", "start"),
    [
        ("bash", ".bash_completions/impasto.sh", ".bashrc"),
        ("zsh", ".zfunc/_impasto", ".zshrc"),
        ("fish", ".config/fish/completions/impasto.fish", ""),
    ],
)
def test_the_script_is_installed_once(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shell: str, place: str, start: str
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    if start:
        (tmp_path / start).write_text("alias ll='ls -l'")
    first = run("--install-completion")
    assert first.code == 0
    assert str(tmp_path / place) in first.out
    assert (tmp_path / place).read_text().strip() == run("--show-completion").out.strip()
    if start:
        told = (tmp_path / start).read_text()
        assert told.startswith("alias ll='ls -l'\n")
        assert run("--install-completion").code == 0
        assert (tmp_path / start).read_text() == told


def test_a_shell_without_completion_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/ksh")
    assert_refused(run("--show-completion"), 2, "unknown-choice", "ksh", "_IMPASTO_COMPLETE=bash_source impasto")
    assert_refused(run("--install-completion"), 2, "unknown-choice", "ksh")

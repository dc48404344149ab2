"""The program as a whole: its help, its version, and what it says of commands that make no sense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import pytest
from helpers import Outcome, assert_refused

from impasto.cli.main import VERBS
from impasto.controls import Controls
from impasto.version import __version__

Run = Callable[..., Outcome]


def test_version(run: Run) -> None:
    assert run("--version").out == f"impasto {__version__}\n"


def test_the_help_lists_every_verb_in_its_panel(run: Run) -> None:
    text = run("--help").out
    for verb, panel in VERBS.items():
        assert text.index(f"\n{panel}:\n") < text.index(f"\n  {verb} ")
    nothing = run()
    assert (nothing.code, nothing.out.split()) == (2, text.split())


@pytest.mark.parametrize("verb", ["stylize", "optimize", "sheet", "video", "camera"])
def test_the_help_of_a_verb_has_an_option_for_each_control(run: Run, verb: str) -> None:
    text = run(verb, "-h").out
    assert text.startswith(f"Usage: impasto {verb} ")
    _, _, controls = text.partition("\nControls:\n")
    for control in fields(Controls):
        assert f"\n  --{control.name.replace('_', '-')} " in f"\n{controls}"
    assert f"\nExamples:\n  impasto {verb} " in text


@pytest.mark.parametrize("words", [f"{verb} --help" for verb in VERBS] + ["styles add -h", "train style -h"])
def test_every_verb_has_a_help(run: Run, words: str) -> None:
    done = run(*words.split())
    assert done.code == 0
    assert done.out.startswith("Usage: impasto " + words.rpartition(" ")[0])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("paint", "usage", "unknown command 'paint'"),
        ("styliz photo.jpg", "usage", "did you mean 'stylize'?"),
        ("--nope", "usage", "--nope"),
        ("stylize photo.jpg", "usage", "Missing option '--style' / '-s'  (list all: impasto styles)"),
        ("stylize --style udnie", "usage", "Missing argument 'PHOTOS...'"),
        ("stylize photo.jpg --style", "usage", "'--style' requires an argument"),
        ("stylize photo.jpg --style udnie --stren 5", "usage", "--strength"),
        ("stylize photo.jpg --style udnie --strength x", "usage", "'x' is not a valid float"),
        ("stylize photo.jpg --style udnie --strength 170", "out-of-range", "strength 170 is not in 0..100"),
        ("stylize photo.jpg --style udnie --tone warm", "usage", "'warm' is not one of 'none', 'match'"),
        ("stylize photo.jpg --style udnie --jobs 0", "usage", "0 is not in the range 1<=x<=64"),
        ("stylize photo.jpg --style udnie --quiet=yes", "usage", "does not take a value"),
        ("styles show", "usage", "Missing argument 'NAME'  (impasto styles show --help)"),
        ("styles show a b", "usage", "unexpected extra argument"),
        ("app --jobs 0", "out-of-range", "jobs 0 is not in 1..64"),
    ],
)
def test_what_makes_no_sense_is_one_line(run: Run, words: str, code: str, said: str) -> None:
    outcome = run(*words.split())
    assert_refused(outcome, 2, code, said)
    assert outcome.out == ""


def test_the_optimizer_as_an_engine_names_its_command(run: Run) -> None:
    done = run("stylize", "photo.jpg", "--style", "udnie", "--engine", "optimize", "-o", "out.png")
    assert_refused(done, 2, "usage", "impasto optimize")

"""The examples in docstrings: every public name and every parser has one, and all of them run."""

from __future__ import annotations

import doctest
import importlib
import sys
from pathlib import Path

import pytest
from documents import fill
from helpers import ROOT

import impasto
from impasto.cli.options import read_duration, read_memory, read_region
from impasto.styles.resolve import parse
from impasto.styles.store import as_name
from impasto.video.keyframes import parse_keyframes

SOURCE = ROOT / "src"
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCE.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where examples run: with photo.jpg, painting.jpg, model.glb, and frames of a clip in frames/."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    return tmp_path


@pytest.fixture
def small_lessons(monkeypatch: pytest.MonkeyPatch) -> None:
    """An example shows what a user types, who would wait for minutes."""
    from impasto.training import learn

    monkeypatch.setattr(learn, "PLAN", learn.Plan(side=64, plain=48, held_back=1))


@pytest.mark.filterwarnings("ignore:nobody was found")  # photo.jpg shows a building
@pytest.mark.parametrize("name", WITH_EXAMPLES)
@pytest.mark.usefixtures("folder", "small_lessons")
def test_examples_give_what_they_say(name: str) -> None:
    module = importlib.import_module(name)
    failed, tried = doctest.testmod(module, extraglobs={"impasto": impasto}, optionflags=OPTIONS)
    assert tried
    assert not failed


@pytest.mark.parametrize("name", sorted({*impasto.__all__} - {"__version__"}))
def test_every_public_name_has_an_example(name: str) -> None:
    found = getattr(impasto, name)
    assert f"impasto.{name}" in examples_of(found)
    assert sys.modules[found.__module__].__name__ in WITH_EXAMPLES


@pytest.mark.parametrize("parser", [as_name, parse, parse_keyframes, read_duration, read_memory, read_region])
def test_every_parser_has_an_example(parser: object) -> None:
    assert f"{parser.__name__}(" in examples_of(parser)  # type: ignore[attr-defined]


def examples_of(found: object) -> str:
    return "".join(example.source for example in doctest.DocTestParser().get_examples(found.__doc__ or ""))

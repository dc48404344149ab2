"""Studies that tests make themselves, their servers, and observers in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from observing import CONDITIONS, Observer, Server, make_study, serving

VIEWPORT = {"width": 1300, "height": 850}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small study that nobody has answered; tests copy it."""
    folder = tmp_path_factory.mktemp("made")
    make_study(folder, ("harbour", "meadow", "tower", "bridge"), CONDITIONS, trials=8)
    return folder / "study"


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Path:
    """The small study's folder, for one test."""
    return Path(shutil.copytree(made, tmp_path / "study"))


@pytest.fixture
def server(study: Path) -> Iterator[Server]:
    with serving(study) as found:
        yield found


@pytest.fixture(scope="module")
def shared(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests of a module that look at the page only."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("shared") / "study"))
    with serving(folder) as found:
        yield found


@pytest.fixture
def observe(browser: Any) -> Iterator[Callable[..., Observer]]:
    """Makes observers, each with a browser's profile of its own, and a script that runs before the page's."""
    contexts = []

    def make(address: str, script: str = "", **options: Any) -> Observer:
        context = browser.new_context(**{"viewport": VIEWPORT, **options})
        contexts.append(context)
        context.add_init_script(script)
        observer = Observer(context.new_page(), address)
        observer.open()
        return observer

    yield make
    for context in contexts:
        context.close()

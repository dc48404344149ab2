"""Pictures that tests make themselves, and a gallery that is not the user's."""

from __future__ import annotations

import io
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from helpers import Outcome, chromium, file_bytes, scene

if TYPE_CHECKING:
    from impasto.training.style_job import StyleJob

from impasto.errors import ImpastoError


def pytest_configure() -> None:
    """Let the programs that tests start hear Ctrl-C and a hang-up, which a run in the background hands on as ignored.

    Setting this in the child instead (`preexec_fn`) forks, which aborts where a test before loaded gRPC.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)  # this run still ignores it


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees or changes the gallery of whoever runs it."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("IMPASTO_HOME", str(folder))
    return folder


@pytest.fixture(scope="module")  # Playwright's event loop keeps every other from running until this is over
def browser() -> Iterator[Any]:
    """Chromium; tests that want it are left out where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = chromium()
    if path is None:
        pytest.skip("there is no Chromium")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(file_bytes(scene(), "JPEG", quality=95))
    return path


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    path = tmp_path / "painting.png"
    path.write_bytes(file_bytes(scene(80, 100, seed=7)[:, :, ::-1].copy()))
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photographs to train on."""
    from trainings import make_photos

    return make_photos(tmp_path / "photos")


@pytest.fixture
def job(tmp_path: Path, photos: Path, painting: Path) -> StyleJob:
    """A training that takes a moment. PyTorch is loaded for tests that ask for it only."""
    from trainings import TINY

    from impasto.training.style_job import StyleJob

    return StyleJob(
        str(photos), tmp_path / "run", styles={"one": painting}, recipe=TINY, precision="float32", workers=0
    )


class _Stream(io.TextIOWrapper):
    def __init__(self, data: bytes = b"", terminal: bool = False) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8", write_through=True)
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Type a command: run("stylize", photo, "--style", "udnie")."""
    from impasto.cli.console import report
    from impasto.cli.main import main

    def typed(*words: object, stdin: bytes = b"", terminal: bool = False) -> Outcome:
        streams = {"stdin": _Stream(stdin), "stdout": _Stream(terminal=terminal), "stderr": _Stream()}
        codes = [""]

        def reported(error: ImpastoError) -> None:
            codes.append(error.code)
            report(error)

        with monkeypatch.context() as patch:
            for module in ("main", "results"):
                patch.setattr(f"impasto.cli.{module}.report", reported)
            patch.setattr(sys, "argv", ["impasto", *map(str, words)])
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            with warnings.catch_warnings():
                warnings.simplefilter("default", UserWarning)  # the command prints them as notes
                with pytest.raises(SystemExit) as stopped:
                    main()
        raw, err = (streams[name].buffer.getvalue() for name in ("stdout", "stderr"))
        assert b"Traceback" not in err
        return Outcome(stopped.value.code or 0, raw.decode("utf-8", "replace"), err.decode(), raw, codes[-1])

    return typed

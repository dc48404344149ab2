"""Pictures that tests make themselves, and a gallery that is not the user's."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees or changes the gallery of whoever runs it."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("IMPASTO_HOME", str(folder))
    return folder


def scene(width: int = 96, height: int = 64, seed: int = 0) -> np.ndarray:
    """A picture with slopes, edges and grain: H x W x 3, uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    colour = np.stack([x, y, 1 - x], axis=2) * 200
    colour[((x - 0.4) ** 2 + (y - 0.3) ** 2) < 0.04] = (230, 180, 40)
    return (colour + rng.normal(0, 12, colour.shape)).clip(0, 255).astype(np.uint8)


def file_bytes(image: Image.Image | np.ndarray, file_format: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(out, file_format, **options)
    return out.getvalue()


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


def hears_ctrl_c() -> None:
    """For a child process: hear SIGINT even where the tests run in the background, whose children ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Outcome(NamedTuple):
    code: int
    out: str
    err: str
    raw: bytes


class _Stream(io.TextIOWrapper):
    def __init__(self, data: bytes = b"", terminal: bool = False) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8", write_through=True)
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Type a command: run("stylize", photo, "--style", "udnie")."""
    from impasto.cli.main import main

    def typed(*words: object, stdin: bytes = b"", terminal: bool = False) -> Outcome:
        streams = {"stdin": _Stream(stdin), "stdout": _Stream(terminal=terminal), "stderr": _Stream()}
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["impasto", *map(str, words)])
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            with pytest.raises(SystemExit) as stopped:
                main()
        raw, err = (streams[name].buffer.getvalue() for name in ("stdout", "stderr"))
        assert b"Traceback" not in err
        return Outcome(stopped.value.code or 0, raw.decode("utf-8", "replace"), err.decode(), raw)

    return typed


def assert_refused(outcome: Outcome, code: int, *words: str) -> None:
    """One line, a hint or not, the exit code, and every word of `words` in the line."""
    assert outcome.code == code, outcome.err
    lines = outcome.err.strip().splitlines()
    assert len(lines) == 1, outcome.err
    assert lines[0].startswith("impasto: ")
    for word in words:
        assert word in lines[0], lines[0]

"""What tests of several rooms use: pictures that they make themselves, and how a command ended."""

from __future__ import annotations

import io
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from impasto.errors import ImpastoError

ROOT = Path(__file__).resolve().parent.parent


def chromium() -> str | None:
    """The browser that tests look at pages with; None if there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def scene(width: int = 96, height: int = 64, seed: int = 0) -> np.ndarray:
    """A picture with slopes, edges and grain: H x W x 3, uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    color = np.stack([x, y, 1 - x], axis=2) * 200
    color[((x - 0.4) ** 2 + (y - 0.3) ** 2) < 0.04] = (230, 180, 40)
    return (color + rng.normal(0, 12, color.shape)).clip(0, 255).astype(np.uint8)


def shades(channels: int, kind: str, width: int = 61, height: int = 40) -> np.ndarray:
    """A picture with grain in its lowest bits, too: H x W x 3 or 4, uint8 or uint16."""
    picture = scene(width, height, 5).astype(np.float64) / 255
    picture = np.dstack([picture, picture[::-1, :, 0]])[:, :, :channels]
    top = np.iinfo(kind).max
    return (picture * top + np.random.default_rng(0).integers(0, 3, picture.shape)).clip(0, top).astype(kind)


def file_bytes(image: Image.Image | np.ndarray, file_format: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(out, file_format, **options)
    return out.getvalue()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def presses_ctrl_c(**_: object) -> Iterator[Callable[[object], None]]:
    """A progress bar for `impasto.cli.progress.bar`: somebody presses Ctrl-C after each step."""
    yield lambda _: signal.raise_signal(signal.SIGINT)


class Outcome(NamedTuple):
    code: int
    out: str
    err: str
    raw: bytes
    error_code: str = ""  # of the last error that was reported


@contextmanager
def refused(kind: type[ImpastoError], code: str, *words: str) -> Iterator[pytest.ExceptionInfo[ImpastoError]]:
    """Within this an error of that kind and code is raised, with every word of `words`: names and values of the user's.

    The wording beside them may change; where it is the behavior itself, say so with what this gives.
    """
    with pytest.raises(kind) as caught:
        yield caught
    assert caught.value.code == code, caught.value
    for word in words:
        assert word in str(caught.value), caught.value


def assert_refused(outcome: Outcome, exit_code: int, code: str, *words: str) -> None:
    """One line, a hint or not, the exit code, the error's code, and every word of `words` in the line."""
    assert outcome.code == exit_code, outcome.err
    assert outcome.error_code == code, outcome.err
    lines = outcome.err.strip().splitlines()
    assert len(lines) == 1, outcome.err
    assert lines[0].startswith("impasto: ")
    for word in words:
        assert word in lines[0], lines[0]


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait for an event that another thread or process brings about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)

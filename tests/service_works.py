"""Works for the tests of the processes that do work, which import them."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from impasto.errors import UsageError
from impasto.picture import Picture
from impasto.progress import Progress
from impasto.service.jobs.previews import still
from impasto.service.work import Answer, Tell


@dataclass(frozen=True)
class Say:
    """Answers with who has done it."""

    text: str = "done"
    megapixels: float = 0.1

    def run(self, tell: Tell) -> Answer:
        os.write(1, b"what a library prints goes nowhere near the answer")
        return Answer(
            self.text.encode(), "text/plain", {"process": os.getpid(), "threads": os.environ["IMPASTO_THREADS"]}
        )


@dataclass(frozen=True)
class Refuse:
    """Raises an error of the library's."""

    megapixels: float = 0.1

    def run(self, tell: Tell) -> Answer:
        raise UsageError("this makes no sense", "do otherwise", code="conflict")


@dataclass(frozen=True)
class Fail:
    """Raises what nobody has expected."""

    megapixels: float = 0.1

    def run(self, tell: Tell) -> Answer:
        raise ZeroDivisionError("oops")


@dataclass(frozen=True)
class Die:
    """Kills the process that does it, as often as there is no file of that name; afterwards it is done."""

    file: Path
    times: int
    megapixels: float = 0.1

    def run(self, tell: Tell) -> Answer:
        with self.file.open("a") as deaths:
            deaths.write("x")
        if len(self.file.read_text()) <= self.times:
            os.kill(os.getpid(), signal.SIGKILL)
        return Answer(b"lived", "text/plain")


@dataclass(frozen=True)
class Wait:
    """Tells of steps until it is asked to stop, or, if `deaf`, for ever; or until there is a file `gate`."""

    begun: Path
    gate: Path | None = None
    deaf: bool = False
    megapixels: float = 0.1

    def run(self, tell: Tell) -> Answer:
        self.begun.write_text(str(os.getpid()))
        for step in range(10**9):
            if self.gate is not None and self.gate.exists():
                break
            if not tell(Progress(step, 0, message="waits")) and not self.deaf:
                break
            time.sleep(0.01)
        return Answer(b"waited", "text/plain")


@dataclass(frozen=True)
class Eat:
    """Takes memory and keeps it."""

    megabytes: int
    megapixels: float = 0.1

    def run(self, tell: Tell) -> Answer:
        EATEN.append(b"x" * self.megabytes * 1_000_000)
        return Answer(str(os.getpid()).encode(), "text/plain")


EATEN: list[bytes] = []


@dataclass(frozen=True)
class Echo:
    """Answers with what it was given, and shows a preview on the way."""

    data: bytes = field(repr=False)
    preview: int = 0
    megapixels: float = 0.1

    def run(self, tell: Tell) -> Answer:
        for step in range(self.preview):
            tell(Progress(step, self.preview, preview=still(Picture.from_array(np.zeros((512, 512, 3), np.uint8)))))
        return Answer(self.data, "text/plain", {"process": os.getpid()})


@dataclass(frozen=True)
class Unknown:
    """Cannot be unpacked where it is to be done."""

    home: int
    megapixels: float = 0.1

    def __reduce__(self) -> tuple[object, ...]:
        return _unpack, (self.home, type(self))

    def run(self, tell: Tell) -> Answer:
        raise NotImplementedError


def _unpack(home: int, kind: type[Unknown]) -> Unknown:
    if os.getpid() != home:
        raise ModuleNotFoundError("no such module here")
    return kind(home)

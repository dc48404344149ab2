"""Work for replicas that the tests watch by files; the replicas import it."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from helpers import file_bytes, scene

from impasto.errors import MissingExtra
from impasto.picture import Picture
from impasto.progress import Progress
from impasto.service.jobs.previews import still
from impasto.service.work import Answer, PaintWork, Tell, Upload


@dataclass(frozen=True)
class Watched:
    """Paint, and write down each begin and each end. The first try waits to be killed if `victim`."""

    work: PaintWork
    folder: Path
    name: str
    victim: bool = False
    megapixels: float = 0.01

    def run(self, tell: Tell) -> Answer:
        begun = self.folder / f"{self.name}.begun"
        again = begun.exists()
        _note(begun)
        while self.victim and not again:
            time.sleep(0.01)
        answer = self.work.run(tell)
        _note(self.folder / f"{self.name}.ended")
        return answer


@dataclass(frozen=True)
class Endless:
    """Tell of steps until it is asked to stop, or, if `deaf`, for ever."""

    folder: Path
    deaf: bool = False
    megapixels: float = 0.01

    def run(self, tell: Tell) -> Answer:
        _note(self.folder / "begun")
        preview = still(Picture(np.full((4, 4, 3), 200, np.uint8)))
        for step in range(10**9):
            progress = Progress(step, 0, message="painting", losses={"total": 1.0}, preview=preview)
            if not tell(progress) and not self.deaf:
                break
            time.sleep(0.02)
        _note(self.folder / "stopped")
        return Answer(b"as far as it went", "text/plain")


@dataclass(frozen=True)
class Faulty:
    """Raise an error of Impasto's, or another, or end the process."""

    kind: str
    folder: Path
    megapixels: float = 0.01

    def run(self, tell: Tell) -> Answer:
        _note(self.folder / "begun")
        if self.kind == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == "missing":
            raise MissingExtra("PyAV", "video")
        return Answer(bytes([1 // 0]), "text/plain")


def painting(seed: int = 0) -> PaintWork:
    photo = Upload(f"{seed}.png", file_bytes(scene(72, 48, seed)))
    return PaintWork(photo, (("udnie", 1.0),), engine="light")


def _note(file: Path) -> None:
    with file.open("a") as lines:
        lines.write(f"{os.getpid()}\n")


def pids(file: Path) -> list[int]:
    """The processes that have written down that they came by."""
    return [int(line) for line in file.read_text().split()] if file.exists() else []

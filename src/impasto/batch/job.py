"""One photo of a run, and what it becomes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PaintJob:
    """A photo and the picture that it becomes: two paths or two URLs."""

    photo: str
    target: str

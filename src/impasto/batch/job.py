"""One photo of a run, and its output."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PaintJob:
    """A photo and its output picture: two paths or two URLs."""

    photo: str
    target: str

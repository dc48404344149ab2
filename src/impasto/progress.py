"""The one record by which long work tells its caller where it stands, whoever draws it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from impasto.picture import Picture


@dataclass(frozen=True)
class Progress:
    """Where some work stands.

    Attributes:
        step: how many of `total` steps are done; the work may end before the last.
        total: 0 where nobody knows.
        fraction: 0..1, the share of the time that is spent, steps not being of equal length.
        message: what is being done, or has just been done, in a few words.
        losses: each term, weighted, and their sum, "total"; empty where nothing is optimized.
        preview: makes the picture as it is now, at the size that is worked on; None where there is none.
    """

    step: int
    total: int
    fraction: float = 0.0
    message: str = ""
    losses: Mapping[str, float] = field(default_factory=dict)
    preview: Callable[[], Picture] | None = None


OnProgress: TypeAlias = Callable[[Progress], "bool | None"]
"""Called after every step; if it returns False the work stops and keeps what it has."""

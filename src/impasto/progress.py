"""How long work tells its caller what it is doing, whoever draws it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from impasto.picture import Picture


@dataclass(frozen=True)
class Progress:
    """Where some work stands.

    Attributes:
        step: how many of `total` steps are done; the work may end before the last.
        fraction: 0..1, the share of the time that is spent, steps not being of equal length.
        losses: each term, weighted, and their sum, "total".
        preview: makes the picture as it is now, at the size that is worked on.
    """

    step: int
    total: int
    fraction: float
    losses: Mapping[str, float]
    preview: Callable[[], Picture]


OnProgress: TypeAlias = Callable[[Progress], "bool | None"]
"""Called after every step; if it returns False the work stops and keeps the best so far."""

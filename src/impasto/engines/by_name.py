"""The engines by the names that users choose them by."""

from __future__ import annotations

import functools
from typing import Literal, TypeAlias

from impasto.engines.adain_wct import WCT, AdaIN
from impasto.engines.light import Light
from impasto.engines.painter import Painter
from impasto.engines.shipped import ShippedEngine
from impasto.errors import UsageError

EngineName: TypeAlias = Literal["painter", "light", "adain", "wct"]

ENGINES: dict[str, type[ShippedEngine]] = {"painter": Painter, "light": Light, "adain": AdaIN, "wct": WCT}
DEFAULT: EngineName = "painter"


def engine_of(name: str = DEFAULT, budget: int | None = None) -> ShippedEngine:
    """The engine behind `--engine`, the same one each time.

    Args:
        budget: as for `Engine`.
    Raises:
        UsageError: there is no such engine.
    """
    if name not in ENGINES:
        raise UsageError(f"engine {name!r} is unknown", f"one of {', '.join(ENGINES)}", code="unknown-choice")
    return _made(name, budget)


@functools.lru_cache(maxsize=8)
def _made(name: str, budget: int | None) -> ShippedEngine:
    return ENGINES[name](budget=budget)

"""The engines by the names that users choose them by."""

from __future__ import annotations

import functools
from typing import Literal, TypeAlias

from impasto.engine import Engine
from impasto.errors import UsageError
from impasto.light import Light
from impasto.painter import Painter
from impasto.transfer import WCT, AdaIN

EngineName: TypeAlias = Literal["painter", "light", "adain", "wct"]

ENGINES: dict[str, type[Engine]] = {"painter": Painter, "light": Light, "adain": AdaIN, "wct": WCT}
DEFAULT: EngineName = "painter"


def engine_of(name: str = DEFAULT, budget: int | None = None) -> Engine:
    """The engine behind `--engine`, the same one each time.

    Args:
        budget: as for `Engine`.
    Raises:
        UsageError: there is no such engine.
    """
    if name not in ENGINES:
        raise UsageError(f"engine {name!r} is unknown", f"one of {', '.join(ENGINES)}")
    return _made(name, budget)


@functools.lru_cache(maxsize=8)
def _made(name: str, budget: int | None) -> Engine:
    return ENGINES[name](budget=budget)

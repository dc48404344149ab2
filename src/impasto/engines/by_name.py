"""Find engines by the names that users type."""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Any, Literal, TypeAlias, get_args

from impasto.engines.shipped import ShippedEngine
from impasto.errors import UsageError

EngineName: TypeAlias = Literal["painter", "light", "adain", "wct"]

ENGINES: tuple[EngineName, ...] = get_args(EngineName)
DEFAULT: EngineName = "painter"
LEARNS: tuple[EngineName, ...] = ("painter", "light")  # can be trained on one painting

_HOME = {"painter": "painter.Painter", "light": "light.Light", "adain": "adain_wct.AdaIN", "wct": "adain_wct.WCT"}


def engine_class(name: str) -> type[ShippedEngine]:
    """Return the class of an engine of `--engine`, without loading the other engines.

    Raises:
        UsageError: there is no such engine.
    """
    if name not in _HOME:
        raise UsageError(f"unknown engine {name!r}", f"one of {', '.join(ENGINES)}", code="unknown-choice")
    module, _, kind = _HOME[name].partition(".")
    found: Any = getattr(import_module(f"impasto.engines.{module}"), kind)
    return found


def engine_of(name: str = DEFAULT, budget: int | None = None) -> ShippedEngine:
    """Return an engine of `--engine`. Equal arguments return the same object.

    Args:
        budget: as for `Engine`.
    Raises:
        UsageError: there is no such engine.
    """
    return _made(name, budget)


@functools.lru_cache(maxsize=8)
def _made(name: str, budget: int | None) -> ShippedEngine:
    return engine_class(name)(budget=budget)

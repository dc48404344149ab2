"""Name what can be measured: every engine of the registry, and the optimizer."""

from __future__ import annotations

from collections.abc import Sequence

from impasto.engines import by_name
from impasto.errors import UsageError

OPTIMIZER = "optimize"
ENGINES = (*by_name.ENGINES, OPTIMIZER)


def check_engines(names: Sequence[str]) -> None:
    """Refuse a name that is not in `ENGINES`.

    Raises:
        UsageError: there is no such engine.
    """
    for name in names:
        if name not in ENGINES:
            raise UsageError(f"engine {name!r} is unknown", f"one of {', '.join(ENGINES)}", code="unknown-choice")

"""Dataclasses of settings whose fields carry their own help text and range.

Command line options and web widgets are generated from these fields. Python checks the same ranges.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import Field, field, fields
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from impasto.errors import UsageError

T = TypeVar("T")


def setting(default: object, text: str, low: float | None = None, high: float | None = None, *, label: str = "") -> Any:
    """Make a dataclass field that carries its help text and range.

    Args:
        text: one sentence for the command line and the page.
        low, high: the range of a number, both ends included.
        label: the title of the field's widget in the page. Fields that the page shows need one.
    """
    return field(default=default, metadata={"help": text, "low": low, "high": high, "label": label})


def make(kind: type[T], values: Mapping[str, Any], noun: str) -> T:
    """Make a dataclass of settings from names and values.

    Args:
        noun: the singular for a field in messages, such as "control".
    Raises:
        UsageError: a name is not a field of the dataclass.
    """
    known = [part.name for part in fields(kind)]  # type: ignore[arg-type]
    unknown = [name for name in values if name not in known]
    if unknown:
        raise UsageError(f"unknown {noun} '{unknown[0]}'", f"{noun}s: {', '.join(known)}", code="unknown-setting")
    return kind(**values)


def find(named: Mapping[str, T], wanted: str | T, noun: str) -> T:
    """Return the setting with the wanted name. Return `wanted` itself if it is not a string.

    Raises:
        UsageError: there is no such name.
    """
    if not isinstance(wanted, str):
        return wanted
    if wanted not in named:
        raise UsageError(f"unknown {noun} {wanted!r}", f"{noun}s: {', '.join(named)}", code="unknown-choice")
    return named[wanted]


_hints = functools.cache(get_type_hints)  # get_type_hints itself evaluates the hints at each call


def hints_of(kind: Any) -> dict[str, Any]:
    """Return the types of a dataclass's fields. Do not change the result: it is cached."""
    return _hints(kind)


def check(settings: Any) -> None:
    """Check every field of a dataclass of settings.

    Raises:
        UsageError: a value has the wrong type, is not one of the choices, is out of its range, or is an empty tuple.
    """
    hints = hints_of(type(settings))
    for part in fields(settings):
        _check(part, hints[part.name], getattr(settings, part.name))


def _check(part: Field[Any], hint: Any, value: Any) -> None:
    label = part.name.replace("_", " ")
    if value is part.default:
        return
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise UsageError(
                f"unknown {label} {value!r}", f"one of {', '.join(map(str, get_args(hint)))}", code="unknown-choice"
            )
    elif get_origin(hint) is tuple:
        if not isinstance(value, tuple) or not value:
            raise UsageError(f"no {label} given", code="nothing-given")
    elif part.metadata["low"] is not None:
        whole = float not in (hint, *get_args(hint))
        if isinstance(value, bool) or not isinstance(value, (int,) if whole else (int, float)):
            raise UsageError(f"{label} {value!r} is not a {'whole ' if whole else ''}number", code="not-a-number")
        low, high = part.metadata["low"], part.metadata["high"]
        if not math.isfinite(value) or not low <= value <= high:
            raise UsageError(f"{label} {value:g} is not in {low:g}..{high:g}", code="out-of-range")

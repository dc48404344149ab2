"""Dataclasses of settings whose fields carry their own help and range.

Command line options and web widgets are made from such fields, and the same ranges are checked in Python.
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
    """Make a dataclass field that carries its help text.

    Args:
        text: one sentence for the command line and the page.
        low, high: the range of a number, both ends included.
        label: the title of the field's widget in the page; needed by fields that the page shows.
    """
    return field(default=default, metadata={"help": text, "low": low, "high": high, "label": label})


def make(kind: type[T], values: Mapping[str, Any], noun: str) -> T:
    """A dataclass of settings from names and values.

    Raises:
        UsageError: a name that is none of its fields.
    """
    known = [part.name for part in fields(kind)]  # type: ignore[arg-type]
    unknown = [name for name in values if name not in known]
    if unknown:
        raise UsageError(f"{unknown[0]} is no {noun}", f"the {noun}s are {', '.join(known)}", code="unknown-setting")
    return kind(**values)


def find(named: Mapping[str, T], wanted: str | T, noun: str) -> T:
    """One of several settings that have names, by its name; or what was given, if it is no name.

    Raises:
        UsageError: no such name.
    """
    if not isinstance(wanted, str):
        return wanted
    if wanted not in named:
        raise UsageError(f"{wanted} is no {noun}", f"the {noun}s are {', '.join(named)}", code="unknown-choice")
    return named[wanted]


_hints = functools.cache(get_type_hints)  # which reads them anew at each call


def hints_of(kind: Any) -> dict[str, Any]:
    """The types of a dataclass's fields, not to be changed."""
    return _hints(kind)


def check(settings: Any) -> None:
    """Look at every field of a dataclass of settings.

    Raises:
        UsageError: a value of another type, none of the choices, out of its range, or an empty tuple.
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
                f"{label} {value!r} is unknown", f"one of {', '.join(map(str, get_args(hint)))}", code="unknown-choice"
            )
    elif get_origin(hint) is tuple:
        if not isinstance(value, tuple) or not value:
            raise UsageError(f"no {label}", code="nothing-given")
    elif part.metadata["low"] is not None:
        whole = float not in (hint, *get_args(hint))
        if isinstance(value, bool) or not isinstance(value, (int,) if whole else (int, float)):
            raise UsageError(f"{label} {value!r} is no {'whole ' if whole else ''}number", code="not-a-number")
        low, high = part.metadata["low"], part.metadata["high"]
        if not math.isfinite(value) or not low <= value <= high:
            raise UsageError(f"{label} {value:g} is not in {low:g}..{high:g}", code="out-of-range")

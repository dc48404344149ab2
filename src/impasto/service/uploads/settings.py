"""The settings that made a picture, as fields of the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from impasto.controls import Controls
from impasto.engines.by_name import ENGINES
from impasto.errors import ImpastoError

_LONGEST = 200  # characters of a style's label
_MOST = 16  # styles


def fields_of(made_with: Mapping[str, object] | None) -> dict[str, Any] | None:
    """The fields by which the same painting is asked for; None if the picture does not say them.

    A file may say anything: what is no control, or not in its range, is left out.

    Args:
        made_with: what the picture's metadata say, as `Stylizer.made_with` gives it.
    """
    if not made_with:
        return None
    found: dict[str, Any] = {"style": _styles(made_with.get("style"))}
    if not found["style"]:
        return None
    if made_with.get("engine") in ENGINES:
        found["engine"] = made_with["engine"]
    controls = made_with.get("controls")
    for part in fields(Controls):
        value = controls.get(part.name) if isinstance(controls, Mapping) else None
        if value is not None and _is_valid(part.name, value):
            found[part.name] = value
    return found


def _is_valid(name: str, value: Any) -> bool:
    try:
        Controls(**{name: value})
    except (ImpastoError, TypeError):
        return False
    return True


def _styles(label: object) -> list[str]:
    """Names with their weights, from a blend's label: NAME, or NAME:WEIGHT + NAME:WEIGHT."""
    if not isinstance(label, str) or not label or len(label) > _LONGEST * _MOST:
        return []
    return [part for part in label.split(" + ") if len(part) <= _LONGEST and part.isprintable()][:_MOST]

"""Change values in the text of a JSON file, and leave all other characters unchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

Path: TypeAlias = "tuple[str | int, ...]"
"""The keys and indices that lead to a value. An index beyond an array stands for a new element at its end."""

_SPACE = " \t\n\r\ufeff"  # some programs write a byte order mark first
_DECODER = json.JSONDecoder()


def changed(text: str, changes: Mapping[Path, Any]) -> str:
    """Return the text with changed values. Missing keys and elements are added.

    Pass the values below an added value with it. Several elements are added to an array in the order of their indices.

    Raises:
        KeyError: a value would be added to something missing, or to something other than an object or an array.

    >>> from impasto.textures.json_text import changed
    >>> changed('{"a": [1, 2.50], "b": {}}', {("a", 0): 7, ("b", "c"): "x", ("a", 2): 3})
    '{"a": [7, 2.50,3], "b": {"c":"x"}}'
    """
    find = _Finder(text)
    edits: list[tuple[int, int, str]] = []
    added: dict[Path, list[tuple[str | int, Any]]] = {}
    for path, value in changes.items():
        span = find(path)
        if span is None:
            added.setdefault(path[:-1], []).append((path[-1], value))
        else:
            edits.append((*span, _written(value)))
    for path, members in added.items():
        span = find(path)
        if span is None or text[span[0]] != ("{" if isinstance(members[0][0], str) else "["):
            raise KeyError(path)
        edits.append(_addition(text, span, members))
    parts, at = [], 0
    for start, stop, value in sorted(edits):
        parts += [text[at:start], value]
        at = stop
    return "".join([*parts, text[at:]])


def _written(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _addition(text: str, span: tuple[int, int], members: list[tuple[str | int, Any]]) -> tuple[int, int, str]:
    """Return the place for new members of an object or an array, after its last one, and their text."""
    end = span[1] - 1
    while text[end - 1] in _SPACE:
        end -= 1
    if text[span[0]] == "{":
        new = ",".join(f"{_written(key)}:{_written(value)}" for key, value in members)
    else:
        new = ",".join(_written(value) for _, value in sorted(members, key=lambda member: int(member[0])))
    return end, end, new if end == span[0] + 1 else f",{new}"


class _Finder:
    """Find values in a text. Each object or array is scanned once."""

    def __init__(self, text: str) -> None:
        self._text = text
        start = _after_space(text, 0)
        self._root = start, _DECODER.raw_decode(text, start)[1]
        self._known: dict[int, dict[str | int, tuple[int, int]]] = {}

    def __call__(self, path: Path) -> tuple[int, int] | None:
        """Return where a value begins and ends; None if it is missing."""
        span = self._root
        for step in path:
            if span[0] not in self._known:
                self._known[span[0]] = self._members(span[0])
            found = self._known[span[0]].get(step)
            if found is None:
                return None
            span = found
        return span

    def _members(self, at: int) -> dict[str | int, tuple[int, int]]:
        """Return the places of the values in an object or an array. Of equal keys the last counts, as in readers."""
        text, found = self._text, dict[str | int, tuple[int, int]]()
        opening = text[at]
        if opening not in "{[":
            return found
        at = _after_space(text, at + 1)
        while text[at] not in "}]":
            if text[at] == ",":
                at = _after_space(text, at + 1)
            key: str | int = len(found)
            if opening == "{":
                key, at = _DECODER.raw_decode(text, at)
                at = _after_space(text, _after_space(text, at) + 1)  # after the colon
            end = _DECODER.raw_decode(text, at)[1]
            found[key] = at, end
            at = _after_space(text, end)
        return found


def _after_space(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at

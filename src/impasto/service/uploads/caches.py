"""The limited caches of a worker between previews: photos, opened styles, and small paintings."""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from impasto.service.work import notes_of

T = TypeVar("T")


class Recent(Generic[T]):
    """Caches recently used values, as far as there is room.

    Args:
        room: total size of all values. The last used value remains, however large it is.
        size: returns the size of a value.
    """

    def __init__(self, room: float, size: Callable[[T], float] = lambda _: 1) -> None:
        self._room, self._size = room, size
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value of a key. Make it if it is not cached."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = make()
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > 1 and sum(map(self._size, self._kept.values())) > self._room:
                self._kept.popitem(last=False)
        return found

    def get(self, key: Hashable) -> T | None:
        """Return the value of a key if it is cached."""
        return self._kept.get(key)

    def __len__(self) -> int:
        return len(self._kept)


class Noted(Generic[T]):
    """Caches the warnings of making a value, and repeats them whenever the value is used."""

    def __init__(self, room: float) -> None:
        self._kept: Recent[tuple[T, list[str]]] = Recent(room)

    def of(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value of a key, as `Recent.of`."""

        def noted() -> tuple[T, list[str]]:
            with notes_of() as notes:
                made = make()
            return made, notes

        found, notes = self._kept.of(key, noted)
        for note in notes:
            warnings.warn(note, stacklevel=2)
        return found


def _pixels(picture: Any) -> float:
    return picture.width * picture.height


PHOTOS: Recent[Any] = Recent(60_000_000, lambda whole: whole.pixels)
"""Whole photos; sizes in pixels."""
VIEWS: Recent[Any] = Recent(12_000_000, _pixels)
"""Reduced photos; sizes in pixels."""
STYLIZERS: Noted[Any] = Noted(64)
PAINTED: Recent[Any] = Recent(16_000_000, lambda picture: picture.shape[0] * picture.shape[1])
"""Small paintings; sizes in pixels."""
WINDOWS: Noted[Any] = Noted(3)
"""Functions that compute parts of finished pictures."""

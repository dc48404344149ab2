"""The styles that ship with Impasto: what is said of each, and its vector."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.files import ASSETS
from impasto.filters import unpack

FOLDER = ASSETS / "gallery"


@functools.cache
def cards() -> dict[str, dict[str, Any]]:
    """{name: its title, artist, year, kind, licence and source}, in the gallery's order."""
    found = json.loads((FOLDER / "gallery.json").read_text(encoding="utf-8"))["styles"]
    return {card["name"]: card for card in found}


@functools.lru_cache(maxsize=64)
def vector(name: str) -> NDArray[np.float32]:
    """Its 512 numbers, then its filters."""
    with (
        np.load(FOLDER / "vectors.npz", allow_pickle=False) as vectors,
        np.load(FOLDER / "filters.npz", allow_pickle=False) as filters,
    ):
        return np.concatenate([vectors[name], unpack(filters[name])]).astype(np.float32)

"""The built-in styles: their cards and their vectors."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np

from impasto.engines.base import StyleVector
from impasto.engines.by_name import engine_class
from impasto.system.files import ASSETS

FOLDER = ASSETS / "gallery"


@functools.cache
def cards() -> dict[str, dict[str, Any]]:
    """Return {name: title, artist, year, kind, license and source} in the gallery's order. Collections come last."""
    return _read("gallery.json") | _read("collections.json")


def _read(file: str) -> dict[str, dict[str, Any]]:
    found = json.loads((FOLDER / file).read_text(encoding="utf-8"))["styles"]
    return {card["name"]: card for card in found}


@functools.lru_cache(maxsize=128)
def vector(name: str, engine: str) -> StyleVector:
    """Return a style's vector, for an engine with stored vectors."""
    from impasto.engines import light_weights, painter_weights

    count = {"light": light_weights.filter_count, "painter": painter_weights.filter_count}[engine]()
    if "card" in cards()[name]:  # learned from a collection: `tools/ship_collection.py`
        with np.load(FOLDER / "collections.npz", allow_pickle=False) as vectors:
            found = vectors[f"{name}.{engine}"].astype(np.float32)
            if engine == "painter":
                found = np.concatenate([found, light_weights.unpack(vectors[f"{name}.filters"], count)])
        return StyleVector.of(found, engine_class(engine).vector_size)
    with np.load(FOLDER / f"{engine}.npz", allow_pickle=False) as vectors:
        found = vectors[name].astype(np.float32)
    with np.load(FOLDER / f"{engine}-filters.npz", allow_pickle=False) as filters:
        if name in filters.files:
            found = np.concatenate([found, light_weights.unpack(filters[name], count)])
    return StyleVector.of(found, engine_class(engine).vector_size)

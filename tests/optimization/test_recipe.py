"""Recipes: what is refused."""

from __future__ import annotations

import math

import pytest
from helpers import refused

from impasto.errors import UsageError
from impasto.optimization.recipe import Recipe


@pytest.mark.parametrize(
    ("changes", "code", "word"),
    [
        ({"optimizer": "newton"}, "unknown-choice", "'newton'"),
        ({"style_weight": -1.0}, "out-of-range", "style weight -1"),
        ({"style_weight": math.nan}, "out-of-range", "style weight nan"),
        ({"iterations": "many"}, "not-a-number", "iterations 'many'"),
        ({"style_layers": ()}, "nothing-given", "style layers"),
        ({"style_layers": ("relu1_1:x",)}, "not-a-number", "relu1_1"),
        ({"style_layers": ("relu1_1:0",)}, "zero-weights", "relu1_1"),
        ({"style_layers": ("relu1_1:-1",)}, "out-of-range", "relu1_1:-1"),
        ({"style_scales": (9.0,)}, "out-of-range", "style scale 9"),
    ],
)
def test_bad_recipes(changes: dict[str, object], code: str, word: str) -> None:
    with refused(UsageError, code, word):
        Recipe(**changes)  # type: ignore[arg-type]

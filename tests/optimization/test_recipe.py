"""Recipes: what is refused."""

from __future__ import annotations

import math

import pytest

from impasto.errors import UsageError
from impasto.optimization.recipe import Recipe


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optimizer": "newton"}, "optimizer 'newton' is unknown"),
        ({"style_weight": -1.0}, "style weight -1 is not in"),
        ({"style_weight": math.nan}, "style weight nan"),
        ({"iterations": "many"}, "iterations 'many' is no whole number"),
        ({"style_layers": ()}, "no style layers"),
        ({"style_layers": ("relu1_1:x",)}, "is no number"),
        ({"style_layers": ("relu1_1:0",)}, "sum to 0"),
        ({"style_layers": ("relu1_1:-1",)}, "not 0 or more"),
        ({"style_scales": (9.0,)}, "style scale 9"),
    ],
)
def test_bad_recipes(changes: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Recipe(**changes)  # type: ignore[arg-type]

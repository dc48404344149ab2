"""Recipes: the example's numbers, and what is refused."""

from __future__ import annotations

import pytest
from helpers import refused

from impasto.errors import UsageError
from impasto.nn.layers import weigh
from impasto.training.recipe import RECIPES, TrainingRecipe


def test_the_classic_recipe_has_the_examples_numbers() -> None:
    """The example sums mean squared errors of Gram matrices divided by C H W, and weighs them 1e10."""
    recipe = RECIPES["johnson2016"]
    factors = weigh(recipe.style_layers)
    for layer, channels in {"relu1_2": 64, "relu2_2": 128, "relu3_3": 256, "relu4_3": 512}.items():
        assert recipe.style_weight * factors[layer] == pytest.approx(1e10 / channels**2)
    assert (recipe.content_weight, recipe.content_layers, recipe.loss_network) == (1e5, ("relu2_2",), "vgg16")


@pytest.mark.parametrize(
    ("values", "code", "word"),
    [
        ({"iterations": 0}, "out-of-range", "iterations 0"),
        ({"loss_network": "resnet"}, "unknown-choice", "'resnet'"),
        ({"style_layers": ()}, "nothing-given", "style layers"),
        ({"learning_rate": float("nan")}, "out-of-range", "learning rate nan"),
        ({"content_layers": ("relu2_1:-1",)}, "out-of-range", "relu2_1:-1"),
    ],
)
def test_bad_recipes(values: dict[str, object], code: str, word: str) -> None:
    with refused(UsageError, code, word):
        TrainingRecipe(**values)  # type: ignore[arg-type]

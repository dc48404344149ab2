"""Parse layers of a loss network and their weights, as in recipes.

This module is separate from `impasto.nn.losses` because the command line's help reads recipes without PyTorch.
"""

from __future__ import annotations

import math

from impasto.errors import UsageError


def weigh(layers: tuple[str, ...]) -> dict[str, float]:
    """Return {layer: weight} for layers with optional weights. The weights are scaled to a sum of 1.

    Raises:
        UsageError: a weight is negative or not a number, or all weights are 0.
    """
    weights: dict[str, float] = {}
    for text in layers:
        name, colon, tail = text.partition(":")
        try:
            weight = float(tail) if colon else 1.0
        except ValueError:
            raise UsageError(
                f"the weight of layer {text} is not a number", f"{name}:0.5", code="not-a-number"
            ) from None
        if not math.isfinite(weight) or weight < 0:
            raise UsageError(f"the weight of layer {text} is below 0 or infinite", f"{name}:0.5", code="out-of-range")
        weights[name] = weights.get(name, 0) + weight
    total = sum(weights.values())
    if total <= 0:
        raise UsageError(
            f"the weights of {', '.join(weights)} sum to 0", "give at least one weight above 0", code="zero-weights"
        )
    return {name: weight / total for name, weight in weights.items() if weight}

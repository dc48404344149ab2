"""Layers of a loss network and their weights, as recipes write them.

Apart from `impasto.nn.losses`, because recipes are read where PyTorch may not be installed: by the command line's help.
"""

from __future__ import annotations

import math

from impasto.errors import UsageError


def weigh(layers: tuple[str, ...]) -> dict[str, float]:
    """{layer: weight}, summing to 1, of layers that may carry a weight.

    Raises:
        UsageError: a weight that is negative or no number, or all of them 0.
    """
    weights: dict[str, float] = {}
    for text in layers:
        name, colon, tail = text.partition(":")
        try:
            weight = float(tail) if colon else 1.0
        except ValueError:
            raise UsageError(f"the weight of layer {text} is no number", f"{name}:0.5", code="not-a-number") from None
        if not math.isfinite(weight) or weight < 0:
            raise UsageError(f"the weight of layer {text} is not 0 or more", code="out-of-range")
        weights[name] = weights.get(name, 0) + weight
    total = sum(weights.values())
    if total <= 0:
        raise UsageError(f"the weights of {', '.join(weights)} sum to 0", code="zero-weights")
    return {name: weight / total for name, weight in weights.items() if weight}

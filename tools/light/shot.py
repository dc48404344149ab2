"""Build shot.onnx: `nn.light_net.LightNet.forward` with a full `measured`, for frames with known statistics.

photo 1 x 3 x H+36 x W+36 -> picture 1 x H x W x 3 in 0..1. Every normalization is part of the weights of a depthwise
convolution (`engines.light_weights.normalized`). The first and the last have convolutions of their own. The others use
the blocks' convolutions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from portable import Portable
from words import PHOTO

from impasto.engines.light import MIRRORED
from impasto.engines.light_weights import BLOCKS, ENDS, WIDTH


def shot_model() -> Any:
    """Return shot.onnx."""
    g = Portable()

    def normalize(x: str, name: str) -> str:
        weights = g.weight(f"{name}.weight", (WIDTH, 1, 1, 1)), g.weight(f"{name}.bias", (WIDTH,))
        return g.node("Conv", x, *weights, group=WIDTH)

    x = normalize(g.enter(), ENDS[0])
    for index in range(BLOCKS):
        x = g.block(x, index, lambda y, _: y)
    inside = g.node("Sub", g.node("Shape", "photo", start=3), g.constant([2 * MIRRORED], np.int64))
    g.leave(normalize(x, ENDS[1]), g.node("Div", inside, g.constant([4], np.int64)))
    return g.model("shot", {"photo": PHOTO}, {"picture": [1, "height", "width", 3]})

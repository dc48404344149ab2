"""The light engine's network in numbers: its shape, its weights, and what a named style changes of them.

`nn.light_net.LightNet` is the network to read; `tools/light/` writes its graphs, which hold no weights. The graphs take
those of light.safetensors by name, in the form that `graph_weights` gives them.

A network that knows one painting paints it better than one for all of them. The gallery's styles were each trained
for some minutes more, from the network on. What that changed is small, and 4 bits a number hold it, with a scale for
every 32 of them (block-wise quantization, Dettmers et al. 2022).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.engines.base import Array

WeightDelta: TypeAlias = Array
"""What a style changes of the weights: one number for each, in the order of `filter_shapes`."""

ENCODED = 64  # channels of the style encoder's features
VECTOR_SIZE = 8 * ENCODED  # mean, std of f1; mean, std of f2; w1, b1; w2, b2
WIDTH = 64  # channels of every normalization
HIDDEN = 128  # channels inside a block
DETAIL = 24  # channels at half the size
BLOCKS = 6
NORMS = BLOCKS + 2  # one on entry, one in each block, one on leaving
MARGIN = 16  # pixels mirrored at the borders, once for all layers
EPSILON = 1e-2  # of the normalizations: channels that hardly vary must not make their own noise count
ENDS = ("enter.norm", "leave.norm")  # a shot's first and last normalization, layers of their own

GROUP = 32
_TOP = 7  # the largest of 4 bits with a sign


def pack(changes: WeightDelta) -> NDArray[np.uint8]:
    """WeightDelta in 4 bits each, then the groups' scales in half precision."""
    groups = np.pad(changes, (0, -len(changes) % GROUP)).reshape(-1, GROUP)
    scales = (np.abs(groups).max(1) / _TOP).astype(np.float16)
    levels = np.rint(groups / np.where(scales > 0, scales, 1).astype(np.float32)[:, None]).clip(-_TOP, _TOP)
    nibbles = (levels + 8).astype(np.uint8).reshape(-1, 2)
    return np.concatenate([nibbles[:, 0] | nibbles[:, 1] << 4, scales.view(np.uint8)])


def unpack(packed: NDArray[np.uint8]) -> WeightDelta:
    """What `pack` has packed, zeros after it up to a whole group."""
    count, rest = divmod(len(packed), GROUP // 2 + 2)  # groups
    if rest:
        raise ValueError(f"{len(packed)} bytes hold no whole groups of filters")
    pairs, scales = packed[: count * GROUP // 2], packed[count * GROUP // 2 :].view(np.float16)
    levels = np.stack([pairs & 15, pairs >> 4], axis=1).reshape(count, GROUP).astype(np.float32) - 8
    return (levels * scales[:, None].astype(np.float32)).ravel()


def filter_shapes() -> dict[str, tuple[int, ...]]:
    """The shapes of all weights that paint, by name, in the order in which a style's changes of them lie."""
    layers = {
        "enter1": (DETAIL, 3, 6),  # outputs, inputs, kernel
        "enter2": (WIDTH, DETAIL, 4),
        "leave1": (4 * DETAIL, WIDTH, 1),
        "leave2": (DETAIL, DETAIL, 3),
        "leave3": (12, DETAIL, 3),
    }
    for index in range(BLOCKS):
        layers[f"blocks.{index}.look"] = WIDTH, 1, 5
        layers[f"blocks.{index}.widen"] = HIDDEN, WIDTH, 1
        layers[f"blocks.{index}.narrow"] = WIDTH, HIDDEN, 1
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (outputs, inputs, kernel) in layers.items():
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (outputs, inputs, kernel, kernel), (outputs,)
    return dict(sorted(shapes.items()))


def filter_count() -> int:
    """How many weights paint."""
    return sum(math.prod(shape) for shape in filter_shapes().values())


def folded(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The network's weights, or changes of them, for pictures in 0..1 where the network has -1..1.

    Args:
        tensors: of NumPy or of PyTorch, by name.
    """
    found = {name: tensors[name] for name in filter_shapes()}
    found["enter1.weight"] = 2 * tensors["enter1.weight"]
    found["enter1.bias"] = tensors["enter1.bias"] - tensors["enter1.weight"].sum((1, 2, 3))
    found["leave3.weight"] = tensors["leave3.weight"] / 2
    found["leave3.bias"] = tensors["leave3.bias"] / 2
    return found


def graph_weights(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """What the graphs compute with, from the network's own tensors."""
    found = folded(tensors)
    found["leave3.bias"] = found["leave3.bias"] + np.float32(0.5)
    return found


def apply_delta(weights: Mapping[str, Array], changes: WeightDelta) -> dict[str, Array]:
    """The graphs' weights with a style's changes."""
    found, first = dict(weights), 0
    for name, shape in filter_shapes().items():
        end = first + math.prod(shape)
        found[name] = weights[name] + changes[first:end].reshape(shape)
        first = end
    return found


def normalized(weights: Mapping[str, Array], steps: Array, statistics: Array) -> dict[str, Array]:
    """The weights of shot.onnx: normalizations by known statistics are part of the layers before them.

    Scale and shift of (y - mean) / sqrt(variance + epsilon) are a factor a and a constant b for each channel once the
    statistics are known, and a w x + (a c + b) is a convolution, too.

    Args:
        weights: what the other graphs compute with.
        steps: N x 2 x C: for each normalization the scales, less one, and the shifts.
        statistics: N x 2 x C: the means and the mean squares.
    """
    found = dict(weights)
    for name in ENDS:
        found[f"{name}.weight"] = np.ones((WIDTH, 1, 1, 1), np.float32)
        found[f"{name}.bias"] = np.zeros(WIDTH, np.float32)
    layers = (ENDS[0], *(f"blocks.{index}.look" for index in range(BLOCKS)), ENDS[1])
    for layer, (scale, shift), (mean, square) in zip(layers, steps, statistics, strict=True):
        factor = (1 + scale) / np.sqrt((square - mean * mean).clip(0) + EPSILON)
        found[f"{layer}.weight"] = found[f"{layer}.weight"] * factor[:, None, None, None]
        found[f"{layer}.bias"] = found[f"{layer}.bias"] * factor + (shift - mean * factor)
    return found

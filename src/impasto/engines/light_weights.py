"""The light engine's network in numbers: its shape, its weights, and the changes of named styles.

`nn.light_net.LightNet` is the network's readable form. `tools/light/` writes its graphs, which contain no weights. The
graphs take the weights of light.safetensors by name, in the form that `graph_weights` returns.

A network that knows one painting paints it better than one for all paintings. So each of the gallery's styles was
trained for some more minutes, starting from the network. The changes are small. They are stored with 4 bits a number,
with a scale for every 32 numbers (block-wise quantization, Dettmers et al. 2022).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.engines.base import Array

WeightDelta: TypeAlias = Array
"""A style's changes of the weights, one number for each weight, in the order of `filter_shapes`."""

ENCODED = 64  # channels of the style encoder's features
VECTOR_SIZE = 8 * ENCODED  # mean, std of f1; mean, std of f2; w1, b1; w2, b2
WIDTH = 64  # channels of every normalization
HIDDEN = 128  # channels inside a block
DETAIL = 24  # channels at half the size
BLOCKS = 6
NORMS = BLOCKS + 2  # one at the entry, one in each block, one at the exit
MARGIN = 16  # pixels mirrored at the borders, once for all layers
EPSILON = 1e-2  # of the normalizations: must not amplify the noise of channels that hardly vary
ENDS = ("enter.norm", "leave.norm")  # a shot's first and last normalization, which are layers of their own

GROUP = 32
_TOP = 7  # largest signed number of 4 bits


def pack(changes: WeightDelta) -> NDArray[np.uint8]:
    """Pack changes with 4 bits each, followed by the groups' scales in half precision."""
    groups = np.pad(changes, (0, -len(changes) % GROUP)).reshape(-1, GROUP)
    scales = (np.abs(groups).max(1) / _TOP).astype(np.float16)
    levels = np.rint(groups / np.where(scales > 0, scales, 1).astype(np.float32)[:, None]).clip(-_TOP, _TOP)
    nibbles = (levels + 8).astype(np.uint8).reshape(-1, 2)
    return np.concatenate([nibbles[:, 0] | nibbles[:, 1] << 4, scales.view(np.uint8)])


def unpack(packed: NDArray[np.uint8], count: int) -> WeightDelta:
    """Unpack `count` changes, the result of `pack`."""
    groups = -(-count // GROUP)
    if len(packed) != groups * (GROUP // 2 + 2):
        raise ValueError(f"{len(packed)} bytes are not {count} packed numbers")
    pairs, scales = packed[: groups * GROUP // 2], packed[groups * GROUP // 2 :].view(np.float16)
    levels = np.stack([pairs & 15, pairs >> 4], axis=1).reshape(groups, GROUP).astype(np.float32) - 8
    return (levels * scales[:, None].astype(np.float32)).ravel()[:count]


def filter_shapes() -> dict[str, tuple[int, ...]]:
    """Return the shapes of all painting weights by name, in the order of a style's changes."""
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
    """Return the number of painting weights."""
    return sum(math.prod(shape) for shape in filter_shapes().values())


def folded(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the network's weights, or changes of them, for pictures in 0..1 instead of -1..1.

    Args:
        tensors: of NumPy or PyTorch, by name.
    """
    found = {name: tensors[name] for name in filter_shapes()}
    found["enter1.weight"] = 2 * tensors["enter1.weight"]
    found["enter1.bias"] = tensors["enter1.bias"] - tensors["enter1.weight"].sum((1, 2, 3))
    found["leave3.weight"] = tensors["leave3.weight"] / 2
    found["leave3.bias"] = tensors["leave3.bias"] / 2
    return found


def graph_weights(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Convert the network's own tensors to the graphs' weights."""
    found = folded(tensors)
    found["leave3.bias"] = found["leave3.bias"] + np.float32(0.5)
    return found


def apply_delta(weights: Mapping[str, Array], changes: WeightDelta) -> dict[str, Array]:
    """Add a style's changes to the graphs' weights."""
    found, first = dict(weights), 0
    for name, shape in filter_shapes().items():
        end = first + math.prod(shape)
        found[name] = weights[name] + changes[first:end].reshape(shape)
        first = end
    return found


def normalized(weights: Mapping[str, Array], steps: Array, statistics: Array) -> dict[str, Array]:
    """Return the weights of shot.onnx, whose layers include normalizations by known statistics.

    With known statistics, scale and shift of (y - mean) / sqrt(variance + epsilon) are a factor a and a constant b for
    each channel. The result a w x + (a c + b) is a convolution, too.

    Args:
        weights: of the other graphs.
        steps: N x 2 x C: for each normalization the scales minus one, and the shifts.
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

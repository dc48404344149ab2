"""The painter's weights: unpack them, apply a style's changes, and convert them for the graphs."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from impasto.engines.quantized import Array

WIDTHS = (16, 48, 96, 160)  # channels at full size, a half, a quarter, an eighth
DEEP, BODY = 10, 4  # convolutions at an eighth and at a quarter
PLACES = ((0, 0), (0, 1), (1, 0), (1, 1))  # row and column in a 2 x 2 block
_LAST = 16  # output channels: two rows of six, each padded to eight


def norm_widths() -> list[int]:
    """Return the number of channels of every normalization."""
    full, half, quarter, eighth = WIDTHS
    return [half, quarter, eighth, *[eighth] * DEEP, quarter, *[quarter] * BODY, half, full]


def layer_shapes() -> dict[str, tuple[int, int, int]]:
    """Return outputs, inputs and kernel of every convolution, in their order."""
    full, half, quarter, eighth = WIDTHS
    return {
        "enter1": (half, 3, 6),
        "enter2": (quarter, half, 4),
        "enter3": (eighth, quarter, 4),
        **{f"deep.{index}": (eighth, eighth, 3) for index in range(DEEP)},
        "rise1": (quarter, eighth, 3),
        **{f"body.{index}": (quarter, quarter, 3) for index in range(BODY)},
        "rise2": (half, quarter, 3),
        "rise3": (full, half, 3),
        "leave": (3, full, 5),
    }


def filter_names() -> list[str]:
    """Return the names of the tensors that a learned style may change, in the order of its vector."""
    layers = [*(f"body.{index}" for index in range(BODY)), "rise2", "rise3", "leave"]
    return sorted(f"{layer}.{part}" for layer in layers for part in ("weight", "bias"))


def filter_shapes() -> dict[str, tuple[int, ...]]:
    """Return the shapes of these tensors, in the same order."""
    shapes = layer_shapes()

    def shape(name: str) -> tuple[int, ...]:
        layer, _, part = name.rpartition(".")
        outputs, inputs, kernel = shapes[layer]
        return (outputs, inputs, kernel, kernel) if part == "weight" else (outputs,)

    return {name: shape(name) for name in filter_names()}


def filter_count() -> int:
    """Return the number of weights that a learned style may change."""
    return sum(math.prod(shape) for shape in filter_shapes().values())


def apply_delta(tensors: Mapping[str, Array], filters: Array) -> dict[str, Array]:
    """Add a style's filter changes to the network's tensors, in the order of `filter_shapes`.

    Args:
        filters: the style's changes, or none.
    """
    found, start = dict(tensors), 0
    for name, shape in filter_shapes().items() if filters.size else ():
        end = start + math.prod(shape)
        found[name] = tensors[name] + filters[start:end].reshape(shape)
        start = end
    return found


def four_places(weight: Array) -> Array:
    """Convert filters C' x C x 3 x 3 after nearest upsampling to 4 x C' x C x 3 x 3 before it, one for each place."""
    taps = np.zeros((2, 3, 3), np.float32)  # place, tap after, tap before: a tap reads the place it comes from
    for place in range(2):
        for tap in range(3):
            taps[place, tap, (place + tap - 1) // 2 + 1] = 1
    found = np.einsum("oiyx,ayk,bxl->aboikl", weight, taps, taps, optimize=True)
    return found.reshape(4, *weight.shape)


def leave_at_half(weight: Array, bias: Array) -> tuple[Array, Array]:
    """Convert `leave` for four places side by side: 3 x C x 5 x 5 to 16 x 4C x 3 x 3 at half the size.

    The outputs are the upper row of a 2 x 2 block, by column and color, two empty ones, and the lower row in the same
    way. Pictures are 0..1 instead of the network's -1..1.
    """
    inputs = weight.shape[1]
    found = np.zeros((2, 8, 2, 2, inputs, 3, 3), np.float32)
    biases = np.zeros((2, 8), np.float32)
    for down, right in PLACES:
        colors = slice(3 * right, 3 * right + 3)
        biases[down, colors] = bias / 2 + np.float32(0.5)
        for y in range(5):
            for x in range(5):
                (row, place_y), (column, place_x) = divmod(down + y - 2, 2), divmod(right + x - 2, 2)
                found[down, colors, place_y, place_x, :, row + 1, column + 1] = weight[:, :, y, x] / 2
    return found.reshape(_LAST, 4 * inputs, 3, 3), biases.ravel()


def graph_weights(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Convert the network's own tensors to the graphs' weights."""
    found = {}
    for layer in layer_shapes():
        weight, bias = tensors[f"{layer}.weight"], tensors[f"{layer}.bias"]
        if layer in ("rise1", "rise2"):  # two of three taps are not zero
            for index, (place, (down, right)) in enumerate(zip(four_places(weight), PLACES, strict=True)):
                found[f"{layer}.{index}.weight"] = place[:, :, down : down + 2, right : right + 2]
                found[f"{layer}.{index}.bias"] = bias
            continue
        if layer == "rise3":
            weight, bias = four_places(weight).reshape(-1, *weight.shape[1:]), np.tile(bias, 4)
        elif layer == "leave":
            weight, bias = leave_at_half(weight, bias)
        found[f"{layer}.weight"], found[f"{layer}.bias"] = weight, bias
    return {name: np.ascontiguousarray(value, np.float32) for name, value in found.items()}


def weight_shapes() -> dict[str, tuple[int, ...]]:
    """Return the shapes of `graph_weights`."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (outputs, inputs, kernel) in layer_shapes().items():
        if layer in ("rise1", "rise2"):
            for index in range(4):
                shapes[f"{layer}.{index}.weight"] = outputs, inputs, 2, 2
                shapes[f"{layer}.{index}.bias"] = (outputs,)
            continue
        if layer == "rise3":
            outputs *= 4
        elif layer == "leave":
            outputs, inputs, kernel = _LAST, 4 * inputs, 3
        shapes[f"{layer}.weight"] = outputs, inputs, kernel, kernel
        shapes[f"{layer}.bias"] = (outputs,)
    return shapes


def laid_out(weight: Array, lanes: int) -> Array:
    """Convert filters to ONNX Runtime's layout: blocks of `lanes` outputs, and of inputs except a photo's.

    Biases are unchanged. So are all filters if the processor has no such layout (0 lanes).
    """
    if weight.ndim < 4 or not lanes:
        return weight
    outputs, inputs, kernel, _ = weight.shape
    if inputs % lanes:
        x = weight.reshape(outputs // lanes, lanes, inputs, kernel, kernel).transpose(0, 2, 3, 4, 1)
    else:
        x = weight.reshape(outputs // lanes, lanes, inputs // lanes, lanes, kernel, kernel).transpose(0, 2, 4, 5, 3, 1)
    return np.ascontiguousarray(x).reshape(weight.shape)

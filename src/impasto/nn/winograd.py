"""Convolutions 3 x 3 in float32 with a quarter of the multiplications (Winograd's minimal filtering, F(4 x 4, 3 x 3)).

Lavin & Gray 2016. A tile of 6 x 6 positions and the filter are transformed so that the convolution becomes an
element-wise product. Then 36 products give 16 results; sums over the filter need 144 products. Between channels, the
products are 36 matrix products. PyTorch's own float32 kernels compute all 144.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

TILE = 4  # results a side
SPAN = TILE + 2
# Inputs times outputs. With fewer channels, transforming the tiles costs as much as the products save.
PAIRS = 128 * 256
LEARNING_PAIRS = 64 * 128  # the same if the weights' gradient is needed, too
CHUNK = 2**18  # numbers of tiles at a time, so that they stay in the processor's cache

# Lavin & Gray 2016, section 4.3, with the points 0, 1, -1, 2, -2 and infinity.
_TO_TILE = torch.tensor(
    [
        [4.0, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_TO_FILTER = torch.tensor(
    [[6.0, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]],
) / 24  # fmt: skip
_FROM = torch.tensor([[1.0, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])
# Transform both axes of a tile at once.
_THERE, _SPREAD, _BACK = (torch.kron(basis, basis) for basis in (_TO_TILE, _TO_FILTER, _FROM))


def pays(x: Tensor, weight: Tensor) -> bool:
    """Return True if such a convolution is faster in tiles (`benchmarks/convolution.py`)."""
    return (
        weight.shape[2:] == (3, 3)
        and weight.shape[0] * weight.shape[1] >= (LEARNING_PAIRS if weight.requires_grad else PAIRS)
        and x.dtype == weight.dtype == torch.float32
        and x.device.type == "cpu"
        and not torch.is_autocast_enabled("cpu")
        and x.shape[0] * x.shape[2] * x.shape[3] >= 256
    )


def transformed(weight: Tensor, back: bool = False) -> Tensor:
    """Transform K x C x 3 x 3 to 36 x C x K; with `back`, for the gradient of the input, to 36 x K x C."""
    if back:
        weight = weight.flip(2, 3).transpose(0, 1)
    count, channels = weight.shape[:2]
    points = _SPREAD @ weight.permute(2, 3, 1, 0).reshape(9, -1)
    return points.view(SPAN * SPAN, channels, count)


def convolve(x: Tensor, filters: Tensor, bias: Tensor | None = None, padding: int = 0, *, relu: bool = False) -> Tensor:
    """Convolve N x C x H x W, padded with zeros, with filters from `transformed`.

    Returns:
        N x K x (H + 2 padding - 2) x (W + 2 padding - 2), channels last.
    """
    count, channels, height, width = x.shape
    height, width, outputs = height + 2 * padding - 2, width + 2 * padding - 2, filters.shape[2]
    x = _whole_tiles(x, padding)
    grid = count, x.shape[1] // TILE, x.shape[2] // TILE
    y = x.new_empty(count, grid[1] * TILE, grid[2] * TILE, outputs)
    products, results = x.new_empty(0), x.new_empty(0)
    for part, tiles in _tiles(x, grid, max(channels, outputs)):
        number = tiles.shape[1]
        torch.bmm(tiles, filters, out=products.resize_(SPAN * SPAN, number, outputs))
        torch.mm(_BACK, products.view(SPAN * SPAN, -1), out=results.resize_(TILE * TILE, number * outputs))
        ready = results.view(-1, number, outputs)
        if bias is not None:
            ready += bias
        if relu:
            ready.relu_()
        to = _split(y[part.pictures, TILE * part.first : TILE * part.last])
        to.copy_(ready.view(to.shape))
    return y[:, :height, :width].permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


class Convolution(torch.autograd.Function):
    """A convolution without padding, N x C x H x W with K x C x 3 x 3, whose gradients are computed in tiles, too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return convolve(x, transformed(weight), bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        back = convolve(grads[0], transformed(weight, back=True), padding=2) if ctx.needs_input_grad[0] else None
        return back, _weight_gradient(x, grads[0]), grads[0].sum((0, 2, 3))


def _weight_gradient(x: Tensor, grad: Tensor) -> Tensor:
    """Return the gradient K x C x 3 x 3, from N x C x H x W and N x K x (H - 2) x (W - 2)."""
    channels, outputs = x.shape[1], grad.shape[1]
    x = _whole_tiles(x, 0)
    grid = x.shape[0], x.shape[1] // TILE, x.shape[2] // TILE
    grad = grad.permute(0, 2, 3, 1)
    below, right = -grad.shape[1] % TILE, -grad.shape[2] % TILE
    if below or right:
        grad = F.pad(grad, (0, 0, 0, right, 0, below))
    total = x.new_zeros(SPAN * SPAN, channels, outputs)
    gathered, spread = x.new_empty(0), x.new_empty(0)
    for part, tiles in _tiles(x, grid, max(channels, outputs)):
        number = tiles.shape[1]
        here = _split(grad[part.pictures, TILE * part.first : TILE * part.last])
        gathered.resize_(here.shape).copy_(here)
        torch.mm(_BACK.T, gathered.view(TILE * TILE, -1), out=spread.resize_(SPAN * SPAN, number * outputs))
        total.baddbmm_(tiles.transpose(1, 2), spread.view(SPAN * SPAN, number, outputs))
    weights = _SPREAD.T @ total.view(SPAN * SPAN, -1)
    return weights.view(3, 3, channels, outputs).permute(3, 2, 0, 1)


class _Part(NamedTuple):
    """A range of pictures, and the first and the last row of tiles."""

    pictures: slice
    first: int
    last: int


def _tiles(x: Tensor, grid: tuple[int, int, int], channels: int) -> Iterator[tuple[_Part, Tensor]]:
    """Yield parts of a batch with their transformed tiles, 36 x T x C, which are valid until the next part.

    A part is several small pictures, or rows of a large one.
    """
    count, down, across = grid
    most = max(128, CHUNK // (SPAN * SPAN * channels))  # tiles; with fewer, reading the filters takes longer
    rows, pictures = max(1, min(down, most // across)), max(1, most // (down * across))
    gathered, tiles = x.new_empty(0), x.new_empty(0)
    for picture in range(0, count, pictures):
        for first in range(0, down, rows):
            part = _Part(slice(picture, picture + pictures), first, min(first + rows, down))
            seen = x[part.pictures, TILE * part.first : TILE * part.last + 2].unfold(1, SPAN, TILE)
            seen = seen.unfold(2, SPAN, TILE).permute(4, 5, 0, 1, 2, 3)
            gathered.resize_(seen.shape).copy_(seen)
            flat = gathered.view(SPAN * SPAN, -1)
            torch.mm(_THERE, flat, out=tiles.resize_(flat.shape))
            yield part, tiles.view(SPAN * SPAN, -1, x.shape[3])


def _whole_tiles(x: Tensor, padding: int) -> Tensor:
    """Convert N x C x H x W to N x H x W x C, padded with zeros around it and up to whole tiles."""
    x = x.permute(0, 2, 3, 1)
    count, height, width, channels = x.shape
    below, right = (padding + -(side + 2 * padding - 2) % TILE for side in (height, width))
    if not (padding or below or right):
        return x
    padded = x.new_empty(count, padding + height + below, padding + width + right, channels)
    padded[:, padding : padding + height, padding : padding + width] = x
    for axis, side in ((1, height), (2, width)):
        padded.narrow(axis, 0, padding).zero_()
        padded.narrow(axis, padding + side, padded.shape[axis] - padding - side).zero_()
    return padded


def _split(x: Tensor) -> Tensor:
    """View N x H x W x K as 4 x 4 x N x H/4 x W/4 x K, in the same memory."""
    count, height, width, outputs = x.shape
    parts = x.view(count, height // TILE, TILE, width // TILE, TILE, outputs)
    return parts.permute(2, 4, 0, 1, 3, 5)

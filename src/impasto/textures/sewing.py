"""Make both sides of every seam show the same colors. This last step changes the texels themselves.

Renderers interpolate between the four texels around a place. So the texels along a seam are changed as little as
possible until the interpolated colors agree on both sides. This is a linear least-squares problem (Iwanicki, Lighting
Technology of The Last of Us, 2013).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from impasto.pixels.arrays import Samples, floats, stored
from impasto.textures.canvas import wrapped
from impasto.textures.islands import Mesh, Seams
from impasto.textures.model import Wrap

_PER_TEXEL = 1.5  # samples per texel along an edge
_MOST_SAMPLES = 4_000_000  # in total
_STIFF = 0.05  # weight of a texel's change, relative to a difference across a seam
_ROUNDS = 40
_EDGE = 0.05  # color step of the source, above which it is an edge of the object


@dataclass(frozen=True, eq=False)
class SeamSamples:
    """Sample points along all seams, S, each with four texels on either side.

    Attributes:
        names: M, numbers of the texels involved, counted over all textures.
        texels: S x 2 x 4, indices into `names`.
        shares: S x 2 x 4, interpolation weights, which sum to 1.
        weights: S, the length on the object that a sample represents.
    """

    names: NDArray[np.int64]
    texels: NDArray[np.int32]
    shares: NDArray[np.float32]
    weights: NDArray[np.float32]


def sample_seams(mesh: Mesh, seams: Seams, wraps: Sequence[tuple[Wrap, Wrap]]) -> SeamSamples:
    """Place samples along the seams. `wraps` are those of each surface."""
    once = np.flatnonzero(seams.own < seams.other)
    own, other = seams.own[once], seams.other[once]
    lengths = [
        np.linalg.norm(end - start, axis=1)
        for start, end in ((seams.start[once], seams.end[once]), (seams.other_start[once], seams.other_end[once]))
    ]
    wanted = np.maximum(*lengths) * _PER_TEXEL
    wanted *= min(1.0, _MOST_SAMPLES / max(float(wanted.sum()), 1e-9))
    counts = np.ceil(wanted).clip(1).astype(int)
    edge = np.repeat(np.arange(len(once)), counts)
    first = np.cumsum(counts) - counts
    share = ((np.arange(len(edge)) - first[edge]) + 0.5) / counts[edge]
    starts = np.concatenate([[0], np.cumsum(mesh.sizes.prod(axis=1))])
    texels, shares = [], []
    for triangles, start, end in (
        (own, seams.start[once], seams.end[once]),
        (other, seams.other_start[once], seams.other_end[once]),
    ):
        places = start[edge] + share[:, None] * (end - start)[edge]
        found = _mixture(
            places, mesh.texture[triangles][edge], mesh.surface[triangles][edge], mesh.sizes, starts, wraps
        )
        texels.append(found[0])
        shares.append(found[1])
    weights = (seams.length[once] / counts)[edge].astype(np.float32)
    differ = (texels[0] != texels[1]).any(axis=1)
    names, local = np.unique(np.stack(texels, axis=1)[differ], return_inverse=True)
    indices = local.reshape(-1, 2, 4).astype(np.int32)
    return SeamSamples(names, indices, np.stack(shares, axis=1)[differ], weights[differ])


def _mixture(
    places: NDArray[np.float64],
    texture: NDArray[np.int64],
    surface: NDArray[np.int64],
    sizes: NDArray[np.int64],
    starts: NDArray[np.int64],
    wraps: Sequence[tuple[Wrap, Wrap]],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the four texels around each place, and their interpolation weights."""
    corner = np.floor(places - 0.5).astype(np.int64)
    rest = places - 0.5 - corner
    sides = []
    for axis in range(2):
        pair = np.stack([corner[:, axis], corner[:, axis] + 1], axis=1)
        side = sizes[texture, axis][:, None]
        for mode in {wrap[axis] for wrap in wraps}:
            rows = np.array([wrap[axis] == mode for wrap in wraps])[surface]
            pair[rows] = wrapped(pair[rows], side[rows], mode)
        sides.append(pair)
    columns, rows = sides
    numbers = starts[texture][:, None, None] + rows[:, :, None] * sizes[texture, 0][:, None, None] + columns[:, None, :]
    x, y = (np.stack([1 - rest[:, axis], rest[:, axis]], axis=1) for axis in range(2))
    return numbers.reshape(-1, 4), (y[:, :, None] * x[:, None, :]).reshape(-1, 4).astype(np.float32)


def color_steps(samples: SeamSamples, textures: Sequence[Samples]) -> NDArray[np.float32]:
    """Return the color differences across the seams, S, 0..1, as means over the channels."""
    sides = np.einsum("skj,skjc->skc", samples.shares, _read(textures, samples.names)[samples.texels])
    found: NDArray[np.float32] = np.abs(sides[:, 0] - sides[:, 1]).mean(axis=1)
    return found


def mean_step(samples: SeamSamples, textures: Sequence[Samples]) -> float:
    """Return the mean color difference across the seams, weighted by their length, 0..1."""
    if not len(samples.weights):
        return 0.0
    return float(np.average(color_steps(samples, textures), weights=samples.weights))


def sew(
    samples: SeamSamples,
    textures: Sequence[Samples],
    source: NDArray[np.float32],
    painted: Sequence[NDArray[np.bool_]],
) -> None:
    """Change the texels along the seams, in place.

    Args:
        source: S, the color steps before painting. The two sides stay different where the object has an edge.
        painted: for each texture, H x W, the texels that may change.
    """
    if not len(samples.weights):
        return
    trust = (1 / (1 + (source / _EDGE) ** 2)).astype(np.float32)
    names, local = samples.names, samples.texels
    before = _read(textures, names)
    free = np.concatenate([painted[number].reshape(-1)[places] for number, _, places in _each(textures, names)])
    signed = samples.shares * np.array([1, -1], np.float32)[:, None] * trust[:, None, None]

    def difference(values: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = np.einsum("skj,skjc->sc", signed, values[local])
        return found

    def back(values: NDArray[np.float32]) -> NDArray[np.float32]:
        parts = signed[..., None] * values[:, None, None, :]
        flat = local.reshape(-1)
        sums = [np.bincount(flat, parts[..., channel].reshape(-1), len(names)) for channel in range(3)]
        return np.where(free[:, None], np.stack(sums, axis=1), 0).astype(np.float32)

    # Conjugate gradients on (A'A + stiff) change = -A'(A before).
    change = np.zeros_like(before)
    rest = -back(difference(before))
    way, size = rest.copy(), (rest**2).sum()
    for _ in range(_ROUNDS):
        if size < 1e-10:
            break
        pushed = back(difference(way)) + _STIFF * way
        step = size / max(float((way * pushed).sum()), 1e-20)
        change += step * way
        rest -= step * pushed
        size, last = (rest**2).sum(), size
        way = rest + (size / last) * way
    _write(textures, names, (before + change).clip(0, 1))


def _read(textures: Sequence[Samples], names: NDArray[np.int64]) -> NDArray[np.float32]:
    out = np.empty((len(names), 3), np.float32)
    for number, rows, places in _each(textures, names):
        out[rows] = floats(textures[number].reshape(-1, 3)[places])
    return out


def _write(textures: Sequence[Samples], names: NDArray[np.int64], values: NDArray[np.float32]) -> None:
    for number, rows, places in _each(textures, names):
        textures[number].reshape(-1, 3)[places] = stored(values[rows], textures[number].dtype)


def _each(textures: Sequence[Samples], names: NDArray[np.int64]) -> Iterator[tuple[int, slice, NDArray[np.int64]]]:
    """Yield each texture's number, the slice of its texels in `names`, and their places in it."""
    start = 0
    for number, texture in enumerate(textures):
        count = texture.shape[0] * texture.shape[1]
        first, last = np.searchsorted(names, [start, start + count])
        yield number, slice(first, last), names[first:last] - start
        start += count

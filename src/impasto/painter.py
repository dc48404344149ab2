"""The fast engine: a feed-forward network in ONNX Runtime, driven by style vectors.

`encode(picture) -> StyleVector` and `paint(photo, vector) -> picture` are all that the rest of Impasto knows of it. A
vector is 512 numbers that a style encoder reads off a painting; after them, for the gallery's styles and for those that
were learned, come changes of the network's filters (`impasto.filters`). `nn/painter_net.py` is the network to read.

There are three files of the network that paints. paint.onnx has nothing but ordinary operators; paint8.onnx and
paint16.onnx do the same in ONNX Runtime's own layout, where it has one, in a quarter less time.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from impasto.color import Pixels
from impasto.files import ASSETS
from impasto.filters import changed, normalised
from impasto.memory import free_memory
from impasto.resample import resize
from impasto.runtime import Model, planes, side_by_side
from impasto.samples import Samples
from impasto.tiling import BUDGET, LEAST, MULTIPLE, Put, Statistics, padded, paint_within, tile_side

StyleVector: TypeAlias = NDArray[np.float32]

VECTOR_SIZE = 512  # without filters
WIDTH = 64  # channels of every normalisation
MIRRORED = 4 * MULTIPLE + 2  # pixels at a photo's borders: four places of the features, and what the first layer sees
_EVERY = 16  # frames of a shot: one of so many is measured
_TUNED = 4  # networks with filters of their own that stay loaded
_REMEMBERED = 64  # vectors of pictures
_STATISTICS = 8 * 2 * 64  # eight normalisations, mean and mean square of 64 channels
_ENCODED_PIXELS = 512 * 640  # a painting is looked at in about this size, as when the network was trained
_BYTES_PER_PIXEL = 90  # measured peak while painting, memory given back after every layer
_ARENA_BYTES_PER_PIXEL = 170  # the same where memory is kept for the next layer: twice as fast


class Shot:
    """What is remembered of a shot's frames: running means of the statistics that features are normalised by.

    Were every frame normalised by its own, all of it would change whenever something enters the picture. Frames 0, 1,
    2, 4, 8 and every sixteenth are measured: while the means stand still, a frame costs a third less.

    Args:
        frames: over how many the means run; 1, the first frame's hold for all.
    """

    def __init__(self, frames: int = 128) -> None:
        self.frames = frames
        self.means: dict[str, Statistics] = {}
        self.counts: dict[str, int] = {}

    def measures(self, run: str) -> bool:
        """Whether the next frame's own statistics are wanted."""
        count = self.counts.get(run, 0)
        return count == 0 or (self.frames > 1 and _measured(count) > _measured(count - 1))

    def add(self, run: str, statistics: Statistics | None) -> None:
        """Take in a frame of one of a frame's runs, and its own statistics if they are wanted."""
        count = self.counts.get(run, 0)
        if self.measures(run):
            assert statistics is not None
            before = self.means.get(run, statistics)
            most = max(1, self.frames // _EVERY)
            self.means[run] = before + (statistics - before) / np.float32(min(_measured(count), most))
        self.counts[run] = count + 1


def _measured(frame: int) -> int:
    """How many of a shot's frames are measured up to this one: the powers of two, then the multiples of `_EVERY`."""
    return 1 + min(frame, _EVERY - 1).bit_length() + frame // _EVERY


class Painter:
    """A painter's two networks.

    Sessions are made at the first use and shared: a Painter may be called from several threads at once.

    Args:
        folder: holds what `tools/export_painter.py` writes, and painter.safetensors.
        budget: bytes that painting may take beside the photo and the result; None, a third of what is free, at most
            1.5 GB. What needs more is painted in tiles.
    """

    name = "painter"
    assets = ASSETS / "painter"
    keeps_vectors = True  # galleries keep the vectors of its styles; else they are computed from the paintings

    def __init__(self, folder: Path | None = None, budget: int | None = None) -> None:
        self.budget = budget or min(BUDGET, (free_memory() or 3 * BUDGET) // 3)
        self.folder = folder or self.assets
        self._encode_model = Model((self.folder / "encode.onnx").read_bytes)
        self._tuned = functools.lru_cache(_TUNED)(self._tune)
        self._lock = threading.Lock()
        self._settled: dict[bytes, tuple[bytes, Model]] = {}  # by the style: the statistics, the network for them
        self._encoding = threading.Lock()
        self._encoded: dict[bytes, StyleVector] = {}  # by the picture
        self._modulations = functools.lru_cache(_TUNED)(self._modulate)

    def __reduce__(self) -> tuple[object, ...]:
        """What another process, or another machine, makes it from."""
        return type(self), (None if self.folder == self.assets else self.folder, self.budget)

    def prepare(self, vector: StyleVector | None = None) -> None:
        """Begin to load a style's network in a thread of its own, so that it is there when the first photo is.

        Args:
            vector: of the style; None, of one that will be read off a painting.
        """
        import onnxruntime  # noqa: F401  not in the thread, which would have to take turns with whatever goes on here

        threading.Thread(target=self._load, args=(vector,)).start()

    def _load(self, vector: StyleVector | None) -> None:
        with contextlib.suppress(Exception):  # said when the network is used
            if vector is None:
                self._encode_model.session()
                self._plain.session()
            else:
                self._network(vector).session()
                self._modulations(vector[:VECTOR_SIZE].tobytes())

    def _network(self, vector: StyleVector) -> Model:
        """The network with a style's filters."""
        filters = vector[VECTOR_SIZE:]
        return self._tuned(filters.tobytes()) if filters.any() else self._plain

    @functools.cached_property
    def _plain(self) -> Model:
        return self._tune(b"")

    def _tune(self, filters: bytes) -> Model:
        def read() -> bytes:
            channels = side_by_side((self.folder / "layout.onnx").read_bytes())
            name = f"paint{channels or ''}.onnx"
            data = (self.folder / name).read_bytes()
            return changed(data, np.frombuffer(filters, np.float32), self.facts["filters"][name]) if filters else data

        return Model(read, _BYTES_PER_PIXEL, _ARENA_BYTES_PER_PIXEL)

    def _settle(self, vector: StyleVector, given: Statistics) -> Model:
        """The network for frames that are normalised by known statistics; a style's last one is kept."""
        style, statistics = vector.tobytes(), given.tobytes()
        with self._lock:
            known, network = self._settled.pop(style, (b"", None))
            if network is None or known != statistics:
                network = self._folded(vector, given)
                while len(self._settled) >= _TUNED:
                    del self._settled[next(iter(self._settled))]
            self._settled[style] = statistics, network
            return network

    def _folded(self, vector: StyleVector, given: Statistics) -> Model:
        steps = self._modulations(vector[:VECTOR_SIZE].tobytes()).reshape(-1, 2, WIDTH)  # scales less one; shifts
        norms, filters = given.reshape(-1, 2, WIDTH), vector[VECTOR_SIZE:]

        def read() -> bytes:
            data = (self.folder / "shot.onnx").read_bytes()
            if filters.any():
                data = changed(data, filters, self.facts["filters"]["shot.onnx"])
            return normalised(data, steps, norms, self.facts["norms"])

        return Model(read, _BYTES_PER_PIXEL, _ARENA_BYTES_PER_PIXEL)

    def _modulate(self, vector: bytes) -> NDArray[np.float32]:
        """What a style makes of every normalisation, as `nn.painter_net.Brush.modulations` but the scales less one."""
        t = self._dense
        told = ((np.frombuffer(vector, np.float32) - t["usual"]) / t["spread"]).clip(-6, 6)
        inner = (_product(t["style1.weight"], told) + t["style1.bias"]).clip(0)
        return _product(t["style2.weight"], inner) + t["style2.bias"] + _product(t["direct.weight"], told)

    @functools.cached_property
    def _dense(self) -> dict[str, NDArray[np.float32]]:
        """The fully connected layers."""
        names = ("usual", "spread", "style1.weight", "style1.bias", "style2.weight", "style2.bias", "direct.weight")
        with safe_open(self.folder / "painter.safetensors", "numpy") as tensors:
            return {name: tensors.get_tensor(f"brush.{name}").astype(np.float32) for name in names}

    @functools.cached_property
    def facts(self) -> dict[str, Any]:
        """What was written down when the files were made: their hashes, and what painting costs."""
        facts: dict[str, Any] = json.loads((self.folder / "facts.json").read_text(encoding="utf-8"))
        return facts

    @functools.cached_property
    def filters(self) -> int:
        """How many numbers follow a vector that brings filters of its own."""
        return max(int(first) + int(count) for _, first, count in self.facts["filters"]["paint.onnx"])

    @property
    def id(self) -> str:
        """Which encoder made a vector; vectors of another one must be made anew from their pictures."""
        return str(self.facts["sha256"]["encode.onnx"])[:16]

    @property
    def mac_per_pixel(self) -> float:
        """Multiply-adds that painting takes for each pixel."""
        return float(self.facts["mac_per_pixel"])

    def encode(self, picture: Samples) -> StyleVector:
        """The style of a picture; of the last ones it is remembered.

        Args:
            picture: H x W x 3, any size.
        Returns:
            512 numbers, float32.
        """
        data = np.ascontiguousarray(picture)
        key = hashlib.blake2b(data.data, digest_size=16).digest() + repr((data.shape, data.dtype.str)).encode()
        with self._encoding:  # whoever asks for the same one meanwhile waits for it
            vector = self._encoded.pop(key, None)
            if vector is None:
                vector = self._encode(picture)
            self._encoded[key] = vector
            if len(self._encoded) > _REMEMBERED:
                del self._encoded[next(iter(self._encoded))]
        return vector.copy()

    def _encode(self, picture: Samples) -> StyleVector:
        (vector,) = self._encode_model.run({"picture": planes(seen_at(picture))})
        return np.asarray(vector, np.float32)

    def paint(
        self,
        photo: Pixels,
        vector: StyleVector,
        *,
        strength: float = 1.0,
        shot: Shot | None = None,
        run: str = "style",
    ) -> Pixels:
        """Paint a photo in one style, in its own size: strokes come out as the network has learned them, in pixels.

        The strength is the way from the photo to the network's picture, pixel by pixel.

        Args:
            photo: H x W x 3, float32, 0..1, any size.
            vector: what `encode` gives, or any mixture of such.
            strength: 0..1.
            shot: what is remembered of a video's frames, so that all are normalised alike.
            run: which of a shot's styles this is.
        Returns:
            H x W x 3, float32, 0..1.
        Raises:
            PictureError: the photo needs more memory than there is.
        """
        return at_strength(photo, strength, lambda: self._paint(photo, vector, shot, run))

    def _paint(self, photo: Pixels, vector: StyleVector, shot: Shot | None, run: str) -> Pixels:
        given = None if shot is None else shot.means.get(run)
        if shot is not None and given is not None and not shot.measures(run):
            steady = self._steadily(photo, vector, given)
            if steady is not None:
                shot.add(run, None)
                return steady
        painted = np.empty_like(photo)
        own = self._into(photo, vector, painted.__setitem__, given)
        if shot is not None:
            shot.add(run, own)
        return painted

    def _into(self, photo: Samples, vector: StyleVector, put: Put, given: Statistics | None) -> Statistics:
        """Paint, in tiles if the budget is small; the photo's own statistics.

        Args:
            given: what the photo is normalised by; None, its own.
        """

        def run(part: Pixels, known: Statistics | None) -> tuple[Pixels, Statistics]:
            return self._run(part, vector, known)

        return paint_within(photo, self.budget, _ARENA_BYTES_PER_PIXEL, run, put, given)

    def _steadily(self, photo: Pixels, vector: StyleVector, given: Statistics) -> Pixels | None:
        """The picture of a frame that need not be measured; None where it takes too much memory to paint it at once."""
        height, width = photo.shape[:2]
        if tile_side(width * height, self.budget, _ARENA_BYTES_PER_PIXEL) is not None:
            return None
        seen = padded(photo)
        (painted,) = self._settle(vector, given).run({"photo": _mirrored(seen)}, seen.shape[0] * seen.shape[1])
        return np.ascontiguousarray(painted[0, :height, :width])

    def _run(self, photo: Pixels, vector: StyleVector, given: Statistics | None) -> tuple[Pixels, Statistics]:
        """The network's picture, and the photo's own statistics; given ones are used."""
        height, width = photo.shape[:2]
        seen = padded(photo)
        feeds = {
            "photo": _mirrored(seen),
            "modulations": self._modulations(vector[:VECTOR_SIZE].astype(np.float32).tobytes()),
            "given": np.zeros(_STATISTICS, np.float32) if given is None else given,
            "trust": np.array(given is not None, np.float32),
        }
        painted, statistics = self._network(vector).run(feeds, seen.shape[0] * seen.shape[1])
        return np.ascontiguousarray(painted.reshape(seen.shape)[:height, :width]), statistics


def _product(matrix: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without BLAS, whose threads wait busily for more and take the processors from the network for 30 ms."""
    found: NDArray[np.float32] = np.einsum("ij,j->i", matrix, vector)
    return found


def _mirrored(photo: Pixels) -> Pixels:
    """H x W x 3 to planes with the borders that the network takes off again, 1 x 3 x H+36 x W+36."""
    return np.pad(photo.transpose(2, 0, 1)[None], ((0, 0), (0, 0), (MIRRORED,) * 2, (MIRRORED,) * 2), mode="reflect")


def mixed(*parts: tuple[float, StyleVector]) -> StyleVector:
    """The weighted sum of style vectors; filters that one of them does not change are changed by 0."""
    total = np.zeros(max(len(vector) for _, vector in parts), np.float32)
    for weight, vector in parts:
        total[: len(vector)] += np.float32(weight) * vector
    return total


def seen_at(picture: Samples, multiple: int = MULTIPLE) -> Pixels:
    """A painting in the size in which encoders look at it; its sides become multiples of `multiple`."""
    height, width = picture.shape[:2]
    scale = math.sqrt(_ENCODED_PIXELS / (width * height))
    return resize(picture, *(max(LEAST, round(side * scale / multiple) * multiple) for side in (width, height)))


def at_strength(photo: Pixels, strength: float, paint: Callable[[], Pixels]) -> Pixels:
    """The way from a photo to its picture.

    Args:
        strength: 0..1; at 0 nothing is painted.
    """
    if strength == 0:
        return photo.copy()
    painted = paint()
    return painted if strength == 1 else photo + np.float32(strength) * (painted - photo)


@functools.cache
def default_painter() -> Painter:
    """The painter that ships with Impasto."""
    return Painter()

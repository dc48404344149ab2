"""The fast engine: a feed-forward network in ONNX Runtime, driven by style vectors.

`encode(picture) -> StyleVector` and `paint(photo, vectors) -> picture` are all that the rest of Impasto knows of it.
Here it is MicroAST (Wang et al., AAAI 2023); a vector is mean and deviation of the two style features and the
scales and shifts of the two modulated blocks, 512 numbers.
"""

from __future__ import annotations

import functools
import json
import math
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.color import LUMA, Pixels
from impasto.errors import PictureError, UsageError
from impasto.files import ASSETS
from impasto.resample import resize

if TYPE_CHECKING:
    import onnxruntime

StyleVector: TypeAlias = NDArray[np.float32]

VECTOR_SIZE = 512
_MULTIPLE = 4  # the network works at a quarter of the size
_SMALLEST = 16  # below this its reflection padding has nothing to reflect
_ENCODED_PIXELS = 512 * 640  # a painting is looked at in about this size, as when the network was trained
_BYTES_PER_PIXEL = 320  # measured peak while painting, memory given back after every layer
_ARENA_BYTES_PER_PIXEL = 430  # the same where memory is kept for the next layer: two to three times as fast
_SMALL_PIXELS = 4_000_000  # up to here the arena is always worth its memory


class Painter:
    """A painter's two networks.

    Sessions are made at the first use and shared: a Painter may be called from several threads at once.

    Args:
        folder: holds encode.onnx, paint.onnx and facts.json.
    """

    name = "painter"

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or ASSETS / "painter"
        self._lock = threading.Lock()
        self._sessions: dict[tuple[str, bool], onnxruntime.InferenceSession] = {}

    @functools.cached_property
    def facts(self) -> dict[str, Any]:
        """What was written down when the files were made: their hashes, and what painting costs."""
        facts: dict[str, Any] = json.loads((self.folder / "facts.json").read_text(encoding="utf-8"))
        return facts

    @property
    def id(self) -> str:
        """Which encoder made a vector; vectors of another one must be made anew from their pictures."""
        return str(self.facts["sha256"]["encode.onnx"])[:16]

    @property
    def mac_per_pixel(self) -> float:
        """Multiply-adds that painting takes for each pixel."""
        return float(self.facts["mac_per_pixel"])

    def encode(self, picture: Pixels) -> StyleVector:
        """The style of a picture.

        Args:
            picture: H x W x 3, float32, 0..1, any size.
        Returns:
            512 numbers, float32.
        """
        height, width = picture.shape[:2]
        scale = math.sqrt(_ENCODED_PIXELS / (width * height))
        seen = resize(
            picture, *(max(_SMALLEST, round(side * scale / _MULTIPLE) * _MULTIPLE) for side in (width, height))
        )
        (vector,) = self._session("encode.onnx").run(None, {"picture": _planes(seen)})
        return np.asarray(vector, np.float32)

    def paint(
        self,
        photo: Pixels,
        vectors: Sequence[StyleVector],
        shares: NDArray[np.float32] | None = None,
        *,
        strength: float = 1.0,
        brush_size: float = 1.0,
        own: StyleVector | None = None,
    ) -> Pixels:
        """Paint a photo in one style, or in a mixture of styles that differs from place to place.

        The strength is the way from the photo's own vector to the style's. The network does not give back a photo
        quite as it is, even with the photo's own vector; what it loses there is added in proportion to what is missing
        of the full strength, so that strength 0 is the photo itself and 1 the network's picture.

        The network's strokes have one size, so a larger brush is a smaller photo: it is painted at 1 / brush_size
        of its size and brought back, with the photo's fine detail in luminance that the smaller size could not hold.

        Args:
            photo: H x W x 3, float32, 0..1, any size.
            vectors: K style vectors.
            shares: K x H x W, what each vector gets of every pixel, summing to 1; None if K is 1.
            strength: 0..1.
            brush_size: 0.5..2.
            own: the photo's own vector if the caller has it; else it is computed when needed.
        Returns:
            H x W x 3, float32, 0..1.
        Raises:
            PictureError: the photo needs more memory than there is.
        """
        if strength == 0:
            return photo.copy()
        height, width = photo.shape[:2]
        working = [max(1, round(side / brush_size)) for side in (width, height)]
        small = resize(photo, *working)
        if strength < 1:
            own = self.encode(photo) if own is None else own
            mixed = [own + np.float32(strength) * (vector - own) for vector in vectors]
            painted = self._paint(small, mixed, shares)
            painted += np.float32(1 - strength) * (small - self._paint(small, [own], None))
            painted.clip(0, 1, out=painted)
        else:
            painted = self._paint(small, vectors, shares)
        painted = resize(painted, width, height)
        if brush_size > 1:
            detail = photo - resize(small, width, height)
            grey = (detail @ LUMA)[:, :, None]
            painted = (painted + grey + np.float32(1 - strength) * (detail - grey)).clip(0, 1)
        return painted

    def _paint(self, photo: Pixels, vectors: Sequence[StyleVector], shares: NDArray[np.float32] | None) -> Pixels:
        import onnxruntime

        height, width = photo.shape[:2]
        padded = [max(_SMALLEST, math.ceil(side / _MULTIPLE) * _MULTIPLE) for side in (height, width)]
        border = [(0, padded[0] - height), (0, padded[1] - width)]
        arena = _fits(padded[0] * padded[1])
        if shares is None:
            masks = np.ones((1, 1, 1, 1), np.float32)
        else:
            masks = np.stack(
                [np.pad(resize(share, width, height, "bilinear"), border, mode="edge") for share in shares]
            )
            quarter = (len(masks), padded[0] // _MULTIPLE, _MULTIPLE, padded[1] // _MULTIPLE, _MULTIPLE)
            masks = masks.reshape(quarter).mean((2, 4))[:, None]
        feeds = {
            "photo": _planes(np.pad(photo, [*border, (0, 0)], mode="reflect")),
            "vectors": np.stack(vectors).astype(np.float32),
            "masks": masks.astype(np.float32),
        }
        session = self._session("paint.onnx", arena=arena)
        options = onnxruntime.RunOptions()
        if arena and padded[0] * padded[1] > _SMALL_PIXELS:
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")  # not kept beyond this photo
        try:
            (painted,) = session.run(None, feeds, options)
        except Exception as error:
            # ONNX Runtime's exceptions share no base class and are named in a private module.
            if "alloc" in str(error).lower() or isinstance(error, MemoryError):
                raise _too_large(padded[0] * padded[1]) from error
            raise
        return np.ascontiguousarray(np.asarray(painted)[0].transpose(1, 2, 0)[:height, :width])

    def _session(self, file: str, arena: bool = True) -> onnxruntime.InferenceSession:
        with self._lock:
            session = self._sessions.get((file, arena))
            if session is None:
                import onnxruntime

                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = threads()
                options.log_severity_level = 3
                options.enable_cpu_mem_arena = arena
                # A plan of memory for each size of picture would be kept beside the arena, and doubles the peak.
                options.enable_mem_pattern = False
                model = (self.folder / file).read_bytes()
                session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
                self._sessions[file, arena] = session
            return session


@functools.cache
def default_painter() -> Painter:
    """The painter that ships with Impasto."""
    return Painter()


def threads() -> int:
    """How many threads the network may use: IMPASTO_THREADS, or the processors this process may run on."""
    wanted = os.environ.get("IMPASTO_THREADS", "")
    if wanted:
        if not wanted.isdecimal() or int(wanted) == 0:
            raise UsageError(f"IMPASTO_THREADS is {wanted!r}", "a number of threads, 1 or more")
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _planes(picture: Pixels) -> NDArray[np.float32]:
    """H x W x 3 to 1 x 3 x H x W."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)


def _fits(pixels: int) -> bool:
    """Whether a photo may take the memory that makes it fast; one that would not fit at all is refused.

    Where the system does not tell what is free, large photos take as little as they can.
    """
    if pixels <= _SMALL_PIXELS:
        return True
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return False
    if pixels * _BYTES_PER_PIXEL > free:  # being killed half-way tells nobody anything
        raise _too_large(pixels)
    return pixels * _ARENA_BYTES_PER_PIXEL < free / 2


def _too_large(pixels: int) -> PictureError:
    need = pixels * _BYTES_PER_PIXEL / 1e9
    return PictureError(
        f"painting {pixels / 1e6:.0f} megapixels needs about {need:.1f} GB of memory, more than is free",
        "--size makes the picture smaller",
    )

"""Run one enlarger's file: enlarge pictures of any size in bounded memory."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from impasto.engines.tiles import tiles
from impasto.errors import StyleError
from impasto.pixels.arrays import Pixels, Samples, floats, parts, planes
from impasto.system.sessions import Model, threads

METADATA = "impasto-enlarger"
"""The metadata key of a file's facts."""

_BYTES = 1100  # measured memory of a block while the network runs
_SIDE = 512  # largest number of blocks a side, in a tile without its margin
_LEAST = 64
_LAID = 32_768  # blocks that are laid out at once


@dataclass(frozen=True)
class Facts:
    """Facts from a network's file.

    Attributes:
        scale: 2, 3 or 4.
        step: sides of the small picture are multiples of this, in pixels.
        margin: the network's reach around a place, in pixels. Pictures are mirrored by this width.
        card: how the network was made.
    """

    scale: int
    step: int
    margin: int
    card: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


WriteLarge = Callable[[tuple[slice, slice], Samples], None]
"""Writes one tile of the large picture: rows and columns, and its samples."""


class EnlargerNetwork:
    """An enlarger's file. Several threads may use it at once.

    Args:
        path: the .onnx file.
    Raises:
        StyleError: at the first use: the file is missing, damaged, or not an enlarger.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._model = Model(self._read)

    @functools.cached_property
    def facts(self) -> Facts:
        try:
            metadata = self._model.session().get_modelmeta().custom_metadata_map
            return Facts(**json.loads(metadata[METADATA]))
        except StyleError:
            raise
        except Exception as error:  # ONNX Runtime's own errors, KeyError, ValueError, TypeError
            raise StyleError(f"{self.path} is not an enlarger", code="not-a-network") from error

    def prepare(self) -> None:
        """Load the network."""
        self._model.session()

    @functools.cached_property
    def digest(self) -> str:
        """A text that identifies the network."""
        return hashlib.sha256(self._read()).hexdigest()[:16]

    def _read(self) -> bytes:
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise StyleError(f"cannot read {self.path}: {error.strerror}", code="not-readable") from error

    def enlarge(self, picture: Samples, write: WriteLarge, budget: int, *, as_bytes: bool) -> None:
        """Enlarge a picture.

        Args:
            picture: h x w x 3.
            write: receives the large picture, sh x sw x 3, tile by tile.
            budget: bytes that the network may use.
            as_bytes: pass uint8 instead of float32 to `write`.
        Raises:
            OutOfMemory: there is not enough memory for one tile.
        """
        facts = self.facts
        height, width = picture.shape[:2]
        pads = [(facts.margin, facts.margin + -side % facts.step) for side in (height, width)]
        padded = np.pad(picture, [*pads, (0, 0)], mode="symmetric")
        blocks = min(_SIDE, int((budget / _BYTES) ** 0.5) - 2 * facts.margin // facts.step)
        side = facts.step * max(_LEAST, blocks)
        margin, scale = facts.margin, facts.scale

        def run(place: tuple[slice, slice]) -> None:
            rows, columns = place
            # The last tile's sides may not be multiples of the step; the rest is filled with mirrored pixels, too.
            outer = tuple(slice(part.start, part.stop + -part.stop % facts.step + 2 * margin) for part in place)
            (blocks,) = self._model.run({"picture": planes(floats(padded[outer]))})
            large = laid_out(blocks[0], facts.step * scale, as_bytes=as_bytes)
            edge = margin * scale
            height, width = (scale * (part.stop - part.start) for part in place)
            write((_times(rows, scale), _times(columns, scale)), large[edge : edge + height, edge : edge + width])

        for tile in tiles(width, height, side, facts.step, 0):
            run(tile.inner)


def laid_out(blocks: Pixels, step: int, *, as_bytes: bool) -> Samples:
    """Arrange blocks of step x step pixels as a picture: h x w x (row, column, color) to h step x w step x 3.

    Args:
        blocks: float32, 0 or more.
        as_bytes: return uint8; else float32, 0..1.
    """
    import cv2  # here: programs that never enlarge start sooner without OpenCV

    height, width = blocks.shape[:2]
    out = np.empty((height, step, width, 3 * step), np.uint8 if as_bytes else np.float32)

    def lay(rows: slice) -> None:
        part = blocks[rows]
        # Round, and clip at 255.
        part = cv2.convertScaleAbs(part, alpha=255) if as_bytes else np.minimum(part, np.float32(1))
        out[rows] = part.reshape(-1, width, step, 3 * step).swapaxes(1, 2)

    with ThreadPoolExecutor(threads()) as pool:
        list(pool.map(lay, parts(height, max(1, _LAID // width), 1)))
    return out.reshape(height * step, width * step, 3)


def _times(part: slice, scale: int) -> slice:
    return slice(part.start * scale, part.stop * scale)

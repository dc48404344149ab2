"""Read PNG and TIFF with 16 bits a channel, of which Pillow gives the upper eight."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DEEP_RAWMODES = ("RGB;16", "RGBA;16", "RGBX;16")


def read(reopen: Callable[[], Image.Image]) -> NDArray[np.uint16] | None:
    """All 16 bits of a colour picture; None if it has not 16 bits a channel.

    Pillow unpacks 16-bit samples of either byte order and keeps the eight bits that it takes for the high ones.
    Reading once in the right order and once in the wrong one gives both halves.

    Args:
        reopen: opens the picture anew; called twice.
    Returns:
        H x W x 3 or 4.
    """
    picture = reopen()
    tiles = getattr(picture, "tile", [])
    if not tiles or not all(str(_rawmode(tile)).startswith(DEEP_RAWMODES) for tile in tiles):
        return None
    high = np.asarray(picture).astype(np.uint16)
    swapped: Any = reopen()
    swapped.tile = [_with_other_byte_order(tile) for tile in swapped.tile]
    return high << 8 | np.asarray(swapped)


def _rawmode(tile: Any) -> object:
    return tile.args[0] if isinstance(tile.args, tuple) and tile.args else tile.args


def _with_other_byte_order(tile: Any) -> Any:
    mode, order = str(_rawmode(tile))[:-1], str(_rawmode(tile))[-1]
    little = order == "L" or (order == "N" and sys.byteorder == "little")
    swapped = mode + ("B" if little else "L")
    return tile._replace(args=(swapped, *tile.args[1:]) if isinstance(tile.args, tuple) else swapped)

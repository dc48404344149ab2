"""Read PNG with 16 bits a channel. Pillow returns only the upper eight.

This uses `Image.tile` between opening and decoding, whose content Pillow does not guarantee. If it looks different,
eight bits are read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RAWMODES = ("RGB;16", "RGBA;16", "RGBX;16")
"""Pillow's names of 16-bit layouts. The byte order follows: B, L, or N for the machine's own."""


def read(reopen: Callable[[], Image.Image]) -> NDArray[np.uint16] | None:
    """Read all 16 bits of a color picture.

    Pillow unpacks 16-bit samples of either byte order, and keeps only the high eight bits. Reading once in the right
    byte order and once in the wrong one gives both halves.

    Args:
        reopen: opens the picture again. It is called twice. The file must be undamaged.
    Returns:
        H x W x 3 or 4; None if the picture does not have 16 bits a channel, or Pillow behaves unexpectedly.
    """
    picture: Any = reopen()
    try:
        tiles = [_with_other_byte_order(tile) for tile in picture.tile]
        if not tiles:
            return None
        swapped: Any = reopen()
        swapped.tile = tiles
        high, low = np.asarray(picture), np.asarray(swapped)
    except (AttributeError, IndexError, KeyError, OSError, TypeError, ValueError):
        return None
    if high.dtype != np.uint8 or low.dtype != np.uint8 or high.shape != low.shape:
        return None
    return high.astype(np.uint16) << 8 | low


def _with_other_byte_order(tile: Any) -> Any:
    """Return Pillow's description of a part of a file, with the other byte order.

    Raises:
        ValueError: the part does not have 16 bits a channel.
    """
    rest = tile.args[1:] if isinstance(tile.args, tuple) else ()
    rawmode = tile.args[0] if isinstance(tile.args, tuple) else tile.args
    mode, order = rawmode[:-1], rawmode[-1]
    if mode not in RAWMODES or order not in "BLN":
        raise ValueError(rawmode)
    little = order == "L" or (order == "N" and sys.byteorder == "little")
    swapped = mode + ("B" if little else "L")
    return tile._replace(args=(swapped, *rest) if isinstance(tile.args, tuple) else swapped)

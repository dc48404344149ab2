"""Read PNG with 16 bits a channel, of which Pillow gives the upper eight.

This relies on what Pillow keeps in `Image.tile` between opening and decoding, which it does not promise to keep so.
Where that looks otherwise, eight bits are read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RAWMODES = ("RGB;16", "RGBA;16", "RGBX;16")
"""How Pillow names the layout of such samples; the byte order follows: B, L, or N for the machine's own."""


def read(reopen: Callable[[], Image.Image]) -> NDArray[np.uint16] | None:
    """Read all 16 bits of a color picture.

    Pillow unpacks 16-bit samples of either byte order and keeps the eight bits that it takes for the high ones.
    Reading once in the right order and once in the wrong one gives both halves.

    Args:
        reopen: opens the picture, which is known to be undamaged, anew; called twice.
    Returns:
        H x W x 3 or 4; None if it has not 16 bits a channel, or if Pillow does not work as expected.
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
    """A part of a file as Pillow describes it, to be unpacked with the other byte order.

    Raises:
        ValueError: it does not hold 16 bits a channel.
    """
    rest = tile.args[1:] if isinstance(tile.args, tuple) else ()
    rawmode = tile.args[0] if isinstance(tile.args, tuple) else tile.args
    mode, order = rawmode[:-1], rawmode[-1]
    if mode not in RAWMODES or order not in "BLN":
        raise ValueError(rawmode)
    little = order == "L" or (order == "N" and sys.byteorder == "little")
    swapped = mode + ("B" if little else "L")
    return tile._replace(args=(swapped, *rest) if isinstance(tile.args, tuple) else swapped)

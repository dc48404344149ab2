"""Embed pictures in a report's HTML."""

from __future__ import annotations

import base64

from impasto.picture import Picture


def jpeg(picture: Picture, side: int) -> str:
    """Return a picture as a JPEG file in base 64, reduced to at most `side` pixels on its longer side."""
    return base64.b64encode(picture.at_most(side).encode("JPEG", quality=82, mark=False)).decode()

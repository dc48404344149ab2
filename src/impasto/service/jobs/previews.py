"""Limit how often work reports its progress, and reduce its previews."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from impasto.picture import Picture
from impasto.progress import Progress
from impasto.service.work import Still, Tell

EVERY = 0.25
"""Seconds between two reports."""
PREVIEW_EVERY = 1.0
"""Seconds between two previews."""
_SIDE, _QUALITY = 512, 80


def still(picture: Picture) -> Still:
    """Return a picture, reduced to 512 pixels, as a preview."""
    plain = replace(picture, frames=(), cover=None).at_most(_SIDE)
    return Still(plain.encode("JPEG", quality=_QUALITY, mark=False, strip_metadata=True))


class Teller:
    """Passes the progress of work on, as an `OnProgress`.

    Args:
        tell: of the work.
    """

    def __init__(self, tell: Tell, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._clock = tell, clock
        self._next = self._next_preview = 0.0
        self._going = True

    def __call__(self, now: Progress) -> bool:
        """Pass a report on, unless the last one was too recent. Return False if the work should end."""
        moment = self._clock()
        if not self._going or (moment < self._next and now.fraction < 1):
            return self._going
        self._next, preview = moment + EVERY, None
        if now.preview is not None and moment >= self._next_preview:
            preview, self._next_preview = still(now.preview()), moment + PREVIEW_EVERY
        self._going = self._tell(replace(now, preview=preview))
        return self._going

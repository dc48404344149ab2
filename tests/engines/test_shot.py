"""Statistics that hold for a shot."""

from __future__ import annotations

import numpy as np
from helpers import scene

from impasto.engines.by_name import engine_of
from impasto.engines.shot import Shot
from impasto.painting.stylizer import Stylizer


def test_a_shot_is_normalized_as_a_whole() -> None:
    """A bright thing that comes in does not change the rest of the picture."""
    painter = engine_of("light")
    vector = Stylizer("udnie", painter=painter).style.parts[0][0].vector
    assert vector is not None
    frame = scene(128, 96).astype(np.float32) / 255
    other = frame.copy()
    other[:, 96:] = 1
    alone = [painter.paint(picture, vector) for picture in (frame, other)]
    shot = Shot()
    together = [painter.paint(picture, vector, shot=shot) for picture in (frame, other)]
    np.testing.assert_array_equal(together[0], alone[0])
    left = (slice(None), slice(0, 64))
    assert np.abs(together[1][left] - together[0][left]).mean() < 0.3 * np.abs(alone[1][left] - alone[0][left]).mean()

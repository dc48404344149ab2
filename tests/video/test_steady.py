"""Motion, cuts, and the blend that keeps a clip steady."""

from __future__ import annotations

import numpy as np
from clips import moving

from impasto.video.steady import MotionFinder, blend


def test_motion_is_found_and_cuts_are_told() -> None:
    frames = moving(4, step=3) + moving(3, step=3, seed=9)
    frames[4:] = [1 - frame for frame in frames[4:]]
    find = MotionFinder()
    motions = [find(frame) for frame in frames]
    assert [motion.cut for motion in motions] == [True, False, False, False, True, False, False]
    flow, trust = motions[2].flow, motions[2].trust
    assert flow is not None
    assert trust is not None
    inside = (slice(12, -12), slice(12, -16))
    assert abs(float(np.median(flow[..., 0][inside])) - 3) < 0.5
    assert float(trust[inside].mean()) > 0.6
    assert float(trust[:, -2:].mean()) < 0.2  # what comes in was not there before


def test_a_blend_follows_the_motion() -> None:
    frames = moving(3, step=4)
    find = MotionFinder()
    motions = [find(frame) for frame in frames]
    rng = np.random.default_rng(0)
    noisy = [np.clip(frame + rng.normal(0, 0.1, frame.shape), 0, 1).astype(np.float32) for frame in frames]
    steady = blend(noisy[1], frames[0], motions[1], 1.0)
    trusted = motions[1].trust > 0.9
    assert np.abs(steady - frames[1])[trusted].mean() < 0.4 * np.abs(noisy[1] - frames[1])[trusted].mean()
    np.testing.assert_array_equal(blend(noisy[1], frames[0], motions[1], 0), noisy[1])

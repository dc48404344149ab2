"""Masks that are found in every frame."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from clips import read, write

from impasto.picture import Picture
from impasto.video.found_masks import MaskFinder
from impasto.video.paint_video import paint_video
from impasto.video.steady import Motion, MotionFinder

STILL = Motion(None, None, False)
COUNT, STEP = 6, 4


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """Somebody who moves to the left, by `STEP` pixels a frame: T x H x W x 3, 0..1."""
    photo = Picture(pytest.importorskip("skimage.data").astronaut()).resized(256, 256).pixels
    return [np.ascontiguousarray(photo[:192, index * STEP : index * STEP + 224]) for index in range(COUNT)]


@pytest.fixture(scope="module")
def person_clip(frames: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("clip") / "person.mkv", frames, codec="ffv1", pixels="bgr0")


def test_a_mask_moves_with_the_clip(frames: list[np.ndarray]) -> None:
    find, follow = MaskFinder(), MotionFinder()
    masks = [find({"person"}, frame, follow(frame))["person"] for frame in frames]
    for index, mask in enumerate(masks):
        assert np.abs(mask[:, 20:180] - masks[0][:, 20 + index * STEP : 180 + index * STEP]).mean() < 0.03
    assert not find.notes(["person"])


def test_what_flickers_is_steadied(frames: list[np.ndarray]) -> None:
    """Noise that changes from frame to frame changes the mask less than it would alone."""
    noise = np.random.default_rng(0)
    noisy = [(frames[0] + noise.normal(0, 0.12, frames[0].shape)).clip(0, 1).astype(np.float32) for _ in range(5)]
    whole = np.ones(frames[0].shape[:2], np.float32)
    carried = Motion(np.zeros((*whole.shape, 2), np.float32), whole, False)

    def unrest(motion: Motion) -> float:
        find = MaskFinder()
        masks = [find({"person"}, frame, motion)["person"] for frame in noisy]
        return float(np.mean([np.abs(one - other).mean() for one, other in itertools.pairwise(masks)]))

    assert unrest(carried) < 0.8 * unrest(STILL)


def test_a_person_in_a_clip_stays_as_they_are(person_clip: Path, tmp_path: Path) -> None:
    regions = {"person": "none"}
    result = paint_video(person_clip, "udnie", tmp_path / "o.mkv", codec="ffv1", steady=70, regions=regions)
    assert result.path is not None
    assert not result.notes
    for index, (before, after) in enumerate(zip(read(person_clip), read(result.path), strict=True)):
        change = np.abs(after.pixels - before.pixels).mean(2)
        face = slice(38, 72), slice(98 - index * STEP, 122 - index * STEP)
        assert change[face].mean() < 0.02, index
        assert change[5:30, 150 - index * STEP : 200 - index * STEP].mean() > 0.04, index


def test_a_clip_in_which_nobody_is_says_so(clip: Path, tmp_path: Path) -> None:
    result = paint_video(clip, "udnie", tmp_path / "o.mkv", codec="ffv1", regions={"faces": "none"})
    assert "no face was found in the clip: the mask faces covers nothing" in result.notes


def test_a_run_that_goes_on_has_the_masks_of_one_that_does_not(person_clip: Path, tmp_path: Path) -> None:
    values = {"codec": "ffv1", "segment": 2, "regions": {"person": "none", "faces": "great-wave"}}
    whole = paint_video(person_clip, "udnie", tmp_path / "whole.mkv", **values)
    for stop in (True, False):
        result = paint_video(
            person_clip,
            "udnie",
            tmp_path / "o.mkv",
            resume=True,
            on_progress=(lambda now: now.step < 4) if stop else None,
            **values,
        )
    assert whole.path is not None
    assert result.path is not None
    for one, other in zip(read(whole.path), read(result.path), strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)

"""Statistics that hold for a shot."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import scene

from impasto.engines.base import StyleVector
from impasto.engines.by_name import engine_of
from impasto.engines.shipped import ShippedEngine
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


@pytest.fixture(scope="module")
def light() -> ShippedEngine:
    return engine_of("light")


@pytest.fixture(scope="module")
def vector(light: ShippedEngine) -> StyleVector:
    return Stylizer("udnie", painter=light).style.parts[0][0].vector


SCENE = scene(128, 96).astype(np.float32) / 255
OTHER = scene(128, 96, seed=9)[::-1, ::-1, ::-1].astype(np.float32) / 255
BLACK = np.zeros_like(SCENE)
TITLE = BLACK.copy()
TITLE[40:52, 20:100:6] = 1


@pytest.mark.parametrize("moving", [True, False])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([BLACK], SCENE),
        ([BLACK] * 3, SCENE),
        ([1 - BLACK], SCENE),
        ([TITLE], SCENE),
        ([SCENE * np.float32(share / 8) for share in range(8)], SCENE),
        ([OTHER], SCENE),
        ([SCENE], OTHER),
        ([SCENE, SCENE * np.float32(0.5), BLACK], OTHER),
        ([OTHER * np.float32(0.2)], OTHER),
    ],
    ids=["black", "blacks", "white", "title", "fade in", "cut", "cut back", "through black", "dark"],
)
def test_a_scene_is_not_normalized_by_what_it_has_nothing_in_common_with(
    light: ShippedEngine, vector: StyleVector, before: list[np.ndarray], after: np.ndarray, moving: bool
) -> None:
    shot = Shot() if moving else Shot(frames=1)
    for frame in before:
        light.paint(frame, vector, shot=shot)
    painted, alone = light.paint(after, vector, shot=shot), light.paint(after, vector)
    assert np.abs(painted - alone).mean() < 2 / 255


def test_a_frame_that_fades_out_is_painted_paler(light: ShippedEngine, vector: StyleVector) -> None:
    shot = Shot()
    first, *later = (light.paint(SCENE * np.float32(share), vector, shot=shot) for share in (1, 0.8, 0.6, 0.4, 0.2))
    assert [float(picture.std()) for picture in later] < [float(first.std())] * 4


def test_what_follows_a_new_beginning_is_normalized_alike() -> None:
    shot = Shot(frames=1)
    moved = [np.roll(SCENE, shift, 1) for shift in range(12)]
    for frame in [BLACK, *[SCENE] * 12]:
        shot.look("style", frame)
        shot.add("style", np.float32([1]) if shot.measures("style") else None)
    for frame in moved:
        shot.look("style", frame)
        assert not shot.measures("style")
        shot.add("style", None)


def test_a_shot_goes_on_from_its_arrays() -> None:
    shot = Shot()
    frames = [BLACK, *[SCENE * np.float32(share / 6) for share in range(7)], *[SCENE] * 12, OTHER]
    for half in range(len(frames)):
        shot = Shot()
        for index, frame in enumerate(frames):
            if index == half:
                shot = Shot.of(shot.arrays())
            shot.look("a style", frame)
            shot.add("a style", np.float32([index]) if shot.measures("a style") else None)
        if half == 0:
            wanted = shot.means["a style"]
        np.testing.assert_array_equal(shot.means["a style"], wanted)

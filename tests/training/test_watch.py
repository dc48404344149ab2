"""What goes wrong in trainings against a critic is measured, and said once."""

from __future__ import annotations

import warnings

import pytest
import torch

from impasto.training.watch import Watch, correlation, diversity


@pytest.fixture
def photos() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(4, 3, 6, 6, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=(96, 96), mode="bilinear")


def test_light_and_dark_are_compared(photos: torch.Tensor) -> None:
    assert correlation(photos, photos) == pytest.approx(1, abs=1e-4)
    assert correlation(photos, 0.3 + 0.2 * photos) == pytest.approx(1, abs=1e-4)
    assert correlation(photos, 1 - photos) == pytest.approx(-1, abs=1e-4)
    noise = torch.rand(photos.shape, generator=torch.Generator().manual_seed(1)) - 0.5
    assert correlation(photos, photos + 0.4 * noise) > 0.95  # brush work, seen from afar


def test_a_plain_photo_has_no_light_and_dark() -> None:
    assert correlation(torch.full((2, 3, 48, 48), 0.5), torch.rand(2, 3, 48, 48)) == 1


def test_pictures_that_are_alike_have_no_diversity(photos: torch.Tensor) -> None:
    assert diversity(photos, photos) == pytest.approx(1)
    assert diversity(photos, 0.5 * photos) == pytest.approx(0.5, abs=1e-4)
    assert diversity(photos, photos[:1].expand_as(photos)) == 0


def test_a_collapse_is_said_once_and_again_when_it_comes_back(photos: torch.Tensor) -> None:
    watch = Watch(400, inverts=False)
    same = photos[:1].expand_as(photos)
    with pytest.warns(UserWarning, match=r"collapsed.*--learning-rate"):
        watch.look(100, photos, same)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watch.look(150, photos, same)
        watch.look(200, photos, photos)
    with pytest.warns(UserWarning, match="collapsed"):
        watch.look(250, photos, same)


def test_inversion_is_said(photos: torch.Tensor) -> None:
    with pytest.warns(UserWarning, match=r"light and dark are inverted.*--identity-weight"):
        Watch(400, inverts=True).look(100, photos, 1 - photos)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Watch(400, inverts=False).look(100, photos, 1 - photos)  # a pair may be a negative
        Watch(400, inverts=True).look(99, photos, 1 - photos)  # too early


def test_a_critic_that_wins_for_good_is_said() -> None:
    watch = Watch(800, inverts=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for step in range(200, 300):
            watch.judge(step, 1.0)
        watch.judge(300, 0.9)  # not for good
        for step in range(301, 401):
            watch.judge(step, 1.0)
    with pytest.warns(UserWarning, match=r"critic recognizes.*--critic-rate"):
        watch.judge(401, 1.0)


def test_what_is_watched_goes_on_after_a_checkpoint(photos: torch.Tensor) -> None:
    watch = Watch(400, inverts=True)
    with pytest.warns(UserWarning, match="inverted"):
        watch.look(100, photos, 1 - photos)
    other = Watch(400, inverts=True)
    other.restore(watch.state())
    assert other.state() == watch.state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other.look(150, photos, 1 - photos)  # it has been said

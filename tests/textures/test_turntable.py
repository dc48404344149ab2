"""The preview: which color of a texture shows where, and that any triangles can be drawn."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import objects
import pytest
from helpers import refused
from numpy.typing import NDArray
from obj_models import BLUE, GREEN, RED, WHITE, quarters

from impasto.errors import MissingExtra
from impasto.picture import Picture
from impasto.progress import Progress, Stopped
from impasto.textures.model import Surface, Wrap
from impasto.textures.turntable import camera, turntable

SIDE = 96
QUARTERS = Picture(quarters())
NAMES = {"red": RED, "green": GREEN, "blue": BLUE, "white": WHITE}


def square(depth: float = 0.0, size: float = 1.0, low: float = 0.0, high: float = 1.0, **how: Any) -> Surface:
    """A square that faces +z and shows its texture upright, from `low` to `high` of it both across and down."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float) * size / 2
    places = np.array([[low, high], [high, high], [high, low], [low, low]])
    points = np.column_stack([corners, np.full(4, depth)])
    fans = [[0, 1, 2], [0, 2, 3]]
    return Surface(points[fans], places[fans], 0, **how)


def turned(surface: Surface, angle: float) -> Surface:
    """About the upright axis, to the right hand side of who looks at it."""
    cosine, sine = np.cos(angle), np.sin(angle)
    way = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    return replace(surface, positions=surface.positions @ way.T)


def drawn(*surfaces: Surface, picture: Picture = QUARTERS, angle: float = 0.0) -> NDArray[np.float32]:
    pytest.importorskip("embreex")
    found = camera(surfaces, [picture], SIDE)(angle)
    assert found.shape == (SIDE, SIDE, 3)
    assert found.min() >= 0
    assert found.max() <= 1
    return found


def seen(picture: NDArray[np.float32], x: float, y: float) -> str:
    """The name of the color at a place, 0..1 from the upper left corner; "ground" is none of the texture's."""
    color = picture[round(y * SIDE), round(x * SIDE)]
    if np.ptp(color) < 0.02:
        return "white" if abs(color[0] - 0.94) > 0.004 else "ground"
    return ("red", "green", "blue")[int(color.argmax())]


def four(picture: NDArray[np.float32], x: float = 0.16, y: float = 0.2) -> list[str]:
    """What is seen left and right above, then left and right below the middle."""
    return [seen(picture, 0.5 + dx, 0.5 + dy) for dy in (-y, y) for dx in (-x, x)]


def test_a_texture_is_seen_upright_and_not_mirrored() -> None:
    assert four(drawn(square())) == ["red", "green", "blue", "white"]


def test_from_behind_it_is_mirrored() -> None:
    assert four(drawn(square(), angle=np.pi)) == ["green", "red", "white", "blue"]


@pytest.mark.parametrize("angle", [0.4, np.pi / 2, 2.5, 4.0])
def test_a_model_turns_with_its_front_to_the_right(angle: float) -> None:
    """One that stands turned the other way by as much is seen from its front again."""
    again = drawn(turned(square(), -angle), angle=angle)
    assert four(again) == ["red", "green", "blue", "white"]
    np.testing.assert_allclose(again, drawn(square()), atol=0.05)


def test_what_turns_becomes_narrow_and_comes_back() -> None:
    widths = []
    for angle in np.arange(5) * np.pi / 4:
        ground = np.abs(drawn(square(), angle=angle) - 0.94).max(axis=2) < 0.01
        widths.append(int((~ground).any(axis=0).sum()))
    assert widths[0] > widths[1] > widths[2] < widths[3] < widths[4]
    assert widths[0] == pytest.approx(widths[4], abs=2)


def test_a_cube_has_on_each_side_the_colors_that_belong_there() -> None:
    """The texture is continuous in space: what is seen is what lies nearest to the camera."""
    surfaces, texture = objects.cube()
    for angle in (0.0, np.pi / 2, np.pi, 1.5 * np.pi):
        found = drawn(*surfaces, picture=Picture(texture), angle=angle)
        back = np.array([-np.sin(angle), 0, np.cos(angle)])
        right = np.array([np.cos(angle), 0, np.sin(angle)])
        reach = max(np.sqrt(0.5), 0.5 * np.cos(0.35) + np.sqrt(0.5) * np.sin(0.35))
        errors = []
        for across in np.linspace(-0.3, 0.3, 7):
            for up in np.linspace(-0.3, 0.2, 6):
                place = 0.5 * back + across * right + [0, up, 0]
                x = SIDE * (0.5 + 0.46 * across / reach)
                y = SIDE * (0.5 - 0.46 * (up * np.cos(0.35) - 0.5 * np.sin(0.35)) / reach)
                expected = objects.colors_at(place)
                color = found[int(y), int(x)]
                errors.append(np.abs(color / color.sum() - expected / expected.sum()).max())
        assert np.median(errors) < 0.06


def test_nearer_surfaces_cover_farther_ones() -> None:
    red, green = square(0.5, low=0.1, high=0.4), square(-0.5, low=0.6, high=0.9)
    assert seen(drawn(red, green), 0.5, 0.6) == "red"
    assert seen(drawn(red, green, angle=np.pi), 0.5, 0.6) == "white"


def test_clear_places_let_look_through() -> None:
    alpha = np.ones((16, 16), np.float32)
    alpha[:8, :8] = 0
    picture = Picture(quarters(), alpha)
    assert four(drawn(square(), picture=picture)) == ["ground", "green", "blue", "white"]
    behind = square(-0.05, low=0.6, high=0.9)
    assert four(drawn(square(), behind, picture=picture)) == ["white", "green", "blue", "white"]


def test_what_is_clear_in_every_layer_is_the_ground() -> None:
    picture = Picture(quarters(), np.zeros((16, 16), np.float32))
    found = drawn(*(square(depth / 10) for depth in range(6)), picture=picture)
    np.testing.assert_allclose(found, 0.94, atol=1e-3)


@pytest.mark.parametrize(
    ("wrap", "colors"),
    [
        (("clamp", "clamp"), ["red", "green", "blue", "white"]),
        (("repeat", "repeat"), ["white", "blue", "green", "red"]),
        (("mirror", "mirror"), ["red", "green", "blue", "white"]),
        (("repeat", "clamp"), ["green", "red", "white", "blue"]),
        (("clamp", "repeat"), ["blue", "white", "red", "green"]),
        (("repeat", "mirror"), ["green", "red", "white", "blue"]),
    ],
)
def test_beyond_its_borders_a_texture_goes_on_as_it_says(wrap: tuple[Wrap, Wrap], colors: list[str]) -> None:
    """The square shows the texture from -0.5 to 1.5: its outer quarter on each side is beyond."""
    found = drawn(square(low=-0.5, high=1.5, wrap=wrap))
    assert four(found, 0.28, 0.26) == colors


@pytest.mark.parametrize("whole", [-4000, -3, 2, 100000])
def test_whole_pictures_further_on_it_is_the_same(whole: int) -> None:
    if whole % 2 == 0:
        mirrored = drawn(square(low=whole, high=whole + 1, wrap=("mirror", "mirror")))
        np.testing.assert_allclose(mirrored, drawn(square(wrap=("mirror", "mirror"))), atol=0.02)
    repeated = drawn(square(low=whole, high=whole + 1))
    assert four(repeated) == ["red", "green", "blue", "white"]


def test_copies_are_drawn_where_the_scene_puts_them() -> None:
    moves = np.tile(np.eye(4), (2, 1, 1))
    moves[0, 0, 3], moves[1, 0, 3] = -2, 2
    found = drawn(square(copies=moves))
    # Three squares side by side, with a gap of one between two of them.
    assert [seen(found, 0.5 + 0.46 * one / 2.5, 0.52) for one in (-2.25, -1.75, -1, -0.25, 0.25, 1, 1.75, 2.25)] == [
        "blue", "white", "ground", "blue", "white", "ground", "blue", "white",
    ]  # fmt: skip


def test_each_surface_shows_its_own_texture() -> None:
    pytest.importorskip("embreex")
    plain = [Picture(np.full((4, 4, 3), color, np.uint8)) for color in (RED, GREEN)]
    left, right = (replace(square(), positions=square().positions + np.array([x, 0, 0])) for x in (-0.5, 0.5))
    found = camera([left, replace(right, texture=1)], plain, SIDE)(0)
    assert (seen(found, 0.3, 0.5), seen(found, 0.7, 0.5)) == ("red", "green")
    hidden = replace(square(-0.5), texture=1)
    assert four(camera([square(), hidden], [QUARTERS, plain[0]], SIDE)(0))[:3] == ["red", "green", "blue"]


@pytest.mark.parametrize("depth", [np.uint16, np.float32])
def test_textures_of_other_depths_look_alike(depth: type) -> None:
    texture = quarters().astype(np.float32) / 255
    samples = (texture * 65535).astype(np.uint16) if depth is np.uint16 else texture
    np.testing.assert_allclose(drawn(square(), picture=Picture(samples)), drawn(square()), atol=0.01)


@pytest.mark.parametrize("unit", [1e-12, 1e-6, 1e6, 1e12])
@pytest.mark.parametrize("place", [0.0, 50.0])
def test_the_unit_and_the_place_do_not_matter(unit: float, place: float) -> None:
    moved = replace(square(), positions=(square().positions + place) * unit)
    np.testing.assert_allclose(drawn(moved, angle=0.5), drawn(square(), angle=0.5), atol=0.05)


def test_triangles_without_area_are_not_seen() -> None:
    whole = square()
    flat = np.array([[[0, 0, 0], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0.2, 0.2, 0], [0.4, 0.4, 0]]])
    places = np.zeros((2, 3, 2))
    both = Surface(np.concatenate([whole.positions, flat]), np.concatenate([whole.coordinates, places]), 0)
    np.testing.assert_allclose(drawn(both), drawn(whole), atol=1e-6)
    np.testing.assert_allclose(drawn(Surface(flat, places, 0)), 0.94, atol=1e-3)
    np.testing.assert_allclose(drawn(Surface(flat[:1], places[:1], 0)), 0.94, atol=1e-3)


def test_one_triangle_is_a_model() -> None:
    whole = square()
    found = drawn(replace(whole, positions=whole.positions[:1], coordinates=whole.coordinates[:1]))
    places = ((0.36, 0.36), (0.79, 0.36), (0.36, 0.77), (0.64, 0.77))
    assert [seen(found, *place) for place in places] == ["ground", "green", "blue", "white"]


def test_a_texture_of_one_texel() -> None:
    found = drawn(square(), picture=Picture(np.full((1, 1, 3), RED, np.uint8)))
    assert four(found) == ["red"] * 4


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_an_animation_turns_once_in_three_seconds(frames: int) -> None:
    pytest.importorskip("embreex")
    told: list[Progress] = []
    found = turntable([square()], [QUARTERS], size=32, frames=frames, on_progress=told.append)
    assert (found.width, found.height, len(found.frames)) == (32, 32, frames - 1)
    assert [one.fraction for one in told] == [pytest.approx((index + 1) / frames) for index in range(frames)]
    look = camera([square()], [QUARTERS], 32)
    for index, one in enumerate([found.samples, *(frame.samples for frame in found.frames)]):
        assert one.dtype == np.uint8
        np.testing.assert_allclose(one / 255, look(2 * np.pi * index / frames), atol=0.5 / 255 + 1e-6)
    if frames > 1:
        assert found.duration + sum(one.duration for one in found.frames) == pytest.approx(3000)


def test_it_stops_when_it_is_told_to() -> None:
    pytest.importorskip("embreex")
    told: list[Progress] = []

    def on_progress(now: Progress) -> bool:
        told.append(now)
        return len(told) < 3

    with pytest.raises(Stopped):
        turntable([square()], [QUARTERS], size=16, frames=9, on_progress=on_progress)
    assert len(told) == 3


def test_without_embreex_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "embreex" else find(name, *rest)
    )
    with refused(MissingExtra, "missing-extra", "embreex", "impasto[textures]"):
        turntable([square()], [QUARTERS])

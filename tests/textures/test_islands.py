"""Islands, seams and charts."""

from __future__ import annotations

import numpy as np
import objects
import pytest

from impasto.textures.charts import lay_out
from impasto.textures.islands import Mesh, components, find_islands
from impasto.textures.model import Surface


def test_a_cube_of_six_islands_has_twelve_seams_seen_from_both_sides() -> None:
    surfaces, texture = objects.cube()
    mesh = Mesh.of(surfaces, [texture.shape[1::-1]])
    islands, seams, ends = find_islands(mesh)
    assert len(np.unique(islands)) == 6
    assert seams.length[seams.own < seams.other].sum() == pytest.approx(12)
    assert len(ends) == 0
    assert set(zip(seams.own, seams.other, strict=True)) == set(zip(seams.other, seams.own, strict=True))


def test_a_seams_two_sides_are_the_same_points_of_the_object() -> None:
    surfaces, texture = objects.sphere()
    mesh = Mesh.of(surfaces, [texture.shape[1::-1]])
    _, seams, _ = find_islands(mesh)

    def on_object(triangle: int, texel: np.ndarray) -> np.ndarray:
        corners = np.concatenate([mesh.texels[triangle], np.ones((3, 1))], axis=1)
        return np.linalg.solve(corners.T, np.append(texel, 1)) @ mesh.positions[triangle]

    for edge in range(0, len(seams), 17):
        for mine, theirs in ((seams.start, seams.other_start), (seams.end, seams.other_end)):
            here = on_object(seams.own[edge], mine[edge])
            assert here == pytest.approx(on_object(seams.other[edge], theirs[edge]), abs=1e-6)


def test_an_open_tube_ends_where_no_triangle_goes_on() -> None:
    surfaces, texture = objects.figure()
    mesh = Mesh.of(surfaces, [texture.shape[1::-1]])
    islands, seams, ends = find_islands(mesh)
    assert len(np.unique(islands)) == 6
    assert (islands[seams.own] == islands[seams.other]).all()  # each tube is cut open along one line
    assert len(ends) == 6 * 2 * 16


def test_components_of_a_graph() -> None:
    one, two = np.array([0, 1, 5, 7]), np.array([1, 2, 6, 5])
    label = components(9, one, two)
    assert label[0] == label[1] == label[2]
    assert label[5] == label[6] == label[7]
    assert len(np.unique(label)) == 5


@pytest.mark.parametrize("count", [2, 3000])
def test_components_of_a_long_chain(count: int) -> None:
    order = np.random.RandomState(count).permutation(count)
    assert (components(count, order[:-1], order[1:]) == 0).all()


def square(left: float, top: float, side: float, at: float = 0.0, material: str = "") -> Surface:
    """A square of the object at height `at`, which shows a square of the texture."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    positions = np.concatenate([corners, np.full((4, 1), at)], axis=1)
    coordinates = corners * side + (left, top)
    return Surface(positions[triangles], coordinates[triangles], 0, material=material)


def layout_of(surfaces: list[Surface], side: int = 128) -> tuple:
    mesh = Mesh.of(surfaces, [(side, side)])
    islands, _, _ = find_islands(mesh)
    return mesh, lay_out(mesh, islands, [one.wrap for one in surfaces])


def test_islands_that_lie_over_each_other_make_one_chart() -> None:
    _, layout = layout_of([square(0.1, 0.1, 0.3), square(0.1, 0.1, 0.3, at=2), square(0.6, 0.6, 0.3, at=4)])
    assert layout.overlapping == 1
    assert sorted(len(chart.triangles) for chart in layout.charts) == [2, 4]


def test_islands_of_another_repeat_of_the_texture_are_brought_to_it() -> None:
    _, layout = layout_of([square(3.1, -1.9, 0.3), square(0.1, 0.1, 0.3, at=2)])
    (chart,) = layout.charts
    assert (chart.left, chart.top) == (12, 12)
    assert layout.overlapping == 1


def test_an_island_longer_than_the_texture_is_painted_as_one_that_repeats() -> None:
    _, layout = layout_of([square(0, 0, 3)])
    (chart,) = layout.charts
    assert chart.whole
    assert (chart.width, chart.height) == (128, 128)


def test_what_is_clamped_lies_within_the_texture() -> None:
    far = square(-1e6, 0, 2e6)
    _, layout = layout_of([Surface(far.positions, far.coordinates, 0, ("clamp", "clamp"))])
    (chart,) = layout.charts
    assert (chart.left, chart.top, chart.width, chart.height) == (0, 0, 128, 128)


def test_a_texture_of_which_single_colors_are_shown_is_a_palette() -> None:
    _, layout = layout_of([square(0.5, 0.5, 0.0), square(0.25, 0.5, 0.001, at=1)])
    assert layout.palettes == [0]


def test_a_charts_scale_is_that_of_its_texels_on_the_object() -> None:
    surface = square(0, 0, 0.5)
    stretched = Surface(surface.positions * (3, 1, 1), surface.coordinates, 0)
    _, layout = layout_of([stretched])
    assert layout.charts[0].scale == pytest.approx((3 / 64, 1 / 64))


def test_a_sliver_that_spans_the_texture_does_not_glue_islands_together() -> None:
    sliver = square(0.0, 0.0, 1.0, at=9)
    sliver = Surface(sliver.positions * (1e-3, 1e-3, 1), sliver.coordinates, 0)
    _, layout = layout_of([square(0.05, 0.05, 0.4), square(0.55, 0.55, 0.4, at=2), sliver])
    assert sorted(len(chart.triangles) for chart in layout.charts) == [2, 2]

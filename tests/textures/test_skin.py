"""From textures to painted textures: no seams, one size of strokes, nothing of the background."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import cv2
import numpy as np
import objects
import pytest
from numpy.typing import NDArray

from impasto.controls import Controls
from impasto.engines.by_name import engine_of
from impasto.painting.regions import Region
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.pixels.arrays import stored
from impasto.textures.canvas import COVERED, FILLED, Canvas, fill_gaps, lay, plan_canvas
from impasto.textures.charts import lay_out
from impasto.textures.islands import Mesh, find_islands
from impasto.textures.links import Links, fill_margins, find_links
from impasto.textures.model import Surface, Wrap
from impasto.textures.sewing import color_steps, mean_step, sample_seams, sew
from impasto.textures.skin import Skin
from impasto.textures.unpacking import unpack


def light(style: str = "udnie", **controls: float) -> Stylizer:
    return Stylizer(style, painter=engine_of("light"), controls=Controls(**controls))


def painted(surfaces: list[Surface], texture: NDArray, stylizer: Stylizer, *regions: Region) -> NDArray:
    (found,) = Skin(surfaces, [texture]).paint(stylizer, regions, None, lambda _fraction, _message: None)
    return found


def laid(surfaces: list[Surface], texture: NDArray, natural: float = 640) -> tuple[Canvas, list[Links]]:
    """The canvas of an object with one texture, and its seams."""
    mesh = Mesh.of(surfaces, [texture.shape[1::-1]])
    islands, seams, ends = find_islands(mesh)
    layout = lay_out(mesh, islands, [one.wrap for one in surfaces])
    plan = plan_canvas(layout.charts, [1.0] * len(layout.charts), mesh.extent, natural)
    links = find_links(plan, layout, seams) + find_links(plan, layout, ends)
    return lay(plan, [texture], 10**9), links


def covered(surfaces: list[Surface], texture: NDArray) -> NDArray[np.bool_]:
    """Which texels the object shows, to a texel."""
    from impasto.textures.charts import draw

    height, width = texture.shape[:2]
    corners = np.concatenate([one.coordinates for one in surfaces]) * (width, height)
    return draw(corners, width, height) > 0


@pytest.mark.parametrize("make", [objects.cube, objects.sphere, objects.figure])
def test_colors_agree_across_seams_where_a_flat_painting_breaks(make: Callable) -> None:
    surfaces, texture = make()
    skin = Skin(surfaces, [texture])
    _, before = skin.steps([texture])
    _, ours = skin.steps([painted(surfaces, texture, light())])
    flat = stored(light()(Picture.from_array(texture)).samples, np.uint8)
    _, theirs = skin.steps([flat])
    assert ours <= 1.2 * max(before, 1 / 255)
    assert theirs > 1.2 * max(before, 1 / 255)
    assert theirs > 5 * ours


def test_strokes_agree_some_texels_away_from_the_seam() -> None:
    """Sewing alone would leave a line: what is painted must go on across it."""
    surfaces, texture = objects.sphere()
    mesh = Mesh.of(surfaces, [texture.shape[1::-1]])
    _, seams, _ = find_islands(mesh)
    result = painted(surfaces, texture, light())
    flat = stored(light()(Picture.from_array(texture)).samples, np.uint8)

    def contrast(picture: NDArray) -> float:
        """The mean difference of the texels two steps inside on both sides of the seams."""
        steps = []
        for own, other in ((("start", "end", "inside"), ("other_start", "other_end", "other_inside")),):
            sides = []
            for start, end, inside in (own, other):
                a, b, c = (getattr(seams, name) for name in (start, end, inside))
                middle = (a + b) / 2
                way = c - middle
                at = middle + 2.5 * way / np.linalg.norm(way, axis=1)[:, None]
                x, y = np.floor(at).astype(int).T
                sides.append(picture[y, x].astype(float))
            steps.append(np.abs(sides[0] - sides[1]).mean())
        return float(np.mean(steps))

    assert contrast(result) < 0.75 * contrast(flat)


def test_the_background_of_the_texture_changes_nothing() -> None:
    results = []
    for background in ((0, 0, 0), (255, 0, 255)):
        surfaces, texture = objects.sphere(background=background)
        results.append(painted(surfaces, texture, light())[covered(surfaces, texture)])
    assert np.abs(results[0].astype(int) - results[1]).max() <= 1


def test_islands_with_more_texels_get_strokes_of_the_same_size_on_the_object() -> None:
    """Two equal squares of the object, one with twice the texels a side: brought to one size they look alike."""
    shapes = [
        objects.Island(lambda s, t, z=z: np.stack([s, t, np.full_like(s, z)], axis=-1), box)
        for z, box in ((0.0, (16, 16, 320, 320)), (0.0005, (352, 16, 144, 144)))
    ]
    surfaces, texture = objects.made(shapes, 512)
    result = painted(surfaces, texture, light())
    large = Picture.from_array(np.ascontiguousarray(result[16:336, 16:336])).resized(144, 144).to_numpy()
    small = result[16:160, 352:496]
    flat = stored(light()(Picture.from_array(texture)).samples, np.uint8)
    flat_large = Picture.from_array(np.ascontiguousarray(flat[16:336, 16:336])).resized(144, 144).to_numpy()
    ours = np.abs(large.astype(int) - small).mean()
    theirs = np.abs(flat_large.astype(int) - flat[16:160, 352:496]).mean()
    assert ours < 0.7 * theirs


def test_a_texture_that_repeats_is_painted_so_that_its_borders_meet() -> None:
    side = 192
    y, x = np.mgrid[0:side, 0:side] * (2 * np.pi / side)
    texture = np.stack([np.cos(3 * x), np.cos(2 * y), np.cos(2 * x + 3 * y)], axis=-1) * 90 + 128
    texture = texture.astype(np.uint8)
    corners = np.array([[0, 0], [4, 0], [4, 4], [0, 4]], float)
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    positions = np.concatenate([corners, np.zeros((4, 1))], axis=1)
    surface = Surface(positions[triangles], corners[triangles], 0)
    result = painted([surface], texture, light()).astype(float)
    flat = stored(light()(Picture.from_array(texture)).samples, np.uint8).astype(float)

    def steps(picture: NDArray) -> float:
        return float(np.abs(picture[:, 0] - picture[:, -1]).mean() + np.abs(picture[0] - picture[-1]).mean())

    assert steps(result) < 0.6 * steps(flat)


def test_margins_show_what_lies_across_the_seam() -> None:
    surfaces, texture = objects.cube()
    canvas, links = laid(surfaces, texture)
    fill_margins(canvas, links)
    place = canvas.plan.places[0]
    rows, columns = place.inner
    beside = canvas.colors[rows, columns.stop + 1].astype(int)
    own = canvas.colors[rows, columns.stop - 2].astype(int)
    assert (canvas.state[rows, columns.stop + 1] == FILLED).all()
    assert np.abs(beside - own).mean() < 40  # the lines on the cube go on
    assert (canvas.state[place.inner] == COVERED).all()


def test_what_nothing_shows_is_filled_with_colors_from_around_it() -> None:
    surfaces, texture = objects.figure()
    canvas, _ = laid(surfaces, texture)
    gaps = canvas.state == 0
    assert not canvas.colors[gaps].any()
    fill_gaps(canvas)
    assert canvas.colors[gaps].min() > 20


def test_charts_do_not_overlap_on_the_canvas() -> None:
    surfaces, texture = objects.figure()
    canvas, _ = laid(surfaces, texture, 300)
    for one, two in itertools.combinations(canvas.plan.places, 2):
        apart = [a.stop <= b.start or b.stop <= a.start for a, b in zip(one.outer, two.outer, strict=True)]
        assert any(apart)
    assert all(place.outer[0].start >= 0 and place.outer[1].stop <= canvas.plan.width for place in canvas.plan.places)


def test_an_unpainted_canvas_gives_the_texture_back() -> None:
    surfaces, texture = objects.cube()
    canvas, links = laid(surfaces, texture)
    fill_margins(canvas, links)
    out = texture.copy()
    unpack(canvas.colors, canvas.plan, [out])
    seen = cv2.erode(covered(surfaces, texture).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert np.abs(out[seen].astype(int) - texture[seen]).max() <= 1
    assert (out != texture).any()  # the margins


@pytest.mark.parametrize("wrap", ["repeat", "clamp"])
def test_a_chart_as_large_as_its_texture_comes_back_whole(wrap: Wrap) -> None:
    texture = np.random.RandomState(1).randint(0, 256, (128, 128, 3), np.uint8)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    positions = np.concatenate([corners, np.zeros((4, 1))], axis=1)
    canvas, links = laid([Surface(positions[triangles], corners[triangles], 0, (wrap, wrap))], texture)
    fill_margins(canvas, links)
    out = np.zeros_like(texture)
    unpack(canvas.colors, canvas.plan, [out])
    assert np.array_equal(out, texture)


def test_a_clamped_island_does_not_come_round() -> None:
    """Where u runs from 0.75 to 1.25, the left half of the texture is not shown."""
    texture = np.random.RandomState(2).randint(0, 256, (128, 128, 3), np.uint8)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    positions = np.concatenate([corners, np.zeros((4, 1))], axis=1)
    surface = Surface(positions[triangles], (corners * (0.5, 1) + (0.75, 0))[triangles], 0, ("clamp", "clamp"))
    result = painted([surface], texture, light())
    assert np.array_equal(result[:, :64], texture[:, :64])
    assert not np.array_equal(result[:, 96:], texture[:, 96:])


def test_what_is_far_from_every_island_stays() -> None:
    surfaces, texture = objects.sphere(background=(1, 2, 3))
    texture[260:, :] = (9, 8, 7)
    result = painted(surfaces, texture, light())
    assert (result[-40:] == (9, 8, 7)).all()


def test_sewing_leaves_edges_of_the_object_alone() -> None:
    surfaces, texture = objects.cube()
    mesh = Mesh.of(surfaces, [texture.shape[1::-1]])
    _, seams, _ = find_islands(mesh)
    samples = sample_seams(mesh, seams, [one.wrap for one in surfaces])
    two = texture.copy()
    two[:192] = 30  # three faces dark, three bright: a step that the object has
    two[192:] = 220
    sharp, soft = [two.copy()], [two.copy()]
    free = [np.ones(texture.shape[:2], np.bool_)]
    sew(samples, sharp, color_steps(samples, [two]), free)
    sew(samples, soft, np.zeros(len(samples.weights), np.float32), free)
    assert mean_step(samples, sharp) > 5 * mean_step(samples, soft)


def test_a_material_has_a_style_of_its_own() -> None:
    surfaces, texture = objects.cube()
    plain = painted(surfaces, texture, light())
    result = painted(surfaces, texture, light(), Region("material:front", "none"))
    front = covered([one for one in surfaces if one.material == "front"], texture)
    front[:, 128:] = False  # without the borders, where both are mixed
    front[:24] = front[104:152] = front[232:] = front[:, :24] = front[:, 104:] = False
    assert np.abs(result[front].astype(int) - texture[front]).mean() < 3
    assert np.abs(plain[front].astype(int) - texture[front]).mean() > 15
    side = np.zeros_like(front)
    side[40:90, 168:216] = True
    assert np.abs(result[side].astype(int) - texture[side]).mean() > 15


def test_what_no_region_paints_stays_to_the_bit() -> None:
    noise = np.random.RandomState(0).randint(0, 256, (384, 384, 3), np.uint8)
    surfaces, _ = objects.cube()
    none = Region("material:front", "none"), Region("material:side", "none")
    assert np.array_equal(painted(surfaces, noise, light(), *none), noise)


def test_strength_mixes_paint_and_texture() -> None:
    surfaces, texture = objects.cube()
    whole, half = (painted(surfaces, texture, light(strength=strength)) for strength in (100, 50))
    seen = covered(surfaces, texture)
    full = np.abs(whole[seen].astype(float) - texture[seen]).mean()
    assert np.abs(half[seen].astype(float) - texture[seen]).mean() == pytest.approx(full / 2, rel=0.2)


@pytest.mark.parametrize("side", [1, 2, 7])
def test_the_smallest_textures_are_painted(side: int) -> None:
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    positions = np.concatenate([corners, np.zeros((4, 1))], axis=1)
    texture = np.full((side, side, 3), 120, np.uint8)
    result = painted([Surface(positions[triangles], corners[triangles], 0)], texture, light())
    assert result.shape == texture.shape

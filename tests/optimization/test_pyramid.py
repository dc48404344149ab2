"""Scales, evaluations and memory, foreseen."""

from __future__ import annotations

from dataclasses import replace

from helpers import refused

from impasto.errors import OutOfMemory
from impasto.optimization import pyramid
from impasto.optimization.pyramid import Level
from impasto.optimization.recipe import DEFAULT
from impasto.system.memory import free_memory


def test_scales_and_their_evaluations() -> None:
    recipe = replace(DEFAULT, pyramid=2.0, coarsest=100, iterations=70)
    found = pyramid.levels(800, 400, recipe)
    assert [(level.width, level.height) for level in found] == [(200, 100), (400, 200), (800, 400)]
    assert [level.iterations for level in found] == [40, 20, 10]
    assert pyramid.levels(800, 400, replace(recipe, pyramid=1.0)) == [Level(800, 400, 70)]
    assert [level.iterations for level in pyramid.levels(800, 400, replace(recipe, iterations=2))] == [1, 1]
    tiles = pyramid.levels(208, 208, recipe, multiple=16)
    assert [(level.width, level.height) for level in tiles] == [(112, 112), (208, 208)] or tiles[0].width % 16 == 0


def test_memory_is_foreseen() -> None:
    layers = DEFAULT.layers()
    small, features_twice = pyramid.choose_memory(512, 512, layers, 19, 4, 16_000_000_000)
    assert not features_twice
    large, features_twice = pyramid.choose_memory(2048, 1536, layers, 19, 4, 16_000_000_000)
    assert features_twice
    assert small < large < 6_500_000_000
    with refused(OutOfMemory, "memory", "4.0 GB") as e:
        pyramid.choose_memory(8000, 6000, layers, 19, 4, 4_000_000_000)
    side = int(e.value.hint.split()[1])
    need, _ = pyramid.choose_memory(side, side * 3 // 4, layers, 19, 4, 4_000_000_000)
    assert need < 4_000_000_000
    assert free_memory() is None or free_memory() > 0  # type: ignore[operator]

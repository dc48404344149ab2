"""Texture coordinates for meshes that have none."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
import trimesh
from helpers import refused

from impasto.errors import MissingExtra
from impasto.textures.charts import draw
from impasto.textures.unwrap import Unwrapped, unwrap

SIDE = 256


def areas(corners: np.ndarray) -> np.ndarray:
    """Of triangles, T x 3 x 2 or 3."""
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    if corners.shape[2] == 2:
        return np.abs(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]) / 2
    return np.linalg.norm(np.cross(one, other), axis=1) / 2


def mesh(shape: trimesh.Trimesh, scale: float = 1, offset: float = 0) -> tuple[np.ndarray, np.ndarray]:
    return shape.vertices * scale + offset, np.asarray(shape.faces)


@pytest.fixture
def both() -> tuple[list[tuple[np.ndarray, np.ndarray]], list[Unwrapped]]:
    pytest.importorskip("xatlas")
    meshes = [mesh(trimesh.creation.icosphere(2)), mesh(trimesh.creation.box(), 3, 1000)]
    return meshes, unwrap(meshes, SIDE, 4)


def test_the_triangles_stay_in_their_order_and_vertices_are_only_doubled(both: Any) -> None:
    for (points, triangles), found in zip(*both, strict=True):
        assert np.array_equal(found.vertices[found.triangles], triangles)
        assert len(found.vertices) > len(points)
        assert len(found.coordinates) == len(found.vertices)


def test_no_two_triangles_lie_over_each_other(both: Any) -> None:
    corners = np.concatenate([found.coordinates[found.triangles] for found in both[1]])
    assert corners.min() >= 0
    assert corners.max() <= 1
    inner = corners.mean(axis=1, keepdims=True) + 0.7 * (corners - corners.mean(axis=1, keepdims=True))
    drawn = np.zeros((1024, 1024), int)
    for triangle in inner:
        drawn += draw(1024 * triangle[None].astype(np.float64), 1024, 1024) > 0
    assert drawn.max() == 1
    assert areas(corners).sum() > 0.3  # the picture is not wasted


def test_all_meshes_have_one_scale(both: Any) -> None:
    scales = []
    for (points, triangles), found in zip(*both, strict=True):
        share = areas(found.coordinates[found.triangles].astype(np.float64)) / areas(points[triangles])
        scales += np.sqrt(share).tolist()
    assert max(scales) < 1.3 * min(scales)


def test_charts_keep_their_distance(both: Any) -> None:
    """A mesh's charts do not touch those of the other one, even where a texel mixes its neighbors."""
    drawn = [draw(SIDE * found.coordinates[found.triangles].astype(np.float64), SIDE, SIDE) > 0 for found in both[1]]
    grown = [np.pad(one, 1)[y : y + SIDE, x : x + SIDE] for one in drawn[:1] for y in range(3) for x in range(3)]
    assert not (np.logical_or.reduce(grown) & drawn[1]).any()


def test_triangles_without_area_and_meshes_without_triangles(both: Any) -> None:
    points, triangles = both[0][1]
    flat = np.concatenate([triangles, [[0, 0, 1], [2, 2, 2]]])
    nothing = np.zeros((0, 3), int)
    found = unwrap([(points, nothing), (points, flat), (points[:3] * 0, triangles[:1] * 0)], SIDE, 4)
    assert [len(one.triangles) for one in found] == [0, len(flat), 1]
    assert np.array_equal(found[1].vertices[found[1].triangles], flat)
    assert all(np.isfinite(one.coordinates).all() for one in found)
    assert [len(one.triangles) for one in unwrap([(points, nothing)], SIDE, 4)] == [0]


def test_without_xatlas_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None)
    with refused(MissingExtra, "missing-extra", "xatlas"):
        unwrap([(np.eye(3), np.array([[0, 1, 2]]))], SIDE, 4)

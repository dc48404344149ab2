"""Objects with textures that are continuous on them, whatever way their islands lie in the texture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from impasto.textures.model import Surface

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Island:
    """A piece of an object.

    Attributes:
        place: gives the points of the object for s and t in 0..1, each any shape.
        box: left, top, width and height in the texture, in texels.
        turn: of the piece within its box, in quarters.
        mirrored: the piece lies mirrored in its box.
    """

    place: Callable[[Points, Points], Points]
    box: tuple[float, float, float, float]
    turn: int = 0
    mirrored: bool = False
    material: str = ""


def colors_at(points: Points) -> Points:
    """A color for every point of space, 0..1: shades with lines and spots in them."""
    x, y, z = (points[..., axis] for axis in range(3))
    waves = [
        np.sin(5 * x + 3 * y) + np.cos(4 * z - x),
        np.sin(4 * y - 2 * z) + np.cos(6 * x),
        np.sin(3 * z + 5 * x * y),
    ]
    found = np.stack([0.5 + 0.2 * wave for wave in waves], axis=-1)
    lines = np.abs((6 * (x + y + z)) % 1 - 0.5) < 0.08
    spots = np.sin(14 * x) * np.sin(14 * y) * np.sin(14 * z) > 0.35
    found[lines] *= 0.3
    found[spots] = (0.95, 0.85, 0.3)
    return found.clip(0, 1)


def _turned(s: Points, t: Points, island: Island) -> tuple[Points, Points]:
    """From the piece's own coordinates to those of its box."""
    for _ in range(island.turn % 4):
        s, t = 1 - t, s
    return (1 - s, t) if island.mirrored else (s, t)


def _turned_back(s: Points, t: Points, island: Island) -> tuple[Points, Points]:
    if island.mirrored:
        s = 1 - s
    for _ in range(island.turn % 4):
        s, t = t, 1 - s
    return s, t


def made(
    islands: Sequence[Island],
    side: int,
    steps: int = 12,
    background: tuple[int, int, int] = (0, 0, 0),
    bleed: int = 2,
    color: Callable[[Points], Points] = colors_at,
) -> tuple[list[Surface], NDArray[np.uint8]]:
    """An object and its texture of side x side texels; around each island it goes on for `bleed` texels."""
    texture = np.empty((side, side, 3), np.uint8)
    texture[:] = background
    surfaces = []
    for island in islands:
        left, top, width, height = island.box
        s, t = np.meshgrid(np.linspace(0, 1, steps + 1), np.linspace(0, 1, steps + 1))
        corners = np.arange((steps + 1) ** 2).reshape(steps + 1, steps + 1)
        a, b, c, d = corners[:-1, :-1], corners[:-1, 1:], corners[1:, :-1], corners[1:, 1:]
        triangles = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])
        u, v = _turned(s, t, island)
        at = np.stack([(left + u * width) / side, (top + v * height) / side], axis=-1).reshape(-1, 2)
        points = island.place(s, t).reshape(-1, 3)
        surfaces.append(Surface(points[triangles], at[triangles], 0, material=island.material))
        columns, rows = (
            np.arange(int(start) - bleed, int(start + length) + bleed)
            for start, length in ((left, width), (top, height))
        )
        x, y = np.meshgrid(columns, rows)
        u, v = ((x + 0.5 - left) / width).clip(0, 1), ((y + 0.5 - top) / height).clip(0, 1)
        shown = color(island.place(*_turned_back(u, v, island)))
        use = (x >= 0) & (x < side) & (y >= 0) & (y < side)
        texture[y[use], x[use]] = np.round(shown[use] * 255).astype(np.uint8)
    return surfaces, texture


def cube(side: int = 384) -> tuple[list[Surface], NDArray[np.uint8]]:
    """A cube of 1 unit, each face an island turned its own way."""
    return made(_faces(lambda points: points / 2, side), side, steps=4)


def sphere(side: int = 384, **how: object) -> tuple[list[Surface], NDArray[np.uint8]]:
    """A sphere of six islands."""

    def round_(points: Points) -> Points:
        found: Points = points / np.linalg.norm(points, axis=-1, keepdims=True)
        return found

    return made(_faces(round_, side), side, **how)  # type: ignore[arg-type]


def _faces(shape: Callable[[Points], Points], side: int) -> list[Island]:
    """The six faces of a cube from -1 to 1, put on another shape, in three columns and two rows."""
    found = []
    cell = side / 3
    for index in range(6):
        axis, sign = index % 3, 1 - 2 * (index // 3)

        def place(s: Points, t: Points, axis: int = axis, sign: int = sign) -> Points:
            points = [np.zeros_like(s)] * 3
            points[axis] = np.full_like(s, sign)
            points[(axis + 1) % 3], points[(axis + 2) % 3] = 2 * s - 1, sign * (2 * t - 1)
            return shape(np.stack(points, axis=-1))

        box = (index % 3 * cell + 8, index // 3 * cell + 8, cell - 16, cell - 16)
        found.append(Island(place, box, turn=index, mirrored=index == 4, material="front" if axis == 0 else "side"))
    return found


def figure(side: int = 512) -> tuple[list[Surface], NDArray[np.uint8]]:
    """A figure of a body, a head and four limbs, each a tube that is cut open; the head has the most texels."""

    def tube(low: Sequence[float], high: Sequence[float], radius: float) -> Callable[[Points, Points], Points]:
        start, end = np.array(low, float), np.array(high, float)
        axis = (end - start) / np.linalg.norm(end - start)
        one = np.cross(axis, [0.3, 0.2, 0.9])
        one /= np.linalg.norm(one)
        two = np.cross(axis, one)

        def place(s: Points, t: Points) -> Points:
            angle = 2 * np.pi * s[..., None]
            return start + t[..., None] * (end - start) + radius * (np.cos(angle) * one + np.sin(angle) * two)

        return place

    unit = side / 512
    boxes = {
        "head": (tube([0, 1.5, 0], [0, 2.1, 0], 0.3), (16, 16, 280, 150), 0),
        "body": (tube([0, 0.4, 0], [0, 1.5, 0], 0.4), (16, 200, 200, 110), 0),
        "left arm": (tube([0.4, 1.4, 0], [1.2, 0.9, 0], 0.12), (320, 16, 60, 140), 0),
        "right arm": (tube([-0.4, 1.4, 0], [-1.2, 0.9, 0], 0.12), (250, 200, 140, 60), 1),
        "left leg": (tube([0.2, 0.4, 0], [0.25, -0.9, 0], 0.16), (16, 350, 80, 140), 2),
        "right leg": (tube([-0.2, 0.4, 0], [-0.25, -0.9, 0], 0.16), (130, 350, 80, 140), 0),
    }
    islands = [
        Island(place, (x * unit, y * unit, w * unit, h * unit), turn, name == "right arm", name)
        for name, (place, (x, y, w, h), turn) in boxes.items()
    ]
    return made(islands, side, steps=16)

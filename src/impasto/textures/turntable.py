"""Draw a turning model with a small ray caster. Embree finds the hits; color and light are computed here."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.errors import MissingExtra
from impasto.picture import Picture
from impasto.picture.contents import Frame
from impasto.picture.formats import format_of
from impasto.pixels.arrays import Pixels, floats, stored
from impasto.progress import OnProgress, Progress, Stopped
from impasto.textures.canvas import wrapped
from impasto.textures.model import Surface, Wrap

_PITCH = 0.35  # radians: the camera looks down
_FILLED = 0.92  # share of the picture's side that the model fills
_FINER = 2  # rays per pixel, horizontally and vertically
_LAYERS = 4  # largest number of transparent surfaces that one ray may pass
_CLEAR = 0.5  # alpha below which a surface is transparent
_BEYOND = np.float32(1e-4)  # distance behind a transparent surface at which rays continue; the model's radius is 1
_GROUND = np.float32(0.94)
_AMBIENT, _LIGHT = np.float32(0.72), np.float32(0.3)
_TOWARDS = (np.array([-0.4, 0.6, 0.7]) / np.linalg.norm([-0.4, 0.6, 0.7])).astype(np.float32)  # light, from the camera
_LARGEST = 1024  # longer side, in pixels, of a texture for drawing
_WIDTH = 4096  # places looked up in one row; OpenCV allows up to 32767
_SMALLEST = 1e-30  # least size of a model
_SECONDS = 3.0  # of the whole turn

Look: TypeAlias = "Callable[[float], Pixels]"


def check_installed() -> None:
    """Raise MissingExtra if embreex, which finds the hits of rays, is not installed."""
    if importlib.util.find_spec("embreex") is None:
        raise MissingExtra("embreex, which draws the preview,", "textures")


def check_preview(path: Path) -> None:
    """Refuse a preview that cannot be drawn, before painting.

    Raises:
        UsageError: the format is not supported.
        MissingExtra: embreex, which finds the hits of rays, is not installed.
    """
    format_of(path)
    check_installed()


def turntable(
    surfaces: Sequence[Surface],
    pictures: Sequence[Picture],
    *,
    size: int = 400,
    frames: int = 36,
    on_progress: OnProgress | None = None,
) -> Picture:
    """Return an animation of a model that turns once about its vertical axis, y.

    Args:
        surfaces: its triangles.
        pictures: the textures, by `Surface.texture`.
        size: width and height in pixels.
        frames: of the whole turn.
        on_progress: called after every frame. Returning False stops the work.
    Raises:
        MissingExtra: embreex is not installed.
        Stopped: `on_progress` returned False.
    """
    look = camera(surfaces, pictures, size)
    drawn = []
    for number in range(frames):
        drawn.append(stored(look(2 * np.pi * number / frames), np.uint8))
        if on_progress is not None:
            now = Progress(number + 1, frames, (number + 1) / frames, "drawing the preview")
            if on_progress(now) is False:
                raise Stopped
    duration = 1000 * _SECONDS / frames
    rest = tuple(Frame(one, duration) for one in drawn[1:])
    return Picture(drawn[0], frames=rest, duration=duration if rest else 0)


def camera(surfaces: Sequence[Surface], pictures: Sequence[Picture], size: int) -> Look:
    """Return a function that draws a model: from its rotation in radians to size x size x 3, 0..1.

    Raises:
        MissingExtra: embreex is not installed.
    """
    check_installed()
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    corners = np.concatenate([part for one in surfaces for part in _everywhere(one)])
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    corners = corners - (low + high) / 2
    around, upright = np.hypot(corners[..., 0], corners[..., 2]), np.abs(corners[..., 1])
    reach = max(float(around.max()), float((upright * np.cos(_PITCH) + around * np.sin(_PITCH)).max()), _SMALLEST)
    corners = (corners / reach).astype(np.float32)
    scene = EmbreeScene()
    TriangleMesh(scene, corners)
    normals, points = _normals(corners), corners.reshape(-1, 3)
    skin = _Skin(surfaces, pictures)
    side = size * _FINER
    steps = ((np.arange(side) + 0.5) / side * 2 - 1).astype(np.float32) / _FILLED

    def look(turned: float) -> Pixels:
        right, up, back = _axes(turned)
        facing = normals * np.where(normals @ back < 0, -1, 1).astype(np.float32)[:, None]
        shades = _AMBIENT + _LIGHT * (facing @ (_TOWARDS[0] * right + _TOWARDS[1] * up + _TOWARDS[2] * back)).clip(0, 1)
        across, upward = points @ right, points @ up
        columns = np.flatnonzero((steps >= across.min()) & (steps <= across.max()))
        rows = np.flatnonzero((-steps >= upward.min()) & (-steps <= upward.max()))
        rays = (rows[:, None] * side + columns).reshape(-1)  # rays that may hit the model
        starts = (steps[columns, None] * right - steps[rows, None, None] * up + 4 * back).reshape(-1, 3)
        directions = np.tile(-back, (len(rays), 1))
        whole = np.full((side * side, 3), _GROUND)
        for _ in range(_LAYERS):
            if not len(rays):
                break
            hits = scene.run(starts, directions[: len(rays)], output=True)
            met = np.flatnonzero(hits["primID"] >= 0)
            triangles = hits["primID"][met]
            color = skin(triangles, hits["u"][met], hits["v"][met])
            color[:, :3] *= shades[triangles, None]
            solid = color[:, 3] >= _CLEAR
            whole[rays[met[solid]]] = color[solid, :3]
            behind = met[~solid]
            rays, starts = rays[behind], starts[behind] - (hits["tfar"][behind, None] + _BEYOND) * back
        found: Pixels = cv2.resize(whole.reshape(side, side, 3), (size, size), interpolation=cv2.INTER_AREA)
        return found.clip(0, 1)

    return look


def _axes(turned: float) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the camera's right, up and back. The camera moves around the model in the opposite direction."""
    cosine, sine = np.cos(-turned), np.sin(-turned)
    right = np.array([cosine, 0, -sine])
    back = np.array([sine * np.cos(_PITCH), np.sin(_PITCH), cosine * np.cos(_PITCH)])
    return right.astype(np.float32), np.cross(back, right).astype(np.float32), back.astype(np.float32)


def _everywhere(surface: Surface) -> list[NDArray[np.float64]]:
    """Return a surface's corners, once for each place in the scene."""
    moved = [surface.positions @ way[:3, :3].T + way[:3, 3] for way in surface.copies]
    return [surface.positions, *moved]


def _normals(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the normals of triangles, T x 3; 0 for triangles without area."""
    wide = corners.astype(np.float64)
    found: NDArray[np.float64] = np.cross(wide[:, 1] - wide[:, 0], wide[:, 2] - wide[:, 0])
    found /= np.maximum(np.linalg.norm(found, axis=1), _SMALLEST)[:, None]
    return found.astype(np.float32)


class _Skin:
    """Look up colors of places on triangles."""

    def __init__(self, surfaces: Sequence[Surface], pictures: Sequence[Picture]) -> None:
        ways = sorted({(one.texture, one.wrap) for one in surfaces})
        counts = [len(one.positions) * (1 + len(one.copies)) for one in surfaces]
        self._way = np.repeat([ways.index((one.texture, one.wrap)) for one in surfaces], counts)
        corners = np.concatenate([np.tile(_near(one), (1 + len(one.copies), 1, 1)) for one in surfaces])
        self._corner, self._edges = corners[:, 0], corners[:, 1:] - corners[:, :1]
        self._wraps = [wrap for _, wrap in ways]
        textures = {index: _texture(pictures[index]) for index, _ in ways}
        self._textures = [_bordered(textures[index], wrap) for index, wrap in ways]

    def __call__(
        self, triangles: NDArray[np.int32], u: NDArray[np.float32], v: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return colors with alpha, N x 4, 0..1, of triangles at barycentric coordinates."""
        edges = self._edges[triangles]
        places = self._corner[triangles] + u[:, None] * edges[:, 0] + v[:, None] * edges[:, 1]
        found = np.empty((len(triangles), 4), np.uint8)
        way = self._way[triangles]
        for index, (texture, wrap) in enumerate(zip(self._textures, self._wraps, strict=True)):
            rows = np.flatnonzero(way == index)
            found[rows] = _mixed(texture, places[rows], wrap)
        return floats(found)


def _near(surface: Surface) -> NDArray[np.float32]:
    """Return equivalent texture coordinates that are small, where the texture repeats."""
    start = surface.coordinates[:, :1]
    endless = [wrap != "clamp" for wrap in surface.wrap]
    return (surface.coordinates - np.where(endless, 2 * np.floor(start / 2), 0)).astype(np.float32)


def _texture(picture: Picture) -> NDArray[np.uint8]:
    """Return a texture with its alpha, H x W x 4, of at most `_LARGEST` pixels a side."""
    found = picture.at_most(_LARGEST).samples_in(8)
    return found if found.shape[2] == 4 else np.dstack([found, np.full(found.shape[:2], 255, np.uint8)])


def _bordered(texture: NDArray[np.uint8], wrap: tuple[Wrap, Wrap]) -> NDArray[np.uint8]:
    """Return a texture with one more texel on each side."""
    columns, rows = (
        wrapped(np.arange(-1, side + 1), side, way) for side, way in zip(texture.shape[1::-1], wrap, strict=True)
    )
    return texture[rows[:, None], columns]


def _mixed(texture: NDArray[np.uint8], places: NDArray[np.float32], wrap: tuple[Wrap, Wrap]) -> NDArray[np.uint8]:
    """Interpolate between the four texels around each place, in a texture with a border."""
    height, width = texture.shape[:2]
    at = np.zeros((len(places) // _WIDTH + 1, _WIDTH, 2), np.float32)
    flat = at.reshape(-1, 2)[: len(places)]
    for axis, side in enumerate((width - 2, height - 2)):
        flat[:, axis] = _within(places[:, axis], wrap[axis]) * side + 0.5
    found: NDArray[np.uint8] = cv2.remap(texture, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(-1, 4)[: len(places)]


def _within(places: NDArray[np.float32], wrap: Wrap) -> NDArray[np.float32]:
    """Return the place in the texture, 0..1, that is shown at a place beyond it."""
    found: NDArray[np.float32] = places.clip(0, 1)
    if wrap == "repeat":
        found = places - np.floor(places)
    elif wrap == "mirror":
        found = 1 - np.abs(places - 2 * np.floor(places / 2) - 1)
    return found

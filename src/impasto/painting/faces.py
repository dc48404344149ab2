"""Find the faces in a photo with YuNet, and make a mask of them.

Wu et al.: YuNet: A Tiny Millisecond-level Face Detector, 2023. The network divides the photo into cells of 8, 16 and 32
pixels. For each cell it returns a score, that a face has its center there, and the face's box.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.pixels.arrays import Pixels, Samples, fit, planes
from impasto.pixels.masks import Mask
from impasto.system.sessions import Model

_NETWORK = Path(__file__).parents[1] / "assets" / "person" / "faces.onnx"
_SIDE = 640  # longer side of the photo in the network
_CELLS = (8, 16, 32)
_SURE = 0.7  # least score of a face
_OVERLAP = 0.3  # intersection over union, above which two boxes are the same face
_WIDE, _HIGH = 0.62, 0.66  # semi-axes of a face's ellipse, relative to its box; they include forehead and chin
_INNER, _OUTER = 0.8, 1.2  # relative to the semi-axes: the mask fades between the two


@dataclass(frozen=True)
class Face:
    """A face in a photo.

    Attributes:
        box: left, top, right, bottom, in pixels of the photo.
        tilt: the angle of the line through the eyes, in radians, clockwise; 0 is upright.
        score: 0..1.
    """

    box: tuple[float, float, float, float]
    tilt: float
    score: float


def find_faces(photo: Pixels) -> list[Face]:
    """Find the faces of a photo. Return those with the highest scores first.

    Args:
        photo: H x W x 3, float32, 0..1, of any size.
    """
    height, width = photo.shape[:2]
    size = fit(width, height, _SIDE)
    small = resized(photo, *size)[:, :, ::-1] * 255
    below, beside = (-side % _CELLS[-1] for side in small.shape[:2])
    small = np.pad(small, [(0, below), (0, beside), (0, 0)])
    names = [f"{kind}_{cell}" for kind in ("cls", "obj", "bbox", "kps") for cell in _CELLS]
    outputs = dict(zip(names, _network().run({"input": planes(small)}), strict=True))
    scale = np.array([width / size[0], height / size[1]])
    found = [face for cell in _CELLS for face in _faces_of(outputs, cell, small.shape[1] // cell, scale)]
    return _distinct(sorted(found, key=lambda face: -face.score))


def _faces_of(
    outputs: dict[str, NDArray[np.float32]], cell: int, columns: int, scale: NDArray[np.float64]
) -> list[Face]:
    kinds, objects, boxes, points = (outputs[f"{kind}_{cell}"][0] for kind in ("cls", "obj", "bbox", "kps"))
    scores = np.sqrt(kinds[:, 0].clip(0, 1) * objects[:, 0].clip(0, 1))
    faces = []
    for index in np.flatnonzero(scores > _SURE):
        corner = np.array([index % columns, index // columns])
        middle = (corner + boxes[index, :2]) * cell * scale
        half = np.exp(boxes[index, 2:]) * cell * scale / 2
        eyes = points[index, :4].reshape(2, 2)  # the person's right eye, which is on the left, then the left eye
        across = (eyes[1] - eyes[0]) * scale
        box = (*(middle - half).tolist(), *(middle + half).tolist())
        faces.append(Face(box, math.atan2(across[1], across[0]), float(scores[index])))
    return faces


def _distinct(faces: Sequence[Face]) -> list[Face]:
    """Keep the box with the highest score of those that overlap."""
    kept: list[Face] = []
    for face in faces:
        if all(_overlap(face.box, other.box) <= _OVERLAP for other in kept):
            kept.append(face)
    return kept


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    both = max(0.0, wide) * max(0.0, high)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return both / max(sum(areas) - both, 1e-6)


def ellipses(faces: Sequence[Face], width: int, height: int) -> Mask:
    """Make a mask of faces: an ellipse with soft edges around each face.

    Returns:
        height x width, float32, 0..1.
    """
    mask = np.zeros((height, width), np.float32)
    for face in faces:
        left, top, right, bottom = face.box
        x, y, wide, high = (left + right) / 2, (top + bottom) / 2, _WIDE * (right - left), _HIGH * (bottom - top)
        reach = _OUTER * max(wide, high)
        rows = slice(max(0, int(y - reach)), max(0, min(height, math.ceil(y + reach))))
        columns = slice(max(0, int(x - reach)), max(0, min(width, math.ceil(x + reach))))
        down = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] - np.float32(y)
        along = np.arange(columns.start, columns.stop, dtype=np.float32)[None] - np.float32(x)
        cosine, sine = math.cos(face.tilt), math.sin(face.tilt)
        away = np.hypot((along * cosine + down * sine) / wide, (down * cosine - along * sine) / high)
        share = ((_OUTER - away) / (_OUTER - _INNER)).clip(0, 1)
        mask[rows, columns] = np.maximum(mask[rows, columns], share * share * (3 - 2 * share))
    return mask


def resized(photo: Samples, width: int, height: int) -> Samples:
    """Resize a photo for a network, ten times as fast as `impasto.pixels.arrays.resize`."""
    shrinks = width * height < photo.shape[0] * photo.shape[1]
    return cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


@functools.cache
def _network() -> Model:
    return Model(_NETWORK.read_bytes)

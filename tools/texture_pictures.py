"""Make docs/images/textures.jpg: a vase painted as a flat texture, and painted without seams.

The vase's texture has eight rotated pieces.

python tools/texture_pictures.py [--style NAME] [-o FILE]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import objects

from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels, floats, stored
from impasto.textures.model import Surface
from impasto.textures.skin import Skin
from impasto.textures.turntable import camera

ROOT = Path(__file__).resolve().parents[1]
_SIDE = 2048  # texels of the texture's sides
_DRAWN = 720  # pixels a side of each view
_TURNED = 0.55  # radians


def vase(photo: Pixels) -> tuple[list[Surface], NDArray[np.uint8]]:
    """Build a vase with a photo wrapped around it, cut into four strips of two pieces each."""

    def place(s: NDArray[np.float64], t: NDArray[np.float64]) -> NDArray[np.float64]:
        radius = 0.34 + 0.16 * np.sin(np.pi * (1.15 * t + 0.05)) - 0.14 * np.exp(-((t - 0.88) ** 2) / 0.006)
        angle = 2 * np.pi * s
        return np.stack([radius * np.sin(angle), 1.5 * t - 0.75, radius * np.cos(angle)], axis=-1)

    def color(points: NDArray[np.float64]) -> NDArray[np.float64]:
        turned = np.arctan2(points[..., 0], points[..., 2]) / (2 * np.pi) % 1
        across = np.abs(2 * ((2 * turned) % 1) - 1) * (photo.shape[1] - 1)  # mirrored, so that the photo has no seam
        down = (1 - (points[..., 1] + 0.75) / 1.5).clip(0, 1) * (photo.shape[0] - 1)
        return photo[np.round(down).astype(int), np.round(across).astype(int)]

    cell = _SIDE / 4
    pieces = []
    for index in range(8):
        left, low = index % 4 / 4, index // 4 / 2

        def piece(
            s: NDArray[np.float64], t: NDArray[np.float64], left: float = left, low: float = low
        ) -> NDArray[np.float64]:
            return place(left + s / 4, low + t / 2)

        box = (index % 4 * cell + 16, index // 4 * cell + 16, cell - 32, cell - 32)
        pieces.append(objects.Island(piece, box, turn=index, mirrored=index % 3 == 1))
    return objects.made(pieces, _SIDE, steps=40, color=color, bleed=8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--style", default="starry-night")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs/images/textures.jpg")
    given = parser.parse_args()
    photo = Picture.open(ROOT / "src/impasto/assets/samples/colosseum.jpg")
    surfaces, texture = vase(floats(photo.samples))
    stylizer = Stylizer(given.style)
    flat = stored(stylizer(Picture.from_array(texture)).samples, np.uint8)
    (ours,) = Skin(surfaces, [texture]).paint(stylizer, [], None, lambda _fraction, _message: None)
    views = [camera(surfaces, [Picture.from_array(one)], _DRAWN)(_TURNED) for one in (texture, flat, ours)]
    views = [one[:, _DRAWN // 6 : -_DRAWN // 6] for one in views]
    Picture.from_array(np.concatenate(views, axis=1)).save(given.output, quality=88, mark=False)
    print(given.output)


if __name__ == "__main__":
    main()

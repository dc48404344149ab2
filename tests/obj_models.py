"""OBJ models that tests make: texts, and the files that belong to them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from helpers import file_bytes

CORNERS = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nvn 0 0 1\n"
"""Of a square that shows its whole texture upright to whom it faces; beginning with line 2 of the models here."""

FACE = "f 1/1 2/2 3/3 4/4\n"
SQUARE = f"mtllib model.mtl\n{CORNERS}usemtl skin\n{FACE}"
SKIN = "newmtl skin\nmap_Kd skin.png\n"

RED, GREEN, BLUE, WHITE = (220, 20, 20), (20, 200, 20), (20, 20, 220), (250, 250, 250)


def quarters(side: int = 16) -> np.ndarray:
    """A texture: red and green above, blue and white below. side x side x 3, uint8."""
    found = np.empty((side, side, 3), np.uint8)
    half = side // 2
    found[:half, :half], found[:half, half:], found[half:, :half], found[half:, half:] = RED, GREEN, BLUE, WHITE
    return found


def picture(file_format: str = "PNG") -> bytes:
    return file_bytes(quarters(), file_format)


def write(
    folder: Path, obj: str | bytes = SQUARE, mtl: str | bytes | None = SKIN, files: Mapping[str, bytes] | None = None
) -> Path:
    """Write model.obj, model.mtl if there is one, and other files, skin.png if none are given."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in {
        "model.obj": obj,
        "model.mtl": mtl,
        **({"skin.png": picture()} if files is None else files),
    }.items():
        if data is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.encode() if isinstance(data, str) else data)
    return folder / "model.obj"


def grid(count: int, form: str = "{0}/{0}") -> str:
    """The square, cut into count x count smaller ones."""
    steps = np.linspace(0, 1, count + 1)
    at = [(x, y) for y in steps for x in steps]
    lines = ["mtllib model.mtl", *(f"v {x:.9f} {y:.9f} 0" for x, y in at), *(f"vt {x:.9f} {y:.9f}" for x, y in at)]
    lines += ["vn 0 0 1"] * len(at) + ["usemtl skin"]
    for row in range(count):
        for column in range(count):
            first = row * (count + 1) + column + 1
            corners = (first, first + 1, first + count + 2, first + count + 1)
            lines.append("f " + " ".join(form.format(one, one - len(at) - 1) for one in corners))
    return "\n".join(lines) + "\n"

"""The documents as tests read them: their pages, their fenced blocks, and the folder that examples run in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gltf_models import write_cube
from helpers import ROOT, scene
from PIL import Image

from impasto.picture import Picture
from impasto.system.files import ASSETS

_FENCE = re.compile(r"^( *)(`{3,})(\w*)[^\n]*\n(.*?)^\1\2 *$", re.M | re.S)
_NOT_RUN = re.compile(r"<!-- not run: .+ -->\s*$")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, text, first line's number, and whether it says that it cannot run."""

    page: Path
    language: str
    text: str
    line: int
    runs: bool


def pages() -> list[Path]:
    """Return every Markdown page that people read: docs/, and those at the top of the repository."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(page: Path, *languages: str) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        if found[3] in languages:
            before = text[: found.start()]
            yield Block(page, found[3], found[4], before.count("\n") + 2, not _NOT_RUN.search(before))


def fill(folder: Path) -> None:
    """Put the files that examples name into a folder: photo.jpg, portrait.webp, painting.jpg, mask.png, photos/, ..."""
    sample = Picture.open(ASSETS / "samples" / "colosseum.jpg", at_most=160)
    sample.save(folder / "painting.jpg")
    photo = sample.at_most(64)
    photo.save(folder / "photo.jpg")
    Picture.open(ROOT / "docs" / "images" / "gallery" / "astronaut" / "photo.webp").save(folder / "portrait.webp")
    mask = np.zeros((photo.height, photo.width), np.uint8)
    mask[: photo.height // 2] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    write_cube(folder / "model.glb")
    for name, count in (("photos", 3), ("frames", 3), ("paintings", 2)):
        (folder / name).mkdir()
        for number in range(count):
            ending = "png" if name == "frames" else "jpg"
            Image.fromarray(scene(64, 48, seed=number)).save(folder / name / f"{number}.{ending}")
    import clips

    clips.write(folder / "clip.mp4", clips.moving(5))

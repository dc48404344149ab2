#!/usr/bin/env python3
"""Paint the site's gallery: every built-in style on four photos.

    python tools/site/gallery.py --photos DIR

writes docs/images/gallery/PHOTO/STYLE.webp and docs/gallery.md. DIR holds the four photos of `PHOTOS` as JPEG or PNG.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import impasto
from impasto.picture import Picture
from impasto.styles.store import Entry

DOCS = Path(__file__).resolve().parents[2] / "docs"
PICTURES = DOCS / "images" / "gallery"
PHOTOS = {
    "oakland-zoo-otters": "two otters",
    "singaporean-cityscape": "a city by the water",
    "tea-gardens": "a tea garden",
    "astronaut": "a portrait",
}
"""The photos' file names without endings, and what they show."""
SIDE, QUALITY = 400, 74  # longer side in pixels; of WebP
_ABOUT = """---
hide: [navigation, toc]
---

# Gallery

You can compare all built-in styles on four photos. Impasto painted them with its default settings. To see your own
photo in every style, type `impasto sheet photo.jpg -o sheet.png`. `python tools/site/gallery.py` makes this page.

The photos of otters, city and tea garden come from Budgie backgrounds (CC0 1.0). The portrait shows the astronaut
Eileen Collins (NASA, public domain). The paintings are in the public domain.

"""


def paint(folder: Path, entries: list[Entry]) -> None:
    """Paint the four photos of a folder in these styles, and keep the photos themselves."""
    for name in PHOTOS:
        photo = Picture.open(next(folder.glob(f"{name}.*")), at_most=1280)
        (PICTURES / name).mkdir(parents=True, exist_ok=True)
        photo.at_most(SIDE).save(PICTURES / name / "photo.webp", quality=QUALITY)
        for entry in entries:
            painted = impasto.stylize(photo, entry.name)
            painted.at_most(SIDE).save(PICTURES / name / f"{entry.name}.webp", quality=QUALITY)


def page(entries: list[Entry]) -> str:
    """Return the page as Markdown: the photos, then a row of four pictures a style."""
    return _ABOUT + "\n".join(["## The photos\n", _row("photo", "the photo"), *_styles(entries)])


def _styles(entries: list[Entry]) -> Iterator[str]:
    for entry in entries:
        about = ", ".join(part for part in (entry.artist, entry.title, entry.year, entry.kind) if part)
        yield f"## {entry.name}\n\n{about}. `--style {entry.name}`\n\n{_row(entry.name, entry.name)}"


def _row(file: str, said: str) -> str:
    pictures = (f"![{shows}, {said}](images/gallery/{photo}/{file}.webp)" for photo, shows in PHOTOS.items())
    return '<div class="gallery" markdown>\n\n' + "\n".join(pictures) + "\n\n</div>\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="folder of the four photos; default: only write the page")
    arguments = parser.parse_args()
    entries = [entry for entry in impasto.Gallery().entries() if entry.builtin]
    if arguments.photos:
        paint(arguments.photos, entries)
    (DOCS / "gallery.md").write_text(page(entries), encoding="utf-8")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Make the training folder for the enlargers of paintings: paintings, and painted photographs.

    python tools/enlarger/pictures.py --photos DIR --paintings DIR -o both/ [--painted 600]

Paintings are linked. The painter paints whole photographs, each in the next of the built-in styles.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from impasto import Gallery, Stylizer
from impasto.picture import Picture
from impasto.picture.formats import SUFFIXES
from impasto.system.listing import files_in


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--output", "-o", type=Path, required=True)
    parser.add_argument("--painted", type=int, default=600, help="number of photographs to paint")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    for painting in files_in(given.paintings, SUFFIXES):
        os.symlink(painting.resolve(), given.output / f"painting-{painting.name}")
    photos = files_in(given.photos, SUFFIXES)
    stylizers = [Stylizer(name) for name in Gallery().names()]
    step = max(1, len(photos) // given.painted)
    for index, photo in enumerate(photos[::step][: given.painted]):
        picture = stylizers[index % len(stylizers)](Picture.open(photo))
        picture.save(given.output / f"painted-{photo.stem}.png", mark=False)


if __name__ == "__main__":
    main()

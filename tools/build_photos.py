#!/usr/bin/env python3
"""Build the zip of photographs on which Impasto learns a style: small WebP files, from the table of their sources.

    python tools/build_photos.py --clones DIR

DIR holds a git clone of each repository of `src/impasto/assets/photos/SOURCES.tsv`, named OWNER+NAME. Each photograph
is reduced to 360 pixels on its shorter side. Its longer side is cropped around the middle to at most 480 pixels.
"""

from __future__ import annotations

import argparse
import csv
import io
import subprocess
import zipfile
from pathlib import Path

from PIL import Image

from impasto.picture import Picture
from impasto.system.files import ASSETS, write_atomically

FOLDER = ASSETS / "photos"
SHORTER, LONGEST = 360, 480  # pixels
QUALITY = 72


def small(data: bytes) -> bytes:
    """Return a photograph as it ships."""
    picture = Picture.open(data)
    scale = SHORTER / min(picture.width, picture.height)
    width, height = (min(LONGEST, round(side * scale)) for side in (picture.width, picture.height))
    pixels = picture.resized(round(picture.width * scale), round(picture.height * scale)).pixels
    top, left = ((side - kept) // 2 for side, kept in zip(pixels.shape, (height, width), strict=False))
    image = Image.fromarray((pixels[top : top + height, left : left + width] * 255).round().astype("uint8"))
    out = io.BytesIO()
    image.save(out, "WEBP", quality=QUALITY, method=6)
    return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clones", type=Path, required=True)
    arguments = parser.parse_args()
    with (FOLDER / "SOURCES.tsv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as bundle:
        for row in rows:
            clone = arguments.clones / row["repository"].replace("/", "+")
            command = ["git", "-C", str(clone), "show", f"{row['commit']}:{row['path']}"]
            data = subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603
            info = zipfile.ZipInfo(f"{row['name']}.webp", (1980, 1, 1, 0, 0, 0))  # a fixed date: same bytes
            bundle.writestr(info, small(data))
    write_atomically(FOLDER / "photos.zip", out.getvalue(), overwrite=True)
    print(f"{len(rows)} photographs, {len(out.getvalue()) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

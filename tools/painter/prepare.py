#!/usr/bin/env python3
"""Pack photographs and paintings into one file for the training machine.

    python tools/painter/prepare.py --photos DIR --paintings DIR --gallery DIR -o pack.zip --megabytes 55

The file is a zip of WebP pictures in the folders photos/, paintings/ and gallery/. Those in gallery/ have the names of
`tools/gallery.tsv`. Photographs get a shorter side of at most 320 pixels, paintings a longer side of 512 pixels, the
size at which the losses compare them. The script chooses the highest quality that keeps the file below the limit.
"""

from __future__ import annotations

import argparse
import bisect
import csv
import io
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from impasto.picture import Picture
from impasto.pixels.arrays import fit
from impasto.training.data import find_photos, read

GALLERY = Path(__file__).resolve().parents[1] / "gallery.tsv"
PHOTO_SIDE, PAINTING_SIDE = 320, 512
SAMPLED, MARGIN = 200, 0.97  # pictures used to find the quality; share of the limit for them
QUALITIES = range(25, 96)


def photographs(folder: Path) -> Iterator[tuple[str, Image.Image]]:
    for item in find_photos(folder).items:
        picture = Picture.open(read(item))
        scale = min(1.0, PHOTO_SIDE / min(picture.width, picture.height))
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        yield f"photos/{Path(item.path).stem}.webp", picture.resized(*size).to_pil().convert("RGB")


def paintings(folder: Path) -> Iterator[tuple[str, Image.Image]]:
    for item in find_photos(folder).items:
        yield f"paintings/{Path(item.path).stem}.webp", reduced(Picture.open(read(item)))


def named(folder: Path) -> Iterator[tuple[str, Image.Image]]:
    with GALLERY.open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            yield f"gallery/{row['name']}.webp", reduced(Picture.open(folder / row["file"]))


def reduced(picture: Picture) -> Image.Image:
    return picture.resized(*fit(picture.width, picture.height, PAINTING_SIDE)).to_pil().convert("RGB")


def pack(pictures: list[tuple[str, Image.Image]], quality: int) -> bytes:
    def encode(picture: Image.Image) -> bytes:
        out = io.BytesIO()
        picture.save(out, "WEBP", quality=quality, method=3)
        return out.getvalue()

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, ThreadPoolExecutor() as pool:
        for (name, _), data in zip(pictures, pool.map(lambda pair: encode(pair[1]), pictures), strict=True):
            archive.writestr(name, data)
    return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("photos", "paintings", "gallery"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--megabytes", type=float, default=55, help="largest size of the file")
    arguments = parser.parse_args()
    pictures = [
        *photographs(arguments.photos),
        *paintings(arguments.paintings),
        *named(arguments.gallery),
    ]
    sample = pictures[:: max(1, len(pictures) // SAMPLED)]
    limit = arguments.megabytes * 1e6 * len(sample) / len(pictures) * MARGIN
    found = bisect.bisect_right(QUALITIES, limit, key=lambda quality: len(pack(sample, quality)))
    data = pack(pictures, QUALITIES[max(0, found - 1)])
    size = f"{len(data) / 1e6:.1f} MB"
    if len(data) > arguments.megabytes * 1e6:
        raise SystemExit(f"the file has {size}; use fewer pictures, or more --megabytes")
    arguments.output.write_bytes(data)
    print(f"{arguments.output}: {len(pictures)} pictures at quality {QUALITIES[max(0, found - 1)]}, {size}")


if __name__ == "__main__":
    main()

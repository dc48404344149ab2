#!/usr/bin/env python3
"""Make the built-in gallery's data: a vector and a thumbnail of at most 30 kB for every row of `tools/gallery.tsv`.

    python tools/build_gallery.py --paintings DIR     # DIR holds the files that the table names

Run it again whenever the painter changes: with --vectors, the gallery has what was learned beside it for each painting.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
from pathlib import Path

import numpy as np

from impasto.gallery import check_name
from impasto.painter import default_painter
from impasto.picture import Picture
from impasto.resample import fit

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "src" / "impasto" / "assets" / "gallery"
THUMBNAIL_BYTES = 30_000
AS_ENCODED = {"red-blue-yellow"}  # with the vector learned beside the network, half of every photo was one red


def thumbnail(picture: Picture) -> bytes:
    """The largest JPEG of the painting within the limit."""
    for side in range(448, 160, -16):
        small = Picture(picture.pixels).resized(*fit(picture.width, picture.height, side))
        data = small.encode("JPEG", quality=84)
        if len(data) <= THUMBNAIL_BYTES:
            return data
    raise SystemExit("a thumbnail does not fit the limit")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--vectors", type=Path, help="fitted.npz of tools/train_painter.py; else the encoder's")
    arguments = parser.parse_args()
    painter = default_painter()
    fitted = None if arguments.vectors is None else dict(np.load(arguments.vectors))
    (ASSETS / "thumbnails").mkdir(parents=True, exist_ok=True)
    cards, vectors = [], {}
    with (ROOT / "tools" / "gallery.tsv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            check_name(row["name"])
            painted = max(int(year) for year in re.findall(r"\d{4}", row["year"]))
            if painted > 1930 or int(row["died"]) > 1955:
                raise SystemExit(f"{row['name']} may not be free: {row['year']}, artist died {row['died']}")
            picture = Picture.open(arguments.paintings / row["file"])
            learned = None if fitted is None or row["name"] in AS_ENCODED else fitted[row["file"]]
            vectors[row["name"]] = painter.encode(picture.pixels) if learned is None else learned
            (ASSETS / "thumbnails" / f"{row['name']}.jpg").write_bytes(thumbnail(picture))
            licence = f"public domain: published by {painted}, the artist died in {row['died']}"
            keep = {key: row[key] for key in ("name", "title", "artist", "year", "kind", "source")}
            cards.append({**keep, "licence": licence})
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **vectors)
    (ASSETS / "vectors.npz").write_bytes(buffer.getvalue())
    text = json.dumps({"painter": painter.id, "styles": cards}, indent=1, ensure_ascii=False)
    (ASSETS / "gallery.json").write_text(text + "\n", encoding="utf-8")
    print(f"{len(cards)} styles")


if __name__ == "__main__":
    main()

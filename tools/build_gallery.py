#!/usr/bin/env python3
"""Build the data of the built-in gallery: a vector, filters and a thumbnail for every row of `tools/gallery.tsv`.

    python tools/build_gallery.py --paintings DIR --named work/named     # DIR holds the table's files

Vectors and filters come from `tools/train_named.py`. Run both again whenever the light engine's network changes.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from impasto.engines.by_name import engine_of
from impasto.engines.light_weights import pack
from impasto.nn.light_net import filters
from impasto.picture import Picture
from impasto.pixels.arrays import fit
from impasto.styles.store import check_name

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "src" / "impasto" / "assets" / "gallery"
THUMBNAIL_BYTES = 30_000


def thumbnail(picture: Picture) -> bytes:
    """Return the painting as the largest JPEG within the limit."""
    for side in range(448, 160, -16):
        small = Picture(picture.pixels).resized(*fit(picture.width, picture.height, side))
        data = small.encode("JPEG", quality=84)
        if len(data) <= THUMBNAIL_BYTES:
            return data
    raise SystemExit("a thumbnail exceeds the size limit at every quality")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--named", type=Path, required=True, help="folder written by tools/train_named.py")
    arguments = parser.parse_args()
    painter = engine_of("light")
    brush = {
        name.removeprefix("brush."): value.float()
        for name, value in load_file(ASSETS.parent / "light" / "light.safetensors").items()
        if name.startswith("brush.")
    }
    (ASSETS / "thumbnails").mkdir(parents=True, exist_ok=True)
    cards, vectors, own = [], {}, {}
    with (ROOT / "tools" / "gallery.tsv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            check_name(row["name"])
            painted = max(int(year) for year in re.findall(r"\d{4}", row["year"]))
            if painted > 1930 or int(row["died"]) > 1955:
                raise SystemExit(f"{row['name']} may not be free: {row['year']}, artist died {row['died']}")
            picture = Picture.open(arguments.paintings / row["file"])
            with np.load(arguments.named / f"{row['name']}.npz") as named:
                vectors[row["name"]] = named["vector"]
                moved = {key: brush[key] + torch.from_numpy(named[key]) for key in named.files if key != "vector"}
            own[row["name"]] = pack((filters(brush | moved) - filters(brush)).numpy())
            (ASSETS / "thumbnails" / f"{row['name']}.jpg").write_bytes(thumbnail(picture))
            license = f"public domain: published by {painted}, the artist died in {row['died']}"
            keep = {key: row[key] for key in ("name", "title", "artist", "year", "kind", "source")}
            cards.append({**keep, "license": license})
    for file, arrays in (("light.npz", vectors), ("light-filters.npz", own)):
        np.savez_compressed(ASSETS / file, allow_pickle=False, **arrays)
    text = json.dumps({"light": painter.id, "styles": cards}, indent=1, ensure_ascii=False)
    (ASSETS / "gallery.json").write_text(text + "\n", encoding="utf-8")
    print(f"{len(cards)} styles")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Add a style that `impasto train collection` has learned to the package, or remove one.

    python tools/ship_collection.py monet --as monet-collection --title "Monet: a collection" --artist "Claude Monet" \
        --year 1872-1926 --died 1926 --kind "impressionist oils" --shown impression-sunrise water-lilies
    python tools/ship_collection.py --remove monet-collection

The script writes:

| part | place |
|---|---|
| the vector, in half precision, and the filters, in four bits each | `assets/gallery/collections.npz` |
| the card | `assets/gallery/collections.json` |
| the thumbnail, made of thumbnails of built-in styles (`--shown`) | `assets/gallery/thumbnails` |

The thumbnail shows none of the training paintings, because these may not be free to be shown. The light engine's vector
is the mean of the vectors of the shown styles' thumbnails. Each card records the painter's weights from which the style
was learned. A test compares them: learn the style again when the painter changes.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from build_gallery import ASSETS, thumbnail
from numpy.typing import NDArray

from impasto.engines.by_name import engine_of
from impasto.engines.light_weights import pack
from impasto.engines.painter_weights import filter_count, filter_shapes
from impasto.picture import Picture
from impasto.styles.gallery import Gallery
from impasto.styles.mosaic import mosaic
from impasto.styles.store import check_name

CARDS, VECTORS = ASSETS / "collections.json", ASSETS / "collections.npz"


def by_layer(filters: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Split a style's changes of the painter's filters by layer."""
    sizes = [math.prod(shape) for shape in filter_shapes().values()]
    return zip(filter_shapes(), np.split(filters, np.cumsum(sizes)[:-1]), strict=True)


def without(name: str, change: NDArray[np.float32], layers: list[str]) -> NDArray[np.float32]:
    """Return a filter's change, or zeros if its layer is listed."""
    return np.zeros_like(change) if name.partition(".")[0] in layers else change


def painter_id() -> str:
    """Return an id of the painter's weights, which the filters change."""
    return str(engine_of("painter").facts["sha256"]["painter.safetensors"])[:16]


def read() -> tuple[list[dict[str, Any]], dict[str, NDArray[Any]]]:
    if not VECTORS.exists():
        return [], {}
    with np.load(VECTORS, allow_pickle=False) as found:
        return json.loads(CARDS.read_text(encoding="utf-8"))["styles"], dict(found)


def write(cards: list[dict[str, Any]], vectors: dict[str, NDArray[Any]]) -> None:
    np.savez_compressed(VECTORS, allow_pickle=False, **vectors)
    text = json.dumps({"styles": cards}, indent=1, ensure_ascii=False)
    CARDS.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("style", nargs="?", help="name of the style in your gallery")
    parser.add_argument("--remove", metavar="NAME")
    for name in ("as", "title", "artist", "year", "died", "kind"):
        parser.add_argument(f"--{name}", default="", dest=name)
    parser.add_argument("--shown", nargs="+", default=[], help="built-in styles whose thumbnails represent it")
    parser.add_argument("--without", nargs="+", default=[], help="layers whose filters do not change, such as body")
    arguments = parser.parse_args()
    cards, vectors = read()
    gone = arguments.remove or vars(arguments)["as"]
    check_name(gone)
    cards = [card for card in cards if card["name"] != gone]
    vectors = {key: value for key, value in vectors.items() if key.rpartition(".")[0] != gone}
    if arguments.style:
        gallery = Gallery()
        entry = gallery.get(arguments.style)
        shown = [gallery.picture(gallery.get(name)) for name in arguments.shown]
        encoded = [engine_of("light").encode(picture.pixels).embedding for picture in shown]
        own, filters = np.split(gallery.vector(arguments.style).numbers, [-filter_count()])
        filters = np.concatenate([without(name, part, arguments.without) for name, part in by_layer(filters)])
        vectors |= {
            f"{gone}.painter": own.astype(np.float16),
            f"{gone}.filters": pack(filters),
            f"{gone}.light": np.mean(encoded, axis=0).astype(np.float32),
        }
        (ASSETS / "thumbnails" / f"{gone}.jpg").write_bytes(thumbnail(Picture(mosaic(shown).pixels)))
        made: dict[str, Any] = dict(entry.card)
        count = made["paintings"]["count"]
        last = max(int(year) for year in re.findall(r"\d{4}", arguments.year))
        cards.append(
            {
                "name": gone,
                "title": arguments.title,
                "artist": arguments.artist,
                "year": arguments.year,
                "kind": f"{arguments.kind}, learned from {count} works",
                "source": f"impasto train collection, {made['steps']} steps",
                "license": f"MIT; public domain: published by {last}, the artist died in {arguments.died}",
                "card": made | {"painter": painter_id(), "without": arguments.without},
            }
        )
    write(cards, vectors)
    print(f"{len(cards)} collections, {VECTORS.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Learn filters for named styles, and ship them with the painter.

    python tools/painter/named.py --paintings DIR --work named/ great-wave starry-night
    python tools/painter/named.py --work named/ --ship great-wave

`--paintings` has the files of `tools/gallery.tsv`. A style starts from its shipped numbers, or from an earlier result
in `--work`, which the new result replaces. Look at the pictures before you ship a style.

`--ship` writes into `assets/gallery`:

| file | content |
|---|---|
| painter.npz | the vectors and the changes of the modulations, in half precision |
| painter-filters.npz | the changes of the filters, in four bits each |
| painter-filters.json | how each style was learned, and the digest of the painter's weights |

Learn the styles again when the painter's weights change.
"""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from impasto.engines.by_name import engine_of
from impasto.engines.light_weights import pack
from impasto.engines.painter import CODE, VECTOR_SIZE
from impasto.engines.painter_weights import filter_count
from impasto.picture import Picture
from impasto.styles import builtin
from impasto.training.learn import PLAN, Learned, learn_style

TABLE = Path(__file__).resolve().parents[1] / "gallery.tsv"
PAINTING = 800  # longer side in pixels: strokes are larger than with 512
CONTENT = 1.03  # target of the content loss, relative to the encoded vector's
VECTORS, FILTERS = builtin.FOLDER / "painter.npz", builtin.FOLDER / "painter-filters.npz"
FACTS = FILTERS.with_suffix(".json")


def learn(name: str, painting: Picture, arguments: argparse.Namespace) -> None:
    """Learn one style, and write NAME.npy and NAME.json."""
    file: Path = arguments.work / f"{name}.npy"
    start = Learned(builtin.vector(name, "painter"), {}, {}, 0, 0.0)
    if file.exists():
        facts = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        start = Learned(engine_of("painter").style(np.load(file)), {}, {}, facts["steps"], facts["seconds"])
    found = learn_style(
        painting,
        seconds=60 * arguments.minutes,
        start=start,
        boldness=arguments.boldness,
        plan=replace(PLAN, painting=(PAINTING, PAINTING), content=(CONTENT, CONTENT)),
        engine="painter",
    )
    np.save(file, found.vector.numbers)
    losses = {f"{term} ratio": round(found.ratio(term), 3) for term in ("style", "content")}
    facts = {"steps": found.steps, "seconds": round(found.seconds, 1), "boldness": arguments.boldness, **losses}
    facts["painting"] = PAINTING
    file.with_suffix(".json").write_text(json.dumps(facts) + "\n", encoding="utf-8")
    print(name, facts, flush=True)


def ship(names: list[str], work: Path) -> None:
    """Put the results of some styles into the package."""
    stored: list[dict[str, Any]] = []
    for file in (VECTORS, FILTERS):
        with np.load(file, allow_pickle=False) as found:
            stored.append(dict(found))
    vectors, filters = stored
    learned = json.loads(FACTS.read_text(encoding="utf-8"))["styles"]
    for name in names:
        own, changes = np.split(np.load(work / f"{name}.npy"), [-filter_count()])
        own[CODE:VECTOR_SIZE] = vectors[name][CODE:VECTOR_SIZE]  # learning ends without a palette
        vectors[name], filters[name] = own.astype(np.float16), pack(changes)
        learned[name] = json.loads((work / f"{name}.json").read_text(encoding="utf-8"))
    for file, arrays in ((VECTORS, vectors), (FILTERS, filters)):
        np.savez_compressed(file, allow_pickle=False, **arrays)
    facts = {"painter": engine_of("painter").facts["sha256"]["painter.safetensors"][:16], "styles": learned}
    FACTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(f"{len(filters)} styles with filters, {FILTERS.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", metavar="NAME", help="named styles")
    parser.add_argument("--work", type=Path, required=True, help="folder of the results")
    parser.add_argument("--paintings", type=Path, help="folder of the paintings, to learn")
    parser.add_argument("--minutes", type=float, default=2.5)
    parser.add_argument("--boldness", type=float, default=50, help="0 to 100")
    parser.add_argument("--ship", action="store_true", help="write the results into the package")
    arguments = parser.parse_args()
    if arguments.ship:
        ship(arguments.names, arguments.work)
        return
    if arguments.paintings is None:
        parser.error("--paintings is needed to learn")
    with TABLE.open(encoding="utf-8", newline="") as table:
        files = {row["name"]: arguments.paintings / row["file"] for row in csv.DictReader(table, delimiter="\t")}
    arguments.work.mkdir(parents=True, exist_ok=True)
    for name in arguments.names:
        learn(name, Picture.open(files[name]), arguments)


if __name__ == "__main__":
    main()

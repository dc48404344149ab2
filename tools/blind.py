#!/usr/bin/env python3
"""Compare two folders of results blind: lay out sheets that hide which folder a picture is from, and count the answers.

    python tools/blind.py sheets --one DIR --other DIR --photos DIR --paintings DIR --key KEY.json -o SHEETS [--seed 0]
    python tools/blind.py count KEY.json ANSWERS.tsv...

Both folders hold pictures of the same names, PHOTO+PAINTING.png. A sheet shows the photo, the painting, and below them
the pictures A and B. The seed decides which folder is A. Only the key file records it: keep it from the observers.

An answers file has one line for each sheet, separated by tabs: the sheet's number, A or B for "closer to the painting",
A or B for "the better picture". `count` prints the share of `--one`, with its Wilson interval of 95 %.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from pathlib import Path

from PIL import Image, ImageDraw

_WIDTH, _TALLEST, _GAP, _SMALL = 760, 620, 12, 300


def sheets(arguments: argparse.Namespace) -> None:
    names = sorted(
        {path.stem for path in arguments.one.glob("*.png")} & {p.stem for p in arguments.other.glob("*.png")}
    )
    order = random.Random(arguments.seed)  # noqa: S311
    order.shuffle(names)
    arguments.output.mkdir(parents=True, exist_ok=True)
    key = {}
    for number, name in enumerate(names, start=1):
        photo, _, painting = name.partition("+")
        pair = [arguments.one / f"{name}.png", arguments.other / f"{name}.png"]
        first = order.randrange(2)
        key[f"{number:02}"] = {"name": name, "one": "AB"[first]}
        if first:
            pair.reverse()
        above = [_fitted(_found(arguments.photos, photo), _WIDTH, _SMALL)]
        above.append(_fitted(_found(arguments.paintings, painting), _WIDTH, _SMALL))
        below = [_fitted(path, _WIDTH, _TALLEST) for path in pair]
        height = _SMALL + _GAP + 24 + max(picture.height for picture in below)
        sheet = Image.new("RGB", (2 * _WIDTH + _GAP, height), "white")
        draw = ImageDraw.Draw(sheet)
        for column, (small, large) in enumerate(zip(above, below, strict=True)):
            left = column * (_WIDTH + _GAP)
            sheet.paste(small, (left, 0))
            draw.text((left + 4, _SMALL + _GAP), f"{number:02}   {'AB'[column]}", "black", font_size=20)
            sheet.paste(large, (left, _SMALL + _GAP + 24))
        sheet.save(arguments.output / f"{number:02}.png")
    arguments.key.write_text(json.dumps(key, indent=1) + "\n", encoding="utf-8")
    print(f"{len(names)} sheets in {arguments.output}")


def _found(folder: Path, stem: str) -> Path:
    return next(path for path in sorted(folder.iterdir()) if path.stem == stem)


def _fitted(path: Path, width: int, height: int) -> Image.Image:
    with Image.open(path) as image:
        picture = image.convert("RGB")
    picture.thumbnail((width, height), Image.Resampling.LANCZOS)
    return picture


def count(arguments: argparse.Namespace) -> None:
    key = json.loads(arguments.key.read_text(encoding="utf-8"))
    for column, question in enumerate(("closer to the painting", "the better picture"), start=1):
        total = chosen = 0
        for file in arguments.answers:
            for line in file.read_text(encoding="utf-8").splitlines():
                cells = line.split("\t")
                if len(cells) > column and cells[0] in key and cells[column] in ("A", "B"):
                    total += 1
                    chosen += cells[column] == key[cells[0]]["one"]
        if not total:
            raise SystemExit("no valid answers; each line needs NUMBER, A or B, A or B, separated by tabs")
        low, high = wilson(chosen, total)
        print(f"{question}: {chosen} of {total}, {100 * chosen / total:.0f} % ({100 * low:.0f} to {100 * high:.0f})")


def wilson(chosen: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Return Wilson's interval for a share."""
    share, spread = chosen / total, z * z / total
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / total + spread / (4 * total))
    return middle - half, middle + half


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    make = verbs.add_parser("sheets", help="lay out the sheets")
    for name in ("one", "other", "photos", "paintings", "key"):
        make.add_argument(f"--{name}", type=Path, required=True)
    make.add_argument("-o", "--output", type=Path, required=True)
    make.add_argument("--seed", type=int, default=0)
    make.set_defaults(do=sheets)
    tally = verbs.add_parser("count", help="count the answers")
    tally.add_argument("key", type=Path)
    tally.add_argument("answers", type=Path, nargs="+")
    tally.set_defaults(do=count)
    arguments = parser.parse_args()
    arguments.do(arguments)


if __name__ == "__main__":
    main()

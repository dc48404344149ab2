#!/usr/bin/env python3
"""Paint the pictures of docs/guides/optimizing.md from files of this repository.

python tools/optimize_pictures.py
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from readme_pictures import PAINTING, PHOTO, SKY, strip

import impasto
from impasto.optimization.recipe import RECIPES
from impasto.picture import Picture

SIZE, ITERATIONS = 400, 80


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    photo = Picture.open(PHOTO)
    photo = photo.resized(SIZE, round(SIZE * photo.height / photo.width))

    def paint(recipe: str = "default", *, regions: Any = None, brush_size: float = 1, **changes: Any) -> Picture:
        strength = changes.pop("strength", 100)
        chosen = replace(RECIPES[recipe], **{"iterations": ITERATIONS, **changes})
        options = {"regions": regions, "strength": strength, "brush_size": brush_size}
        return impasto.optimize(photo, PAINTING, recipe=chosen, **options).picture

    def show(name: str, pictures: list[tuple[str, Picture]], columns: int) -> None:
        strip(f"optimize-{name}.jpg", pictures, columns, SIZE)

    plain = paint()
    recipes = [(f"--recipe {name}", plain if name == "default" else paint(name)) for name in RECIPES]
    show("recipes", [("the photograph", photo), *recipes], 3)
    weights = [(f"--style-weight {w}", plain if w == 10 else paint(style_weight=float(w))) for w in (2, 10, 50)]
    show("style-weight", weights, 3)
    show("strength", [(f"--strength {s}", plain if s == 100 else paint(strength=s)) for s in (30, 60, 100)], 3)
    show("start", [(f"--start {start}", paint(start=start)) for start in ("painter", "photo", "noise")], 3)
    show("brush-size", [(f"--brush-size {b}", paint(brush_size=b)) for b in (0.5, 1, 2)], 3)
    losses = [
        ("--style-loss moments", paint(style_loss="moments")),
        ("--histogram-weight 5", paint(histogram_weight=5.0)),
        ("--variation-weight 15", paint(variation_weight=15.0)),
    ]
    show("losses", losses, 3)
    others = [
        ("--region sky.png=great-wave", paint(regions={SKY: "great-wave"})),
        ("--region sky.png=none", paint(regions={SKY: "none"})),
        ("--style-scales 1,0.5", paint(style_scales=(1.0, 0.5))),
    ]
    show("regions", others, 3)
    tile = impasto.texture(PAINTING, 320, 192, tileable=True, recipe=replace(RECIPES["default"], iterations=ITERATIONS))
    free = impasto.texture(PAINTING, 320, 192, recipe=replace(RECIPES["default"], iterations=ITERATIONS))
    show("texture", [("--texture", free.picture), ("--texture --tileable", tile.picture)], 2)


if __name__ == "__main__":
    main()

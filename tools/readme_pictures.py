#!/usr/bin/env python3
"""Paint the pictures of the README.

    python tools/readme_pictures.py [--large PHOTO]

Most pictures show the sample photograph of this repository. hero.jpg, brush-size.jpg, boldness.jpg, near.jpg and
sheet.jpg show a camera's photo, and are painted only with `--large`. That photo is oakland-zoo-otters.jpg of
github.com/BuddiesOfBudgie/budgie-backgrounds (CC0 1.0).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import impasto
from impasto.painting.contact_sheet import contact_sheet
from impasto.picture import Picture

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT / "src" / "impasto" / "assets" / "samples" / "colosseum.jpg"
PAINTING = ROOT / "examples" / "almond-blossom.jpg"
SKY = ROOT / "examples" / "sky.png"
OUTPUT = ROOT / "docs" / "images"
GAP, LABEL, FONT = 6, 34, 22
BAR = (43, 43, 43)  # behind labels and between pictures: neither a light nor a dark page glares beside it


def strip(name: str, pictures: list[tuple[str, Picture]], columns: int, width: int) -> None:
    """Save labeled pictures side by side as a JPEG."""
    first = pictures[0][1]
    height = round(width * first.height / first.width)
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (width + GAP) - GAP, rows * (height + LABEL + GAP) - GAP), BAR)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=FONT)
    for index, (label, picture) in enumerate(pictures):
        x, y = index % columns * (width + GAP), index // columns * (height + LABEL + GAP)
        sheet.paste(picture.resized(width, height).to_pil(), (x, y))
        draw.text((x + 8, y + height + LABEL // 2), label, fill="white", font=font, anchor="lm")
    Picture.from_array(np.asarray(sheet)).save(OUTPUT / name, quality=86)
    print(OUTPUT / name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", type=Path)
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    photo = Picture.open(PHOTO)

    def paint(style: object, **controls: object) -> Picture:
        return impasto.stylize(photo, style, **controls)  # type: ignore[arg-type]

    if arguments.large:
        of_a_camera(Picture.open(arguments.large))
    strip("strength.jpg", [(f"--strength {s}", paint("night-cafe", strength=s)) for s in (0, 35, 70, 100)], 4, 300)
    kept = [
        (f"--keep-color {k}", paint("great-wave", keep_color=k)) for k in ("none", "luminance", "histogram", "coral")
    ]
    strip("keep-color.jpg", kept, 4, 300)
    blend = {"starry-night": 0.6, "great-wave": 0.4}
    mixed = [
        ("starry-night:0.6, great-wave:0.4", paint(blend)),
        ("examples/almond-blossom.jpg", paint(PAINTING)),
        ("night-cafe, sky.png=great-wave", paint("night-cafe", regions={SKY: "great-wave"})),
    ]
    strip("styles.jpg", mixed, 3, 420)


def of_a_camera(photo: Picture) -> None:
    """Paint the pictures that show a large photograph."""
    hero = ["the-scream", "great-wave", "the-dance", "red-tower", "metzinger"]
    strip("hero.jpg", [("the photograph", photo), *((name, impasto.stylize(photo, name)) for name in hero)], 3, 420)
    sizes = [(f"--brush-size {b}", impasto.stylize(photo, "wheat-field", brush_size=b)) for b in (0.25, 0.5, 1, 2)]
    strip("brush-size.jpg", sizes, 2, 630)
    bold = [(f"--boldness {b}", impasto.stylize(photo, "udnie", boldness=b)) for b in (0, 50, 100)]
    strip("boldness.jpg", bold, 3, 420)
    width, height = 420, 280
    left, top = int(photo.width * 0.36), int(photo.height * 0.42)
    near = []
    for name in ("the-scream", "metzinger", "starry-night"):
        samples = impasto.stylize(photo, name).pixels[top : top + height, left : left + width]
        near.append((f"{name}, 1 : 1", Picture(np.ascontiguousarray(samples))))
    strip("near.jpg", near, 3, width)
    contact_sheet(photo, tile=230, columns=6).save(OUTPUT / "sheet.jpg", quality=84)


if __name__ == "__main__":
    main()

"""Paint one photo in one style, with less than full strength and in the photo's own colors.

python examples/photo.py [PHOTO] [STYLE]
"""

import argparse
import sys
from pathlib import Path

import impasto

SAMPLE = Path(impasto.__file__).parent / "assets" / "samples" / "colosseum.jpg"

parser = argparse.ArgumentParser(description="Paint one photo in one style.")
parser.add_argument("photo", nargs="?", type=Path, default=SAMPLE, help="a picture's file")
parser.add_argument("style", nargs="?", default="starry-night", help="a style's name, or a painting's file")
args = parser.parse_args()

target = Path("painted") / f"{args.photo.stem}-{Path(args.style).stem}.png"
try:
    picture = impasto.stylize(args.photo, args.style, strength=85, keep_color="luminance")
    picture.save(target, overwrite=False)
except impasto.ImpastoError as error:
    sys.exit(error.message)
print(f"{target}: {picture.width} x {picture.height} pixels")

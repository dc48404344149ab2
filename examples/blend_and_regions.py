"""Paint a photo in a blend of two styles, and a part of it in a third one.

python examples/blend_and_regions.py [PHOTO] [MASK]
"""

import argparse
import sys
from pathlib import Path

import impasto

HERE = Path(__file__).parent
SAMPLE = Path(impasto.__file__).parent / "assets" / "samples" / "colosseum.jpg"

parser = argparse.ArgumentParser(description="Paint a photo in a blend of two styles, and a part of it in a third one.")
parser.add_argument("photo", nargs="?", type=Path, default=SAMPLE, help="a picture's file")
parser.add_argument(
    "mask", nargs="?", default=HERE / "sky.png", help="a picture, white inside; or person, background, faces"
)
args = parser.parse_args()

blend = {"night-cafe": 0.6, HERE / "almond-blossom.jpg": 0.4}  # names and files, with their weights
region = impasto.Region(args.mask, "starry-night", strength=90, brush_size=1.5)
target = Path("painted") / f"{args.photo.stem}-regions.png"
try:
    picture = impasto.stylize(args.photo, blend, regions=[region])
    picture.save(target, overwrite=False)
except impasto.ImpastoError as error:
    sys.exit(error.message)
print(f"{target}: {picture.width} x {picture.height} pixels")

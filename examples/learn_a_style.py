"""Learn a painting for a minute, then paint a photo with what was learned. Run it again to learn on.

python examples/learn_a_style.py [PAINTING] [PHOTO] [--seconds N]
"""

import argparse
import sys
from pathlib import Path

import impasto
from impasto.styles.store import as_name

SAMPLE = Path(impasto.__file__).parent / "assets" / "samples" / "colosseum.jpg"
PAINTING = Path(__file__).parent / "almond-blossom.jpg"

parser = argparse.ArgumentParser(description="Learn a painting, then paint a photo with what was learned.")
parser.add_argument("painting", nargs="?", type=Path, default=PAINTING, help="a picture's file")
parser.add_argument("photo", nargs="?", type=Path, default=SAMPLE, help="a picture's file")
parser.add_argument("--seconds", type=float, default=60, help="how long to learn (default: 60)")
args = parser.parse_args()

try:
    gallery = impasto.Gallery(Path("painted") / "styles")  # your own gallery stays as it is
    name = as_name(args.painting.stem)  # "My Painting" becomes my-painting
    painting = None if name in gallery else args.painting  # None: learn on
    learned = impasto.learn(painting, name=name, minutes=args.seconds / 60, engine="light", gallery=gallery)
    target = Path("painted") / f"{args.photo.stem}-{name}-{learned.steps}.png"
    impasto.stylize(args.photo, name, engine="light", gallery=gallery).save(target, overwrite=False)
except impasto.ImpastoError as error:
    sys.exit(error.message)
print(f"{target}: {learned.steps} steps, style loss {learned.before['style']:.3f} to {learned.after['style']:.3f}")

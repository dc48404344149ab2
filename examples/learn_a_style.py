"""Learn a painting for a minute, then paint a photo with what was learned. Run it again to learn on.

python examples/learn_a_style.py [PAINTING [PHOTO]]
"""

import re
import sys
from pathlib import Path

import impasto

painting = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "almond-blossom.jpg"
photo = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "photos" / "dog.webp"
name = re.sub("[^a-z0-9]+", "-", painting.stem.lower()).strip("-")  # "My Painting" becomes my-painting
print(f"learning {painting} for a minute, after some preparation", file=sys.stderr)
try:
    gallery = impasto.Gallery(Path("painted") / "styles")  # your own gallery stays as it is
    start = None if name in gallery else painting  # None: learn on
    learned = impasto.learn(start, name=name, minutes=1, engine="light", gallery=gallery)
    target = Path("painted") / f"{photo.stem}-{name}-{learned.steps}.png"
    impasto.stylize(photo, name, engine="light", gallery=gallery).save(target, overwrite=False)
except impasto.ImpastoError as error:
    sys.exit(error.message)
print(f"{target}: {learned.steps} steps, style loss {learned.before['style']:.3f} to {learned.after['style']:.3f}")

"""Learn a painting for a minute, then paint a photo with what was learned. Run it again to learn on.

python examples/learn_a_style.py [PAINTING [PHOTO [MINUTES]]]
"""

import sys
from pathlib import Path

import impasto

SAMPLE = Path(impasto.__file__).parent / "assets" / "samples" / "colosseum.jpg"
painting = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "almond-blossom.jpg"
photo = Path(sys.argv[2]) if len(sys.argv) > 2 else SAMPLE
minutes = float(sys.argv[3]) if len(sys.argv) > 3 else 1
name = painting.stem.lower().replace(" ", "-")
try:
    gallery = impasto.Gallery(Path("painted") / "styles")  # your own gallery stays as it is
    known = name in gallery
    learned = impasto.learn(None if known else painting, name=name, minutes=minutes, engine="light", gallery=gallery)
    target = Path("painted") / f"{photo.stem}-{name}-{learned.steps}.png"
    impasto.stylize(photo, name, engine="light", gallery=gallery).save(target, overwrite=False)
except impasto.ImpastoError as error:
    sys.exit(error.message)
print(f"{target}: {learned.steps} steps, style loss {learned.before['style']:.3f} to {learned.after['style']:.3f}")

"""Paint one photo in one style, with less than full strength and in the photo's own colors.

python examples/photo.py [PHOTO [STYLE]]
"""

import sys
from pathlib import Path

import impasto

SAMPLE = Path(impasto.__file__).parent / "assets" / "samples" / "colosseum.jpg"
photo = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
style = sys.argv[2] if len(sys.argv) > 2 else "starry-night"  # a style's name, or a painting's file
target = Path("painted") / f"{photo.stem}-{Path(style).stem}.png"
try:
    picture = impasto.stylize(photo, style, strength=85, keep_color="luminance")
    picture.save(target, overwrite=False)
except impasto.ImpastoError as error:
    sys.exit(error.message)
print(f"{target}: {picture.width} x {picture.height} pixels")

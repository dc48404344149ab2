"""Paint a photo in a blend of two styles, and a part of it in a third one.

python examples/blend_and_regions.py [PHOTO [MASK]]
"""

import sys
from pathlib import Path

import impasto

HERE = Path(__file__).parent
SAMPLE = Path(impasto.__file__).parent / "assets" / "samples" / "colosseum.jpg"
photo = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
mask = sys.argv[2] if len(sys.argv) > 2 else HERE / "sky.png"  # white inside; or person, background, faces
target = Path("painted") / f"{photo.stem}-regions.png"
try:
    blend = {"night-cafe": 0.6, HERE / "almond-blossom.jpg": 0.4}  # names and files, with their weights
    region = impasto.Region(mask, "starry-night", strength=90, brush_size=1.5)
    picture = impasto.stylize(photo, blend, regions=[region])
    picture.save(target, overwrite=False)
except impasto.ImpastoError as error:
    sys.exit(error.message)
print(f"{target}: {picture.width} x {picture.height} pixels")

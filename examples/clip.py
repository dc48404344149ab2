"""Paint a short clip without flicker.

python examples/clip.py [CLIP]
"""

import sys
from pathlib import Path

import impasto

clip = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "pan.webp"  # or a folder of frames
target = Path("painted") / f"{clip.stem}{'.webp' if clip.suffix == '.webp' else '.mp4'}"
try:
    painted = impasto.paint_video(clip, "starry-night", target, size=448)  # pixels of the longer side
except impasto.ImpastoError as error:
    sys.exit(error.message)
print(f"{target}: {painted.frames} frames")

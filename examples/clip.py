"""Paint a short clip without flicker. Without a clip, make one: a camera that moves across a photo.

python examples/clip.py [CLIP]
"""

import argparse
import sys
import tempfile
from pathlib import Path

import impasto

SAMPLE = Path(impasto.__file__).parent / "assets" / "samples" / "colosseum.jpg"


def make_frames(folder: Path, count: int = 48) -> None:
    """Save `count` pictures: a window that moves from the left to the right of the sample photo."""
    photo = impasto.Picture.open(SAMPLE).to_pil()
    width, height = photo.width // 2, photo.height // 2
    for number in range(count):
        left = (photo.width - width) * number // (count - 1)
        photo.crop((left, height // 2, left + width, height // 2 + height)).save(folder / f"{number:03}.png")


parser = argparse.ArgumentParser(description="Paint a short clip without flicker.")
parser.add_argument("clip", nargs="?", type=Path, help="a video's file, or a folder of frames")
clip = parser.parse_args().clip

with tempfile.TemporaryDirectory() as folder:
    if clip is None:
        make_frames(Path(folder))
    target = Path("painted") / (f"{clip.stem}.mp4" if clip else "pan.webp")
    try:
        painted = impasto.paint_video(clip or folder, "starry-night", target, size=448)  # pixels of the longer side
    except impasto.ImpastoError as error:
        sys.exit(error.message)
print(f"{target}: {painted.frames} frames")

"""Paint a folder of photos, show the progress, and report what became of each photo.

python examples/folder_with_progress.py [FOLDER]
"""

import argparse
import sys
import zipfile
from pathlib import Path

import impasto
from impasto.progress import Progress

PHOTOS = Path(impasto.__file__).parent / "assets" / "photos" / "photos.zip"
SAMPLES = ["bouquet.webp", "canyon.webp", "dog.webp", "parrot.webp", "rowing-boats.webp", "sunset.webp"]


def show(now: Progress) -> None:
    """Say which photo is done; `return False` would stop the run."""
    print(f"{now.step} of {now.total}: {Path(now.message).name}", file=sys.stderr)


parser = argparse.ArgumentParser(description="Paint a folder of photos.")
parser.add_argument("folder", nargs="?", type=Path, help="a folder (default: six sample photos)")
folder = parser.parse_args().folder
if folder is None:
    folder = Path("painted") / "photos"
    if not folder.exists():
        with zipfile.ZipFile(PHOTOS) as archive:
            archive.extractall(folder, SAMPLES)

target = Path("painted") / f"{folder.name}-wheat-field"
try:
    report = impasto.stylize_folder(folder, "wheat-field", target, on_progress=show)
except impasto.ImpastoError as error:
    sys.exit(error.message)
for result in report.failed:
    print(f"{result.photo}: {result.error}", file=sys.stderr)
print(f"{target}: {len(report.painted)} painted, {len(report.skipped)} skipped, {len(report.failed)} failed")
sys.exit(report.exit_code)

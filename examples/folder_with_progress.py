"""Paint a folder of photos, show the progress, and report what became of each photo.

python examples/folder_with_progress.py [FOLDER]
"""

import sys
from pathlib import Path

import impasto
from impasto.progress import Progress


def show(now: Progress) -> None:
    """Say which photo is done; `return False` would stop the run."""
    print(f"{now.step} of {now.total}: {Path(now.message).name}", file=sys.stderr)


folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "photos"
target = Path("painted") / f"{folder.name}-wheat-field"
try:
    report = impasto.stylize_folder(folder, "wheat-field", target, on_progress=show)
except impasto.ImpastoError as error:
    sys.exit(error.message)
for result in report.failed:
    print(f"{result.photo}: {result.error}", file=sys.stderr)
print(f"{target}: {len(report.painted)} painted, {len(report.skipped)} skipped, {len(report.failed)} failed")
sys.exit(report.exit_code)

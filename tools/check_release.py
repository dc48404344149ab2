#!/usr/bin/env python3
"""Check a release's tag against every place that states the version.

    python tools/check_release.py v0.1.0

The script prints a line for each place that differs from the package's version, and then exits with 1. Without a tag,
it does not check the changelog.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def faults(root: Path, tag: str = "") -> list[str]:
    """Return a line for each place that does not state the version of the package.

    Args:
        root: the repository.
        tag: tag of the release, with its v; "" to check without one, when the changelog needs no section.
    """

    def found(file: str, pattern: str) -> str:
        match = re.search(pattern, (root / file).read_text(encoding="utf-8"), re.M)
        return match[1] if match else "nothing"

    version = found("src/impasto/version.py", r'^__version__ = "(.+)"$')
    stated = {
        "CITATION.cff": found("CITATION.cff", r'^version: "?([^"\n]+)"?$'),
        "packages/web/package.json": json.loads((root / "packages/web/package.json").read_text("utf-8"))["version"],
    }
    if tag:
        stated["the tag"] = tag.removeprefix("v") if tag.startswith("v") else f"{tag}, without a v"
        stated["CHANGELOG.md"] = found("CHANGELOG.md", rf"^## \[({re.escape(version)})\] - \d{{4}}-\d\d-\d\d$")
    return [f"{place} states {value}, the package {version}" for place, value in stated.items() if value != version]


def main() -> None:
    lines = faults(ROOT, *sys.argv[1:2])
    print("\n".join(lines) or "every place states the same version")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()

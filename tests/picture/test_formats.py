"""Who knows formats: the room of pictures alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import ROOT, refused

from impasto.errors import UsageError
from impasto.picture.formats import format_of


def test_no_other_room_knows_pillow_s_plugins() -> None:
    """An import contract cannot say it: it sees packages of other projects as a whole."""
    package = ROOT / "src" / "impasto"
    found = {path.relative_to(package).parts[0] for path in package.rglob("*.py") if "ImagePlugin" in path.read_text()}
    assert found == {"picture"}


@pytest.mark.parametrize(("name", "hint"), [("a.mp4", "impasto video"), ("a.xyz", ".png")])
def test_other_endings_are_refused_with_what_would_do(name: str, hint: str) -> None:
    with refused(UsageError, "unknown-format", name, hint):
        format_of(Path(name))

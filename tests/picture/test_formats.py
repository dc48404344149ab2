"""Who knows formats: the room of pictures alone."""

from __future__ import annotations

from helpers import ROOT


def test_no_other_room_knows_pillow_s_plugins() -> None:
    """An import contract cannot say it: it sees packages of other projects as a whole."""
    package = ROOT / "src" / "impasto"
    found = {path.relative_to(package).parts[0] for path in package.rglob("*.py") if "ImagePlugin" in path.read_text()}
    assert found == {"picture"}

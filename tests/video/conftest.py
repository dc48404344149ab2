"""A clip for the tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest
from clips import moving, write


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write(tmp_path / "clip.mp4", moving(8), sound=True)

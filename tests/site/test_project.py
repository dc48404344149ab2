"""What the project says of itself agrees with what it is: versions, rooms, workflows, templates."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import pages
from graphs import tool
from helpers import ROOT

from impasto.version import __version__

CHECK = tool("", "check_release")
GITHUB = ROOT / ".github"
SCHEMAS = {
    "vendor.github-workflows": sorted((GITHUB / "workflows").glob("*.yml")),
    "vendor.github-issue-forms": [GITHUB / "ISSUE_TEMPLATE" / "fault.yml", GITHUB / "ISSUE_TEMPLATE" / "wish.yml"],
    "vendor.github-issue-config": [GITHUB / "ISSUE_TEMPLATE" / "config.yml"],
    "vendor.dependabot": [GITHUB / "dependabot.yml"],
    "vendor.citation-file-format": [ROOT / "CITATION.cff"],
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_for_the_code_host_are_valid(schema: str) -> None:
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, SCHEMAS[schema])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_place_states_one_version() -> None:
    assert CHECK.faults(ROOT) == []


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that state the version, to be changed."""
    for file in ("src/impasto/version.py", "CITATION.cff", "packages/web/package.json", "CHANGELOG.md"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def test_a_tag_must_be_the_version(copy: Path) -> None:
    (copy / "CHANGELOG.md").write_text(f"## [{__version__}] - 2026-11-30\n", encoding="utf-8")
    assert CHECK.faults(copy, f"v{__version__}") == []
    assert "the tag" in CHECK.faults(copy, "v9.9.9")[0]
    assert "the tag" in CHECK.faults(copy, __version__)[0]


def test_a_release_needs_its_section_and_one_version_everywhere(copy: Path) -> None:
    (copy / "src/impasto/version.py").write_text('__version__ = "9.9.9"\n', encoding="utf-8")
    assert [fault.split(" states ")[0] for fault in CHECK.faults(copy, "v9.9.9")] == [
        "CITATION.cff",
        "packages/web/package.json",
        "CHANGELOG.md",
    ]


def test_matrix_has_the_pythons_and_systems_that_are_promised() -> None:
    workflow = (GITHUB / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert all(f'"3.{minor}"' in workflow for minor in range(10, 15))
    assert all(f"{system}-latest" in workflow for system in ("ubuntu", "macos", "windows"))


def test_contributors_find_every_room() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = [path.name for path in (ROOT / "src" / "impasto").iterdir() if (path / "__init__.py").exists()]
    assert rooms
    assert [room for room in rooms if f"`{room}`" not in table] == []


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_pages_show_pictures_that_are_there() -> None:
    """On a code host, too, where no build looks after them."""
    pictures = [
        (page, picture)
        for page in pages()
        for picture in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    ]
    assert len(pictures) > 100
    assert [(page.name, picture) for page, picture in pictures if not (page.parent / picture).exists()] == []

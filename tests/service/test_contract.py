"""The service keeps to its own OpenAPI document: no answer that it does not describe, no fault of the server's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from helpers import ROOT
from services import Running

from impasto.service.codes import MEANINGS
from impasto.service.problems import STATUS

pytest.importorskip("schemathesis")


@pytest.mark.parametrize("hooks", ["", "contract_hooks"])
def test_answers_are_described(service: Running, tmp_path: Path, hooks: str) -> None:
    """Once with anything at all, once with pictures and names of styles, which schemathesis cannot guess."""
    command = [Path(sys.executable).with_name("schemathesis"), "run", f"{service.url}/openapi.json"]
    # A schema cannot say what a picture is, nor which styles there are: data that it allows may be refused.
    options = ["--exclude-checks", "positive_data_acceptance", "--mode", "positive" if hooks else "all"]
    options += ["--max-examples", "6", "--seed", "1", "--workers", "2", "--suppress-health-check", "all", "--no-color"]
    paths = os.pathsep.join(filter(None, [str(ROOT / "tests"), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"SCHEMATHESIS_HOOKS": hooks, "PYTHONPATH": paths}
    done = subprocess.run(
        [*command, *options], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout[-6000:]


def test_documentation_asks_nobody_else(service: Running) -> None:
    page = requests.get(f"{service.url}/docs", timeout=10)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page.text)
    for path in requests.get(f"{service.url}/openapi.json", timeout=10).json()["paths"]:
        assert path in page.text


def test_documentation_tells_what_each_code_means(service: Running) -> None:
    """In the words of errors.md; the `type` of a problem leads there."""
    table = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert set(STATUS) <= set(MEANINGS)
    for code, meaning in MEANINGS.items():
        assert f"| `{code}` | {meaning} |" in table
    page = requests.get(f"{service.url}/docs", timeout=10).text
    refused = requests.post(f"{service.url}/v1/stylize", timeout=10).json()
    path, _, place = refused["type"].partition("#")
    assert path == "/docs"
    assert f'id="{place}"' in page

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
from job_server import served
from services import Running

from impasto.service.codes import MEANINGS
from impasto.service.problems import STATUS

pytest.importorskip("schemathesis")


def check_answers(url: str, folder: Path, mode: str, hooks: str = "") -> None:
    command = [Path(sys.executable).with_name("schemathesis"), "run", f"{url}/openapi.json"]
    # A schema cannot say what a picture is, nor which styles there are: data that it allows may be refused.
    options = ["--exclude-checks", "positive_data_acceptance", "--mode", mode, "--max-examples", "4", "--seed", "1"]
    # One thread: in several, CPython 3.11 loses count while it parses (gh-106905), and schemathesis ends with an error.
    options += ["--workers", "1", "--suppress-health-check", "all", "--no-color"]
    paths = os.pathsep.join(filter(None, [str(ROOT / "tests"), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"SCHEMATHESIS_HOOKS": hooks, "PYTHONPATH": paths}
    done = subprocess.run(
        [*command, *options], cwd=folder, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout[-6000:]


def test_answers_are_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all paths, to anything at all."""
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path))
    with served(learn=True, jobs_waiting=5) as server:
        check_answers(str(server.client.base_url).rstrip("/"), tmp_path, "all")


def test_answers_to_pictures_are_described(service: Running, tmp_path: Path) -> None:
    """Those of schemathesis' own are damaged, and of styles that there are not."""
    check_answers(service.url, tmp_path, "positive", "contract_hooks")


def test_documentation_asks_nobody_else(service: Running) -> None:
    page = requests.get(f"{service.url}/docs", timeout=10)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page.text)
    for path in requests.get(f"{service.url}/openapi.json", timeout=10).json()["paths"]:
        assert path in page.text


def test_documentation_tells_what_each_code_means(service: Running) -> None:
    """In the words of errors.md; the `type` of a problem leads there."""
    table = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    assert set(STATUS) <= set(MEANINGS)
    for code, meaning in MEANINGS.items():
        assert f"| `{code}` | {meaning} |" in table
    page = requests.get(f"{service.url}/docs", timeout=10).text
    refused = requests.post(f"{service.url}/v1/stylize", timeout=10).json()
    path, _, place = refused["type"].partition("#")
    assert path == "/docs"
    assert f'id="{place}"' in page

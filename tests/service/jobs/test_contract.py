"""Jobs keep to the OpenAPI document: no answer that it does not describe, no fault of the server's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from job_server import served

pytest.importorskip("schemathesis")


def test_answers_about_jobs_are_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path))
    with served(learn=True, jobs_waiting=5) as server:
        command = [Path(sys.executable).with_name("schemathesis"), "run", f"{server.client.base_url}/openapi.json"]
        # A schema cannot say what a picture is, nor which styles there are: data that it allows may be refused.
        options = ["--exclude-checks", "positive_data_acceptance", "--include-path-regex", "/v1/(jobs|styles)"]
        options += [
            "--max-examples",
            "6",
            "--seed",
            "1",
            "--workers",
            "2",
            "--suppress-health-check",
            "all",
            "--no-color",
        ]
        done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-6000:]

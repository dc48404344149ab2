"""`impasto doctor` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Outcome

from impasto.cli import doctor
from impasto.engines.by_name import engine_of
from impasto.version import __version__

Run = Callable[..., Outcome]


def test_doctor(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outcome = run("doctor")
    assert outcome.code == 0
    for word in (__version__, "onnxruntime", "CPUExecutionProvider", "threads", "paint.onnx", " ok", "torch", "heif"):
        assert word in outcome.out
    facts = json.loads(run("doctor", "--json").out)
    assert facts["gallery"]["built in"] >= 20
    painter = engine_of()
    for file in ("encode.onnx", "facts.json"):
        (tmp_path / file).write_bytes((painter.folder / file).read_bytes())
    (tmp_path / "paint.onnx").write_bytes(b"tampered")
    monkeypatch.setattr(painter, "folder", tmp_path)
    broken = run("doctor")
    assert broken.code == 1
    assert "reinstall" in broken.out


def test_doctor_names_what_an_extra_lacks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "installed", lambda name: "" if name in ("av", "uvicorn") else "1.0")
    facts = json.loads(run("doctor", "--json").out)
    assert facts["numpy"] == "1.0"
    extras = facts["extras"]
    assert extras["heif"] == "pillow-heif 1.0"
    assert extras["video"] == "missing av: pip install 'impasto[video]'"
    assert extras["app"] == "missing uvicorn: pip install 'impasto[app]'"  # of the extra serve, which app names
    assert extras["study"] == "missing uvicorn: pip install 'impasto[study]'"
    assert not {"all", "dev", "docs"} & set(extras)

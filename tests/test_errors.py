"""Errors: their codes, and the table that lists them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from helpers import ROOT

from impasto.errors import ImpastoError, MissingExtra, OutOfMemory, PictureError, UsageError, write_fault

NEED_A_CODE = {"ImpastoError", "UsageError", "PictureError", "StyleError", "TrainingError"}
SOURCES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "src").rglob("*.py"))}


def texts(value: ast.expr | None) -> Iterator[str]:
    if isinstance(value, ast.IfExp):
        yield from (*texts(value.body), *texts(value.orelse))
    elif isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value


def name_of(target: ast.expr) -> str:
    return getattr(target, "id", "") or getattr(target, "attr", "")


def codes() -> set[str]:
    """All codes in the sources: arguments and attributes `code`, and what functions beside the errors return."""
    found: set[str] = set()
    for path, tree in SOURCES.items():
        for node in ast.walk(tree):
            own = path.name == "errors.py" and isinstance(node, ast.Return | ast.Assign)
            named = isinstance(node, ast.Assign) and "code" in map(name_of, node.targets)
            if own or named or (isinstance(node, ast.keyword) and node.arg == "code"):
                found.update(texts(node.value))
    return found


def test_the_table_lists_every_code_and_no_other() -> None:
    table = re.findall(r"^\| `(.+?)` \|", (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8"), re.M)
    assert table == sorted(codes())
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in table)


def test_whatever_is_raised_has_a_code() -> None:
    without = [
        f"{path.name}:{node.lineno}"
        for path, tree in SOURCES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
        and node.exc.func.id in NEED_A_CODE
        and all(argument.arg != "code" for argument in node.exc.keywords)
    ]
    assert without == []


def test_an_error_without_a_code_has_its_class_s() -> None:
    assert UsageError("no", code="unknown-style").code == "unknown-style"
    assert [kind("no").code for kind in (ImpastoError, UsageError, PictureError, OutOfMemory)] == [
        "failure",
        "usage",
        "picture",
        "memory",
    ]
    assert MissingExtra("PyAV", "video").code == "missing-extra"


def test_a_full_disk_is_told_from_other_refusals() -> None:
    assert write_fault(OSError(28, "No space left on device")) == "disk-full"
    assert write_fault(PermissionError(13, "Permission denied")) == "not-writable"
    assert write_fault(ValueError("no system behind it")) == "not-writable"

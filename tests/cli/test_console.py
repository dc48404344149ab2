"""Tables: the first column is whole, and there may be no columns at all."""

from __future__ import annotations

import functools

import pytest
from rich.console import Console

from impasto.cli.console import print_table


def test_the_first_column_is_whole_in_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("impasto.cli.console.console", functools.partial(Console, width=24))
    print_table(["name", "title"], [("a-name-of-some-length", "a title of some length")])
    assert "a-name-of-some-length" in capsys.readouterr().out


def test_a_table_without_columns_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([], [])
    assert not capsys.readouterr().out.strip()

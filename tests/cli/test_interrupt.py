"""Ctrl-C: the first is heard at once and ends the work, the second ends the program."""

from __future__ import annotations

import signal

import pytest

from impasto.cli.interrupt import catching_stops


def test_the_first_says_that_it_was_heard_and_the_second_interrupts(capfd: pytest.CaptureFixture[str]) -> None:
    with catching_stops() as stopped:
        assert not stopped()
        signal.raise_signal(signal.SIGINT)
        assert stopped()
        assert capfd.readouterr().err == "impasto: note: stopping; another Ctrl-C stops at once\n"
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_quiet_prints_nothing_and_other_signals_are_not_named_ctrl_c(capfd: pytest.CaptureFixture[str]) -> None:
    with catching_stops(quiet=True) as stopped:
        signal.raise_signal(signal.SIGINT)
        assert stopped()
    with catching_stops() as stopped:
        signal.raise_signal(signal.SIGTERM)
        assert stopped()
    assert capfd.readouterr().err == "impasto: note: stopping\n"

"""The bar, previews, and the end that Ctrl-C asks for."""

from __future__ import annotations

import io
import signal
import sys
from pathlib import Path

import pytest
from helpers import scene

from impasto.cli.progress import bar, describe, watched
from impasto.picture import Picture
from impasto.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def at(step: int, total: int = 4) -> Progress:
    return Progress(step, total, step / total, preview=lambda: Picture.from_array(scene(8, 8)))


def test_a_progress_in_words() -> None:
    assert describe(Progress(3, 40, message="painting", losses={"loss": 0.123456})) == "3 of 40  painting  loss 0.1235"
    assert describe(Progress(0, 0, message="[b]cold start[/b]")) == "[b]cold start[/b]"


@pytest.mark.parametrize("total", [4, 0])
@pytest.mark.parametrize(("stream", "hidden"), [(Terminal(), False), (Terminal(), True), (io.StringIO(), False)])
def test_the_bar_is_drawn_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, total: int, stream: io.StringIO, hidden: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with bar(hidden=hidden) as show:
        show(Progress(2, total, message="[painting]"))
    if isinstance(stream, Terminal) and not hidden:
        assert "[painting]" in stream.getvalue()
    else:
        assert stream.getvalue() == ""


def test_what_is_printed_meanwhile_stays_in_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, file = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "stdout", file)
    with bar() as show:
        show(Progress(1, 2))
        sys.stdout.write("a line for a file\n")
    assert file.getvalue() == "a line for a file\n"
    assert "a line" not in screen.getvalue()


def test_previews_are_saved_now_and_then(tmp_path: Path) -> None:
    with watched(quiet=True, preview=tmp_path / "steps", every=2) as show:
        assert all(show(at(step)) for step in range(1, 5))
        show(Progress(6, 6))  # without a picture
    assert sorted(path.name for path in (tmp_path / "steps").iterdir()) == [f"step-{n:05d}.png" for n in (1, 2, 4)]


def test_ctrl_c_ends_at_once_what_has_nothing_to_keep_yet() -> None:
    with watched(quiet=True, at_once=True), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_asks_for_the_end_and_saves_a_last_preview(tmp_path: Path) -> None:
    with watched(quiet=True, preview=tmp_path, every=100) as show:
        assert show(at(1))
        signal.raise_signal(signal.SIGINT)
        assert show(at(2)) is False
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00001.png", "step-00002.png"]

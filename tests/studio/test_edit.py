"""`impasto edit` without a style: the page chooses, and the program paints the file in its place."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import file_bytes, scene, shades
from PIL import Image

from impasto.picture import Picture
from impasto.presets.preset import Preset

Begin = Callable[..., tuple[Any, "subprocess.Popen[str]"]]


@pytest.fixture
def begin(browser: Any, tmp_path: Path, home: Path) -> Iterator[Begin]:
    """Types `impasto edit FILE...`; gives the page that opens, and the program."""
    running, contexts = [], []

    def typed(*files: Path) -> tuple[Any, subprocess.Popen[str]]:
        environment = os.environ | {"BROWSER": "true", "XDG_CACHE_HOME": str(tmp_path / "cache")}
        command = [sys.executable, "-m", "impasto", "edit", *map(str, files)]
        program = subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=environment)
        running.append(program)
        found = re.search(r"http://\S+", program.stderr.readline() if program.stderr else "")
        assert found
        context = browser.new_context(viewport={"width": 1200, "height": 800})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(found[0])
        return page, program

    yield typed
    for context in contexts:
        context.close()
    for program in running:
        program.kill()
        program.communicate()


def test_the_files_are_painted_as_the_page_says(begin: Begin, tmp_path: Path) -> None:
    deep, plain, own = tmp_path / "deep.tif", tmp_path / "plain.jpg", tmp_path / "mine.png"
    Picture.from_array(shades(3, "uint16", 300, 200)).save(deep, bits=16)
    plain.write_bytes(file_bytes(scene(120, 90), "JPEG"))
    own.write_bytes(file_bytes(scene(90, 120, 7)))
    page, program = begin(deep, plain)
    paint = page.get_by_role("button", name="Paint 2 files")
    paint.wait_for()
    page.reload()  # is no reason to give up
    paint.wait_for()
    page.get_by_text("deep.tif").first.wait_for()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Your own painting").click()
    chooser.value.set_files(own)
    page.get_by_role("heading", name="mine").wait_for()
    page.get_by_role("slider", name="Strength").fill("60")
    paint.click()
    page.get_by_text("2 files are being painted. You can close this page.").wait_for()
    out, err = program.communicate(timeout=90)
    assert program.returncode == 0, err
    assert [line.split("  ")[0] for line in out.splitlines()] == [str(deep), str(plain)]
    assert Picture.open(deep).bits == 16
    assert Picture.open(plain).width == 120
    for file in (deep, plain):
        made = Preset.like(file)
        assert made.styles == ((str(own), 1.0),)
        assert made.controls["strength"] == 60


@pytest.mark.parametrize("how", ["button", "closed"])
def test_files_are_left_if_nothing_is_wanted(begin: Begin, tmp_path: Path, how: str) -> None:
    file = tmp_path / "photo.png"
    Image.fromarray(scene()).save(file)
    before = file.read_bytes()
    page, program = begin(file)
    page.get_by_role("button", name="Paint photo.png").wait_for()
    if how == "button":
        page.get_by_role("button", name="Leave as it was").click()
        page.get_by_text("Everything is as it was.").wait_for()
    else:
        page.close(run_before_unload=False)
    out, err = program.communicate(timeout=60)
    assert program.returncode == 0
    assert "the files are unchanged" in err
    assert (out, file.read_bytes()) == ("", before)

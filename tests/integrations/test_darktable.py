"""The plug-in for darktable, in darktable itself; left out where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from displays import display
from helpers import scene, wait_until
from PIL import Image

from impasto.picture import Picture
from impasto.plugins.hosts import HOSTS
from impasto.plugins.install import install
from impasto.presets.preset import Preset

RC = """
local dt = require "darktable"
local impasto = require "impasto/impasto"
dt.control.dispatch(function()
  dt.control.sleep(3000) -- until its window is up: before, it may wait for ever
  local image = dt.database.import(os.getenv("IMPASTO_TEST_PHOTO"))
  local first, second = impasto.paint(image, "--style udnie --engine light"), impasto.paint(image, "--style udnie")
  local none, fault = impasto.paint(image, "--style nosuch")
  local out = io.open(os.getenv("IMPASTO_TEST_SAID") .. ".part", "w")
  out:write(first.filename, "\\n", second.filename, "\\n", tostring(none), " ", fault, "\\n",
    #image:get_group_members())
  out:close()
  os.rename(os.getenv("IMPASTO_TEST_SAID") .. ".part", os.getenv("IMPASTO_TEST_SAID"))
end)
"""


def test_an_image_is_painted_beside_its_original(tmp_path: Path) -> None:
    if shutil.which("darktable") is None:
        pytest.skip("there is no darktable")
    config, said, photo = tmp_path / "config", tmp_path / "said.txt", tmp_path / "it's a photo.png"
    Image.fromarray(scene(300, 200)).save(photo)
    before = photo.read_bytes()
    config.mkdir()
    install(HOSTS["darktable"], config / "lua")
    (config / "luarc").write_text(RC)
    places = ["--configdir", config, "--cachedir", tmp_path / "cache"]
    seen = {"HOME": str(tmp_path), "IMPASTO_TEST_PHOTO": str(photo), "IMPASTO_TEST_SAID": str(said)}
    command = ["darktable", "--library", ":memory:", *map(str, places)]
    with display() as screen:
        running = subprocess.Popen(command, env=os.environ | seen | {"DISPLAY": screen}, stdout=-3, stderr=-3)
        try:
            wait_until(lambda: said.exists() or running.poll() is not None)
        finally:
            running.kill()
            running.wait()
    lines = said.read_text().splitlines()
    assert lines[:2] == ["it's a photo-painted.tif", "it's a photo-painted-2.tif"]
    assert lines[2].startswith("nil impasto: nosuch")
    assert lines[3] == "3"
    assert photo.read_bytes() == before
    for name in lines[:2]:
        assert Picture.open(tmp_path / name).bits == 16
        assert Preset.like(tmp_path / name).styles == (("udnie", 1.0),)
    assert not list(tmp_path.glob("*.begun.tif"))

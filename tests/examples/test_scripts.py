"""The scripts of examples/: each paints, refuses to overwrite, and is printed on docs/examples.md."""

from __future__ import annotations

import functools
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import ROOT
from PIL import Image

import impasto
from impasto.system.files import ASSETS

EXAMPLES = ROOT / "examples"
SCRIPTS = ["photo", "blend_and_regions", "folder_with_progress", "clip", "learn_a_style"]
SAMPLE = ASSETS / "samples" / "colosseum.jpg"
PAINTING = EXAMPLES / "almond-blossom.jpg"
CALLS = ["stylize", "stylize_folder", "paint_video", "learn"]

Type = Callable[..., "str | int | None"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which scripts run, with a small photo.png."""
    monkeypatch.chdir(tmp_path)
    impasto.Picture.open(SAMPLE, at_most=96).save("photo.png")
    return tmp_path


@pytest.fixture
def start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Run a script as `python examples/NAME.py WORDS` does, and return what it exits with."""

    def started(name: str, *words: str) -> str | int | None:
        path = EXAMPLES / f"{name}.py"
        monkeypatch.setattr(sys, "argv", [str(path), *words])
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as stopped:
            return stopped.code
        return 0

    return started


def pixels(path: Path | str) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.float32)


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file of a folder."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def assert_painted(path: Path, photo: np.ndarray) -> None:
    found = pixels(path)
    assert found.shape == photo.shape
    assert np.abs(found - photo).mean() > 5


def assert_keeps(start: Type, *words: str) -> None:
    """A second run changes no file, and says why in one line."""
    before = contents(Path("painted"))
    said = start(*words)
    assert isinstance(said, str)
    assert "exists" in said
    assert "\n" not in said
    assert contents(Path("painted")) == before


def test_one_photo(folder: Path, start: Type, capsys: pytest.CaptureFixture[str]) -> None:
    assert start("photo", "photo.png") == 0
    assert capsys.readouterr().out.splitlines() == [f"{Path('painted/photo-starry-night.png')}: 96 x 54 pixels"]
    assert_painted(folder / "painted" / "photo-starry-night.png", pixels("photo.png"))
    assert_keeps(start, "photo", "photo.png")
    assert start("photo", "photo.png", "udnie") == 0
    assert_painted(folder / "painted" / "photo-udnie.png", pixels("photo.png"))


def test_it_keeps_the_colors_of_the_photo(folder: Path, start: Type) -> None:
    assert start("photo", "photo.png") == 0
    plain = impasto.stylize("photo.png", "starry-night").to_numpy().astype(np.float32)
    photo, found = pixels("photo.png"), pixels("painted/photo-starry-night.png")
    color = [picture - picture.mean(2, keepdims=True) for picture in (photo, found, plain)]
    assert np.abs(color[1] - color[0]).mean() < np.abs(color[2] - color[0]).mean() / 2


def test_a_blend_and_a_region(folder: Path, start: Type, capsys: pytest.CaptureFixture[str]) -> None:
    assert start("blend_and_regions", "photo.png") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    photo, found = pixels("photo.png"), pixels("painted/photo-regions.png")
    assert_painted(folder / "painted" / "photo-regions.png", photo)
    blend: Any = {"night-cafe": 0.6, PAINTING: 0.4}
    whole = impasto.stylize("photo.png", blend).to_numpy().astype(np.float32)
    sky = np.asarray(Image.open(EXAMPLES / "sky.png").resize((96, 54)))
    assert np.abs(found - whole)[sky == 0].mean() < 1
    assert np.abs(found - whole)[sky == 255].mean() > 20
    assert_keeps(start, "blend_and_regions", "photo.png")


@pytest.mark.filterwarnings("ignore:nobody was found")  # photo.png shows a building
def test_a_region_that_is_found(folder: Path, start: Type) -> None:
    assert start("blend_and_regions", "photo.png", "background") == 0
    found = pixels("painted/photo-regions.png")
    assert_painted(folder / "painted" / "photo-regions.png", pixels("photo.png"))
    sky = impasto.stylize("photo.png", "starry-night", brush_size=1.5, strength=90).to_numpy()
    assert np.abs(found - sky).mean() < 1


def test_a_folder(folder: Path, start: Type, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "photos").mkdir()
    for number in range(2):
        (folder / "photos" / f"{number}.png").write_bytes((folder / "photo.png").read_bytes())
    target = Path("painted") / "photos-wheat-field"
    assert start("folder_with_progress", "photos") == 0
    said = capsys.readouterr()
    assert said.out == f"{target}: 2 painted, 0 skipped, 0 failed\n"
    assert [line.split(":")[0] for line in said.err.splitlines()] == ["1 of 2", "2 of 2"]
    for number in range(2):
        assert_painted(target / f"{number}.png", pixels("photo.png"))
    before = contents(target)
    (folder / "photos" / "bad.png").write_bytes(b"no picture")
    assert start("folder_with_progress", "photos") == 1
    said = capsys.readouterr()
    assert said.out == f"{target}: 0 painted, 2 skipped, 1 failed\n"
    assert f"{Path('photos/bad.png')}: " in said.err
    after = contents(target)
    assert all(after[path] == data for path, data in before.items() if path.suffix == ".png")


def test_a_clip(folder: Path, start: Type, capsys: pytest.CaptureFixture[str]) -> None:
    av = pytest.importorskip("av")
    (folder / "frames").mkdir()
    for number in range(3):
        (folder / "frames" / f"{number}.png").write_bytes((folder / "photo.png").read_bytes())
    target = Path("painted") / "frames.mp4"
    assert start("clip", "frames") == 0
    assert capsys.readouterr().out == f"{target}: 3 frames\n"
    with av.open(str(target)) as clip:
        frames = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    assert [frame.shape for frame in frames] == [(252, 448, 3)] * 3
    with Image.open("photo.png") as photo:
        large = np.asarray(photo.convert("RGB").resize((448, 252)), np.float32)
    assert np.abs(frames[0] - large).mean() > 5
    assert_keeps(start, "clip", "frames")


def _briefly(learn: Callable[..., Any], *given: Any, minutes: float, **others: Any) -> Any:
    return learn(*given, minutes=minutes / 500, **others)


def test_a_style_is_learned(
    folder: Path, start: Type, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from impasto.training import learn

    monkeypatch.setattr(learn, "PLAN", learn.Plan(side=64, plain=48, held_back=1))
    impasto.Picture.open(PAINTING, at_most=96).save("My Painting.png")
    monkeypatch.setattr(impasto, "learn", functools.partial(_briefly, impasto.learn))
    words = ["learn_a_style", "My Painting.png", "photo.png"]
    assert start(*words) == 0
    (line,) = capsys.readouterr().out.splitlines()
    first = Path(line.partition(": ")[0])
    assert first.name.startswith("photo-my-painting-")
    assert_painted(first, pixels("photo.png"))
    assert "my-painting" in impasto.Gallery(folder / "painted" / "styles")
    assert not [path for path in home.rglob("*") if path.name == "my-painting"]
    before = first.read_bytes()
    assert start(*words) == 0  # it learns on, and paints into another file
    second = Path(capsys.readouterr().out.partition(": ")[0])
    assert second != first
    assert first.read_bytes() == before
    assert_painted(second, pixels("photo.png"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_missing_file_is_one_line(folder: Path, start: Type, name: str) -> None:
    said = start(name, "missing.jpg")
    assert isinstance(said, str)
    assert "missing.jpg" in said
    assert "\n" not in said


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_defaults_are_in_the_repository(
    folder: Path, start: Type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Path] = []

    def look(*places: Any, regions: Any = (), **_: object) -> None:
        given.extend(Path(place) for place in places[:1] if place is not None)
        given.extend(Path(region.mask) for region in regions)
        assert all(path.exists() for path in given)
        given.extend(path for place in given if place.is_dir() for path in place.iterdir())
        raise impasto.UsageError("looked")

    for call in CALLS:
        monkeypatch.setattr(impasto, call, look)
    assert start(name) == "looked"
    counts = {"blend_and_regions": 2, "folder_with_progress": 1 + 6}
    assert len(given) == counts.get(name, 1)


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_has_about_15_lines(name: str) -> None:
    lines = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8").partition("import")[2].splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 17


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_is_printed_on_the_page(name: str) -> None:
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    script = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    assert f"```python\n{script}```" in page
    assert f"(../examples/{name}.py)" in page

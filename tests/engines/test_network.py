"""Networks as styles: what is exported runs without PyTorch, what is imported is recognized, and all controls apply."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import refused, scene
from networks import foreign, trained
from PIL import Image

import impasto
import impasto.engines.tiles
from impasto.engines.base import StyleVector
from impasto.engines.network import Facts, Network
from impasto.engines.tiles import tiles
from impasto.errors import PictureError, StyleError, UsageError
from impasto.exchange.export import to_onnx
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.styles.gallery import Gallery
from impasto.styles.store import trial_photo

PHOTO = scene(120, 88).astype(np.float32) / 255


def opened(path: Path, budget: int | None = None) -> Network:
    return Network(path, trial_photo, budget)


@pytest.fixture
def two(tmp_path: Path) -> Network:
    path = tmp_path / "two.onnx"
    path.write_bytes(to_onnx(trained(2), ["a", "b"], {"license": "CC0"}))
    return opened(path)


def test_tiles_look_as_if_painted_at_once(two: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impasto.engines.tiles, "LARGEST", 512)
    base = Image.fromarray(scene(60, 50)).resize((1400, 1100), Image.Resampling.BICUBIC)
    photo = np.asarray(base, np.float32) / 255
    photo = (photo + np.random.default_rng(0).normal(0, 0.03, photo.shape)).clip(0, 1).astype(np.float32)
    two, mixed = opened(two.path, 10**9), StyleVector(np.float32([0.3, 0.7]))
    # Private: the statistics that the network normalizes by are not seen from outside.
    whole, statistics = two._run(photo, mixed.embedding)
    whole = two._clamp(whole)
    tiled = two.paint(photo, mixed)
    alone = whole.copy()  # every tile normalized by itself
    for tile in tiles(1400, 1100, 512, 4):
        alone[tile.inner] = two.paint(photo[tile.outer], mixed)[tile.kept]
    assert 0 < np.abs(tiled - whole).mean() < 0.6 * np.abs(alone - whole).mean()
    # With the whole's own statistics nothing is left of the difference, borders of tiles included.
    monkeypatch.setattr(two, "_run", functools.partial(_with_statistics, two._run, statistics))
    assert np.abs(two.paint(photo, mixed) - whole).max() < 0.01


def _with_statistics(run: Any, statistics: np.ndarray, photo: np.ndarray, weights: Any, given: Any = None) -> Any:
    return run(photo, weights, statistics if given is None else given)[0], statistics


def test_it_runs_where_there_is_no_pytorch(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(to_onnx(trained(), ["a"], {}))
    code = """
import sys
sys.modules["torch"] = None
import numpy as np
from pathlib import Path
from impasto.styles.store import load_network
network = load_network(Path(sys.argv[1]))
painted = network.paint(np.full((40, 50, 3), .5, np.float32), network.style())
assert painted.shape == (40, 50, 3)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "net.onnx")], check=True)


def test_a_network_is_a_style_with_all_controls(two: Network, tmp_path: Path) -> None:
    gallery = Gallery()
    entries = gallery.add_network("nets", two.path.read_bytes())
    assert [entry.name for entry in entries] == ["nets/a", "nets/b"]
    assert all(entry.license == "CC0" and entry.kind == "your network" for entry in entries)
    photo = Picture(PHOTO)
    a, b = (impasto.stylize(photo, f"nets/{name}").pixels for name in "ab")
    np.testing.assert_allclose(a, two.paint(PHOTO, two.style("a")), atol=1e-6)
    assert np.abs(a - b).mean() > 0.005
    # Styles of one network are mixed inside it, others as pictures.
    both = impasto.stylize(photo, {"nets/a": 1, "nets/b": 3}).pixels
    np.testing.assert_allclose(both, two.paint(PHOTO, 0.25 * two.style("a") + 0.75 * two.style("b")), atol=1e-6)
    wave = impasto.stylize(photo, "great-wave").pixels
    mixed = Stylizer({"nets/a": 1, "great-wave": 3})
    assert mixed.engine == "network + painter"
    np.testing.assert_allclose(mixed(photo).pixels, 0.25 * a + 0.75 * wave, atol=1e-5)
    # Regions: another network, the painter, and the photo as it is.
    mask = np.zeros((88, 120), np.float32)
    mask[:, 80:] = 1
    for style, expected in (("nets/b", b), ("great-wave", wave), ("none", PHOTO)):
        result = impasto.stylize(photo, "nets/a", regions=[(mask, style)]).pixels
        np.testing.assert_allclose(result[:, :70], a[:, :70], atol=1e-5)
        np.testing.assert_allclose(result[:, 90:], expected[:, 90:], atol=1e-5)
    inside = impasto.stylize(photo, "great-wave", regions=[(mask, "nets/b")]).pixels
    np.testing.assert_allclose(inside[:, 90:], b[:, 90:], atol=1e-5)
    # Color: the result has the photo's mean.
    for keep in ("histogram", "coral"):
        kept = impasto.stylize(photo, "nets/a", keep_color=keep).pixels
        assert np.abs(kept.mean((0, 1)) - PHOTO.mean((0, 1))).max() < 0.02
    assert impasto.stylize(photo, "nets/a", size=60, brush_size=2).width == 60
    with refused(StyleError, "network-style", "nets/a"):
        gallery.vector("nets/a")
    with refused(UsageError, "network-style", "nets/a"):
        impasto.optimize(photo, "nets/a")


def test_a_file_can_be_the_style(two: Network, tmp_path: Path) -> None:
    path = tmp_path / "one.onnx"
    path.write_bytes(to_onnx(trained(), ["x"], {}))
    picture = impasto.stylize(Picture(PHOTO), str(path))
    network = opened(path)
    np.testing.assert_allclose(picture.pixels, network.paint(PHOTO, network.style()), atol=1e-6)
    with refused(UsageError, "several-styles", "a, b"):
        impasto.stylize(Picture(PHOTO), two.path)
    with refused(UsageError, "unknown-format", "impasto styles import"):
        impasto.stylize(Picture(PHOTO), str(tmp_path / "candy.pth"))


def test_a_file_of_one_size_only_paints_larger_photos_in_tiles(tmp_path: Path) -> None:
    path = tmp_path / "fixed.onnx"
    path.write_bytes(foreign(True, 0, 1))
    network = opened(path)
    with pytest.warns(UserWarning, match="fixed.onnx takes only pictures of 64 x 48"):
        painted = network.paint(PHOTO, network.style())
    np.testing.assert_allclose(painted, 1 - PHOTO, atol=1e-5)
    small = PHOTO[:30, :50]
    np.testing.assert_allclose(network.paint(small, network.style()), 1 - small, atol=1e-5)


def test_damaged_networks_are_named_and_others_stay(tmp_path: Path) -> None:
    gallery = Gallery()
    gallery.add_network("good", to_onnx(trained(), ["a"], {}))
    gallery.add_network("bad", to_onnx(trained(), ["a"], {}))
    (gallery.folder / "bad" / "network.onnx").unlink()
    assert "good" in gallery.names()
    assert any("bad is damaged: network.onnx is missing" in problem for problem in gallery.problems())
    with refused(StyleError, "damaged-file", "bad"):
        gallery.get("bad")
    gallery.remove("bad")
    assert gallery.problems() == []
    with refused(PictureError, "no-such-file", "gone.onnx"):
        opened(tmp_path / "gone.onnx")


def test_a_later_format_of_the_facts_is_refused() -> None:
    assert Facts.from_json(Facts().as_json()) == Facts()
    with pytest.raises(ValueError, match="a later version"):
        Facts.from_json(Facts().as_json().replace('"format": 1', '"format": 2'))

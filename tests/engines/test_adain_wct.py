"""AdaIN and WCT: the published arithmetic, behind the painter's face."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, Outcome, assert_refused, refused

import impasto
from impasto.controls import Controls
from impasto.engines.adain_wct import CHANNELS, WCT, AdaIN
from impasto.engines.by_name import engine_of
from impasto.engines.painter import Painter
from impasto.engines.shot import Shot
from impasto.errors import UsageError
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.styles.gallery import Gallery
from impasto.system.files import ASSETS

PHOTO = Picture.open(ASSETS / "samples" / "colosseum.jpg").resized(221, 149)
PEERS = ROOT.parent / "shared" / "data" / "peers"


def seen(painter: AdaIN | WCT, pixels: np.ndarray) -> np.ndarray:
    """What the engine's encoder sees, 512 x places, at the picture's own size."""
    from impasto.pixels.arrays import planes

    # Private: features are not seen from outside.
    (features,) = painter._encode_model.run({"picture": planes(pixels)})
    return features[0].reshape(CHANNELS, -1)


def test_the_encoder_is_vgg() -> None:
    torch = pytest.importorskip("torch")
    from impasto.nn.tensors import to_tensor
    from impasto.nn.vgg import shipped_vgg

    pixels = PHOTO.resized(128, 96).pixels
    with torch.no_grad():
        wanted = shipped_vgg("max", "reflect")(to_tensor(pixels), ["relu4_1"])["relu4_1"][0].flatten(1).numpy()
    np.testing.assert_allclose(seen(AdaIN(), pixels), wanted, atol=2e-3 * wanted.max())


@pytest.mark.parametrize("kind", [AdaIN, WCT])
def test_features_get_the_statistics_that_are_wanted(kind: type[AdaIN] | type[WCT]) -> None:
    painter, rng = kind(), np.random.default_rng(0)
    mixing = rng.normal(size=(CHANNELS, CHANNELS)) / 20
    own, other = (
        painter.statistics((spread @ rng.normal(size=(CHANNELS, 4000)) + level).astype(np.float32))
        for spread, level in ((mixing, 1), (mixing.T, -2))
    )
    features = (mixing @ rng.normal(size=(CHANNELS, 4000)) + 1).astype(np.float32)
    own = painter.statistics(features)
    changed = painter.change(own, other)(features)
    np.testing.assert_allclose(painter.statistics(changed), other, atol=0.02 * np.abs(other).max())
    same = painter.change(own, own)(features)
    np.testing.assert_allclose(same, features, atol=0.02 * np.abs(features).max())


@pytest.mark.parametrize("engine", ["adain", "wct"])
def test_controls_and_tiles(engine: impasto.engines.by_name.EngineName) -> None:
    plain, half, none = (
        impasto.stylize(PHOTO, "great-wave", engine=engine, strength=strength).pixels for strength in (100, 50, 0)
    )
    np.testing.assert_array_equal(none, PHOTO.pixels)
    away = [np.abs(picture - PHOTO.pixels).mean() for picture in (half, plain)]
    assert 0.02 < away[0] < 0.8 * away[1]
    tiles = Stylizer("great-wave", painter=type(engine_of(engine))(budget=1))(PHOTO)
    assert np.abs(tiles.pixels - plain).mean() < 1 / 255
    gray = impasto.stylize(PHOTO, "great-wave", engine=engine, keep_color="coral").pixels
    assert (
        np.abs(gray.mean((0, 1)) - PHOTO.pixels.mean((0, 1))).max()
        < np.abs(plain.mean((0, 1)) - PHOTO.pixels.mean((0, 1))).max()
    )


def test_frames_of_a_shot_share_their_statistics() -> None:
    painter, shot = AdaIN(), Shot(frames=1)
    vector = Gallery(painter=painter).vector("udnie")
    first, dark = PHOTO.pixels, PHOTO.pixels * 0.5
    painter.paint(first, vector, shot=shot)
    assert np.abs(painter.paint(dark, vector, shot=shot) - painter.paint(dark, vector)).mean() > 0.02


def test_the_gallery_keeps_the_painters_vectors(home: Path) -> None:
    Gallery().add("mine", PHOTO)
    kept = (home / "styles" / "mine" / "painter.npy").read_bytes()
    impasto.stylize(PHOTO, "mine", engine="adain")
    assert (home / "styles" / "mine" / "painter.npy").read_bytes() == kept
    assert Gallery(painter=AdaIN()).vector("mine").numbers.shape == (2 * CHANNELS,)


def test_the_command_line(run: Callable[..., Outcome], photo: Path, tmp_path: Path) -> None:
    done = run("stylize", photo, "--style", "udnie", "--engine", "adain", "-o", tmp_path / "a.png")
    assert done.code == 0, done.err
    painted = Picture.open(tmp_path / "a.png")
    expected = Stylizer("udnie", painter=AdaIN(), controls=Controls())(Picture.open(photo))
    assert np.abs(painted.pixels - expected.pixels).max() < 2 / 255
    assert "adain" in impasto.Picture.open(tmp_path / "a.png").xmp.decode()
    assert_refused(
        run("stylize", photo, "--style", "udnie", "--engine", "oil", "-o", tmp_path / "b.png"), 2, "usage", "--engine"
    )
    with refused(UsageError, "unknown-choice", "'oil'"):
        impasto.stylize(PHOTO, "udnie", engine="oil")  # type: ignore[arg-type]
    assert isinstance(engine_of("painter"), Painter)


@pytest.mark.skipif(not PEERS.is_dir(), reason="pictures of other programs are not there")
def test_pictures_are_those_of_the_published_network() -> None:
    photo, style = PEERS / "photos" / "astronaut.jpg", PEERS / "styles" / "hiroshige_saruwaka_night.jpg"
    theirs = Picture.open(PEERS / "adain" / f"{photo.stem}__{style.stem}.jpg")
    ours = impasto.stylize(photo, style, engine="adain").resized(theirs.width, theirs.height)
    assert np.abs(ours.pixels - theirs.pixels).mean() < 0.06
    assert np.corrcoef(ours.pixels.ravel(), theirs.pixels.ravel())[0, 1] > 0.9


def test_the_cost_is_that_of_vgg_19_to_relu4_1_and_of_its_mirror_image() -> None:
    halves = {1: [(3, 3, 1), (3, 64, 9), (64, 64, 9)], 4: [(64, 128, 9), (128, 128, 9)]}
    halves |= {16: [(128, 256, 9), *[(256, 256, 9)] * 3], 64: [(256, 512, 9)]}
    encoder = sum(a * b * taps / pixels for pixels, convolutions in halves.items() for a, b, taps in convolutions)
    assert AdaIN().mac_per_pixel == WCT().mac_per_pixel == round(2 * encoder)

"""Masks: read, fitted and layered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import Outcome, assert_refused, file_bytes, refused, scene
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from impasto.errors import UsageError
from impasto.painting.regions import read_mask
from impasto.pixels.masks import check_proportions, fit_mask, layer


def test_white_is_inside_and_what_is_transparent_is_not() -> None:
    mask = np.zeros((4, 6), np.uint8)
    mask[1:3, 2:5] = 255
    np.testing.assert_allclose(read_mask(file_bytes(mask)), mask / 255, atol=1e-6)
    rgba = np.full((4, 6, 4), 255, np.uint8)
    rgba[:, :, 3] = mask
    np.testing.assert_allclose(read_mask(file_bytes(rgba)), mask / 255, atol=1e-6)
    deep = Image.fromarray(mask.astype(np.uint16) * 128)
    assert read_mask(file_bytes(deep)).max() == pytest.approx(255 * 128 / 65535, abs=1e-4)


def test_a_mask_of_another_size_is_fitted_and_of_other_proportions_reported() -> None:
    mask = np.zeros((10, 20), np.float32)
    mask[:, 10:] = 1
    fitted = fit_mask(mask, 200, 100)
    assert fitted.shape == (100, 200)
    assert fitted[:, :90].max() == 0
    assert fitted[:, 110:].min() == 1
    with pytest.warns(UserWarning, match="a mask of 20 x 10 is stretched over a photo of 50 x 100"):
        check_proportions([mask], 50, 100)
    assert fit_mask(mask, 50, 100).shape == (100, 50)
    check_proportions([mask], 201, 100)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(0, 1000))
def test_shares_sum_to_one_and_later_masks_lie_on_top(count: int, seed: int) -> None:
    masks = list(np.random.default_rng(seed).uniform(0, 1, (count, 5, 7)).astype(np.float32))
    shares = layer(masks)
    np.testing.assert_allclose(shares.sum(0), 1, atol=1e-5)
    assert shares.min() >= 0
    np.testing.assert_array_equal(shares[-1], masks[-1])
    covered = layer([*masks, np.ones((5, 7), np.float32)])
    assert covered[:-1].max() == 0


def test_a_photo_can_be_a_mask() -> None:
    with pytest.warns(UserWarning, match="many colors; its brightness"):
        assert read_mask(scene()).shape == (64, 96)


HALF = np.arange(60)[None].repeat(40, 0) < 30
WHITE = (HALF * 255).astype(np.uint8)


def palette(colors: list[int], labels: np.ndarray) -> Image.Image:
    image = Image.new("P", (labels.shape[1], labels.shape[0]))
    image.putdata(labels.ravel().tolist())
    image.putpalette(colors)
    return image


def on_transparent(color: np.ndarray | tuple[int, int, int]) -> np.ndarray:
    return np.dstack([np.broadcast_to(np.uint8(color), (40, 60, 3)) * HALF[:, :, None], WHITE]).astype(np.uint8)


SHAPES = {
    "black on transparent": file_bytes(on_transparent((0, 0, 0))),
    "blue on transparent": file_bytes(on_transparent((10, 120, 200))),
    "a cut-out photo": file_bytes(on_transparent(scene(60, 40))),
    "a cut-out photo, compressed": file_bytes(on_transparent(scene(60, 40)), "WEBP", quality=60),
    "gray and alpha": file_bytes(Image.merge("LA", [Image.fromarray(0 * WHITE), Image.fromarray(WHITE)])),
    "opaque alpha": file_bytes(np.dstack([WHITE, WHITE, WHITE, 0 * WHITE + 255])),
    "labels": file_bytes(HALF.astype(np.uint8)),
    "labels in 16 bits": file_bytes(HALF.astype(np.uint16)),
    "labels in 32 bits": file_bytes(Image.fromarray(HALF.astype(np.int32)), "TIFF"),
    "labels as floats": file_bytes(Image.fromarray(HALF.astype(np.float32)), "TIFF"),
    "255 in 16 bits": file_bytes(WHITE.astype(np.uint16)),
    "one bit": file_bytes(Image.fromarray(HALF)),
    "palette": file_bytes(palette([0, 0, 0, 128, 0, 0, 0, 128, 0], HALF.astype(np.uint8))),
    "gray palette": file_bytes(palette([0, 0, 0, 1, 1, 1, 2, 2, 2], HALF.astype(np.uint8))),
    "white first": file_bytes(palette([255, 255, 255, 0, 0, 0], 1 - HALF.astype(np.uint8))),
    "GIF": file_bytes(Image.fromarray(WHITE), "GIF"),
    "JPEG": file_bytes(Image.fromarray(np.dstack([WHITE] * 3)), "JPEG", quality=30),
    "an array of labels": HALF.astype(np.int64),
}


@pytest.mark.parametrize("name", SHAPES)
def test_masks_of_other_programs_are_taken_as_meant(name: str) -> None:
    mask = read_mask(SHAPES[name])
    assert mask[:, :26].min() > 0.97
    assert mask[:, 34:].max() < 0.03


def test_feathers_shades_and_orientation_stay() -> None:
    soft = np.arange(60, dtype=np.uint8)[None].repeat(40, 0) * 4
    np.testing.assert_allclose(read_mask(file_bytes(soft)), soft / 255, atol=1e-6)
    feathered = np.dstack([np.zeros((40, 60, 3), np.uint8), soft])
    np.testing.assert_allclose(read_mask(file_bytes(feathered)), soft / 255, atol=1e-6)
    both = np.dstack([WHITE, WHITE, WHITE, soft])  # a gray mask with transparency: bright and opaque
    np.testing.assert_allclose(read_mask(file_bytes(both)), WHITE / 255 * (soft / 255), atol=1e-6)
    exif = Image.Exif()
    exif[0x112] = 6
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(WHITE)))
    assert read_mask(file_bytes(turned, "JPEG", exif=exif))[:, :26].min() > 0.97


def test_what_cannot_be_told_is_said() -> None:
    three = HALF.astype(np.uint8)
    three[:10, :20] = 3
    void = HALF.astype(np.uint8)
    void[:, 30] = 255
    for labels, words in ((three, "1, 3"), (void, "1, 255")):
        with refused(UsageError, "mismatch", words):
            read_mask(file_bytes(labels))
    with refused(UsageError, "mismatch", "3 colors"):
        read_mask(file_bytes(palette([0, 0, 0, 128, 0, 0, 0, 128, 0], 2 * HALF.astype(np.uint8) - (three == 3))))
    with pytest.warns(UserWarning, match="15 counts as inside"):
        assert read_mask(file_bytes(HALF.astype(np.uint8) * 15))[:, :30].min() == 1
    for number, kind in ((38, np.uint8), (100, np.uint8), (300, np.uint16), (26001, np.uint16)):
        with pytest.warns(UserWarning, match=f"{number} counts as inside"):
            assert read_mask(file_bytes(HALF.astype(kind) * number))[:, :30].min() == 1
    edge = np.linspace(0, 1, 60)[None, :, None] * np.float32([185, 230, -47]) + [68, 1, 84]  # between two colors
    with pytest.warns(UserWarning, match="the brighter one counts as inside"):
        np.testing.assert_allclose(
            read_mask(file_bytes(edge.repeat(40, 0).astype(np.uint8)))[0, ::59], (0, 1), atol=0.1
        )
    with pytest.warns(UserWarning, match="the brighter one counts as inside"):
        assert read_mask(file_bytes(palette([68, 1, 84, 253, 231, 37], HALF.astype(np.uint8))))[:, :30].min() == 1
    for empty in (0 * WHITE, np.zeros((40, 60, 4), np.uint8)):
        with pytest.warns(UserWarning, match="covers nothing"):
            read_mask(file_bytes(empty))
    with pytest.warns(UserWarning, match="covers everything"):
        read_mask(file_bytes(0 * WHITE + 255))
    frames = [Image.fromarray(WHITE), Image.fromarray(255 - WHITE)]
    with pytest.warns(UserWarning, match="its first frame is used"):
        assert read_mask(file_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:]))[:, :30].min() == 1


def test_regions_of_the_command_line_name_their_masks(run: Callable[..., Outcome], tmp_path: Path, photo: Path) -> None:
    def painted(mask: np.ndarray) -> Outcome:
        Image.fromarray(mask).save(tmp_path / "shape.png")
        region = f"{tmp_path / 'shape.png'}=none"
        return run("stylize", photo, "--style", "udnie", "--region", region, "-o", tmp_path / "o.png", "--overwrite")

    done = painted(on_transparent((0, 0, 0)))
    assert (done.code, done.err) == (0, "")
    result, source = (np.asarray(Image.open(path).convert("RGB")).astype(int) for path in (tmp_path / "o.png", photo))
    third = result.shape[1] // 3
    assert np.abs(result - source)[:, :third].mean() < 3
    assert np.abs(result - source)[:, -third:].mean() > 5
    assert "shape.png covers nothing" in painted(0 * WHITE).err
    three = (HALF * 2).astype(np.uint8)
    three[:, 50:] = 1
    assert_refused(painted(three), 2, "mismatch", "shape.png", "1, 2")

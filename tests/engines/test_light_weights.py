"""Filters of a style's own: packed, put into the network's files, and painted with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import scene
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.torch import load_file

from impasto.engines.base import StyleVector
from impasto.engines.by_name import engine_of
from impasto.engines.light import VECTOR_SIZE, Light
from impasto.engines.light_weights import GROUP, changed, pack, unpack
from impasto.nn.light_net import Brush
from impasto.styles.gallery import Gallery
from impasto.styles.resolve import resolve
from impasto.system.files import ASSETS

PHOTO = scene(96, 64, 4).astype(np.float32) / 255
LIGHT = engine_of("light")
PLACES = LIGHT.facts["filters"]


@given(hnp.arrays(np.float32, st.integers(1, 200), elements=st.floats(-2, 2, width=16)))
def test_what_is_packed_comes_back_within_half_a_step(changes: np.ndarray) -> None:
    packed = pack(changes)
    assert packed.dtype == np.uint8
    groups = -(-len(changes) // GROUP)
    assert len(packed) == groups * (GROUP // 2 + 2)  # four bits each, and a scale
    found = unpack(packed)[: len(changes)]
    for start in range(0, len(changes), GROUP):
        part = slice(start, start + GROUP)
        step = np.abs(changes[part]).max() / 7
        assert np.abs(found[part] - changes[part]).max() <= step * 0.51 + 1e-6
    assert not unpack(packed)[len(changes) :].any()


def test_only_the_given_places_change() -> None:
    file = np.arange(10, dtype="<f4").tobytes() + b"end"
    out = changed(file, np.array([1, 10, 100], np.float32), [[8, 1, 2], [36, 0, 1]])
    np.testing.assert_array_equal(np.frombuffer(out[:40], "<f4"), [0, 1, 12, 103, 4, 5, 6, 7, 8, 10])
    assert out[40:] == b"end"


def test_the_networks_have_the_same_filters() -> None:
    whole = (ASSETS / "light" / "paint.onnx").read_bytes()
    where = {first: (offset, count) for offset, first, count in PLACES["paint.onnx"]}
    ends = sorted((first, first + count) for first, (_, count) in where.items())
    assert [start for start, _ in ends] == [0, *(end for _, end in ends[:-1])]  # each of them once
    assert set(PLACES) == {"paint.onnx", "paint8.onnx", "paint16.onnx", "shot.onnx"}
    seen = set()
    for name in ("paint8.onnx", "shot.onnx"):
        data = (ASSETS / "light" / name).read_bytes()
        for offset, first, count in PLACES[name]:
            there, size = where[first]
            assert count == size
            assert data[offset : offset + 4 * count] == whole[there : there + 4 * size]
            seen.add(first)
    assert seen == set(where)
    at_once = (ASSETS / "light" / "paint16.onnx").read_bytes()  # its hidden channels are not in halves
    for offset, first, count in PLACES["paint16.onnx"]:
        there, size = where[first]
        assert count in (size, 2 * size)
        assert at_once[offset : offset + 4 * size] == whole[there : there + 4 * size]
    assert sum(count for _, _, count in PLACES["paint16.onnx"]) == ends[-1][1]


def test_changed_filters_paint_what_the_pytorch_network_paints_with_them() -> None:
    tensors = {
        name.removeprefix("brush."): value.float()
        for name, value in load_file(ASSETS / "light" / "light.safetensors").items()
        if name.startswith("brush.")
    }
    names = sorted(name for name in tensors if name.startswith(("blocks", "enter", "leave")))
    generator = torch.Generator().manual_seed(0)
    changes = []
    for name in names:
        as_stored = name.startswith(("blocks", "leave1", "leave2"))  # the others hold the pictures' range, too
        change = 0.03 * torch.randn(tensors[name].shape, generator=generator) * as_stored
        tensors[name] = tensors[name] + change
        changes.append(change.numpy().ravel())
    brush = Brush()
    brush.load_state_dict(tensors)
    plain = StyleVector(Gallery(painter=LIGHT).vector("udnie").embedding)
    vector = StyleVector(plain.embedding, np.concatenate(changes))
    with torch.no_grad():
        planes = torch.from_numpy(PHOTO.transpose(2, 0, 1)[None].copy())
        wanted = brush(planes, torch.from_numpy(plain.embedding)[None])[0].permute(1, 2, 0).numpy().clip(0, 1)
    painter = LIGHT
    found = painter.paint(PHOTO, vector)
    assert np.abs(found - wanted).max() < 2e-3
    assert np.abs(found - painter.paint(PHOTO, plain)).mean() > 0.01


def test_mixtures_change_the_filters_in_proportion() -> None:
    painter, named = LIGHT, Gallery(painter=LIGHT).vector("great-wave")
    own = painter.encode(PHOTO)
    assert own.numbers.shape == (VECTOR_SIZE,)
    half = 0.5 * own + 0.5 * named
    np.testing.assert_allclose(half.changes, named.changes / 2)
    np.testing.assert_allclose(half.embedding, (own.embedding + named.embedding) / 2, rtol=1e-5)


def test_a_painting_and_a_named_style_blend() -> None:
    from impasto.painting.stylizer import Stylizer

    painting = scene(80, 80, 7)
    blend = resolve([painting, ("udnie", 3)], Gallery(painter=LIGHT), LIGHT)
    ((share, engine, vector),) = blend.by_engine()
    assert (share, engine) == (1, LIGHT)
    changes = Gallery(painter=LIGHT).vector("udnie").changes
    np.testing.assert_allclose(vector.changes, 0.75 * changes, rtol=1e-5, atol=1e-7)
    assert Stylizer([painting, ("udnie", 3)], painter=LIGHT).style.label.startswith("a painting")


def test_networks_with_filters_are_forgotten_one_by_one() -> None:
    painter = Light()
    names = ("udnie", "great-wave", "starry-night", "the-scream", "the-kiss")
    vectors = [Gallery(painter=LIGHT).vector(name) for name in names]
    first = painter.paint(PHOTO, vectors[0])
    for vector in vectors[1:]:
        painter.paint(PHOTO, vector)
    assert painter._tuned.cache_info().currsize == 4
    np.testing.assert_array_equal(painter.paint(PHOTO, vectors[0]), first)


@pytest.mark.parametrize("name", ["starry-night", "great-wave", "the-scream"])
def test_a_named_style_is_nearer_to_its_painting(name: str) -> None:
    """Against the painter driven by what its encoder sees in the same painting."""
    from impasto.nn.losses import gram
    from impasto.nn.tensors import to_tensor
    from impasto.nn.vgg import shipped_vgg
    from impasto.picture import Picture

    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1"]
    net, gallery, painter = shipped_vgg("average", "replicate"), Gallery(painter=LIGHT), LIGHT
    painting = gallery.picture(gallery.get(name)).pixels
    photo = Picture.open(ASSETS / "samples" / "colosseum.jpg").at_most(448).pixels

    def grams(pixels: np.ndarray) -> dict[str, torch.Tensor]:
        with torch.no_grad():
            found = net(to_tensor(pixels), layers, lambda _, features: gram(features))
        return dict(found)

    target = grams(painting)

    def distance(vector: StyleVector) -> float:
        own = grams(painter.paint(photo, vector))
        parts = [(own[k] - target[k]).square().mean() / target[k].square().mean() for k in layers]
        return float(torch.stack(parts).mean())

    assert distance(gallery.vector(name)) < 0.9 * distance(painter.encode(painting))

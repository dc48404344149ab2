"""Filters of a style's own: packed, put into the network by name, and painted with."""

from __future__ import annotations

import numpy as np
import onnx
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
from impasto.engines.light_weights import (
    ENDS,
    EPSILON,
    GROUP,
    NORMS,
    WIDTH,
    apply_delta,
    filter_count,
    filter_shapes,
    normalized,
    pack,
    unpack,
)
from impasto.nn.light_net import LightNet, changes_of, filters, is_filter
from impasto.styles.gallery import Gallery
from impasto.styles.resolve import resolve
from impasto.system.files import ASSETS

PHOTO = scene(96, 64, 4).astype(np.float32) / 255
LIGHT = engine_of("light")


@given(hnp.arrays(np.float32, st.integers(1, 200), elements=st.floats(-2, 2, width=16)))
def test_what_is_packed_comes_back_within_half_a_step(changes: np.ndarray) -> None:
    packed = pack(changes)
    assert packed.dtype == np.uint8
    groups = -(-len(changes) // GROUP)
    assert len(packed) == groups * (GROUP // 2 + 2)  # four bits each, and a scale
    found = unpack(packed, len(changes))
    assert found.shape == changes.shape
    for start in range(0, len(changes), GROUP):
        part = slice(start, start + GROUP)
        step = np.abs(changes[part]).max() / 7
        assert np.abs(found[part] - changes[part]).max() <= step * 0.51 + 1e-6
    with pytest.raises(ValueError, match="packed numbers"):
        unpack(packed[:-1], len(changes))


def test_the_order_of_a_styles_changes_is_that_of_the_networks_names() -> None:
    """Vectors that users keep depend on it."""
    state = {name: value for name, value in LightNet().state_dict().items() if is_filter(name)}
    assert filter_shapes() == {name: tuple(state[name].shape) for name in sorted(state)}
    assert filter_count() == 150_748
    assert len(LIGHT.style(np.ones(VECTOR_SIZE + filter_count(), np.float32)).changes) == filter_count()
    assert len(Gallery(painter=LIGHT).vector("udnie").changes) == filter_count()


def test_all_graphs_take_their_weights_by_name() -> None:
    ends = {f"{name}.{part}" for name in ENDS for part in ("weight", "bias")}
    for file in ("paint.onnx", "paint8.onnx", "paint16.onnx", "shot.onnx"):
        graph = onnx.load_from_string((LIGHT.folder / file).read_bytes()).graph
        external = [tensor for tensor in graph.initializer if tensor.data_location == onnx.TensorProto.EXTERNAL]
        shapes = {tensor.name: tuple(tensor.dims) for tensor in external}
        assert set(shapes) - set(filter_shapes()) == (ends if file == "shot.onnx" else set())
        assert {name: shapes[name] for name in filter_shapes()} == filter_shapes()


def test_changes_are_added_by_name() -> None:
    weights = {name: np.full(shape, 2, np.float32) for name, shape in filter_shapes().items()}
    new = apply_delta(weights, np.arange(filter_count(), dtype=np.float32))
    np.testing.assert_array_equal(
        np.concatenate([new[name].ravel() for name in sorted(new)]), np.arange(filter_count()) + 2
    )
    assert all((value == 2).all() for value in weights.values())


def test_what_a_brush_changes_comes_back() -> None:
    state, rng = LightNet().state_dict(), np.random.default_rng(0)
    change = {
        name: torch.tensor(rng.normal(size=shape), dtype=torch.float32) for name, shape in filter_shapes().items()
    }
    found = changes_of(filters(change), state)
    for name, value in change.items():
        torch.testing.assert_close(found[name], value)


def test_a_normalization_is_folded_into_the_layer_before_it() -> None:
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in filter_shapes().items()}
    steps, means = rng.normal(size=(2, NORMS, 2, WIDTH)).astype(np.float32)
    means[:, 1] = means[:, 0] ** 2 + np.abs(means[:, 1])
    new = normalized(weights, steps, means)
    seen = rng.normal(size=(WIDTH, 5, 5))

    def layer(of: dict[str, np.ndarray], name: str) -> np.ndarray:
        weight = of[f"{name}.weight"][:, 0]
        return (weight * seen[:, : weight.shape[1], : weight.shape[2]]).sum((1, 2)) + of[f"{name}.bias"]

    names = [ENDS[0], *(f"blocks.{index}.look" for index in range(NORMS - 2)), ENDS[1]]
    for name, (scale, shift), (mean, square) in zip(names, steps, means, strict=True):
        before = seen[:, 0, 0] if name in ENDS else layer(weights, name)
        wanted = (1 + scale) * (before - mean) / np.sqrt(square - mean**2 + EPSILON) + shift
        np.testing.assert_allclose(layer(new, name), wanted, rtol=1e-3, atol=1e-4)
    same = set(weights) - {f"{name}.{part}" for name in names for part in ("weight", "bias")}
    assert all(new[name] is weights[name] for name in same)


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
    brush = LightNet()
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
    # Private: what is kept is a matter of memory.
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

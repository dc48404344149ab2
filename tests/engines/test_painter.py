"""The painter: the same numbers as the network in PyTorch, in any layout, at any size, in tiles and in shots."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import ROOT, scene

from impasto.engines import painter_weights, quantized
from impasto.engines.base import StyleVector
from impasto.engines.painter import CODE, MARGIN, VECTOR_SIZE, Painter, code_and_palette, mirrored, noise_at
from impasto.engines.shot import Shot
from impasto.errors import UsageError
from impasto.nn.paint_net import DEEP_BLOCKS, LAYERS, WIDTHS, PaintNet, statistics
from impasto.nn.vgg import shipped_vgg
from impasto.picture import Picture
from impasto.styles.gallery import Gallery
from impasto.system.files import ASSETS

PHOTO = scene(200, 136).astype(np.float32) / 255
SAMPLE = Picture.open(ASSETS / "samples" / "colosseum.jpg")
MODULATIONS = 5152


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter()


@pytest.fixture(scope="module")
def reference() -> PaintNet:
    net = PaintNet().eval()
    tensors = quantized.read(Painter.assets / "painter.safetensors")
    net.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    return net


@pytest.fixture(scope="module")
def graphs() -> ModuleType:
    """`tools/painter/graph.py`."""
    pytest.importorskip("onnx")
    spec = importlib.util.spec_from_file_location("paint_graph", ROOT / "tools" / "painter" / "graph.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    sys.modules["paint_graph"] = tool
    spec.loader.exec_module(tool)
    return tool


def without_palette(vector: StyleVector) -> StyleVector:
    """Leave only what the network itself paints."""
    return StyleVector(np.where(np.arange(VECTOR_SIZE) < CODE, vector.embedding, 0), vector.changes)


@torch.no_grad()
def expected(net: PaintNet, photo: np.ndarray, vector: StyleVector) -> np.ndarray:
    height, width = photo.shape[:2]
    seen = np.pad(photo, [(0, -height % 8), (0, -width % 8), (0, 0)], mode="symmetric")
    planes = torch.from_numpy(seen.transpose(2, 0, 1)[None].copy())
    noise = tuple(torch.from_numpy(noise_at(by, (0, 0), *seen.shape[:2])) for by in (8, 4))
    modulations = net.modulations(torch.from_numpy(vector.embedding[None, :CODE]))
    changes = torch.from_numpy(vector.changes[None, :MODULATIONS])
    modulations[:, : changes.shape[1]] += changes
    picture = net(planes, modulations, noise).clamp(0, 1)
    return picture[0].permute(1, 2, 0).numpy()[:height, :width]


@pytest.mark.parametrize(("width", "height"), [(40, 40), (96, 64), (131, 77), (50, 255), (320, 241)])
@pytest.mark.parametrize("plain", [False, True])
def test_parity_with_pytorch(
    reference: PaintNet, monkeypatch: pytest.MonkeyPatch, width: int, height: int, plain: bool
) -> None:
    photo = scene(width, height, seed=3).astype(np.float32) / 255
    if plain:
        monkeypatch.setattr("impasto.engines.painter.side_by_side", lambda probe: 0)
    painter = Painter()
    for style in (Gallery().vector("great-wave"), painter.encode(PHOTO)):
        vector = without_palette(style)
        painted = painter.paint(photo, vector)
        assert painted.shape == photo.shape
        assert np.abs(painted - expected(reference, photo, vector)).max() <= 1e-3


def test_changes_of_the_network_are_those_of_its_filters(painter: Painter, reference: PaintNet) -> None:
    """A learned style: a vector, changes of the modulations, then the filters' in the order of their names."""
    rng = np.random.default_rng(0)
    names = painter_weights.filter_names()
    shapes = painter_weights.filter_shapes()
    state = {name: value.numpy() for name, value in reference.state_dict().items()}
    assert names == sorted(name for name in state if name.startswith(("body", "rise2", "rise3", "leave")))
    assert all(state[name].shape == shapes[name] for name in names)
    changes = {name: (0.01 * rng.normal(size=shapes[name])).astype(np.float32) for name in names}
    filters = [changes[name].ravel() for name in names]
    numbers = np.concatenate([Gallery().vector("udnie").numbers, *filters])
    vector = painter.style(numbers)
    with pytest.raises(ValueError, match="not a style"):
        painter.style(np.append(numbers, np.float32(0)))
    learned = PaintNet().eval()
    new = state | {name: state[name] + changes[name] for name in names}
    learned.load_state_dict({name: torch.from_numpy(value) for name, value in new.items()})
    painted = painter.paint(PHOTO, vector)
    assert np.abs(painted - expected(learned, PHOTO, vector)).max() <= 1e-3
    assert painter_weights.apply_delta(state, vector.changes[:0]) == state  # a style without filters


@torch.no_grad()
def test_a_style_is_read_off_as_in_training(painter: Painter, reference: PaintNet) -> None:
    painting = scene(512, 384, seed=5).astype(np.float32) / 255  # the size at which paintings are looked at
    planes = torch.from_numpy(painting.transpose(2, 0, 1)[None].copy())
    seen = shipped_vgg("max", "zeros")(planes, list(LAYERS), lambda _, features: statistics(features))
    found = torch.cat([seen[layer] for layer in LAYERS], 1)
    np.testing.assert_allclose(painter.statistics(painting), found[0], atol=2e-3)
    wanted = reference.vector(found)[0]
    np.testing.assert_allclose(painter.encode(painting).embedding[:CODE], wanted, atol=0.01 * float(wanted.abs().max()))


@pytest.mark.parametrize("lanes", [8, 16])
def test_the_layouts_graphs_compute_the_same(graphs: ModuleType, reference: PaintNet, lanes: int) -> None:
    """Run by the operators' definition, since a machine has one of the layouts at most."""
    from onnx import numpy_helper
    from onnx.reference import ReferenceEvaluator
    from onnx.reference.op_run import OpRun

    def plain(x: np.ndarray) -> np.ndarray:
        count, channels, height, width = x.shape
        blocks = x.reshape(count, channels // lanes, height, width, lanes)
        return blocks.transpose(0, 1, 4, 2, 3).reshape(x.shape)

    def laid(x: np.ndarray) -> np.ndarray:
        count, channels, height, width = x.shape
        blocks = x.reshape(count, channels // lanes, lanes, height, width)
        return blocks.transpose(0, 1, 3, 4, 2).reshape(x.shape)

    def filters(w: np.ndarray, groups: int, inputs: int) -> np.ndarray:
        outputs, depth, height, width = w.shape
        if groups > 1 or inputs % lanes:
            return w.reshape(outputs // lanes, depth, height, width, lanes).transpose(0, 4, 1, 2, 3).reshape(w.shape)
        blocks = w.reshape(outputs // lanes, depth // lanes, height, width, lanes, lanes)
        return blocks.transpose(0, 5, 1, 4, 2, 3).reshape(w.shape)

    class Conv(OpRun):
        op_domain = graphs.LAYOUT

        def _run(self, x: Any, w: Any, *more: Any, **attributes: Any) -> tuple[Any]:
            groups, pads = attributes.get("group") or 1, attributes.get("pads") or [0] * 4
            whole = plain(x) if x.shape[1] % lanes == 0 else x
            whole = np.pad(whole, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
            weight = torch.tensor(filters(w, groups, x.shape[1]))
            bias = torch.tensor(more[0]) if more else None
            strides = attributes.get("strides") or [1, 1]
            found = laid(F.conv2d(torch.tensor(whole), weight, bias, strides, groups=groups).numpy())
            if len(more) > 1:
                found = found + more[1]
            return (np.maximum(found, 0) if attributes.get("activation") == "Relu" else found,)

    class GlobalAveragePool(OpRun):
        op_domain = graphs.LAYOUT

        def _run(self, x: Any) -> tuple[Any]:
            return (plain(x).mean((2, 3), keepdims=True),)

    model = graphs.paint_model(lanes)
    values = painter_weights.graph_weights({name: value.numpy() for name, value in reference.state_dict().items()})
    for tensor in model.graph.initializer:
        if tensor.external_data:
            tensor.CopyFrom(numpy_helper.from_array(painter_weights.laid_out(values[tensor.name], lanes), tensor.name))
    photo, vector = PHOTO[:40, :48].copy(), Gallery().vector("starry-night")
    with torch.no_grad():
        modulations = reference.modulations(torch.from_numpy(vector.embedding[None, :CODE]))[0].numpy()
    feeds = {
        "photo": mirrored(photo),
        "modulations": modulations + vector.changes,
        "noise8": noise_at(8, (0, 0), 40, 48),
        "noise4": noise_at(4, (0, 0), 40, 48),
        "given": np.zeros(2 * sum(painter_weights.norm_widths()), np.float32),
        "trust": np.zeros((), np.float32),
    }
    evaluator = ReferenceEvaluator(model, new_ops=[Conv, GlobalAveragePool])
    picture, _ = evaluator.run(None, feeds)
    assert np.abs(picture - expected(reference, photo, vector)).max() <= 1e-3
    _, others = evaluator.run(None, feeds | {"photo": mirrored(PHOTO[-40:, -48:])})
    feeds |= {"given": others, "trust": np.ones((), np.float32)}
    assert np.abs(evaluator.run(None, feeds)[0] - picture).mean() > 1e-3


def test_shipped_files_are_what_the_tools_write(painter: Painter, graphs: ModuleType) -> None:
    import onnx

    for file, digest in painter.facts["sha256"].items():
        assert hashlib.sha256((painter.folder / file).read_bytes()).hexdigest() == digest
    for lanes in (1, 8, 16):
        file = f"paint{lanes if lanes > 1 else ''}.onnx"
        assert onnx.load_from_string((painter.folder / file).read_bytes()) == graphs.paint_model(lanes)
    assert 80_000 < painter.mac_per_pixel < 100_000
    assert painter_weights.WIDTHS == WIDTHS
    assert painter_weights.DEEP == 2 * DEEP_BLOCKS
    assert painter_weights.norm_widths() == PaintNet().norms


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 1), (3, 2000), (2000, 3), (17, 18), (33, 1)])
def test_any_size(painter: Painter, width: int, height: int) -> None:
    photo, vector = scene(width, height).astype(np.float32) / 255, Gallery().vector("great-wave")
    painted = painter.paint(photo, vector)
    assert painted.shape == photo.shape
    assert np.isfinite(painted).all()
    assert painted.min() >= 0
    assert painted.max() <= 1
    assert painter.encode(photo).numbers.shape == (VECTOR_SIZE,)


def test_tiles_are_the_whole(painter: Painter) -> None:
    """With the same statistics no line between tiles is seen; with those of a sample the colors stay."""
    photo, vector = SAMPLE.resized(640, 512).pixels, Gallery().vector("udnie")
    tiled = Painter(budget=1)
    whole, tiles, alone = (np.full_like(photo, np.nan) for _ in range(3))
    # Private: the statistics, and where tiles lie, are not seen from outside.
    own = painter._paint_in_tiles(photo, vector, whole.__setitem__, None)
    places = []

    def put(place: tuple[slice, slice], piece: np.ndarray) -> None:
        places.append(place)
        tiles[place] = piece

    tiled._paint_in_tiles(photo, vector, put, own)
    assert len(places) > 4
    assert np.abs(tiles - whole).max() < 0.5 / 255
    Painter(budget=80_000_000)._paint_in_tiles(photo, vector, alone.__setitem__, None)  # where the whole takes 143 MB
    assert np.abs(alone.mean((0, 1)) - whole.mean((0, 1))).max() < 0.05


def test_noise_is_the_same_at_the_same_place() -> None:
    for by in (8, 4):
        whole, part = noise_at(by, (0, 0), 320, 480), noise_at(by, (64, 160), 128, 80)
        height, width = part.shape[2:]
        assert (height, width) == ((128 + 2 * MARGIN) // by, (80 + 2 * MARGIN) // by)
        np.testing.assert_array_equal(part, whole[..., 64 // by :, 160 // by :][..., :height, :width])
        assert abs(whole.std() - 1) < 0.1
    long = noise_at(8, (0, 0), 4096, 64)
    np.testing.assert_array_equal(long[:, :, 256:400], long[:, :, :144])  # it repeats


def test_a_shot_is_normalized_as_a_whole(painter: Painter) -> None:
    """A bright thing that comes in changes the rest of the picture less than where each frame is its own measure."""
    vector, other = Gallery().vector("udnie"), PHOTO.copy()
    other[:, 160:] = 1
    alone = [painter.paint(photo, vector) for photo in (PHOTO, other)]
    shot = Shot(frames=1)
    together = [painter.paint(photo, vector, shot=shot) for photo in (PHOTO, other)]
    np.testing.assert_array_equal(together[0], alone[0])
    left = (slice(None), slice(0, 40))
    assert np.abs(together[1][left] - together[0][left]).mean() < 0.5 * np.abs(alone[1][left] - alone[0][left]).mean()
    means = shot.means["style"].copy()
    painter.paint(other, vector, shot=shot)
    np.testing.assert_array_equal(shot.means["style"], means)


def test_vectors_of_different_lengths_mix(painter: Painter) -> None:
    named, own = Gallery().vector("starry-night"), painter.encode(PHOTO)
    assert (named.embedding.shape, named.changes.shape) == ((VECTOR_SIZE,), (MODULATIONS,))
    filters = sum(int(np.prod(shape)) for shape in painter_weights.filter_shapes().values())
    learned = StyleVector(named.embedding, np.append(named.changes, np.full(filters, 1e-3, np.float32)))
    half = 0.5 * own + 0.5 * learned
    np.testing.assert_allclose(half.changes, learned.changes / 2)
    assert np.abs(painter.paint(PHOTO, half) - painter.paint(PHOTO, own)).mean() > 1 / 255


def test_a_named_style_is_more_than_what_is_read_off_its_painting(painter: Painter) -> None:
    for name in Gallery().names():
        assert np.isfinite(Gallery().vector(name).numbers).all()
    named = Gallery().vector("starry-night")
    pictures = [painter.paint(PHOTO, vector) for vector in (named, StyleVector(named.embedding))]
    assert np.abs(pictures[0] - pictures[1]).mean() > 5 / 255


def test_threads_paint_the_same_bits() -> None:
    painter = Painter()
    names = ["udnie", "the-scream", "great-wave"] * 3
    with ThreadPoolExecutor(3) as pool:
        pictures = list(pool.map(lambda name: painter.paint(PHOTO, Gallery(painter=painter).vector(name)), names))
    for index in range(3):
        for again in pictures[index + 3 :: 3]:
            np.testing.assert_array_equal(again, pictures[index])
    assert np.abs(pictures[0] - pictures[1]).mean() > 1 / 255


def test_the_grain_of_clear_lines_in_colors_is_smoothed(painter: Painter) -> None:
    vector = Gallery().vector
    for name in ("the-scream", "udnie", "tres-riches-heures"):
        assert painter.smoothing(vector(name)) == 0.4, name
    for name in ("self-portrait", "water-lilies", "red-riding-hood", "piazza-del-popolo"):  # dashes, and engravings
        assert painter.smoothing(vector(name)) == 0, name
    columns = np.arange(256)[None] * np.ones((256, 1))
    stripes = 0.5 + 0.4 * np.sin(np.stack([columns / 5, columns / 7, columns / 11], 2))
    assert painter.smoothing(painter.encode(stripes.astype(np.float32))) > 0


def test_a_trained_style_is_portable_without_its_palette(painter: Painter) -> None:
    style = Gallery().vector("the-scream")
    assert code_and_palette(style.embedding)[1][0] == 1
    assert painter.portable(style).modulations.size
    with pytest.raises(UsageError, match="colors are changed after its network"):
        painter.portable(painter.encode(PHOTO))

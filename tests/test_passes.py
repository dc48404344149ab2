"""Trained networks over large photos, pass by pass: as if painted at once, whatever the pieces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from conftest import scene
from hypothesis import given
from hypothesis import strategies as st
from test_network import trained
from test_transformer import example_state

import impasto.passes
from impasto.errors import OutOfMemory
from impasto.gallery import Gallery
from impasto.network import LAYERS, Network
from impasto.passes import Passes, window
from impasto.tiling import Put
from impasto.training.export import to_onnx
from impasto.training.imports import import_network
from impasto.training.layers import to_layers

CHAIN = [{"border": 4, "stride": 1, "upsampled": 1}, {"border": 1, "stride": 2, "upsampled": 1}]
LEAVING = [{"border": 1, "stride": 1, "upsampled": 2}, {"border": 4, "stride": 1, "upsampled": 1}]


@pytest.mark.parametrize("size", [(88, 120), (201, 99), (64, 70)])
@pytest.mark.parametrize("styles", [1, 3])
def test_pieces_are_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], styles: int
) -> None:
    monkeypatch.setattr(impasto.passes, "_LARGEST", 8)
    monkeypatch.setattr(impasto.passes, "_LEAST", 8)  # places of the features: pieces of 32 pixels
    monkeypatch.setattr(impasto.passes, "_STRIP_BYTES", 1)  # strips of four rows of features
    net = trained(styles)
    (tmp_path / LAYERS).write_bytes(to_layers(net))
    path = tmp_path / "network.onnx"
    path.write_bytes(to_onnx(net, [f"s{i}" for i in range(styles)], {}))
    height, width = size
    photo = scene(width, height, 3).astype(np.float32) / 255
    weights = np.full(styles, 1 / styles)
    network = Network(path)
    whole = network.paint(photo, weights)
    pieces = np.full_like(whole, np.nan)
    Passes(tmp_path / LAYERS, (0.0, 1.0), weights, 10**9).paint(photo, pieces.__setitem__)
    assert np.abs(pieces.clip(0, 1) - whole).max() < 0.01
    assert np.abs(pieces.clip(0, 1) - whole).mean() < 0.0005
    large = network.paint(photo, weights, budget=10**6)  # too little for the whole of it
    np.testing.assert_allclose(large, pieces.clip(0, 1), atol=1e-6)


@given(st.sampled_from([CHAIN, LEAVING, [*CHAIN, *LEAVING]]), st.integers(8, 60), st.data())
def test_a_window_is_all_that_is_seen_and_no_more(
    chain: list[dict[str, int]], quarter: int, data: st.DataObject
) -> None:
    """A place of the output sees what a box of ones spreads to it, mirrored borders aside."""
    length = 4 * quarter
    made = length
    for step in chain:
        made = made * step["upsampled"] // step["stride"]
    start = data.draw(st.integers(0, made - 1))
    stop = data.draw(st.integers(start + 1, made))
    (low, high), steps = window(chain, length, start, stop)
    seen = set(range(start, stop))
    for step in reversed(chain):
        reach = range(-step["border"], step["border"] + 1)
        seen = {place * step["stride"] + offset for place in seen for offset in reach}
        made = made * step["stride"]
        seen = {place // step["upsampled"] for place in seen if 0 <= place < made}
        made //= step["upsampled"]
    assert (low, high) == (min(seen), max(seen) + 1)
    kept = high - low
    for step, (first, last, before, after) in zip(chain, steps, strict=True):
        assert 0 <= first < last <= kept * step["upsampled"]
        kept = (last - first + before + after - 2 * step["border"] - 1) // step["stride"] + 1
    assert kept == stop - start


@pytest.mark.parametrize("names", ["ours", "of PyTorch's example"])
def test_an_onnx_file_of_that_network_is_taken_apart(tmp_path: Path, names: str) -> None:
    data = to_onnx(trained(), ["s"], {})
    if names != "ours":
        model = onnx.load_from_string(data)
        for tensor in model.graph.initializer:
            for node in model.graph.node:
                for index, name in enumerate(node.input):
                    if name == tensor.name and "conv" in name:
                        node.input[index] = ".conv2d.".join(name.rsplit(".", 1))
            if "conv" in tensor.name:
                tensor.name = ".conv2d.".join(tensor.name.rsplit(".", 1))
        data = model.SerializeToString()
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    (entry,) = import_network(path, "mine")
    assert entry.network is not None
    assert entry.network.with_name(LAYERS).is_file()


def test_an_onnx_file_that_only_looks_like_it_is_not(tmp_path: Path) -> None:
    model = onnx.load_from_string(to_onnx(trained(), ["s"], {}))
    relu = next(node for node in model.graph.node if node.op_type == "Relu")
    relu.op_type = "Abs"
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    (entry,) = import_network(path, "mine")
    assert entry.network is not None
    assert not entry.network.with_name(LAYERS).exists()


def test_where_memory_runs_out_pieces_get_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(to_onnx(trained(), ["s"], {}))
    path.with_name(LAYERS).write_bytes(to_layers(trained()))
    network, photo = Network(path), scene(400, 300, 5).astype(np.float32) / 255
    budgets = []
    plain = Passes.paint

    def paint(self: Passes, photo: np.ndarray, put: Put) -> None:
        budgets.append(self._budget)
        if len(budgets) < enough:
            raise OutOfMemory("no memory at all")
        plain(self, photo, put)

    monkeypatch.setattr(Passes, "paint", paint)
    enough = 2
    with pytest.warns(UserWarning, match="memory ran out; pieces for 75 MB"):
        painted = network.paint(photo, budget=150_000_000)
    assert budgets == [150_000_000, 75_000_000]
    assert np.abs(painted - network._held(network._run(photo, (1.0,))[0])).mean() < 0.001
    enough = 10
    with pytest.warns(UserWarning, match="ran out"), pytest.raises(OutOfMemory, match="at all"):
        network.paint(photo, budget=150_000_000)


def test_a_sliver_is_painted_in_tiles(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(to_onnx(trained(), ["s"], {}))
    path.with_name(LAYERS).write_bytes(to_layers(trained()))
    photo = scene(3, 900, 5).astype(np.float32) / 255
    assert Network(path).paint(photo, budget=1).shape == (900, 3, 3)


def test_an_imported_checkpoint_comes_with_its_parts(tmp_path: Path) -> None:
    torch.save(example_state(8, 2), tmp_path / "candy.pth")
    (entry,) = import_network(tmp_path / "candy.pth", "candy", gallery=Gallery(tmp_path / "styles"))
    assert entry.network is not None
    network = Network(entry.network)
    photo = scene(400, 300, 5).astype(np.float32) / 255
    difference = np.abs(network.paint(photo, budget=3 * 10**7) - network.paint(photo, budget=10**9))
    assert 0 < difference.mean() < 0.001
    entry.network.with_name(LAYERS).unlink()  # as a version before had left it: tiles
    assert (
        difference.mean() < np.abs(network.paint(photo, budget=3 * 10**7) - network.paint(photo, budget=10**9)).mean()
    )

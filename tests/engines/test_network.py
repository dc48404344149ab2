"""Networks as styles: what is exported runs without PyTorch, what is imported is recognised, and all controls apply."""

from __future__ import annotations

import functools
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from helpers import Outcome, assert_refused, refused, scene
from networks import example_state, reference
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import impasto
import impasto.engines.tiles
from impasto.engines.base import StyleVector
from impasto.engines.network import Network
from impasto.engines.tiles import tiles
from impasto.errors import PictureError, StyleError, UsageError
from impasto.exchange.export import from_weights, to_onnx, to_program, to_weights
from impasto.exchange.import_network import import_network
from impasto.exchange.statistics import expose_statistics
from impasto.nn.transformer import Architecture, TransformerNet, recognise
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.styles.gallery import Gallery
from impasto.styles.store import trial_photo

PHOTO = scene(120, 88).astype(np.float32) / 255
SIZES = [(88, 120), (64, 64), (37, 61), (130, 34), (201, 99)]


def opened(path: Path, budget: int | None = None) -> Network:
    return Network(path, trial_photo, budget)


def trained(styles: int = 1, seed: int = 0) -> TransformerNet:
    """A network whose layers do something."""
    torch.manual_seed(seed)
    net = TransformerNet(Architecture(8, 2, styles))
    for name, value in net.named_parameters():
        if "in" in name.rpartition(".")[0].rpartition(".")[2]:
            value.data += torch.randn_like(value) * 0.2
    return net.eval()


@pytest.fixture
def two(tmp_path: Path) -> Network:
    path = tmp_path / "two.onnx"
    path.write_bytes(to_onnx(trained(2), ["a", "b"], {"licence": "CC0"}))
    return opened(path)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("styles", [1, 3])
def test_onnx_gives_what_pytorch_gives(tmp_path: Path, size: tuple[int, int], styles: int) -> None:
    net = trained(styles)
    path = tmp_path / "net.onnx"
    path.write_bytes(to_onnx(net, [f"s{i}" for i in range(styles)], {}))
    height, width = size
    photo = scene(width, height, 3).astype(np.float32) / 255
    weights = np.full(styles, 1 / styles, np.float32)
    ours = opened(path).paint(photo, StyleVector(weights))
    padded = np.pad(photo, [(0, -height % 4), (0, -width % 4), (0, 0)], mode="symmetric")
    with torch.no_grad():
        planes = torch.from_numpy(padded.transpose(2, 0, 1)[None].copy())
        theirs = net(planes, torch.from_numpy(weights[None]))[0].permute(1, 2, 0).numpy().clip(0, 1)
    assert ours.shape == photo.shape
    assert np.abs(ours - theirs[:height, :width]).max() < 1e-3
    assert ours.std() > 0.02


def test_tiles_look_as_if_painted_at_once(two: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impasto.engines.tiles, "LARGEST", 512)
    base = Image.fromarray(scene(60, 50)).resize((1400, 1100), Image.Resampling.BICUBIC)
    photo = np.asarray(base, np.float32) / 255
    photo = (photo + np.random.default_rng(0).normal(0, 0.03, photo.shape)).clip(0, 1).astype(np.float32)
    two, mixed = opened(two.path, 10**9), StyleVector(np.float32([0.3, 0.7]))
    whole, statistics = two._run(photo, mixed.embedding)
    whole = two._clamp(whole)
    tiled = two.paint(photo, mixed)
    alone = whole.copy()  # every tile normalised by itself
    for tile in tiles(1400, 1100, 512, 4):
        alone[tile.inner] = two.paint(photo[tile.outer], mixed)[tile.kept]
    assert 0 < np.abs(tiled - whole).mean() < 0.6 * np.abs(alone - whole).mean()
    # With the whole's own statistics nothing is left of the difference, borders of tiles included.
    monkeypatch.setattr(two, "_run", functools.partial(_with_statistics, two._run, statistics))
    assert np.abs(two.paint(photo, mixed) - whole).max() < 0.01


def _with_statistics(run: Any, statistics: np.ndarray, photo: np.ndarray, weights: Any, given: Any = None) -> Any:
    return run(photo, weights, statistics if given is None else given)[0], statistics


def test_an_imported_file_is_painted_in_tiles_too(tmp_path: Path) -> None:
    model = onnx.load_from_string(to_onnx(trained(), ["s"], {}))
    assert not expose_statistics(model)  # it has the inputs already
    path = tmp_path / "foreign.onnx"
    plain = foreign_norm()
    path.write_bytes(plain)
    assert opened(path)._statistics == 0
    (entry,) = import_network(path, "foreign")
    assert entry.network is not None
    assert opened(entry.network)._statistics == 6
    one, other = (network.paint(PHOTO, network.style()) for network in (opened(path), opened(entry.network)))
    np.testing.assert_allclose(one, other, atol=1e-5)


def foreign_norm() -> bytes:
    """An .onnx file of another program with one instance normalisation."""
    pictures = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, "h", "w"]) for name in ("x", "y")]
    constants = [
        numpy_helper.from_array(np.full(3, value, np.float32), name) for name, value in (("scale", 0.2), ("shift", 0.5))
    ]
    node = helper.make_node("InstanceNormalization", ["x", "scale", "shift"], ["y"])
    graph = helper.make_graph([node], "g", pictures[:1], pictures[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


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


def test_torch_export_keeps_the_sizes_open() -> None:
    net = trained(2)
    data = to_program(net, ["a", "b"], {"licence": "CC0"})
    files = {"card.json": ""}
    program = torch.export.load(io.BytesIO(data), extra_files=files).module()
    assert json.loads(files["card.json"])["card"] == {"licence": "CC0"}
    shares = torch.tensor([[0.3, 0.7]])
    for height, width in ((64, 96), (32, 40), (128, 36)):
        photo = torch.rand(1, 3, height, width)
        with torch.no_grad():
            torch.testing.assert_close(program(photo, shares), net(photo, shares), atol=1e-5, rtol=1e-5)


def test_the_card_travels_with_the_file(two: Network, tmp_path: Path) -> None:
    assert two.facts.styles == ("a", "b")
    assert two.facts.card == {"licence": "CC0"}
    path = tmp_path / "two.safetensors"
    path.write_bytes(to_weights(trained(2), ["a", "b"], {"licence": "CC0"}))
    net, facts = from_weights(path)
    assert facts == two.facts
    assert net.architecture == Architecture(8, 2, 2, 1.0)


def test_a_network_is_a_style_with_all_controls(two: Network, tmp_path: Path) -> None:
    gallery = Gallery()
    entries = gallery.add_network("nets", two.path.read_bytes())
    assert [entry.name for entry in entries] == ["nets/a", "nets/b"]
    assert all(entry.licence == "CC0" and entry.kind == "your network" for entry in entries)
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
    # Colour: the result has the photo's mean.
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


def test_an_examples_checkpoint_is_imported(tmp_path: Path) -> None:
    state = example_state(16)
    torch.save(state | {"in2.running_mean": torch.zeros(32)}, tmp_path / "candy.pth")
    (entry,) = import_network(tmp_path / "candy.pth", "candy", licence="BSD")
    assert (entry.name, entry.licence, entry.painting) == ("candy", "BSD", False)
    painted = impasto.stylize(Picture(PHOTO), "candy").pixels
    with torch.no_grad():
        planes = torch.from_numpy(PHOTO.transpose(2, 0, 1)[None].copy())
        expected = reference(state, planes * 255)[0].permute(1, 2, 0).numpy().clip(0, 255) / 255
    assert np.abs(painted - expected).max() < 1e-3
    net, _ = from_weights(Gallery().weights("candy"))
    assert net.architecture.span == 255
    again = import_network(Gallery().weights("candy"), "candy-again")
    assert again[0].licence == "BSD"


def foreign(fixed: bool, low: float, high: float, broken: bool = False) -> bytes:
    """An .onnx file as other programs write them: no metadata; it inverts the picture."""
    sides = [48, 64] if fixed else ["h", "w"]
    pictures = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, *sides]) for name in ("input1", "output1")
    ]
    total = numpy_helper.from_array(np.array([low + high], np.float32), "total")
    spread = numpy_helper.from_array(np.array([0.5 if broken else 1], np.float32), "spread")
    nodes = [
        helper.make_node("Mul", ["input1", "spread"], ["same"]),
        helper.make_node("Sub", ["total", "same"], ["output1"]),
    ]
    if broken:
        nodes = [helper.make_node("ReduceMean", ["input1"], ["output1"], axes=[2, 3])]
    graph = helper.make_graph(nodes, "g", pictures[:1], pictures[1:], [total, spread])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("span", [(0, 1), (0, 255)])
def test_a_foreign_file_tells_its_range_and_size(tmp_path: Path, fixed: bool, span: tuple[float, float]) -> None:
    path = tmp_path / "foreign.onnx"
    path.write_bytes(foreign(fixed, *span))
    network = opened(path)
    assert network.size.only == ((64, 48) if fixed else None)
    assert (network.facts.low, network.facts.high) == span
    (entry,) = import_network(path, "inverse")
    assert entry.network is not None
    assert opened(entry.network).size.only is None  # nothing in it needs the size
    painted = impasto.stylize(Picture(PHOTO), "inverse").pixels
    np.testing.assert_allclose(painted, 1 - PHOTO, atol=1e-5)


def test_a_file_of_one_size_only_still_paints_any(tmp_path: Path) -> None:
    path = tmp_path / "fixed.onnx"
    path.write_bytes(foreign(True, 0, 1))
    network = opened(path)
    painted = network.paint(PHOTO, network.style())
    assert painted.shape == PHOTO.shape
    assert np.abs(painted - (1 - PHOTO)).mean() < 0.05  # softer: it was painted at 64 x 48


Run = Callable[..., Outcome]


def test_bad_files_are_refused_in_one_line(run: Run, tmp_path: Path, photo: Path) -> None:
    def refuses(name: str, code: str, *words: str, exit_code: int = 1) -> None:
        assert_refused(run("styles", "import", tmp_path / name, "--name", "x"), exit_code, code, name, *words)
        assert "x" not in Gallery()

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return exec, ("raise SystemExit('ran')",)

    torch.save({"conv1.conv2d.weight": Evil()}, tmp_path / "evil.pth")
    torch.save({"features.0.weight": torch.ones(3)}, tmp_path / "vgg.pth")
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "text.onnx").write_text("hello")
    (tmp_path / "mean.onnx").write_bytes(foreign(False, 0, 1, broken=True))
    (tmp_path / "text.txt").write_text("hello")
    refuses("evil.pth", "unsafe-file")
    refuses("vgg.pth", "other-network", "features.0.weight")
    refuses("text.pth", "unsafe-file")
    refuses("text.onnx", "not-a-network")
    refuses("mean.onnx", "other-network")
    refuses("gone.pth", "no-such-file")
    refuses("gone.onnx", "no-such-file")
    refuses("text.txt", "unknown-format", exit_code=2)
    (tmp_path / "good.onnx").write_bytes(to_onnx(trained(), ["a"], {}))
    assert run("styles", "import", tmp_path / "good.onnx", "--name", "good").code == 0
    assert_refused(run("styles", "import", tmp_path / "good.onnx", "--name", "good"), 2, "name-taken", "good")
    assert_refused(
        run("stylize", photo, "--style", tmp_path / "text.onnx", "-o", tmp_path / "o.png"),
        1,
        "not-a-network",
        "text.onnx",
    )
    done = run("stylize", photo, "--style", "good", "-o", tmp_path / "o.png", "--json")
    assert json.loads(done.out)["engine"] == "network"


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


def test_a_network_with_a_painting_is_one_the_optimiser_knows(tmp_path: Path, painting: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(to_onnx(trained(), ["a"], {}))
    with refused(UsageError, "mismatch"):
        import_network(path, "mine", paintings=[painting, painting])
    import_network(path, "mine", paintings=[painting])
    shown = Gallery().picture(Gallery().get("mine")).pixels
    np.testing.assert_array_equal(shown, Picture.open(painting).pixels)


def test_recognised_and_exported_networks_agree() -> None:
    """A checkpoint of the example, exported, says that its values go to 255."""
    net = recognise(example_state(8), "x")
    facts = json.loads(
        {p.key: p.value for p in onnx.load_from_string(to_onnx(net, ["x"], {})).metadata_props}["impasto"]
    )
    assert (facts["low"], facts["high"]) == (0.0, 255.0)

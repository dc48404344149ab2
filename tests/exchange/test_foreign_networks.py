"""Networks in the conventions of other programs: told, or refused in a line; and ours in other programs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from helpers import Outcome, assert_refused, refused, scene
from networks import example_state, trained
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file

import impasto
from impasto.engines.base import StyleVector
from impasto.engines.network import Told
from impasto.engines.ranges import BYTES, NAMED, PLAIN, read_range, read_ranges
from impasto.errors import ImpastoError, PictureError, StyleError, UsageError
from impasto.exchange.export import to_onnx
from impasto.exchange.import_network import import_network
from impasto.nn.tensors import read_tensors
from impasto.nn.transformer import one_style
from impasto.picture import Picture
from impasto.styles.gallery import Gallery
from impasto.styles.store import load_network

PHOTO = scene(90, 70).astype(np.float32) / 255
FLOAT = TensorProto.FLOAT
OPEN = (1, 3, "h", "w")

Run = Callable[..., Outcome]
node = helper.make_node


def array(value: object, name: str, kind: str = "float32") -> Any:
    return numpy_helper.from_array(np.array(value, kind), name)


def model(
    nodes: list[Any],
    constants: tuple[Any, ...] = (),
    shape: tuple[Any, ...] = OPEN,
    made: tuple[Any, ...] | None = None,
    kind: int = FLOAT,
    more: tuple[Any, ...] = (),
    outputs: tuple[Any, ...] = (),
    opset: int = 17,
    **properties: str,
) -> Any:
    value = helper.make_tensor_value_info
    outputs = outputs or (value("y", kind, made or shape),)
    graph = helper.make_graph(nodes, "g", [value("x", kind, shape), *more], outputs, constants)
    domains = {entry.domain for entry in nodes if entry.domain}
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    made_of = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    helper.set_model_props(made_of, {f"Image.{key}": text for key, text in properties.items()})
    return made_of


SAME = [node("Identity", ["x"], ["y"])]
DEEP = numpy_helper.from_array(np.eye(3, dtype=np.float32)[:, :, None, None], "w")
UNPADDED = numpy_helper.from_array(
    np.pad(np.eye(3, dtype=np.float32)[:, :, None, None], [(0, 0)] * 2 + [(4, 4)] * 2), "w"
)
MEAN, DEVIATION = (
    array(np.reshape(v, (1, 3, 1, 1)), n) for v, n in (((0.485, 0.456, 0.406), "m"), ((0.229, 0.224, 0.225), "s"))
)
LEAVES_IT = {
    "bytes": model(SAME, kind=TensorProto.UINT8),
    "bytes, channels last": model(SAME, shape=(1, "h", "w", 3), kind=TensorProto.UINT8),
    "half precision": model(SAME, kind=TensorProto.FLOAT16),
    "double precision": model(SAME, kind=TensorProto.DOUBLE),
    "no batch": model(SAME, shape=(3, "h", "w")),
    "no batch, channels last": model(SAME, shape=("h", "w", 3)),
    "four at once": model(SAME, shape=(4, 3, "h", "w")),
    "channels last, given first": model(
        [node("Transpose", ["x"], ["y"], perm=[0, 3, 1, 2])], shape=(1, "h", "w", 3), made=OPEN
    ),
    "twice as large": model(
        [node("Resize", ["x", "", "s"], ["y"], mode="nearest")], (array([1, 1, 2, 2], "s"),), made=(1, 3, "a", "b")
    ),
    "unpadded": model([node("Conv", ["x", "w"], ["y"])], (UNPADDED,), made=(1, 3, "a", "b")),
    "a default": model(
        [node("Mul", ["x", "k"], ["y"])], (array(1, "k"),), more=(helper.make_tensor_value_info("k", FLOAT, ()),)
    ),
    "two outputs": model(
        [node("GlobalAveragePool", ["x"], ["z"]), *SAME],
        outputs=tuple(helper.make_tensor_value_info(n, FLOAT, s) for n, s in (("z", (1, 3, 1, 1)), ("y", OPEN))),
    ),
    "one size": model(
        [node("Reshape", ["x", "s"], ["y"])], (array([1, 64, 64, 3], "s", "int64"),), shape=(1, 64, 64, 3)
    ),
    "0..1 to 0..255": model([node("Mul", ["x", "k"], ["y"])], (array(255, "k"),)),
    "0..255 to 0..1": model([node("Div", ["x", "k"], ["y"])], (array(255, "k"),)),
    "-1..1 to 0..1": model(
        [node("Add", ["x", "a"], ["b"]), node("Mul", ["b", "k"], ["y"])], (array(1, "a"), array(0.5, "k"))
    ),
    "imagenet to 0..1": model([node("Mul", ["x", "s"], ["a"]), node("Add", ["a", "m"], ["y"])], (MEAN, DEVIATION)),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", LEAVES_IT)
def test_what_a_network_takes_is_told(name: str, tmp_path: Path) -> None:
    onnx.save_model(LEAVES_IT[name], tmp_path / "n.onnx")
    import_network(tmp_path / "n.onnx", "n")
    painted = impasto.stylize(Picture(PHOTO), "n").pixels
    assert (
        np.abs(painted - PHOTO)[8:-8, 8:-8].max() < 0.02
        if "large" not in name
        else np.abs(painted - PHOTO).mean() < 0.02
    )


def test_the_files_own_words_count(tmp_path: Path) -> None:
    first = numpy_helper.from_array(np.zeros((3, 3, 1, 1), np.float32), "w")
    weights = np.zeros((3, 3, 1, 1), np.float32)
    weights[0, 0] = 1
    first = numpy_helper.from_array(weights, "w")
    words = {"BitmapPixelFormat": "Bgr8", "NominalPixelRange": "NominalRange_0_255"}
    onnx.save_model(model([node("Conv", ["x", "w"], ["y"])], (first,), **words), tmp_path / "bgr.onnx")
    import_network(tmp_path / "bgr.onnx", "bgr")
    painted = impasto.stylize(Picture(PHOTO), "bgr").pixels
    np.testing.assert_allclose(painted, PHOTO * np.float32([0, 0, 1]), atol=1e-4)


BLUE_FIRST = np.float32([103.939, 116.779, 123.68])[None, :, None, None]
SUB = node("Sub", ["x", "m"], ["a"])
SEEN_LESS = {  # how a network takes the means of blue, green and red off, or those of red, green and blue
    "ImageScaler": (True, [node("ImageScaler", ["x"], ["a"], bias=[-103.9, -116.8, -123.7])], ()),
    "Sub": (True, [node("Identity", ["x"], ["b"]), node("Sub", ["b", "m"], ["a"])], (array(BLUE_FIRST, "m"),)),
    "Add": (False, [node("Add", ["m", "x"], ["a"])], (array(-BLUE_FIRST[:, ::-1], "m"),)),
    "Constant": (
        True,
        [node("Constant", [], ["m"], value=helper.make_tensor("", FLOAT, [3, 1, 1], BLUE_FIRST.ravel())), SUB],
        (),
    ),
    "after a flip": (
        False,
        [
            node("Gather", ["x", "i"], ["b"], axis=1),
            node("Sub", ["b", "m"], ["c"]),
            node("Gather", ["c", "i"], ["a"], axis=1),
        ],
        (array(BLUE_FIRST, "m"), array([2, 1, 0], "i", "int64")),
    ),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", SEEN_LESS)
def test_the_means_in_a_network_tell_the_order_of_its_channels(name: str, tmp_path: Path) -> None:
    bgr, nodes, constants = SEEN_LESS[name]
    means = BLUE_FIRST if bgr else BLUE_FIRST[:, ::-1]
    lost = np.float32([0, 1, 1])[:, None, None]  # of the network's first channel nothing is left
    after = [node("Mul", ["a", "lost"], ["d"]), node("Add", ["d", "back"], ["y"])]
    made = model([*nodes, *after], (*constants, array(lost, "lost"), array(lost * means, "back")), opset=9)
    onnx.save_model(made, tmp_path / "n.onnx")
    import_network(tmp_path / "n.onnx", "n")
    kept = np.float32([1, 1, 0] if bgr else [0, 1, 1])
    np.testing.assert_allclose(impasto.stylize(Picture(PHOTO), "n").pixels, PHOTO * kept, atol=2e-3)


def test_what_was_assumed_and_what_cannot_be_meant_is_said(tmp_path: Path, run: Run) -> None:
    def said(made: Any, *words: object) -> str:
        onnx.save_model(made, tmp_path / "n.onnx")
        done = run("styles", "import", tmp_path / "n.onnx", "--name", "n", "--overwrite", *words)
        assert done.code == 0, done.err
        return done.err

    assert "leaves the trial photo unchanged" in said(model(SAME))
    assert "takes values of 0..1 and returns 0..255" in said(LEAVES_IT["0..1 to 0..255"])
    assert "takes values" not in said(LEAVES_IT["0..1 to 0..255"], "--range", "0..1", "--output-range", "0..255")
    mean = ("--mean", "0.485,0.456,0.406", "--std", "0.229 0.224 0.225", "--output-range", "0..1")
    assert "takes values" not in said(LEAVES_IT["imagenet to 0..1"], *mean)
    assert "leaves" in said(LEAVES_IT["imagenet to 0..1"], *mean)
    assert "all white" in said(model([node("Add", ["x", "k"], ["y"])], (array(1e6, "k"),)))
    flat = [node("Mul", ["x", "z"], ["a"]), node("Add", ["a", "k"], ["y"])]
    assert "flat" in said(model(flat, (array(0, "z"), array(0.4, "k"))))
    assert "only 64 x 64" in said(LEAVES_IT["one size"])
    assert "only 64 x 64" in run("styles", "show", "n").out
    assert "takes" in run("styles", "show", "n", "--json").out


def test_what_cannot_be_run_is_refused_in_a_line(tmp_path: Path, run: Run) -> None:
    def refuses(made: Any, *words: str, code: str = "other-network") -> None:
        onnx.save_model(made, tmp_path / "n.onnx")
        assert_refused(run("styles", "import", tmp_path / "n.onnx", "--name", "n"), 1, code, "n.onnx", *words)

    strength = helper.make_tensor_value_info("strength", FLOAT, ())
    refuses(model([node("Mul", ["x", "strength"], ["y"])], more=(strength,)), "strength")
    refuses(model(SAME, shape=(1, 1, "h", "w")), "1 channel")
    refuses(model(SAME, shape=(1, "h", "w", 4)), "4 channels")
    refuses(model([node("Swirl", ["x"], ["y"], domain="their.own")]), "Swirl", "their.own")
    refuses(model(SAME, opset=90), "opset 17")
    refuses(model([node("Div", ["x", "z"], ["y"])], (array(0, "z"),)), "not numbers", code="not-a-network")


@pytest.mark.parametrize(
    "words",
    [
        '{"low": 0, "high": 0, "styles": ["a"]}',
        '{"low": 0, "high": 1, "styles": []}',
        '{"low": 0, "high": 1, "styles": ["a", "../../../b"]}',
        '{"low": 0, "high": 1, "styles": ["a"], "card": "text"}',
        '{"low": 0, "high": 1, "styles": ["a"], "multiple": 0}',
        '{"low": 0, "high": 1, "styles": ["a"], "margin": -5000000}',
        '{"low": 0, "high": 1, "styles": ["a"], "layout": "hwc"}',
    ],
)
def test_metadata_that_cannot_be_ours_are_refused(words: str, tmp_path: Path) -> None:
    made = model(SAME)
    helper.set_model_props(made, {"impasto": words})
    onnx.save_model(made, tmp_path / "n.onnx")
    with refused(StyleError, "damaged-file", "metadata"):
        import_network(tmp_path / "n.onnx", "n")


def test_names_of_styles_are_no_paths(tmp_path: Path) -> None:
    inputs = (helper.make_tensor_value_info("styles", FLOAT, (1, 2)),)
    weigh = [node("ReduceSum", ["styles"], ["s"], keepdims=0), node("Mul", ["x", "s"], ["y"])]
    made = model(weigh, more=inputs)
    for other, error, code in (("../../../b", UsageError, "bad-name"), ("a", StyleError, "damaged-file")):
        words = {"low": 0, "high": 1, "styles": ["a", other], "card": {}}
        helper.set_model_props(made, {"impasto": json.dumps(words)})
        onnx.save_model(made, tmp_path / "n.onnx")
        with refused(error, code):
            import_network(tmp_path / "n.onnx", "n")


def test_weights_beside_a_file_are_taken_in_and_no_others(tmp_path: Path) -> None:
    made = model([node("Mul", ["x", "k"], ["y"])], (array(np.full((1, 3, 1, 1), 0.5), "k"),))
    onnx.save_model(made, tmp_path / "n.onnx", save_as_external_data=True, location="n.onnx.data", size_threshold=0)
    network = load_network(tmp_path / "n.onnx")
    import_network(tmp_path / "n.onnx", "n", told=Told(PLAIN, PLAIN))
    (tmp_path / "n.onnx.data").rename(tmp_path / "moved")
    np.testing.assert_allclose(impasto.stylize(Picture(PHOTO), "n").pixels, PHOTO / 2, atol=1e-5)
    assert network.facts.takes == network.facts.gives
    (tmp_path / "else").mkdir()
    (tmp_path / "moved").rename(tmp_path / "else/moved")
    (tmp_path / "link.bin").symlink_to("else/moved")
    places = {"../moved": "unsafe-file", "/etc/hosts": "unsafe-file", "link.bin": "unsafe-file", "gone": "no-such-file"}
    for number, (place, code) in enumerate(places.items()):
        loaded = onnx.load(tmp_path / "n.onnx", load_external_data=False)
        loaded.graph.initializer[0].external_data[0].value = place
        onnx.save_model(loaded, tmp_path / f"{number}.onnx")
        with refused(StyleError, code, f"{number}.onnx", place):
            load_network(tmp_path / f"{number}.onnx")
    with refused(StyleError, "unsafe-file", "link to another folder"):
        load_network(tmp_path / "2.onnx")


@pytest.mark.parametrize(("kind", "sign"), [("Add", 1), ("Sub", -1)])
@pytest.mark.parametrize("bgr", [True, False])
def test_a_network_that_adds_the_means_sees_pictures_less_the_means(
    kind: str, sign: int, bgr: bool, tmp_path: Path
) -> None:
    means = BLUE_FIRST if bgr else BLUE_FIRST[:, ::-1]
    onnx.save_model(model([node(kind, ["x", "m"], ["y"])], (array(sign * means, "m"),)), tmp_path / "n.onnx")
    with pytest.warns(UserWarning, match=r"n\.onnx seems to .* the means that it adds"):
        network = load_network(tmp_path / "n.onnx")
    assert network.facts.takes == replace(NAMED["caffe"], bgr=bgr)
    assert network.facts.gives == replace(BYTES, bgr=bgr)


def test_a_download_cache_keeps_a_network_and_its_weights_as_links(tmp_path: Path) -> None:
    made = model([node("Mul", ["x", "k"], ["y"])], (array(np.full((1, 3, 1, 1), 0.5), "k"),))
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots/x"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    onnx.save_model(made, blobs / "n", save_as_external_data=True, location="n.onnx_data", size_threshold=0)
    (blobs / "n.onnx_data").rename(blobs / "weights")
    for name, blob in (("n.onnx", "n"), ("n.onnx_data", "weights")):
        (snapshot / name).symlink_to(f"../../blobs/{blob}")
    import_network(snapshot / "n.onnx", "n", told=Told(PLAIN, PLAIN))
    np.testing.assert_allclose(impasto.stylize(Picture(PHOTO), "n").pixels, PHOTO / 2, atol=1e-5)


STATE = example_state(8)
WRAPPED = {
    "light.ckpt": {
        "state_dict": {f"model._orig_mod.{k}": v for k, v in STATE.items()} | {"loss.a": torch.ones(3)},
        "epoch": 3,
        "hyper_parameters": argparse.Namespace(best=np.float64(0.1)),
    },
    "average.pth": {"model": {k: v * 0 for k, v in STATE.items()}, "params_ema": STATE},
    "double.pth": {k: v.double() for k, v in STATE.items()},
    "gan.pth.tar": {"netG": {f"module.{k}": v for k, v in STATE.items()}, "netD": {"a": torch.ones(1000, 1000)}},
    "compiled.pth": {f"_orig_mod.module.{k}": v for k, v in STATE.items()},
    "plain.pth": STATE,
}


@pytest.mark.parametrize("name", [*WRAPPED, "legacy.pth", "safe.safetensors", "safe.pth", "unit.pth"])
def test_checkpoints_of_any_trainer_are_the_same_network(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name in WRAPPED:
        torch.save(WRAPPED[name], path)
    elif name == "legacy.pth":
        torch.save(STATE, path, _use_new_zipfile_serialization=False)
    elif name == "unit.pth":  # gives 0..1 instead of 0..255
        torch.save({k: v / 255 if k.startswith("deconv3") else v for k, v in STATE.items()}, path)
    else:
        save_file(STATE, path)
    if name == "unit.pth":
        with pytest.warns(UserWarning, match="takes values of 0..1 and returns 0..1"):
            import_network(path, "n")
    else:
        import_network(path, "n")
    torch.save(STATE, tmp_path / "example.pth")
    import_network(tmp_path / "example.pth", "example")
    ours, theirs = (impasto.stylize(Picture(PHOTO), style).pixels for style in ("n", "example"))
    assert np.abs(ours - theirs).max() < 2e-3


def test_files_that_are_something_else_are_named(tmp_path: Path) -> None:
    def refuses(name: str, kind: type[ImpastoError], code: str, *words: str) -> None:
        with refused(kind, code, name, *words):
            import_network(tmp_path / name, "n")

    files = {
        "empty.pth": b"",
        "lfs.onnx": b"version https://git-lfs.github.com/spec/v1\noid",
        "page.pth": b"<!DOCTYPE html>",
    }
    files |= {"picture.pth": b"\x89PNG\r\n", "old.t7": b"abc", "graph.pb": b"abc", "keras.h5": b"\x89HDF"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    torch.save(trained(), tmp_path / "module.pth")
    torch.save(STATE, tmp_path / "cut.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "cut.pth").read_bytes()[:9000])
    torch.jit.save(torch.jit.trace(torch.nn.Conv2d(3, 3, 1), torch.rand(1, 3, 8, 8)), tmp_path / "script.pt")
    refuses("empty.pth", PictureError, "empty-file")
    refuses("lfs.onnx", PictureError, "not-a-network", "Git LFS pointer", "git lfs pull")
    refuses("page.pth", PictureError, "not-a-network", "web page")
    refuses("picture.pth", PictureError, "not-a-network", "a picture")
    refuses("old.t7", UsageError, "unknown-format", "Torch 7", ".onnx")
    refuses("graph.pb", UsageError, "unknown-format", "TensorFlow", ".onnx")
    refuses("keras.h5", UsageError, "unknown-format", "Keras", ".onnx")
    refuses("module.pth", PictureError, "unsafe-file", "state_dict")
    refuses("cut.pth", PictureError, "damaged-file")
    refuses("script.pt", PictureError, "unsafe-file", "TorchScript")
    with refused(PictureError, "empty-file", "empty.pth"):
        read_tensors(tmp_path / "empty.pth")


def test_ranges_as_users_write_them() -> None:
    assert read_range("ImageNet") == NAMED["imagenet"]
    assert (
        read_ranges(None, "0..1", "123.68 116.779 103.939")[0]
        == read_ranges("0..255", None, "123.68,116.779,103.939")[0]
    )
    for text in ("foo", "1..1", "5..1", "nan..1", "..", "0..x", "1e40..2e40"):
        with refused(UsageError, "malformed", text):
            read_range(text)
    for text in ("1,2", "", "inf,0,0"):
        with refused(UsageError, "malformed", "--mean"):
            read_ranges(None, None, text)
    for text in ("1,0,1", "-1,1,1"):
        with refused(UsageError, "out-of-range", "--std"):
            read_ranges(None, None, None, text)


def test_an_exported_file_runs_in_other_programs(tmp_path: Path, run: Run) -> None:
    import cv2
    import onnxruntime

    net, path = trained(2), tmp_path / "b.onnx"
    with torch.no_grad():
        net.deconv3.conv2d.weight *= 4  # much is beyond black and white
    Gallery().add_network("two", to_onnx(net, ["a", "b"], {"license": "CC0"}), weights=_weights(net))
    assert_refused(run("train", "export", "two", "--onnx", path), 2, "several-styles", "two/a")
    assert_refused(run("train", "export", "two/c", "--onnx", path), 2, "unknown-style", "two/c")
    assert run("train", "export", "two/b", "--onnx", path).code == 0
    made = onnx.load(path)
    said = {entry.key: entry.value for entry in made.metadata_props}
    assert (said["Image.BitmapPixelFormat"], said["Image.NominalPixelRange"]) == ("Rgb8", "Normalized_0_1")
    assert made.opset_import[0].version <= 17
    session = onnxruntime.InferenceSession(path)
    assert [len(session.get_inputs()), len(session.get_outputs())] == [1, 1]
    planes = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        whole = one_style(net, 1)(planes).numpy()
        np.testing.assert_allclose(whole, net(planes, torch.eye(2)[1:]).numpy(), atol=1e-5)
    wanted = whole.clip(0, 1)
    assert np.abs(whole - wanted).max() > 0.1
    assert "multiples of 4" in made.doc_string
    np.testing.assert_allclose(session.run(None, {"picture": planes.numpy()})[0], wanted, atol=1e-4)
    opened = cv2.dnn.readNetFromONNX(str(path))
    opened.setInput(planes.numpy())
    np.testing.assert_allclose(opened.forward(), wanted, atol=1e-3)
    assert run("styles", "import", path, "--name", "again").code == 0
    again = impasto.stylize(Picture(PHOTO), "again").pixels
    np.testing.assert_allclose(again, impasto.stylize(Picture(PHOTO), "two/b").pixels, atol=1e-4)
    assert load_network(path).paint(PHOTO, StyleVector(np.ones(1, np.float32))).shape == PHOTO.shape


def _weights(net: Any) -> bytes:
    from impasto.exchange.export import to_weights

    return to_weights(net, ["a", "b"], {"license": "CC0"})


@pytest.mark.parametrize("shape", [(100_000, 3, 2, "w"), (1, 3, 30_000, 30_000)])
def test_a_network_that_wants_everything_at_once_is_refused(tmp_path: Path, shape: tuple[Any, ...]) -> None:
    onnx.save(model(SAME, shape=shape), str(tmp_path / "large.onnx"))
    with refused(StyleError, "other-network", "large.onnx", " x ".join(map(str, shape))):
        import_network(tmp_path / "large.onnx", "large")

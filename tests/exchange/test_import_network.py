"""Networks of other programs become styles, or are refused in a line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import Outcome, assert_refused, refused, scene
from networks import example_state, foreign, foreign_norm, reference, trained

import impasto
from impasto.engines.ranges import Values
from impasto.errors import UsageError
from impasto.exchange.export import from_weights, to_onnx
from impasto.exchange.import_network import import_network
from impasto.picture import Picture
from impasto.styles.gallery import Gallery
from impasto.styles.store import load_network
from impasto.system.sessions import Model

PHOTO = scene(120, 88).astype(np.float32) / 255

Run = Callable[..., Outcome]


def test_an_examples_checkpoint_is_imported(tmp_path: Path) -> None:
    state = example_state(16)
    torch.save(state | {"in2.running_mean": torch.zeros(32)}, tmp_path / "candy.pth")
    (entry,) = import_network(tmp_path / "candy.pth", "candy", license="BSD")
    assert (entry.name, entry.license, entry.painting) == ("candy", "BSD", False)
    painted = impasto.stylize(Picture(PHOTO), "candy").pixels
    with torch.no_grad():
        planes = torch.from_numpy(PHOTO.transpose(2, 0, 1)[None].copy())
        expected = reference(state, planes * 255)[0].permute(1, 2, 0).numpy().clip(0, 255) / 255
    assert np.abs(painted - expected).max() < 1e-3
    net, _ = from_weights(Gallery().weights("candy"))
    assert net.architecture.span == 255
    again = import_network(Gallery().weights("candy"), "candy-again")
    assert again[0].license == "BSD"


def test_an_imported_file_is_painted_in_tiles_too(tmp_path: Path) -> None:
    path = tmp_path / "foreign.onnx"
    path.write_bytes(foreign_norm())
    (entry,) = import_network(path, "foreign")
    assert entry.network is not None
    inputs = [{value.name for value in Model(file.read_bytes).session().get_inputs()} for file in (path, entry.network)]
    assert inputs == [{"x"}, {"x", "given", "trust"}]
    networks = load_network(path), load_network(entry.network)
    one, other = (network.paint(PHOTO, network.style()) for network in networks)
    np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("span", [(0, 1), (0, 255)])
def test_a_foreign_file_tells_its_range_and_size(tmp_path: Path, fixed: bool, span: tuple[float, float]) -> None:
    path = tmp_path / "foreign.onnx"
    path.write_bytes(foreign(fixed, *span))
    network = load_network(path)
    assert network.size.only == ((64, 48) if fixed else None)
    assert network.facts.takes == network.facts.gives == Values.of(*span)
    (entry,) = import_network(path, "inverse")
    assert entry.network is not None
    assert load_network(entry.network).size.only is None  # nothing in it needs the size
    painted = impasto.stylize(Picture(PHOTO), "inverse").pixels
    np.testing.assert_allclose(painted, 1 - PHOTO, atol=1e-5)


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
    refuses("text.pth", "not-a-network")
    refuses("text.onnx", "not-a-network")
    refuses("mean.onnx", "other-network")
    refuses("gone.pth", "no-such-file")
    refuses("gone.onnx", "no-such-file")
    refuses("text.txt", "unknown-format", exit_code=2)
    (tmp_path / "good.onnx").write_bytes(to_onnx(trained(), ["a"], {}))
    assert run("styles", "import", tmp_path / "good.onnx", "--name", "good").code == 0
    assert_refused(run("styles", "import", tmp_path / "good.onnx", "--name", "good"), 2, "name-taken", "good")
    done = run("stylize", photo, "--style", tmp_path / "text.onnx", "-o", tmp_path / "o.png")
    assert_refused(done, 1, "not-a-network", "text.onnx")
    done = run("stylize", photo, "--style", "good", "-o", tmp_path / "o.png", "--json")
    assert json.loads(done.out)["engine"] == "network"


WITHOUT_PYTORCH = """
import sys
sys.modules["torch"] = None
from impasto.cli.main import main
sys.argv = ["impasto", *sys.argv[1:]]
main()
"""


def test_an_onnx_file_is_imported_and_paints_where_there_is_no_pytorch(tmp_path: Path, photo: Path) -> None:
    def typed(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", WITHOUT_PYTORCH, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True)

    (tmp_path / "inverse.onnx").write_bytes(foreign(True, 0, 255))
    done = typed("styles", "import", tmp_path / "inverse.onnx", "--name", "inverse")
    assert done.returncode == 0, done.stderr
    done = typed("stylize", photo, "--style", "inverse", "-o", tmp_path / "out.png")
    assert done.returncode == 0, done.stderr
    before, after = (Picture.open(path).pixels for path in (photo, tmp_path / "out.png"))
    np.testing.assert_allclose(after, 1 - before, atol=1 / 255)
    torch.save(example_state(8), tmp_path / "candy.pth")
    done = typed("styles", "import", tmp_path / "candy.pth", "--name", "candy")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "torch, which .pth files need, is not installed" in done.stderr


def test_without_the_package_onnx_a_file_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "fixed.onnx"
    path.write_bytes(foreign(True, 0, 1))
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.warns(UserWarning, match="only 64 x 48"):
        (entry,) = import_network(path, "fixed")
    assert entry.network is not None
    assert entry.network.read_bytes().startswith(path.read_bytes())  # and what was found out
    with pytest.warns(UserWarning, match="fixed takes only pictures of 64 x 48"):
        assert impasto.stylize(Picture(PHOTO), "fixed").pixels.shape == PHOTO.shape


def test_a_network_with_a_painting_is_one_the_optimizer_knows(tmp_path: Path, painting: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(to_onnx(trained(), ["a"], {}))
    with refused(UsageError, "mismatch", "net.onnx"):
        import_network(path, "mine", paintings=[painting, painting])
    import_network(path, "mine", paintings=[painting])
    shown = Gallery().picture(Gallery().get("mine")).pixels
    np.testing.assert_array_equal(shown, Picture.open(painting).pixels)

"""The plug-in for Krita: its logic with a stub of Krita's module, its docker where Qt is, and Debian's Krita itself."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from displays import display
from helpers import ROOT, file_bytes, scene, wait_until
from integrations import krita_stub
from integrations.krita_stub import Document, Krita, Node, Selection
from PIL import Image

from impasto.plugins.hosts import HOSTS
from impasto.plugins.install import install
from impasto.version import __version__

PARTS = ("pixels", "layers", "task", "painting", "settings", "link")


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The plug-in's modules, installed as a user's are, without the docker."""
    folder = tmp_path_factory.mktemp("pykrita")
    install(HOSTS["krita"], folder)
    package = type(sys)("impasto_painter")
    package.__path__ = [str(folder / "impasto_painter")]
    before = {name: sys.modules.get(name) for name in ("krita", "impasto_painter")}
    sys.modules.update({"krita": krita_stub, "impasto_painter": package})
    yield SimpleNamespace(folder=folder, **{name: importlib.import_module(f"impasto_painter.{name}") for name in PARTS})
    for name in [name for name in sys.modules if name.startswith("impasto_painter.")]:
        del sys.modules[name]
    for name, module in before.items():
        if module is None:
            del sys.modules[name]
        else:
            sys.modules[name] = module


@pytest.fixture
def app() -> Krita:
    return Krita.renew()


def document_of(app: Krita, depth: str = "U8", width: int = 96, height: int = 64) -> Document:
    """An open document whose layer shows a scene."""
    document = app.show(Document(width, height, "RGBA", depth))
    color = scene(width, height)[:, :, ::-1]
    pixels = np.dstack([color, np.full((height, width), 255, np.uint8)])
    document.root.children[0].pixels = pixels if depth == "U8" else pixels.astype(np.uint16) * 257
    return document


def selected(box: tuple[int, int, int, int], width: int = 96, height: int = 64, share: int = 255) -> Selection:
    x, y, wide, high = box
    mask = np.zeros((height, width), np.uint8)
    mask[y : y + high, x : x + wide] = share
    return Selection(mask)


def unpacked(plugin: SimpleNamespace) -> Callable[..., bytes]:
    """Reads PNG files as the plug-in does by Qt."""

    def decode(data: bytes, width: int, height: int, bits: int) -> bytes:
        import cv2

        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        assert picture.shape[:2] == (height, width)
        assert picture.itemsize * 8 == bits
        if picture.shape[2] == 3:
            picture = np.dstack([picture, np.full((height, width), np.iinfo(picture.dtype).max, picture.dtype)])
        return picture.tobytes()

    return decode


class Painter:
    """Stands for what paints: a picture turned upside down, once it may go on."""

    def __init__(self, link: Any, gate: threading.Event | None = None, trouble: str = "") -> None:
        self.link, self.gate, self.trouble = link, gate, trouble
        self.wishes: list[Any] = []

    def paint(self, picture: bytes, wish: Any, on_progress: Callable[[float | None], bool]) -> bytes:
        import cv2

        self.wishes.append(wish)
        while self.gate is not None and not self.gate.wait(0.01):
            if on_progress(0.25) is False:
                raise self.link.Canceled
        if self.trouble:
            raise self.link.Trouble(self.trouble, "try again")
        found = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_UNCHANGED)
        return cv2.imencode(".png", np.ascontiguousarray(found[::-1]))[1].tobytes()


@pytest.fixture
def start(plugin: SimpleNamespace, app: Krita, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Begins a painting of a document's chosen layer."""

    def begin(document: Document, painter: Painter) -> Any:
        monkeypatch.setattr(plugin.link, "connect", lambda *_: painter)
        source = plugin.layers.look(app, document, document.activeNode())
        wish, where = plugin.link.Wish("udnie", strength=70), ("", ["impasto"], "")
        tasks = plugin.task.Tasks()
        return plugin.painting.Painting(app, tasks, source, wish, "Udnie", where, unpacked(plugin))

    return begin


def finish(painting: Any) -> str:
    wait_until(lambda: painting.task.over)
    return painting.step()


class TestPixels:
    @pytest.mark.parametrize("bits", [8, 16])
    @pytest.mark.parametrize("opaque", [True, False])
    def test_png_files_hold_what_krita_has(self, plugin, bits, opaque):
        import cv2

        rng = np.random.default_rng(3)
        top = 2**bits - 1
        pixels = rng.integers(0, top + 1, (7, 5, 4)).astype(f"uint{bits}")
        if opaque:
            pixels[:, :, 3] = top
        data = plugin.pixels.to_png(pixels.tobytes(), 5, 7, bits)
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        assert (found == (pixels[:, :, :3] if opaque else pixels)).all()
        assert data[24] == bits

    @pytest.mark.parametrize("bits", [8, 16])
    def test_red_and_blue_change_places(self, plugin, bits):
        rgba = np.arange(24).reshape(2, 3, 4).astype(f"uint{bits}") * (1 if bits == 8 else 2000)
        found = np.frombuffer(plugin.pixels.from_rgba(rgba.tobytes(), bits), rgba.dtype).reshape(rgba.shape)
        assert (found == rgba[:, :, [2, 1, 0, 3]]).all()

    @pytest.mark.parametrize("bits", [8, 16])
    @pytest.mark.parametrize("opaque", [True, False])
    def test_a_mask_multiplies_the_opacity(self, plugin, bits, opaque):
        rng = np.random.default_rng(4)
        top = 2**bits - 1
        pixels = rng.integers(0, top + 1, (6, 6, 4)).astype(f"uint{bits}")
        pixels[:, :, 3] = top if opaque else pixels[:, :, 3]
        mask = rng.integers(0, 256, (6, 6)).astype(np.uint8)
        mask[0, 0], mask[0, 1] = 0, 255
        found = np.frombuffer(plugin.pixels.masked(pixels.tobytes(), mask.tobytes(), bits), pixels.dtype)
        found = found.reshape(pixels.shape)
        assert (found[:, :, :3] == pixels[:, :, :3]).all()
        assert np.abs(found[:, :, 3] - pixels[:, :, 3] * (mask / 255)).max() <= 0.51

    def test_a_part_is_cut_out(self, plugin):
        pixels = np.arange(10 * 8 * 4).astype(np.uint16).reshape(8, 10, 4)
        area, part = plugin.pixels.Area(20, 30, 10, 8), plugin.pixels.Area(23, 32, 4, 5)
        found = plugin.pixels.cropped(pixels.tobytes(), area, part, 16)
        assert found == pixels[2:7, 3:7].tobytes()


class TestLook:
    def test_a_whole_layer(self, plugin, app):
        document = document_of(app)
        source = plugin.layers.look(app, document, document.activeNode())
        assert source.area == source.part == (0, 0, 96, 64)
        assert source.data == document.root.children[0].pixels.tobytes()
        assert source.mask is None
        assert source.bits == 8

    def test_a_selection_gets_context_within_the_document(self, plugin, app):
        document = document_of(app, width=400, height=300)
        document.selected = selected((10, 100, 200, 80), 400, 300)
        source = plugin.layers.look(app, document, document.activeNode())
        assert source.part == (10, 100, 200, 80)
        assert source.area == (0, 50, 260, 180)
        assert source.mask == b"\xff" * 200 * 80

    def test_what_lies_outside_the_document_is_left_out(self, plugin, app):
        document = document_of(app)
        document.size = (50, 40)
        assert plugin.layers.look(app, document, document.activeNode()).area == (0, 0, 50, 40)

    def test_a_group_is_painted_as_it_shows(self, plugin, app):
        document = document_of(app)
        group = Node(document, "group", "grouplayer")
        group.addChildNode(document.root.children[0], None)
        assert plugin.layers.look(app, document, group).data == group.children[0].pixels.tobytes()

    @pytest.mark.parametrize(("depth", "bits"), [("U8", 8), ("U16", 16)])
    def test_deep_documents_are_painted_with_16_bits(self, plugin, app, depth, bits):
        document = document_of(app, depth)
        assert plugin.layers.look(app, document, document.activeNode()).bits == bits

    def test_colors_are_converted_by_krita_and_the_scratch_is_closed(self, plugin, app):
        document = document_of(app, "U16")
        document.space = ("RGBA", "U16", "a wide gamut")
        assert len(plugin.layers.look(app, document, document.activeNode()).data) == 96 * 64 * 8
        assert app.documents() == [document]

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda document: document.root.children[0].pixels.fill(0), "is empty"),
            (lambda document: setattr(document, "active", None), "no layer"),
            (lambda document: setattr(document.active, "_type", "transparencymask"), "mask or a filter"),
            (lambda document: setattr(document.active, "_type", "filterlayer"), "mask or a filter"),
            (lambda document: setattr(document, "selected", selected((0, 0, 0, 0))), "nothing in the selection"),
            (lambda document: setattr(document, "space", ("CMYKA", "U8", "Chemical proof")), "cannot be converted"),
            (lambda document: setattr(document, "space", ("RGBA", "U16", "")), "cannot be converted"),
        ],
    )
    def test_what_cannot_be_painted_gets_one_line(self, plugin, app, change, said):
        document = document_of(app)
        change(document)
        with pytest.raises(plugin.link.Trouble, match=said) as error:
            plugin.layers.look(app, document, document.activeNode())
        assert "\n" not in str(error.value)
        assert error.value.hint
        assert document.steps == 0
        assert app.documents() == [document]

    def test_no_document(self, plugin, app):
        with pytest.raises(plugin.link.Trouble, match="no open picture"):
            plugin.layers.look(app, None, None)

    def test_a_huge_layer_is_refused_before_its_pixels_are_read(self, plugin, app):
        document = document_of(app)
        document.size = (12000, 9000)
        huge = SimpleNamespace(
            name=lambda: "huge", type=lambda: "paintlayer", bounds=lambda: krita_stub.Rect(0, 0, 12000, 9000)
        )
        with pytest.raises(plugin.link.Trouble, match="108 megapixels"):
            plugin.layers.look(app, document, huge)


class TestPainting:
    @pytest.mark.parametrize("depth", ["U8", "U16"])
    def test_the_painting_is_a_layer_above_in_one_step(self, plugin, app, start, depth):
        document = document_of(app, depth)
        document.root.addChildNode(Node(document, "top"), None)
        document.steps = 0
        source = document.active
        before = source.pixels.copy()
        painter = Painter(plugin.link)
        assert finish(start(document, painter)) == "Painted into a new layer."
        assert [node.name() for node in document.topLevelNodes()] == ["Background", "Udnie, painted", "top"]
        assert (document.root.children[1].pixels == before[::-1]).all()
        assert (source.pixels == before).all()
        assert document.steps == 1
        assert painter.wishes[0].bits == (8 if depth == "U8" else 16)
        assert app.documents() == [document]

    def test_a_selection_is_the_new_layer_s_opacity(self, plugin, app, start):
        document = document_of(app)
        document.selected = selected((20, 10, 30, 20), share=128)
        finish(start(document, Painter(plugin.link)))
        opacity = document.root.children[1].pixels[:, :, 3]
        assert (opacity[10:30, 20:50] == 128).all()
        assert opacity.sum() == 128 * 30 * 20
        area = plugin.layers.look(app, document, document.active).area
        upside_down = document.active.pixels[area.y : area.y + area.height][::-1]
        assert (document.root.children[1].pixels[10:30, 20:50, :3] == upside_down[10 - area.y :][:20, 20:50, :3]).all()

    def test_it_goes_to_the_top_if_the_layer_was_removed(self, plugin, app, start):
        document, gate = document_of(app), threading.Event()
        document.root.addChildNode(Node(document, "top"), None)
        painting = start(document, Painter(plugin.link, gate))
        assert painting.step() == ""
        document.root.children.pop(0)
        gate.set()
        finish(painting)
        assert [node.name() for node in document.topLevelNodes()] == ["top", "Udnie, painted"]

    def test_it_stays_in_the_group_of_its_layer(self, plugin, app, start):
        document = document_of(app)
        group = Node(document, "group", "grouplayer")
        group.addChildNode(document.root.children.pop(0), None)
        document.root.addChildNode(group, None)
        finish(start(document, Painter(plugin.link)))
        assert [node.name() for node in group.childNodes()] == ["Background", "Udnie, painted"]

    def test_an_animated_layer_s_frame_is_painted_with_a_note(self, plugin, app, start):
        document = document_of(app)
        document.active.is_animated = True
        assert "current frame" in finish(start(document, Painter(plugin.link)))

    def test_the_share_is_told_and_cancelling_changes_nothing(self, plugin, app, start):
        document = document_of(app)
        painting = start(document, Painter(plugin.link, threading.Event()))
        wait_until(lambda: painting.task.share == 0.25)
        painting.task.cancel()
        wait_until(lambda: painting.task.over)
        with pytest.raises(plugin.link.Canceled):
            painting.task.result()
        assert document.steps == 0

    def test_a_closed_document_cancels_it(self, plugin, app, start):
        document = document_of(app)
        painting = start(document, Painter(plugin.link, threading.Event()))
        app.open.remove(document)
        assert "closed" in painting.step()
        wait_until(lambda: painting.task.over)
        assert document.steps == 0

    def test_the_end_of_krita_ends_it(self, plugin):
        tasks = plugin.task.Tasks()
        begun = tasks.start(lambda go_on: [None for _ in iter(lambda: go_on(None), False)])
        tasks.end()
        assert begun.over

    @pytest.mark.parametrize("way", ["it fails", "it is not a picture", "Krita refuses"])
    def test_a_failure_is_one_line_and_leaves_the_document(self, plugin, app, start, way):
        document = document_of(app)
        painter = Painter(plugin.link, trouble="too little memory" if way == "it fails" else "")
        if way == "it is not a picture":
            painter.paint = lambda *_: b"no picture"
        document.root.takes_children = way != "Krita refuses"
        painting = start(document, painter)
        wait_until(lambda: painting.task.over)
        with pytest.raises(plugin.link.Trouble) as error:
            painting.step()
        assert "\n" not in str(error.value)
        assert [node.name() for node in document.topLevelNodes()] == ["Background"]


class TestSettings:
    def test_the_command_is_the_user_s_then_the_installer_s_then_the_system_s(self, plugin, app, monkeypatch):
        settings = plugin.settings.Settings(app)
        assert settings.command()[1:] == ["-m", "impasto"]
        settings["command"] = '"/a folder/python" -m impasto'
        assert settings.command() == ["/a folder/python", "-m", "impasto"]
        settings["command"] = ""
        monkeypatch.setattr(plugin.settings.link, "installed", lambda _: {})
        monkeypatch.setattr(plugin.link.shutil, "which", lambda _: "/usr/bin/impasto")
        assert settings.command() == ["/usr/bin/impasto"]
        monkeypatch.setattr(plugin.link.shutil, "which", lambda _: None)
        assert settings.command() == []

    def test_a_program_s_path_may_have_spaces(self, plugin, app, tmp_path):
        settings, program = plugin.settings.Settings(app), tmp_path / "the user's impasto"
        program.touch()
        settings["command"] = str(program)
        assert settings.command() == [str(program)]
        settings["command"] = '"/without an end'
        assert settings.command() == ['"/without', "an", "end"]


class TestDocker:
    """The widgets, in Qt without a screen."""

    @pytest.fixture
    def docker(self, plugin, app, monkeypatch) -> Iterator[Any]:
        pytest.importorskip("PyQt5.QtWidgets")
        from PyQt5.QtWidgets import QApplication

        monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
        application = QApplication.instance() or QApplication([])
        self.turn = application.processEvents
        module = importlib.import_module("impasto_painter.docker")
        made = module.PainterDocker()
        made.list_styles()
        self.until(lambda: made.listing is None)
        yield made
        made.tasks.end()
        made.deleteLater()
        application.processEvents()

    def until(self, condition: Callable[[], object]) -> None:
        wait_until(lambda: self.turn() or condition())

    def test_lists_the_styles_and_their_thumbnails(self, docker):
        assert docker.styles.count() >= 34
        assert docker.chosen() == "starry-night"
        assert __version__ in docker.status.text()
        self.until(lambda: docker.thumbnails.over and docker._arrived.empty())
        image = docker.styles.item(1).icon().pixmap(72, 72).toImage()
        assert len({image.pixel(x, x) for x in range(72)}) > 10

    def test_paints_and_remembers_the_choices(self, docker, app):
        document = document_of(app)
        docker._choose("udnie")
        docker.strength.setValue(55)
        docker.brush.setValue(10)
        docker.colors.setCurrentIndex(1)
        wish = docker.wish()
        assert (wish.style, wish.strength, wish.brush_size, wish.keep_color) == ("udnie", 55, 2, "luminance")
        docker.go.click()
        assert not docker.go.isEnabled()
        assert docker.stop.isEnabled()
        self.until(lambda: docker.painting is None)
        assert docker.status.text() == "Painted into a new layer."
        assert len(document.topLevelNodes()) == 2
        assert docker.go.isEnabled()
        assert app.values["impasto_painter", "style"] == "udnie"
        assert app.values["impasto_painter", "strength"] == "55"

    def test_paints_in_the_style_of_a_file(self, docker, app, painting, monkeypatch):
        document = document_of(app)
        dialog = sys.modules["impasto_painter.docker"].QtWidgets.QFileDialog
        monkeypatch.setattr(dialog, "getOpenFileName", lambda *_: (str(painting), ""))
        docker.file.click()
        assert docker.chosen() == str(painting)
        docker.go.click()
        self.until(lambda: docker.painting is None)
        assert document.topLevelNodes()[1].name() == "painting.png, painted"

    def test_cancel_leaves_the_document(self, docker, app):
        document = document_of(app)
        docker.go.click()
        docker.stop.click()
        assert docker.status.text() == "Canceled. Nothing was changed."
        assert docker.go.isEnabled()
        assert document.steps == 0

    def test_trouble_is_said_in_the_docker_and_over_the_picture(self, docker, app):
        docker.go.click()
        assert "no open picture" in docker.status.text()
        document_of(app).active.pixels.fill(0)
        docker.go.click()
        assert app.messages[-1] == docker.status.text()
        assert "is empty" in app.messages[-1]

    def test_nothing_that_paints(self, docker, app):
        document_of(app)
        docker.settings["command"] = "/no/such/impasto"
        docker.go.click()
        self.until(lambda: docker.painting is None)
        assert "cannot be run" in docker.status.text()
        docker.again.click()
        self.until(lambda: docker.listing is None)
        assert "cannot be run" in docker.status.text()

    def test_another_version_is_named(self, docker, plugin, monkeypatch):
        monkeypatch.setattr(sys.modules["impasto_painter.link"], "installed", lambda _: {"version": "9.9.0"})
        docker.settings["command"] = f"{sys.executable} -m impasto"
        docker.again.click()
        self.until(lambda: docker.listing is None)
        assert "9.9.0" in docker.status.text()
        assert __version__ in docker.status.text()


def test_krita_s_manager_finds_what_it_demands():
    desktop = (ROOT / "integrations/krita/impasto_painter.desktop").read_text()
    assert "ServiceTypes=Krita/PythonPlugin" in desktop
    library = desktop.split("X-KDE-Library=")[1].split()[0]
    manual = desktop.split("X-Krita-Manual=")[1].split()[0]
    assert (ROOT / "integrations/krita" / library / "__init__.py").is_file()
    assert (ROOT / "integrations/krita" / library / manual).is_file()


@pytest.mark.skipif(shutil.which("kritarunner") is None, reason="there is no Krita")
def test_in_krita(tmp_path: Path) -> None:
    runner = shutil.which("kritarunner") or ""
    folder, said, photo = tmp_path / "pykrita", tmp_path / "said.json", tmp_path / "photo.png"
    install(HOSTS["krita"], folder)
    photo.write_bytes(file_bytes(Image.fromarray(scene())))
    with display() as screen:
        values = {"HOME": str(tmp_path), "DISPLAY": screen, "XDG_RUNTIME_DIR": str(tmp_path), "QT_QPA_PLATFORM": "xcb"}
        values |= {"PYTHONPATH": os.pathsep.join([str(folder), str(Path(__file__).parent)])}
        values |= {"IMPASTO_TEST_SAID": str(said), "IMPASTO_TEST_PHOTO": str(photo)}
        values |= {
            "PATH": os.pathsep.join([os.path.dirname(runner), os.environ["PATH"]])
        }  # Python looks for itself there
        words = [runner, "-s", "krita_run", "-f", "main"]
        ended = subprocess.run(words, env=os.environ | values, capture_output=True, text=True, timeout=300)
    assert said.exists(), ended.stderr[-3000:]
    found = json.loads(said.read_text())
    kinds = found["kinds"]
    assert "is empty" in kinds["empty"]
    assert "is empty" in kinds["group"]
    assert "is empty" in kinds["vector"]
    assert "mask or a filter" in kinds["invert"]
    assert "mask or a filter" in kinds["mask"]
    assert kinds["filled group"] == "Painted into a new layer."
    assert kinds["layers"].count("Udnie, painted") == 1
    assert found["photo"]["whole"] == found["photo"]["part"] == "Painted into a new layer."
    assert found["photo"]["farthest"] <= 2
    assert found["photo"]["box"] == [20, 10, 30, 20]
    assert found["photo"]["kept"]
    assert found["photo"]["open"] == 1
    assert "nosuch" in found["photo"]["no style"]
    for name, (line, model, depth, darkest) in found["spaces"].items():
        assert line == "Painted into a new layer.", name
        assert name == model + depth
        assert darkest >= 250, name

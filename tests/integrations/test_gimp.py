"""The plug-in for GIMP 3: against a stub of GIMP's Python, with the real program, and in GIMP where it is installed."""

from __future__ import annotations

import ast
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from displays import display
from helpers import ROOT, file_bytes, scene
from integrations import gimp_stub
from integrations.gimp_stub import STATE, PDBStatusType, Precision, RunMode
from PIL import Image

from impasto.controls import Controls
from impasto.version import __version__

SOURCE = ROOT / "integrations" / "gimp" / "impasto-paint"
MODULES = ("link", "png", "layers", "painting", "procedure", "dialog")
GIMP = shutil.which("gimp-console-3.0") or shutil.which("gimp-console-3.2") or shutil.which("gimp-console-3")


class Hand:
    """Paints by inverting; what it was asked for stays here."""

    def __init__(self, trouble: Exception | None = None, answer: bytes | None = None) -> None:
        self.trouble, self.answer = trouble, answer
        self.asked: list[tuple[np.ndarray, Any]] = []

    def version(self) -> str:
        return __version__

    def paint(self, picture: bytes, wish: Any, on_progress: Any) -> bytes:
        if self.trouble:
            raise self.trouble
        pixels = decoded(picture)
        self.asked.append((pixels, wish))
        assert on_progress(None)
        assert on_progress(0.5)
        inverted = pixels.copy()
        inverted[..., :3] = np.iinfo(pixels.dtype).max - pixels[..., :3]
        return gimp_stub.png_of(inverted) if self.answer is None else self.answer


class Config:
    """The arguments' values."""

    def __init__(self, **values: Any) -> None:
        self.values = {"style": "udnie", "painting": None, "strength": 100.0, "brush-size": 1.0, "keep-color": "none"}
        self.values |= {"boldness": 0.0, "tone": "none", "detail": 60.0, "server": "", "key": ""}
        self.values |= {name.replace("_", "-"): value for name, value in values.items()}

    def get_property(self, name: str) -> Any:
        return self.values[name]


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The plug-in's modules, installed in a folder of their own; `hand` paints."""
    folder = tmp_path / "impasto-paint"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("link.py", "png.py"):
        shutil.copy(ROOT / "integrations" / name, folder)
    (folder / "installed.json").write_text(json.dumps({"version": __version__, "command": ["impasto"]}))
    before = {name: sys.modules.pop(name) for name in MODULES if name in sys.modules}
    for name, module in gimp_stub.repository().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.syspath_prepend(str(folder))
    import layers  # type: ignore[import-not-found]
    import link
    import painting  # type: ignore[import-not-found]
    import png  # type: ignore[import-not-found]
    import procedure  # type: ignore[import-not-found]

    hand = Hand()
    monkeypatch.setattr(painting, "connect", lambda *_: hand)
    monkeypatch.setattr(painting.os, "setpgid", lambda *_: None)  # the tests' processes stay together
    yield SimpleNamespace(
        folder=folder, hand=hand, layers=layers, link=link, painting=painting, png=png, procedure=procedure
    )
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.modules.update(before)


def decoded(picture: bytes) -> np.ndarray:
    import cv2

    found = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(found, cv2.COLOR_BGRA2RGBA if found.shape[2] == 4 else cv2.COLOR_BGR2RGB)


def picture(width: int = 40, height: int = 30, channels: int = 3, bits: int = 8) -> np.ndarray:
    random = np.random.default_rng(width + height + channels)
    return random.integers(1, 1 << bits, (height, width, channels), dtype=np.uint8 if bits == 8 else np.uint16)


def selection(image: Any, x: int, y: int, width: int, height: int) -> None:
    """Select a rectangle with a soft edge, on a canvas of 200 x 200."""
    image.selection = np.zeros((200, 200), np.uint16)
    image.selection[y : y + height, x : x + width] = 65535
    image.selection[y, x] = 100


def apply(
    plugin: SimpleNamespace, image: Any, drawables: Any, mode: RunMode = RunMode.NONINTERACTIVE, **values: Any
) -> Any:
    return plugin.painting.run(gimp_stub.Procedure(), mode, image, drawables, Config(**values))


def assert_fails(plugin: SimpleNamespace, image: Any, drawables: Any, *words: str, **values: Any) -> None:
    """One line with these words, and an image that is as it was."""
    before = list(image.layers), [layer.pixels.tobytes() for layer in image.layers]
    status, line = apply(plugin, image, drawables, **values)
    assert status == PDBStatusType.EXECUTION_ERROR
    assert "\n" not in line
    for word in words:
        assert word in line
    assert (list(image.layers), [layer.pixels.tobytes() for layer in image.layers]) == before
    assert image.depth == 0


# PNG


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("bits", [8, 16])
def test_png_holds_the_pixels(plugin: SimpleNamespace, channels: int, bits: int) -> None:
    pixels = picture(13, 11, channels, bits)
    writer = plugin.png.Writer(13, 11, channels, bits)
    for rows in (pixels[:4], pixels[4:5], pixels[5:]):
        writer.add(rows.tobytes())
    data = writer.finish()
    assert np.array_equal(decoded(data), pixels)
    assert data[24] == bits
    Image.open(io.BytesIO(data)).verify()  # checksums


# Painting


def test_painting_is_a_new_layer_above(plugin: SimpleNamespace) -> None:
    image, pixels = gimp_stub.Image(), picture()
    below, layer, above = (gimp_stub.layer_of(image, pixels, name) for name in ("below", "photo", "above"))
    layer.set_offsets(-7, 9)
    status, painted = apply(plugin, image, [layer])
    assert status == PDBStatusType.SUCCESS
    assert image.layers == [above, painted, layer, below]
    assert painted.get_name() == "Impasto: udnie"
    assert painted.offsets == (-7, 9)
    assert painted.mask is None
    assert np.array_equal(painted.pixels[..., :3] // 257, 255 - pixels)
    assert np.array_equal(layer.pixels[..., :3] // 257, pixels)
    assert image.selected == [layer]
    assert (image.steps, image.depth) == (1, 0)


def test_settings_arrive(plugin: SimpleNamespace, tmp_path: Path) -> None:
    image = gimp_stub.Image()
    layer = gimp_stub.layer_of(image, picture())
    values = {"strength": 35.0, "brush_size": 0.5, "boldness": 50.0, "keep_color": "coral", "tone": "match"}
    values |= {"detail": 10.0}
    apply(plugin, image, [layer], style="great-wave", **values)
    path = str(tmp_path / "my painting.jpg")
    _, painted = apply(plugin, image, [layer], painting=gimp_stub.GioFile(path))
    first, second = (wish for _, wish in plugin.hand.asked)
    assert first == plugin.link.Wish("great-wave", **values)
    assert second.style == path
    assert painted.get_name() == "Impasto: my painting.jpg"


def test_painting_lies_above_earlier_ones(plugin: SimpleNamespace) -> None:
    image = gimp_stub.Image()
    layer = gimp_stub.layer_of(image, picture())
    text = gimp_stub.layer_of(image, picture(), "text")
    first, second, third = (apply(plugin, image, [layer])[1] for _ in range(3))
    assert image.layers == [text, third, second, first, layer]


def test_selection_becomes_a_mask(plugin: SimpleNamespace) -> None:
    image, pixels = gimp_stub.Image(), picture(60, 50)
    layer = gimp_stub.layer_of(image, pixels)
    layer.set_offsets(10, 20)
    selection(image, 5, 30, 25, 12)  # its left part lies outside the layer
    _, painted = apply(plugin, image, [layer])
    [(seen, _)] = plugin.hand.asked
    assert np.array_equal(seen, pixels[10:22, 0:20])
    assert painted.offsets == (10, 30)
    assert np.array_equal(painted.mask.pixels, image.selection[30:42, 10:30])


def test_mask_of_the_layer_is_copied(plugin: SimpleNamespace) -> None:
    image = gimp_stub.Image()
    layer = gimp_stub.layer_of(image, picture())
    layer.mask = gimp_stub.LayerMask(image, picture(bits=16)[..., 0], alpha=False)
    _, painted = apply(plugin, image, [layer.mask])  # GIMP names the mask where it is what the user edits
    assert np.array_equal(painted.mask.pixels, layer.mask.pixels)
    assert painted.mask is not layer.mask
    layer.apply_mask = False
    assert apply(plugin, image, [layer])[1].mask is None


def test_group_is_painted_as_it_shows(plugin: SimpleNamespace) -> None:
    image, pixels = gimp_stub.Image(), picture(channels=4)
    inside = gimp_stub.layer_of(image, pixels, "inside", alpha=True)
    group = gimp_stub.GroupLayer(image, inside.pixels, "group")
    image.layers.insert(0, group)
    inside.parent = group
    _, painted = apply(plugin, image, [group])
    assert image.get_layers() == [painted, group]
    _, painted = apply(plugin, image, [inside])
    assert group.get_children() == [painted, inside]


def test_filters_are_painted_but_stay(plugin: SimpleNamespace) -> None:
    image, pixels = gimp_stub.Image(), picture(bits=16)
    layer = gimp_stub.layer_of(image, pixels)
    layer.filters = [lambda found: found[:, ::-1]]
    apply(plugin, image, [layer])
    [(seen, _)] = plugin.hand.asked
    assert np.array_equal(seen, pixels[:, ::-1] // 257)
    assert len(layer.filters) == 1
    assert np.array_equal(layer.pixels[..., :3], pixels)
    assert [copy.deleted for copy in image.copies] == [True]


@pytest.mark.parametrize(
    ("precision", "bits"),
    [
        (Precision.U8_LINEAR, 16),
        (Precision.U8_NON_LINEAR, 8),
        (Precision.U8_PERCEPTUAL, 8),
        (Precision.U16_NON_LINEAR, 16),
        (Precision.FLOAT_LINEAR, 16),
    ],
)
def test_precision_is_kept(plugin: SimpleNamespace, precision: Precision, bits: int) -> None:
    image, pixels = gimp_stub.Image(precision), picture(bits=16)
    layer = gimp_stub.layer_of(image, pixels)
    _, painted = apply(plugin, image, [layer])
    [(seen, wish)] = plugin.hand.asked
    assert (seen.dtype.itemsize * 8, wish.bits) == (bits, bits)
    if bits == 16:
        assert np.array_equal(painted.pixels[..., :3], 65535 - pixels)


def test_large_layer_is_read_by_rows(plugin: SimpleNamespace) -> None:
    image, pixels = gimp_stub.Image(), picture(20, 700, channels=4)
    layer = gimp_stub.layer_of(image, pixels, alpha=True)
    apply(plugin, image, [layer])
    assert np.array_equal(plugin.hand.asked[0][0], pixels)
    assert max(STATE.rows) <= 256


def test_progress_is_shown(plugin: SimpleNamespace) -> None:
    image = gimp_stub.Image()
    apply(plugin, image, [gimp_stub.layer_of(image, picture())])
    assert STATE.progress == ["init", None, 0.5]


@pytest.mark.parametrize("change", ["selection", "deleted", "closed"])
def test_image_may_change_meanwhile(plugin: SimpleNamespace, change: str) -> None:
    image, pixels = gimp_stub.Image(), picture()
    other, layer = gimp_stub.layer_of(image, pixels, "other"), gimp_stub.layer_of(image, pixels)
    selection(image, 2, 3, 20, 10)
    before, paint = image.selection[3:13, 2:22].copy(), plugin.hand.paint

    def changed(*args: Any) -> bytes:
        if change == "selection":
            selection(image, 30, 3, 5, 5)
            layer.set_offsets(50, 50)
        if change == "deleted":
            image.layers.remove(layer)
        image.open = change != "closed"
        return paint(*args)

    plugin.hand.paint = changed
    status, painted = apply(plugin, image, [layer])
    if change == "closed":
        assert (status, image.depth, len(image.layers)) == (PDBStatusType.EXECUTION_ERROR, 0, 2)
        assert "closed" in painted
        return
    assert painted.offsets == (2, 3)
    assert np.array_equal(painted.mask.pixels, before)
    assert image.layers == ([painted, layer, other] if change == "selection" else [painted, other])


# Modes


def test_interactive_mode_asks(plugin: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    image = gimp_stub.Image()
    layer = gimp_stub.layer_of(image, picture())

    def ask(procedure: Any, config: Config, find: Any) -> bool:
        config.values["style"] = "great-wave"
        return answer

    dialog = ModuleType("dialog")
    vars(dialog)["ask"] = ask
    monkeypatch.setitem(sys.modules, "dialog", dialog)
    answer = False
    assert apply(plugin, image, [layer], RunMode.INTERACTIVE) == [PDBStatusType.CANCEL]
    assert (image.layers, image.steps, plugin.hand.asked) == ([layer], 0, [])
    answer = True
    _, painted = apply(plugin, image, [layer], RunMode.INTERACTIVE)
    assert painted.get_name() == "Impasto: great-wave"


@pytest.mark.parametrize("mode", [RunMode.NONINTERACTIVE, RunMode.WITH_LAST_VALS])
def test_other_modes_do_not_ask(plugin: SimpleNamespace, mode: RunMode) -> None:
    image = gimp_stub.Image()
    assert apply(plugin, image, [gimp_stub.layer_of(image, picture())], mode)[0] == PDBStatusType.SUCCESS
    assert "dialog" not in sys.modules  # it would load GTK, which wants a display


# What goes wrong


def test_bad_images_get_a_line(plugin: SimpleNamespace) -> None:
    image = gimp_stub.Image()
    layer = gimp_stub.layer_of(image, picture())
    assert_fails(plugin, image, [], "none are selected", "(select one)")
    assert_fails(plugin, image, [layer, layer], "2 are selected")
    assert_fails(plugin, image, [gimp_stub.Channel(image, picture()[..., 0])], "not channels", "(select a layer)")
    selection(image, 150, 150, 10, 10)
    assert_fails(plugin, image, [layer], "outside the layer", "Select > None")
    image.selection, image.base_type = None, gimp_stub.ImageBaseType.INDEXED
    assert_fails(plugin, image, [layer], "indexed", "Image > Mode > RGB")
    assert plugin.hand.asked == []


@pytest.mark.parametrize("precision", [Precision.U8_NON_LINEAR, Precision.FLOAT_LINEAR])
def test_empty_layer_gets_a_line(plugin: SimpleNamespace, precision: Precision) -> None:
    image, pixels = gimp_stub.Image(precision), picture(channels=4, bits=16)
    pixels[..., 3] = 0
    layer = gimp_stub.layer_of(image, pixels, alpha=True)
    assert_fails(plugin, image, [layer], "empty")
    layer.pixels[-1, -1, 3] = 257  # the faintest that 8 bits hold
    assert apply(plugin, image, [layer])[0] == PDBStatusType.SUCCESS


def test_bad_styles_get_a_line(plugin: SimpleNamespace) -> None:
    image = gimp_stub.Image()
    layer = gimp_stub.layer_of(image, picture())
    assert_fails(plugin, image, [layer], "no style", style="")
    assert_fails(plugin, image, [layer], "no style", style=None)
    remote = gimp_stub.GioFile.new_for_uri("https://example.org/a.jpg")
    assert_fails(plugin, image, [layer], "https://example.org/a.jpg", "save", painting=remote)


def test_troubles_are_told(plugin: SimpleNamespace) -> None:
    image = gimp_stub.Image()
    layer = gimp_stub.layer_of(image, picture())
    plugin.hand.trouble = plugin.link.Trouble("the server is full", "try later")
    assert_fails(plugin, image, [layer], "the server is full  (try later)")
    plugin.hand.trouble = MemoryError()
    assert_fails(plugin, image, [layer], "not enough memory")
    plugin.hand.trouble = OSError(28, "No space left on device")
    assert_fails(plugin, image, [layer], "No space left on device")
    plugin.hand.trouble = KeyError("fraction")
    assert_fails(plugin, image, [layer], "The plug-in has failed", "fraction")


def test_program_that_is_not_there_gets_a_line(plugin: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    image = gimp_stub.Image()
    layer = gimp_stub.layer_of(image, picture())
    monkeypatch.setattr(plugin.painting, "connect", plugin.link.connect)
    monkeypatch.setenv("PATH", "")
    (plugin.folder / "installed.json").write_text(json.dumps({"version": "0.1.0", "command": ["/nowhere/impasto"]}))
    assert_fails(plugin, image, [layer], "/nowhere/impasto")
    (plugin.folder / "installed.json").unlink()
    assert_fails(plugin, image, [layer], "not found", "pip install impasto")
    assert_fails(plugin, image, [layer], "localhost:9", "impasto serve", server="localhost:9")
    assert_fails(plugin, image, [layer], "not found", server=None, key=None)  # as GIMP gives empty texts at times


def test_damaged_answer_leaves_nothing(plugin: SimpleNamespace) -> None:
    image = gimp_stub.Image()
    layer = gimp_stub.layer_of(image, picture())
    plugin.hand.answer = b"no picture"
    assert_fails(plugin, image, [layer], "File corrupted?")
    [folder] = STATE.loaded
    assert not folder.exists()


def test_refused_layer_closes_the_undo_group(plugin: SimpleNamespace) -> None:
    image = gimp_stub.Image()
    layer = gimp_stub.layer_of(image, picture())
    image.refuses = "the group is locked"
    assert_fails(plugin, image, [layer], "the group is locked")


def test_other_version_is_told(plugin: SimpleNamespace) -> None:
    image = gimp_stub.Image()
    layer = gimp_stub.layer_of(image, picture())
    apply(plugin, image, [layer])
    assert STATE.messages == []
    (plugin.folder / "installed.json").write_text(json.dumps({"version": "9.1.0", "command": ["impasto"]}))
    assert apply(plugin, image, [layer])[0] == PDBStatusType.SUCCESS
    [line] = STATE.messages
    assert "9.1.0" in line
    assert __version__ in line


# The description for GIMP


def test_arguments_are_the_controls(plugin: SimpleNamespace) -> None:
    procedure = plugin.procedure.PaintPlugIn().do_create_procedure("impasto-paint")
    known = {field.name.replace("_", "-"): field for field in fields(Controls)}
    hints = get_type_hints(Controls)
    for name in ("strength", "brush-size", "boldness", "detail"):
        low, high, default, _ = procedure.arguments[name]
        told = known[name].metadata
        assert (low, high, default) == (told["low"], told["high"], known[name].default)
    for name in ("keep-color", "tone"):
        choice, default, _ = procedure.arguments[name]
        assert choice.values == list(get_args(hints[known[name].name]))
        assert default == known[name].default


def test_layout_is_gimps() -> None:
    entry = SOURCE / f"{SOURCE.name}.py"
    assert entry.read_text().startswith("#!/usr/bin/env python3\n")
    assert os.access(entry, os.X_OK)


def test_wants_nothing_but_gimps_python() -> None:
    own = {path.stem for path in SOURCE.glob("*.py")} | {"link", "png"}
    assert "impasto" not in own  # it would hide the package
    for path in [*SOURCE.glob("*.py"), *(ROOT / "integrations").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(), feature_version=(3, 8))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in own | {"gi"} | sys.stdlib_module_names, (path, name)


# The real thing


def test_program_paints_what_the_command_line_paints(
    plugin: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Any
) -> None:
    monkeypatch.setattr(plugin.painting, "connect", plugin.link.connect)
    command = [sys.executable, "-m", "impasto"]
    (plugin.folder / "installed.json").write_text(json.dumps({"version": __version__, "command": command}))
    pixels = scene()
    image = gimp_stub.Image()
    layer = gimp_stub.layer_of(image, pixels)
    values = {"strength": 80.0, "keep_color": "luminance"}
    status, painted = apply(plugin, image, [layer], **values)
    assert status == PDBStatusType.SUCCESS, painted
    out = run("stylize", "-", "-o", "-", "--style", "udnie", "--strength", "80", "--keep-color", "luminance",
              stdin=file_bytes(pixels))  # fmt: skip
    assert np.array_equal(painted.pixels[..., :3] // 257, decoded(out.raw))


SCRIPT = """
from gi.repository import Gegl, Gimp, Gio
Gegl.init(None)
def paint(layers, **values):
    procedure = Gimp.get_pdb().lookup_procedure("impasto-paint")
    config = procedure.create_config()
    config.set_property("image", image)
    config.set_core_object_array("drawables", layers)
    for name, value in values.items():
        config.set_property(name.replace("_", "-"), value)
    found = procedure.run(config)
    return found.index(0), found.index(1)
def pixels(layer):
    area = Gegl.Rectangle.new(0, 0, layer.get_width(), layer.get_height())
    return layer.get_buffer().get(area, 1.0, "R'G'B' u16", Gegl.AbyssPolicy.NONE)
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(PHOTO))
[photo] = image.get_layers()
found = {}
for precision in (Gimp.Precision.U8_NON_LINEAR, Gimp.Precision.FLOAT_LINEAR):
    if image.get_precision() != precision:
        image.convert_precision(precision)
    before = pixels(photo)
    status, same = paint([photo], server=SERVER, style="udnie", strength=0.0)
    found[precision.value_nick] = status.value_nick, pixels(same) == before, pixels(photo) == before
image.select_rectangle(Gimp.ChannelOps.REPLACE, 30, 20, 30, 25)
Gimp.Selection.feather(image, 6)
_, _, left, top, right, bottom = Gimp.Selection.bounds(image)
def gray(channel, x, y):
    area = Gegl.Rectangle.new(x, y, right - left, bottom - top)
    return channel.get_buffer().get(area, 1.0, "Y u16", Gegl.AbyssPolicy.NONE)
selected = gray(image.get_selection(), left, top)
status, painted = paint([photo], server=SERVER, style="udnie")
place = [*painted.get_offsets()[1:], painted.get_width(), painted.get_height()]
found["part"] = place == [left, top, right - left, bottom - top], gray(painted.get_mask(), 0, 0) == selected
found["soft"] = len(set(selected))
found["names"] = [layer.get_name() for layer in image.get_layers()]
found["wrong"] = [str(value) for value in paint([photo], server=SERVER, style="nonsense")]
found["several"] = [str(value) for value in paint(image.get_layers(), server=SERVER)]
Gimp.Selection.none(image)
image.flatten()
image.convert_grayscale()
[photo] = image.get_layers()
found["gray"] = pixels(paint([photo], server=SERVER, strength=0.0)[1]) == pixels(photo)
image.flatten()
image.convert_precision(Gimp.Precision.U8_NON_LINEAR)
image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, "")
found["indexed"] = [str(value) for value in paint(image.get_layers(), server=SERVER)]
import json
open(OUT, "w").write(json.dumps(found))
"""


DIALOG = """
import json, sys
sys.path.insert(0, FOLDER)
from gi.repository import Gegl, Gimp, Gio
Gegl.init(None)
import dialog
from gi.repository import GdkPixbuf, GimpUi, GLib
from link import Style, Trouble
GimpUi.init("test")

class Hand:
    there = False
    def styles(self):
        if not self.there:
            raise Trouble("nobody paints", "call somebody")
        return [Style(name, name.title(), "A & B") for name in ("one", "two", "three")]
    def thumbnail(self, style):
        if style.name == "two":
            raise Trouble("it is lost")
        return open(PHOTO, "rb").read() if style.name == "one" else b"damaged"

def settle():
    context = GLib.MainContext.default()
    for _ in range(50):
        while context.iteration(False):
            pass
        GLib.usleep(10000)

def state():
    painting = config.get_property("painting")
    return [chooser._selected(), config.get_property("style"), painting and painting.get_basename()]

config = Gimp.get_pdb().lookup_procedure("impasto-paint").create_config()
config.set_property("style", "two")
hand, found = Hand(), {}
chooser = dialog.Chooser(config, lambda _: hand)
found["absent"] = [chooser.excuse.get_visible(), chooser.trouble.get_text(), len(chooser.store)]
hand.there = True
chooser._fill()
settle()
found["there"] = [chooser.excuse.get_visible(), len(chooser.store)]
found["thumbnails"] = [row[0].get_width() if row[0].get_pixels().strip(bytes(1)) else 0 for row in chooser.store]
found["begin"] = state()
chooser.view.select_path(chooser.store[2].path)
found["click"] = state()
config.set_property("painting", Gio.File.new_for_path(PHOTO))
settle()
found["painting"] = state()
chooser.view.select_path(chooser.store[2].path)
settle()
found["click again"] = state() + [chooser.file.get_filename()]
config.set_property("style", "one")
found["reset"] = state()
open(OUT, "w").write(json.dumps(found))
"""


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with display() as name:
        monkeypatch.setenv("DISPLAY", name)
        yield


def in_gimp(plugin: SimpleNamespace, script: str, tmp_path: Path, **names: str) -> Any:
    """What a script in GIMP's console, with the plug-in installed, writes to OUT as JSON; PHOTO is a picture's file."""
    home = tmp_path / "gimp"
    (home / "plug-ins").mkdir(parents=True)
    shutil.move(plugin.folder, home / "plug-ins" / "impasto-paint")
    photo, out, file = tmp_path / "photo.png", tmp_path / "out.json", tmp_path / "script.py"
    photo.write_bytes(file_bytes(scene()))
    names |= {"PHOTO": str(photo), "OUT": str(out), "FOLDER": str(home / "plug-ins" / "impasto-paint")}
    file.write_text("".join(f"{name} = {value!r}\n" for name, value in names.items()) + script)
    words = ["-i", "-d", "-f", "--batch-interpreter", "python-fu-eval", "-b", f"exec(open({str(file)!r}).read())"]
    done = subprocess.run(
        [str(GIMP), *words, "--quit"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "GIMP3_DIRECTORY": str(home)},
    )
    assert out.exists(), done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    return json.loads(out.read_text())


@pytest.mark.skipif(GIMP is None, reason="there is no GIMP 3")
def test_paints_in_gimp(plugin: SimpleNamespace, tmp_path: Path) -> None:
    job_server, services = pytest.importorskip("job_server"), pytest.importorskip("services")
    with job_server.served(hosts=services.ThreadHosts(1)) as service:
        found = in_gimp(plugin, SCRIPT, tmp_path, SERVER=str(service.client.base_url))
    assert found["u8-non-linear"] == found["float-linear"] == ["success", True, True]
    assert found["part"] == [True, True]
    assert found["soft"] > 10
    assert [name.startswith("Impasto: udnie") for name in found["names"]] == [True, True, True, False]
    assert "nonsense" in found["wrong"][1]
    assert "4 are selected" in found["several"][1]
    assert found["gray"]
    assert "indexed" in found["indexed"][1]


@pytest.mark.skipif(GIMP is None, reason="there is no GIMP 3")
@pytest.mark.usefixtures("screen")
def test_dialog_in_gimp(plugin: SimpleNamespace, tmp_path: Path) -> None:
    found = in_gimp(plugin, DIALOG, tmp_path)
    assert found["absent"] == [True, "nobody paints  (call somebody)", 0]
    assert found["there"] == [False, 3]
    assert found["thumbnails"] == [96, 0, 0]  # a lost one and a damaged one stay blank
    assert found["begin"] == ["two", "two", None]
    assert found["click"] == ["three", "three", None]
    assert found["painting"] == ["", "three", "photo.png"]
    assert found["click again"] == ["three", "three", None, None]
    assert found["reset"] == ["one", "one", None]

"""As much of GIMP 3's Python interface as the plug-in uses, on NumPy arrays; the names are those of `gi.repository`.

What differs from GIMP is left out: there is no display, no menu, and color spaces are all sRGB.
"""

from __future__ import annotations

import enum
import io
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np

Precision = enum.Enum("Precision", "U8_LINEAR U8_NON_LINEAR U8_PERCEPTUAL U16_NON_LINEAR FLOAT_LINEAR")
ImageBaseType = enum.Enum("ImageBaseType", "RGB GRAY INDEXED")
RunMode = enum.Enum("RunMode", "INTERACTIVE NONINTERACTIVE WITH_LAST_VALS")
PDBStatusType = enum.Enum("PDBStatusType", "EXECUTION_ERROR CALLING_ERROR SUCCESS CANCEL")
AddMaskType = enum.Enum("AddMaskType", "WHITE")


class Drawable:
    """Pixels on an image.

    Attributes:
        pixels: H x W x 4 (a mask: H x W), uint16.
        offsets: x, y of the first pixel on the image.
    """

    def __init__(self, image: Image, pixels: np.ndarray, name: str = "", alpha: bool = True) -> None:
        self.image, self.pixels, self.name, self.alpha = image, pixels, name, alpha
        self.offsets = (0, 0)

    def get_buffer(self) -> Buffer:
        return Buffer(self)

    def get_width(self) -> int:
        return self.pixels.shape[1]

    def get_height(self) -> int:
        return self.pixels.shape[0]

    def has_alpha(self) -> bool:
        return self.alpha


class Channel(Drawable):
    pass


class LayerMask(Channel):
    pass


class Layer(Drawable):
    """A layer; `filters` are functions from pixels to pixels."""

    group = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.mask: LayerMask | None = None
        self.apply_mask = True
        self.parent: GroupLayer | None = None
        self.filters: list[Any] = []
        self.deleted = False

    @staticmethod
    def from_mask(mask: LayerMask) -> Layer:
        return next(layer for layer in mask.image.layers if layer.mask is mask)

    def is_valid(self) -> bool:
        return self in self.image.layers

    def is_group(self) -> bool:
        return self.group

    def get_name(self) -> str:
        return self.name

    def set_name(self, name: str) -> None:
        self.name = name

    def get_offsets(self) -> tuple[bool, int, int]:
        return True, *self.offsets

    def set_offsets(self, x: int, y: int) -> None:
        self.offsets = x, y

    def get_parent(self) -> GroupLayer | None:
        return self.parent

    def get_filters(self) -> list[Any]:
        return self.filters

    def get_mask(self) -> LayerMask | None:
        return self.mask

    def get_apply_mask(self) -> bool:
        return self.apply_mask

    def copy(self) -> Layer:
        copy = Layer(self.image, self.pixels.copy(), f"{self.name} copy", self.alpha)
        copy.offsets, copy.filters = self.offsets, list(self.filters)
        self.image.copies.append(copy)
        return copy

    def merge_filters(self) -> bool:
        while self.filters:
            self.pixels = self.filters.pop()(self.pixels)
        return True

    def delete(self) -> None:
        self.deleted = True

    def create_mask(self, kind: AddMaskType) -> LayerMask:
        assert kind == AddMaskType.WHITE
        return LayerMask(self.image, np.full(self.pixels.shape[:2], 65535, np.uint16), alpha=False)

    def add_mask(self, mask: LayerMask) -> bool:
        assert mask.pixels.shape == self.pixels.shape[:2]
        self.mask = mask
        return True

    def mask_intersect(self) -> tuple[bool, int, int, int, int]:
        (left, top), (height, width) = self.offsets, self.pixels.shape[:2]
        if self.image.selection is None:
            return True, 0, 0, width, height
        rows, columns = np.nonzero(self.image.selection)
        x0, x1 = max(columns.min() - left, 0), min(columns.max() + 1 - left, width)
        y0, y1 = max(rows.min() - top, 0), min(rows.max() + 1 - top, height)
        return x0 < x1 and y0 < y1, int(x0), int(y0), int(x1 - x0), int(y1 - y0)


class GroupLayer(Layer):
    group = True

    def get_children(self) -> list[Layer]:
        return [layer for layer in self.image.layers if layer.parent is self]


class Image:
    """An image: its layers from the top, its selection (H x W, uint16, or None), and its steps of undo.

    Attributes:
        refuses: what GIMP says when a layer is inserted, if it refuses.
        depth: undo groups that are open.
    """

    def __init__(self, precision: Precision = Precision.U8_NON_LINEAR) -> None:
        self.precision, self.base_type = precision, ImageBaseType.RGB
        self.layers: list[Layer] = []
        self.selected: list[Layer] = []
        self.copies: list[Layer] = []
        self.selection: np.ndarray | None = None
        self.depth, self.steps, self.refuses, self.open = 0, 0, "", True

    def get_base_type(self) -> ImageBaseType:
        return self.base_type

    def get_precision(self) -> Precision:
        return self.precision

    def get_layers(self) -> list[Layer]:
        return [layer for layer in self.layers if layer.parent is None]

    def is_valid(self) -> bool:
        return self.open

    def get_selection(self) -> Channel:
        assert self.selection is not None
        return Channel(self, self.selection, alpha=False)

    def get_item_position(self, layer: Layer) -> int:
        return [found for found in self.layers if found.parent is layer.parent].index(layer)

    def insert_layer(self, layer: Layer, parent: GroupLayer | None, position: int) -> bool:
        assert self.depth == 1
        if self.refuses:
            STATE.error = self.refuses
            return False
        siblings = [found for found in self.layers if found.parent is parent]
        layer.parent = parent
        self.layers.insert(self.layers.index(siblings[position]) if siblings else 0, layer)
        self.selected = [layer]
        return True

    def set_selected_layers(self, layers: list[Layer]) -> None:
        self.selected = layers

    def undo_group_start(self) -> None:
        self.depth += 1

    def undo_group_end(self) -> None:
        self.depth -= 1
        self.steps += 1


@dataclass(frozen=True)
class Rectangle:
    x: int
    y: int
    width: int
    height: int

    @classmethod
    def new(cls, *values: int) -> Rectangle:
        return cls(*values)


@dataclass
class Buffer:
    drawable: Drawable
    flushed: bool = False

    def get(self, area: Rectangle, scale: float, pixels: str, abyss: str) -> bytes:
        assert scale == 1
        channels, bits = pixels.split()
        here = slice(area.y, area.y + area.height), slice(area.x, area.x + area.width)
        found = self.drawable.pixels[here]
        if channels != "Y":
            found = found[..., : {"R'G'B'": 3, "R'G'B'A": 4}[channels]]
            STATE.rows.append(area.height)
        assert found.shape[:2] == (area.height, area.width)
        return (found // 257).astype(np.uint8).tobytes() if bits == "u8" else found.tobytes()

    def set(self, area: Rectangle, pixels: str, data: bytes) -> None:
        assert pixels == "Y u16"
        self.drawable.pixels = np.frombuffer(data, np.uint16).reshape(area.height, area.width).copy()

    def flush(self) -> None:
        self.flushed = True


@dataclass
class State:
    """What GIMP was told.

    Attributes:
        progress: "init", shares, and None for each pulse.
        rows: heights of what was read, in order.
        loaded: folders of files that were loaded.
    """

    messages: list[str] = field(default_factory=list)
    progress: list[Any] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    loaded: list[Path] = field(default_factory=list)
    error: str = ""


STATE = State()


class GioFile:
    def __init__(self, path: str | None, uri: str = "") -> None:
        self.path, self.uri = path, uri

    @classmethod
    def new_for_path(cls, path: str) -> GioFile:
        return cls(path)

    @classmethod
    def new_for_uri(cls, uri: str) -> GioFile:
        return cls(None, uri)

    def get_path(self) -> str | None:
        return self.path

    def get_uri(self) -> str:
        return self.uri


class GLibError(Exception):
    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class Choice:
    def __init__(self) -> None:
        self.values: list[str] = []

    @classmethod
    def new(cls) -> Choice:
        return cls()

    def add(self, value: str, number: int, label: str, help_text: str) -> None:
        assert number == len(self.values)
        self.values.append(value)


class Procedure:
    """What was declared.

    Attributes:
        arguments: by name, the values that were given after label and help.
    """

    def __init__(self) -> None:
        self.arguments: dict[str, tuple[Any, ...]] = {}
        self.told: dict[str, tuple[Any, ...]] = {}
        self.handler: Any = None

    @classmethod
    def new(cls, *args: Any) -> Procedure:
        made = cls()
        made.told["new"] = args
        return made

    def __getattr__(self, name: str) -> Any:
        if name.startswith("add_") and name.endswith("_argument"):
            return lambda key, label, blurb, *values: self.arguments.update({key: values})
        if name.startswith(("set_", "add_")):
            return lambda *values: self.told.update({name: values})
        raise AttributeError(name)

    def get_plug_in(self) -> Any:
        return SimpleNamespace(set_pdb_error_handler=lambda handler: setattr(self, "handler", handler))

    def new_return_values(self, status: PDBStatusType, error: GLibError | None) -> list[Any]:
        return [status] if error is None else [status, error.message]


def _load_layer(mode: RunMode, image: Image, file: GioFile) -> Layer | None:
    assert mode == RunMode.NONINTERACTIVE
    path = Path(str(file.get_path()))
    STATE.loaded.append(path.parent)
    found = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None:
        STATE.error = f"Error while reading '{path.name}'. File corrupted?"
        return None
    wide = found.astype(np.uint16) * 257 if found.dtype == np.uint8 else found
    alpha = found.shape[2] == 4
    code = cv2.COLOR_BGRA2RGBA if alpha else cv2.COLOR_BGR2RGBA
    return Layer(image, cv2.cvtColor(wide, code), path.name, alpha)


def repository() -> dict[str, ModuleType]:
    """Modules by name, as `sys.modules` wants them; STATE is new."""
    STATE.__init__()  # type: ignore[misc]
    names: dict[str, dict[str, Any]] = {
        "Gimp": {
            "Precision": Precision,
            "ImageBaseType": ImageBaseType,
            "RunMode": RunMode,
            "PDBStatusType": PDBStatusType,
            "AddMaskType": AddMaskType,
            "PDBErrorHandler": SimpleNamespace(PLUGIN="plugin"),
            "PDBProcType": SimpleNamespace(PLUGIN="plugin"),
            "FileChooserAction": SimpleNamespace(ANY="any"),
            "ProcedureSensitivityMask": SimpleNamespace(DRAWABLE="drawable"),
            "PlugIn": type("PlugIn", (), {}),
            "ImageProcedure": Procedure,
            "Choice": Choice,
            "Layer": Layer,
            "LayerMask": LayerMask,
            "Selection": SimpleNamespace(is_empty=lambda image: image.selection is None),
            "ValueArray": SimpleNamespace(new_from_values=list),
            "file_load_layer": _load_layer,
            "get_pdb": lambda: SimpleNamespace(get_last_error=lambda: STATE.error),
            "displays_flush": lambda: None,
            "message": lambda text: STATE.messages.append(text),
            "progress_init": lambda text: STATE.progress.append("init"),
            "progress_pulse": lambda: STATE.progress.append(None),
            "progress_update": lambda share: STATE.progress.append(share),
        },
        "Gegl": {
            "init": lambda words: None,
            "Rectangle": Rectangle,
            "AbyssPolicy": SimpleNamespace(NONE="none"),
        },
        "Gio": {"File": GioFile},
        "GLib": {"Error": GLibError},
        "GObject": {"ParamFlags": SimpleNamespace(READWRITE=3), "Value": lambda kind, value: value},
    }
    modules = {"gi": ModuleType("gi"), "gi.repository": ModuleType("gi.repository")}
    for name, values in names.items():
        module = ModuleType(f"gi.repository.{name}")
        vars(module).update(values)
        modules[module.__name__] = module
        setattr(modules["gi.repository"], name, module)
    return modules


def layer_of(image: Image, pixels: np.ndarray, name: str = "photo", alpha: bool = False) -> Layer:
    """Put H x W x 3 or 4, uint8 or uint16, on top of the image as a layer."""
    wide = pixels.astype(np.uint16) * 257 if pixels.dtype == np.uint8 else pixels
    if wide.shape[2] == 3:
        wide = np.dstack([wide, np.full(wide.shape[:2], 65535, np.uint16)])
    layer = Layer(image, wide, name, alpha)
    image.layers.insert(0, layer)
    return layer


def png_of(pixels: np.ndarray) -> bytes:
    """H x W x 3 or 4, RGB(A), as a PNG file."""
    code = cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR
    return io.BytesIO(cv2.imencode(".png", cv2.cvtColor(pixels, code))[1].tobytes()).getvalue()

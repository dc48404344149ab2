"""Krita's Python module as far as the plug-in uses it, with documents in memory.

As in Krita, a node's pixels are bytes of B, G, R, A, and a scratch document converts between color spaces. It knows 8
and 16 bits of sRGB, which differ by the factor 257; other spaces cannot be converted.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

try:
    from PyQt5.QtWidgets import QDockWidget as DockWidget
except ImportError:

    class DockWidget:  # type: ignore[no-redef]
        """Takes the place of the widget where there is no Qt."""


SRGB = "sRGB-elle-V2-srgbtrc.icc"
_KINDS = {"U8": np.uint8, "U16": np.uint16}
_ids = itertools.count()


class Rect(NamedTuple):
    left: int
    top: int
    wide: int
    high: int

    def x(self) -> int:
        return self.left

    def y(self) -> int:
        return self.top

    def width(self) -> int:
        return self.wide

    def height(self) -> int:
        return self.high


class Node:
    """A layer that shows `pixels`, H x W x 4, as large as the document; a group shows its first child."""

    def __init__(self, document: Document, name: str, kind: str = "paintlayer") -> None:
        self.document, self._name, self._type = document, name, kind
        self.pixels = np.zeros((document.height(), document.width(), 4), _KINDS.get(document.space[1], np.uint8))
        self.children: list[Node] = []
        self.parent: Node | None = None
        self.id = next(_ids)
        self.takes_children = True
        self.is_animated = False

    def name(self) -> str:
        return self._name

    def type(self) -> str:
        return self._type

    def uniqueId(self) -> int:
        return self.id

    def animated(self) -> bool:
        return self.is_animated

    def colorModel(self) -> str:
        return self.document.space[0]

    def colorDepth(self) -> str:
        return self.document.space[1]

    def colorProfile(self) -> str:
        return self.document.space[2]

    def shown(self) -> np.ndarray:
        return self.children[0].shown() if self._type == "grouplayer" else self.pixels

    def bounds(self) -> Rect:
        rows, columns = np.nonzero(self.shown()[:, :, 3])
        if not len(rows):
            return Rect(0, 0, 0, 0)
        left, top = int(columns.min()), int(rows.min())
        return Rect(left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1)

    def projectionPixelData(self, x: int, y: int, width: int, height: int) -> bytes:
        return self.shown()[y : y + height, x : x + width].tobytes()

    def pixelData(self, x: int, y: int, width: int, height: int) -> bytes:
        return b"" if self._type == "grouplayer" else self.projectionPixelData(x, y, width, height)

    def setPixelData(self, data: bytes, x: int, y: int, width: int, height: int) -> None:
        kind = self.pixels.dtype
        self.pixels[y : y + height, x : x + width] = np.frombuffer(data, kind).reshape(height, width, 4)

    def childNodes(self) -> list[Node]:
        return list(self.children)

    def parentNode(self) -> Node | None:
        return self.parent

    def addChildNode(self, child: Node, above: Node | None) -> bool:
        if not self.takes_children:
            return False
        child.parent = self
        self.children.insert(len(self.children) if above is None else self.children.index(above) + 1, child)
        self.document.steps += 1
        return True


class Selection:
    """How much is selected of each pixel: H x W, uint8."""

    def __init__(self, mask: np.ndarray) -> None:
        self.mask = mask
        rows, columns = np.nonzero(mask)
        self.rect = Rect(0, 0, 0, 0)
        if len(rows):
            left, top = int(columns.min()), int(rows.min())
            self.rect = Rect(left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1)

    def x(self) -> int:
        return self.rect.left

    def y(self) -> int:
        return self.rect.top

    def width(self) -> int:
        return self.rect.wide

    def height(self) -> int:
        return self.rect.high

    def pixelData(self, x: int, y: int, width: int, height: int) -> bytes:
        return self.mask[y : y + height, x : x + width].tobytes()


class Document:
    """A picture with one layer.

    Attributes:
        steps: changes that the undo history has.
    """

    def __init__(self, width: int, height: int, model: str = "RGBA", depth: str = "U8", profile: str = SRGB) -> None:
        self.size, self.space, self.steps = (width, height), (model, depth, profile), 0
        self.root = Node(self, "root", "grouplayer")
        self.root.addChildNode(Node(self, "Background"), None)
        self.active: Node | None = self.root.children[0]
        self.selected: Selection | None = None
        self.steps = 0

    def width(self) -> int:
        return self.size[0]

    def height(self) -> int:
        return self.size[1]

    def rootNode(self) -> Node:
        return self.root

    def topLevelNodes(self) -> list[Node]:
        return self.root.childNodes()

    def activeNode(self) -> Node | None:
        return self.active

    def selection(self) -> Selection | None:
        return self.selected

    def createNode(self, name: str, kind: str) -> Node:
        return Node(self, name, kind)

    def setColorSpace(self, model: str, depth: str, profile: str) -> bool:
        if {self.space[0], model} != {"RGBA"}:
            return False
        (layer,) = self.topLevelNodes()
        if (self.space[1], depth) == ("U8", "U16"):
            layer.pixels = layer.pixels.astype(np.uint16) * 257
        elif (self.space[1], depth) == ("U16", "U8"):
            layer.pixels = ((layer.pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
        self.space = (model, depth, profile)
        return True

    def waitForDone(self) -> None:
        """Everything is done at once."""

    setBatchmode = setModified = refreshProjection = lambda self, *_: None

    def close(self) -> None:
        app = Krita.instance()
        app.open = [one for one in app.open if one is not self]


class View:
    def __init__(self, app: Krita) -> None:
        self.app = app

    def activeView(self) -> View:
        return self

    def document(self) -> Document | None:
        return self.app.activeDocument()

    def showFloatingMessage(self, message: str, *_: object) -> None:
        self.app.messages.append(message)


class Krita:
    """The one application.

    Attributes:
        messages: what was said over the picture.
    """

    _one: Krita | None = None

    def __init__(self) -> None:
        self.open: list[Document] = []
        self.values: dict[tuple[str, str], str] = {}
        self.messages: list[str] = []
        self.factories: list[DockWidgetFactory] = []

    @classmethod
    def instance(cls) -> Krita:
        if cls._one is None:
            cls._one = cls()
        return cls._one

    @classmethod
    def renew(cls) -> Krita:
        cls._one = None
        return cls.instance()

    def activeWindow(self) -> View:
        return View(self)

    def documents(self) -> list[Document]:
        return list(self.open)

    def activeDocument(self) -> Document | None:
        return self.open[-1] if self.open else None

    def show(self, document: Document) -> Document:
        self.open.append(document)
        return document

    def createDocument(self, width: int, height: int, _: str, model: str, depth: str, profile: str, __: float) -> Any:
        return self.show(Document(width, height, model, depth, profile)) if profile else None

    def readSetting(self, group: str, name: str, default: str) -> str:
        return self.values.get((group, name), default)

    def writeSetting(self, group: str, name: str, value: str) -> None:
        self.values[group, name] = value

    def addDockWidgetFactory(self, factory: DockWidgetFactory) -> None:
        self.factories.append(factory)


class DockWidgetFactoryBase:
    class DockPosition:
        DockRight = 3


class DockWidgetFactory(NamedTuple):
    name: str
    position: int
    widget: type

"""Read the part of a layer to paint, and add the painting, with Krita's own objects and without Qt.

The old layer does not change. The new layer is complete before it is added to the document, so one undo removes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from . import pixels
from .link import Trouble
from .pixels import Area

if TYPE_CHECKING:
    from collections.abc import Iterator

LAYERS = ("paintlayer", "grouplayer", "vectorlayer", "filelayer", "clonelayer", "filllayer")
"""Types of nodes with a picture of their own."""
MOST_PIXELS = 100_000_000
"""Largest picture that Impasto accepts."""
_CONTEXT = 0.25  # margin around the selection, as a share of its longer side
_LEAST_CONTEXT = 32  # pixels; least margin


class Space(NamedTuple):
    """A color space with Krita's names."""

    model: str
    depth: str
    profile: str


def srgb(bits: int) -> Space:
    """Return the color space for painting."""
    return Space("RGBA", f"U{bits}", "sRGB-elle-V2-srgbtrc.icc")


class Source(NamedTuple):
    """The pixels to paint, and their place.

    Attributes:
        document: the document; equals None after it is closed, see `is_open`.
        node: the id of the layer.
        area: the painted area.
        part: the part of the area that the new layer shows.
        data: the area's pixels, sRGB.
        mask: the selection of each pixel of the part; None if all pixels are selected.
        bits: bits of a channel: 8, or 16 for documents with more than 8.
        note: a note for the user, or "".
    """

    document: Any
    node: Any
    area: Area
    part: Area
    data: bytes
    mask: bytes | None
    bits: int
    note: str

    def to_png(self) -> bytes:
        return pixels.to_png(self.data, self.area.width, self.area.height, self.bits)


def look(app: Any, document: Any, node: Any) -> Source:
    """Read a layer of a document, or its selected part.

    Args:
        document: None if there is none.
        node: None if none is chosen.
    Raises:
        Trouble: there is nothing to paint.
    """
    if document is None:
        raise Trouble("there is no open picture", "open one")
    if node is None:
        raise Trouble("no layer is chosen", "click one in the docker Layers")
    if node.type() not in LAYERS:
        raise Trouble(f"{node.name()} is a mask or a filter", "choose a layer with a picture of its own")
    area, part, selection = _areas(document, node)
    bits = 8 if node.colorDepth() == "U8" else 16
    document.waitForDone()
    data = bytes(node.projectionPixelData(*area))
    data = convert(app, data, area, Space(node.colorModel(), node.colorDepth(), node.colorProfile()), srgb(bits))
    if pixels.is_blank(data, bits):
        raise Trouble(f"the layer {node.name()} is empty here", "choose a layer with something on it")
    mask = None if selection is None else bytes(selection.pixelData(*part))
    note = "The layer is animated; its current frame was painted." if node.animated() else ""
    return Source(document, node.uniqueId(), area, part, data, mask, bits, note)


def _areas(document: Any, node: Any) -> tuple[Area, Area, Any]:
    """Return the painted area, its shown part, and the selection, if any."""
    bounds = node.bounds()
    shown = Area(bounds.x(), bounds.y(), bounds.width(), bounds.height())
    shown = shown.inside(Area(0, 0, document.width(), document.height()))
    if shown.empty:
        raise Trouble(f"the layer {node.name()} is empty", "choose a layer with something on it")
    selection = document.selection()
    area = part = shown
    if selection is not None:
        part = Area(selection.x(), selection.y(), selection.width(), selection.height()).inside(shown)
        if part.empty:
            raise Trouble(f"the layer {node.name()} has nothing in the selection", "select a part of what it shows")
        area = part.grown(max(_LEAST_CONTEXT, round(_CONTEXT * max(part.width, part.height)))).inside(shown)
    if area.width * area.height > MOST_PIXELS:
        megapixels = area.width * area.height / 1e6
        raise Trouble(f"the layer has {megapixels:.0f} megapixels, more than {MOST_PIXELS / 1e6:.0f}", "select a part")
    return area, part, selection


def is_open(app: Any, document: Any) -> bool:
    """Return whether the document is still open."""
    return any(document == one for one in app.documents())


def add(app: Any, source: Source, data: bytes, name: str) -> None:
    """Add a painting above its layer, or at the top if the layer is gone.

    Args:
        data: the pixels of the source's area, sRGB.
    Raises:
        Trouble: the document is closed, or refuses the layer.
    """
    document = source.document
    if not is_open(app, document):
        raise Trouble("the document was closed, so the painting has no place to go", "open it and paint again")
    part = source.part
    data = pixels.cropped(data, source.area, part, source.bits)
    if source.mask is not None:
        data = pixels.masked(data, source.mask, source.bits)
    layer = document.createNode(name, "paintlayer")
    space = Space(layer.colorModel(), layer.colorDepth(), layer.colorProfile())
    layer.setPixelData(convert(app, data, part, srgb(source.bits), space), *part)
    above = next((node for node in _nodes(document.rootNode()) if node.uniqueId() == source.node), None)
    parent = document.rootNode() if above is None else above.parentNode()
    if not parent.addChildNode(layer, above):
        raise Trouble("Krita refuses a new layer here", "unlock the group that the layer is in")
    document.refreshProjection()


def _nodes(root: Any) -> Iterator[Any]:
    for node in root.childNodes():
        yield node
        yield from _nodes(node)


def convert(app: Any, data: bytes, area: Area, source: Space, target: Space) -> bytes:
    """Convert an area's pixels to another color space, by a temporary document of Krita.

    Raises:
        Trouble: Krita cannot convert them.
    """
    if source == target:
        return data
    scratch = app.createDocument(area.width, area.height, "Impasto", *source, 72.0)
    if scratch is None:
        raise _unknown(source)
    try:
        scratch.setBatchmode(True)
        size = (0, 0, area.width, area.height)
        scratch.topLevelNodes()[0].setPixelData(data, *size)
        if not scratch.setColorSpace(*target):
            raise _unknown(source)
        scratch.waitForDone()
        return bytes(scratch.topLevelNodes()[0].pixelData(*size))
    finally:
        scratch.setModified(False)
        scratch.close()


def _unknown(space: Space) -> Trouble:
    return Trouble(
        f"colors of {space.model} {space.depth} {space.profile} cannot be converted",
        "convert them to RGB: Image > Convert Image Color Space",
    )

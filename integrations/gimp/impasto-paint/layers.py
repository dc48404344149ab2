"""Read GIMP's layers as PNG files, and add PNG files as layers."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gi.repository import Gegl, Gimp, Gio
from link import Trouble
from png import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

EIGHT_BITS = (Gimp.Precision.U8_NON_LINEAR, Gimp.Precision.U8_PERCEPTUAL)  # enough for sRGB; linear ones need 16 bits
_ROWS = 256  # rows to read at once
_GRAY = "Y u16"  # format of masks
_PREFIX = "Impasto: "  # start of new layers' names


@dataclass(frozen=True)
class Part:
    """The part of a layer to paint. It keeps copies, because the user may change the image during the painting.

    Attributes:
        x, y: position of its upper left corner in the image, in pixels.
        picture: a PNG file of width x height, sRGB.
        bits: bits of each channel, 8 or 16.
        mask: the selection, or else the layer's mask: width x height, gray, 16 bits; b"" without both.
    """

    x: int
    y: int
    width: int
    height: int
    picture: bytes
    bits: int
    mask: bytes


def chosen(image: Any, drawables: list[Any]) -> Any:
    """Return the layer to paint. For a layer's mask, return the layer.

    Raises:
        Trouble: there is not exactly one, or the selection is outside it.
    """
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        raise Trouble("an indexed image cannot hold the painting's colors", "convert it: Image > Mode > RGB")
    if len(drawables) != 1:
        raise Trouble(f"Impasto paints one layer at a time, but {len(drawables) or 'none'} are selected", "select one")
    layer = drawables[0]
    if isinstance(layer, Gimp.LayerMask):
        layer = Gimp.Layer.from_mask(layer)
    if not isinstance(layer, Gimp.Layer):
        raise Trouble("Impasto paints layers, not channels", "select a layer")
    _bounds(layer)
    return layer


def read(image: Any, layer: Any) -> Part:
    """Read the layer, or the visible content of a group, inside the selection's bounds and with filters applied.

    Raises:
        Trouble: nothing is there to paint.
    """
    x, y, width, height = _bounds(layer)
    bits = 8 if image.get_precision() in EIGHT_BITS else 16
    alpha = layer.has_alpha()
    pixels = f"R'G'B'{'A' * alpha} u{bits}"
    stride = (3 + alpha) * bits // 8
    covered = not alpha
    png = Writer(width, height, 3 + alpha, bits)
    with _filtered(layer) as (source, left, top):
        buffer = source.get_buffer()
        for row in range(0, height, _ROWS):
            area = Gegl.Rectangle.new(x + left, y + top + row, width, min(_ROWS, height - row))
            rows = buffer.get(area, 1.0, pixels, Gegl.AbyssPolicy.NONE)
            covered = covered or any(any(rows[byte::stride]) for byte in range(stride - bits // 8, stride))
            png.add(rows)
    if not covered:
        raise Trouble("the layer is empty there", "select a layer with a picture")
    _, left, top = layer.get_offsets()
    return Part(x + left, y + top, width, height, png.finish(), bits, _mask(image, layer))


def add(image: Any, layer: Any, part: Part, picture: bytes, style: str) -> Any:
    """Add a PNG file as a new layer above the layer, in one undo step; return it. The old layer stays selected."""
    if not image.is_valid():
        raise Trouble("the image was closed before its painting was done")
    painted = _loaded(image, picture)
    painted.set_name(f"{_PREFIX}{style}")
    painted.set_offsets(part.x, part.y)
    image.undo_group_start()
    try:
        _insist(image.insert_layer(painted, *_place(image, layer)))
        if part.mask:
            painted.add_mask(_made(part, painted))
        if layer.is_valid():
            image.set_selected_layers([layer])
    finally:
        image.undo_group_end()
    Gimp.displays_flush()
    return painted


def _bounds(layer: Any) -> tuple[int, int, int, int]:
    """Return the layer's part within the selection's bounds: x, y, width, height. Without a selection: the layer."""
    inside, *bounds = layer.mask_intersect()
    if not inside:
        raise Trouble("the selection lies outside the layer", "select a part of the layer, or Select > None")
    return tuple(bounds)


@contextlib.contextmanager
def _filtered(layer: Any) -> Iterator[tuple[Any, int, int]]:
    """Yield a copy of the layer with filters applied, and the layer's position in it. The image does not change."""
    if layer.is_group() or not layer.get_filters():
        yield layer, 0, 0
        return
    copy = layer.copy()
    try:
        _insist(copy.merge_filters())
        (_, left, top), (_, copy_left, copy_top) = layer.get_offsets(), copy.get_offsets()
        yield copy, left - copy_left, top - copy_top
    finally:
        copy.delete()


def _loaded(image: Any, picture: bytes) -> Any:
    """Load a PNG file as a layer in the image's precision and color space, without inserting it."""
    with tempfile.TemporaryDirectory(prefix="impasto-") as folder:
        path = Path(folder, "painted.png")
        path.write_bytes(picture)
        file = Gio.File.new_for_path(str(path))
        return _insist(Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, file))


def _place(image: Any, layer: Any) -> tuple[Any, int]:
    """Return the parent and the position above the layer and above its earlier paintings, so that the new one shows."""
    if not layer.is_valid():  # it has been deleted
        return None, 0
    parent, place = layer.get_parent(), image.get_item_position(layer)
    siblings = parent.get_children() if parent else image.get_layers()
    while place and siblings[place - 1].get_name().startswith(_PREFIX):
        place -= 1
    return parent, place


def _mask(image: Any, layer: Any) -> bytes:
    x, y, width, height = _bounds(layer)
    if not Gimp.Selection.is_empty(image):
        _, left, top = layer.get_offsets()
        source, area = image.get_selection(), Gegl.Rectangle.new(x + left, y + top, width, height)
    elif layer.get_mask() and layer.get_apply_mask():
        source, area = layer.get_mask(), Gegl.Rectangle.new(x, y, width, height)
    else:
        return b""
    mask: bytes = source.get_buffer().get(area, 1.0, _GRAY, Gegl.AbyssPolicy.NONE)
    return mask


def _made(part: Part, painted: Any) -> Any:
    mask = painted.create_mask(Gimp.AddMaskType.WHITE)
    buffer = mask.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, part.width, part.height), _GRAY, part.mask)
    buffer.flush()
    return mask


def _insist(result: Any) -> Any:
    """Return the result of a GIMP call. Raises Trouble with GIMP's reason if the call failed."""
    if not result:
        raise Trouble(Gimp.get_pdb().get_last_error())
    return result

"""Read picture files with Qt."""

from __future__ import annotations

from . import pixels
from .link import Trouble
from .qt import QtCore, QtGui


def from_png(data: bytes, width: int, height: int, bits: int) -> bytes:
    """Decode a PNG file to Krita's pixels.

    Raises:
        Trouble: it is not a PNG file, or has another size.
    """
    image = QtGui.QImage.fromData(data, "PNG")
    if (image.width(), image.height()) != (width, height):
        raise Trouble("what came back is not the picture", "paint it again")
    kind = QtGui.QImage.Format.Format_RGBA8888 if bits == 8 else QtGui.QImage.Format.Format_RGBA64
    image = image.convertToFormat(kind)  # rows of 4 or 8 bytes a pixel have no padding
    return pixels.from_rgba(image.constBits().asstring(image.sizeInBytes()), bits)


def icon(data: bytes, side: int) -> QtGui.QIcon:
    """Make a square icon from the middle of a picture file; gray if the file cannot be read."""
    image = QtGui.QPixmap()
    if not image.loadFromData(data):
        image = QtGui.QPixmap(side, side)
        image.fill(QtCore.Qt.GlobalColor.gray)
    filled = QtCore.Qt.AspectRatioMode.KeepAspectRatioByExpanding
    image = image.scaled(side, side, filled, QtCore.Qt.TransformationMode.SmoothTransformation)
    return QtGui.QIcon(image.copy((image.width() - side) // 2, (image.height() - side) // 2, side, side))

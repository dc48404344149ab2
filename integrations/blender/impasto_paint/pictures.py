"""Write Blender's images as PNG files, and read PNG files as images."""

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from . import png
from .link import Trouble

_BAND = 64  # rows to compress at once
_KINDS = {"TILED": "has UDIM tiles", "MOVIE": "is a movie", "SEQUENCE": "is a sequence of images"}


@dataclass(frozen=True, eq=False)
class Picture:
    """The pixels of an image.

    Attributes:
        pixels: H x W x 3 or 4, from the top; uint8, or uint16 in sRGB for images of floating point numbers.
        alpha: H x W, a fourth channel that is not opacity, which the painting gets back; None if there is none.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None

    @property
    def bits(self) -> int:
        return 8 * self.pixels.itemsize

    def write(self, path: str) -> None:
        """Write the picture as a PNG file. Raises OSError."""
        height, width, channels = self.pixels.shape
        writer = png.Writer(width, height, channels, self.bits)
        for start in range(0, height, _BAND):
            writer.add(self.pixels[start : start + _BAND].tobytes())
        with open(path, "wb") as file:
            file.write(writer.finish())


def take(image: Any) -> Picture:
    """Read the present pixels of an image, saved or not.

    Raises:
        Trouble: Impasto does not paint this kind of image, or its file is missing.
    """
    if image.source in _KINDS:
        raise Trouble(f"the image {image.name} {_KINDS[image.source]}, which is not painted", "It stays unchanged.")
    width, height = image.size
    if not width or not height or not len(image.pixels):
        where = image.filepath or "no file"
        raise Trouble(f"the image {image.name} has no pixels: {where}", "see File > External Data > Find Missing Files")
    flat = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(flat)
    pixels = flat.reshape(height, width, -1)[::-1]
    if pixels.shape[2] < 3:
        pixels = np.repeat(pixels[:, :, :1], 3, axis=2)
    color, alpha = pixels[:, :, :3], pixels[:, :, 3:]
    if image.is_float:
        color = _encoded(color, alpha, image)
    top, kind = (65535, np.uint16) if image.is_float else (255, np.uint8)
    color, alpha = ((one.clip(0, 1) * top + 0.5).astype(kind) for one in (color, alpha))
    if not alpha.size or image.alpha_mode == "NONE" or (alpha == top).all():
        return Picture(np.ascontiguousarray(color), None)
    if image.alpha_mode == "CHANNEL_PACKED":
        return Picture(np.ascontiguousarray(color), pixels[:, :, 3])
    return Picture(np.concatenate([color, alpha], axis=2), None)


def add(path: str, name: str, before: Any, picture: Picture) -> Any:
    """Make a new, packed image from a PNG file: the painting of `picture`, which are the pixels of the image `before`.

    Raises:
        Trouble: the file is missing, is damaged or has another size.
    """
    try:
        image = bpy.data.images.load(path, check_existing=False)
    except RuntimeError:
        raise _no_painting(before) from None
    if tuple(image.size) != tuple(before.size):
        bpy.data.images.remove(image)
        raise _no_painting(before)
    image.name = name
    _set_space(image, before.colorspace_settings.name if _keeps_space(before) else "sRGB")
    image.alpha_mode = before.alpha_mode if before.alpha_mode in ("CHANNEL_PACKED", "NONE") else "STRAIGHT"
    if picture.alpha is not None:
        _set_alpha(image, picture.alpha)
    image.pack()
    image.filepath_raw = f"//{bpy.path.clean_name(name)}.png"  # the place where Blender unpacks it
    for packed in image.packed_files:
        packed.filepath = image.filepath_raw
    before.use_fake_user = True
    return image


def _encoded(color: np.ndarray, alpha: np.ndarray, image: Any) -> np.ndarray:
    """Convert the colors of a floating point image to sRGB (IEC 61966-2-1), without premultiplied opacity."""
    if alpha.size and image.alpha_mode in ("STRAIGHT", "PREMUL"):
        color = np.divide(color, alpha, out=np.zeros_like(color), where=alpha > 0)
    if _keeps_space(image):
        return color
    color = color.clip(0, 1)
    return np.where(color <= 0.0031308, color * 12.92, 1.055 * color ** (1 / 2.4) - 0.055)


def _keeps_space(image: Any) -> bool:
    """Return whether the image's numbers stay in its own color space."""
    return not image.is_float or image.colorspace_settings.is_data


def _set_space(image: Any, name: str) -> None:
    try:
        image.colorspace_settings.name = name
    except TypeError:  # OpenColorIO is configured without sRGB: keep Blender's choice for PNG files
        return


def _set_alpha(image: Any, alpha: np.ndarray) -> None:
    flat = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(flat)
    flat.reshape(*alpha.shape, -1)[:, :, 3] = alpha[::-1]
    image.pixels.foreach_set(flat)
    image.update()


def _no_painting(before: Any) -> Trouble:
    return Trouble(f"Impasto did not paint the image {before.name}", "to find the cause, type: impasto doctor")

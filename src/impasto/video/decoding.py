"""Convert FFmpeg's frames to arrays: upright, in sRGB, with straight alpha."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from impasto.picture import Picture
from impasto.pixels.arrays import Pixels, Samples, floats, stored
from impasto.pixels.colorimetry import LINEAR, PRIMARIES, encoded, linear, to_srgb
from impasto.pixels.hdr import TRANSFERS as HDR
from impasto.pixels.hdr import to_sdr
from impasto.video.cropping import WHOLE, Cropping

PIXEL_FORMATS = {(False, False): "rgb24", (False, True): "rgba", (True, False): "rgb48le", (True, True): "rgba64le"}
"""FFmpeg's name of an array's pixel format, by: channels have 16 bits, there is alpha."""

MATRICES = {1: "ITU709", 4: "FCC", 5: "ITU601", 6: "ITU601", 7: "SMPTE240M", 9: "BT2020", 10: "BT2020"}
"""PyAV's names of color matrices, by their numbers in files (ITU-T H.273, table 4)."""

_UNKNOWN_MATRICES = {8: "YCgCo", 11: "Y'D'zD'x", 14: "ICtCp", 15: "IPT-C2", 16: "YCgCo-Re", 17: "YCgCo-Ro"}
_LIMITED = 1
_WIDE = (9, 11, 12)  # BT.2020 and the two P3; players show other primaries as sRGB, because they are close to it


@dataclass(frozen=True)
class Orientation:
    """The way a frame becomes upright: first it is transposed, then mirrored.

    >>> Orientation.of_matrix([0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30])  # a quarter to the right
    Orientation(transposed=True, left_right=True, top_bottom=False)
    """

    transposed: bool = False
    left_right: bool = False
    top_bottom: bool = False

    @classmethod
    def of_matrix(cls, matrix: Any) -> Orientation:
        """Return the nearest of eight orientations to a matrix a b u, c d v, x y w: x' = a x + c y, y' = b x + d y."""
        a, b, _, c, d = (float(value) for value in matrix[:5])
        if a * d - b * c == 0:  # a singular matrix: players leave the picture as it is
            return cls()
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    @classmethod
    def of_degrees(cls, degrees: float) -> Orientation:
        """Return the nearest quarter turn to an angle, counterclockwise."""
        quarters = round(degrees / 90) % 4 if math.isfinite(degrees) and abs(degrees) <= 360 else 0
        return (cls(), cls(True, False, True), cls(False, True, True), cls(True, True, False))[quarters]

    def applied(self, samples: Samples) -> Samples:
        samples = samples.swapaxes(0, 1) if self.transposed else samples
        return samples[:: -1 if self.top_bottom else 1, :: -1 if self.left_right else 1]


UPRIGHT = Orientation()


def orientation_of(frame: Any, rotate: str | None = None) -> Orientation:
    """Return the orientation of a frame.

    Args:
        rotate: the stream's tag "rotate" of an old file: degrees, clockwise.
    """
    from av.sidedata.sidedata import SideDataContainer

    try:  # `frame.side_data` would create a reference cycle, and frames would stay until garbage collection
        side_data = SideDataContainer(frame)  # type: ignore[call-arg]
        matrix = np.frombuffer(bytes(side_data["DISPLAYMATRIX"]), np.int32)
    except (KeyError, ValueError):  # there is no matrix, or side data that PyAV does not know
        matrix = np.empty(0, np.int32)
    if len(matrix) == 9:
        return Orientation.of_matrix(matrix)
    if frame.rotation:
        return Orientation.of_degrees(frame.rotation)
    try:
        return Orientation.of_degrees(-float(rotate or 0))
    except ValueError:
        return UPRIGHT


def decoded_samples(
    frame: Any,
    size: tuple[int, int] | None = None,
    upright: Orientation = UPRIGHT,
    cropping: Cropping = WHOLE,
) -> tuple[Samples, Pixels | None]:
    """Convert a frame of FFmpeg to arrays.

    Args:
        frame: PyAV's `VideoFrame`.
        size: width and height of the upright picture; None: the frame's own. FFmpeg resizes in the frame's own bit
            depth, ten times as fast as Impasto.
        upright: the frame's orientation.
        cropping: the part of the frame that is not shown.
    Returns:
        H x W x 3, upright, sRGB, uint8 or uint16; and alpha, H x W in 0..1, or None.
    """
    from av.video.reformatter import Colorspace

    deep = any(component.bits > 8 for component in frame.format.components)
    transparent = has_alpha(frame)
    wanted = {}
    lying = size[::-1] if size and upright.transposed else size
    if lying is not None and lying != (frame.width, frame.height) and not transparent and not cropping:
        smaller = lying[0] <= frame.width and lying[1] <= frame.height
        wanted = {"width": lying[0], "height": lying[1], "interpolation": "AREA" if smaller else "BICUBIC"}
    matrix = MATRICES.get(int(frame.colorspace), MATRICES[usual_matrix(frame.height, frame.width)])
    named = matrix if matrix in Colorspace.__members__ else None  # PyAV before 18 does not name BT2020: as in the frame
    rgb = frame.reformat(format=PIXEL_FORMATS[deep, transparent], src_colorspace=named, **wanted)
    samples = upright.applied(cropping.applied(rgb.to_ndarray()))
    color = np.ascontiguousarray(samples[:, :, :3])
    if frame.format.name.startswith(("gray", "ya")) and int(frame.color_range) == _LIMITED:
        color = _full_range(color)
    color = _in_srgb(color, int(frame.color_trc), int(frame.color_primaries))
    alpha = floats(samples[:, :, 3]) if transparent else None
    if alpha is not None and frame.format.has_palette and alpha.min() == 1:
        alpha = None
    if size is None or color.shape[:2] == size[::-1]:
        return color, alpha
    picture = Picture(color, alpha).resized(*size)  # with alpha: FFmpeg would mix in the colors of invisible pixels
    return stored(picture.pixels, color.dtype), picture.alpha


def has_alpha(frame: Any) -> bool:
    form = frame.format
    return form.has_palette or (len(form.components) in (2, 4) and "a" in form.name)


def color_notes(frame: Any) -> list[str]:
    """Return notes on a frame's colors: conversions and assumptions that viewers will notice."""
    transfer, matrix = int(frame.color_trc), int(frame.colorspace)
    notes = []
    if transfer in HDR:
        notes.append(f"HDR ({'PQ' if transfer == 16 else 'HLG'}) is tone-mapped to SDR")
    if matrix in _UNKNOWN_MATRICES and "rgb" not in frame.format.name and "gbr" not in frame.format.name:
        notes.append(f"its colors are in {_UNKNOWN_MATRICES[matrix]}, which is not converted: they will look wrong")
    return notes


def _full_range(samples: Samples) -> Samples:
    """Expand gray from 16..235 to 0..255. FFmpeg expands colors, but not gray."""
    return stored((floats(samples) * np.float32(255) - np.float32(16)) / np.float32(219), samples.dtype)


def _in_srgb(samples: Samples, transfer: int, primaries: int) -> Samples:
    if transfer in HDR:
        return stored(to_sdr(floats(samples), transfer, primaries), samples.dtype)
    if primaries in _WIDE or transfer == LINEAR:
        light = linear(floats(samples), transfer)
        return stored(encoded(light @ to_srgb(PRIMARIES.get(primaries, PRIMARIES[1])).T), samples.dtype)
    return samples


def usual_matrix(height: int, width: int = 0) -> int:
    """Return the matrix that players assume if a file names none: BT.709 from high definition on, else BT.601."""
    return 1 if height > 576 or width >= 1280 else 5

"""What the page does, apart from its widgets: reading uploads, painting, and the same as a command."""

from __future__ import annotations

import base64
import hashlib
import io
import secrets
import shlex
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.controls import Controls
from impasto.engines.by_name import engine_of
from impasto.errors import ImpastoError, PictureError
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.picture.formats import Bits
from impasto.pixels.arrays import fit
from impasto.styles.gallery import Gallery
from impasto.system.names import safe_name

PROXY_SIDE = 640
MOST_STYLES = 4
CLIPS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".3gp", ".gif"}
FORMATS: dict[str, tuple[str, Bits, str, str]] = {
    "PNG": ("PNG", 8, "png", "image/png"),
    "JPEG": ("JPEG", 8, "jpg", "image/jpeg"),
    "WebP": ("WEBP", 8, "webp", "image/webp"),
    "PNG, 16 bits": ("PNG", 16, "png", "image/png"),
}


@dataclass(frozen=True)
class Upload:
    """A picture that a visitor has brought.

    Attributes:
        name: what to call it; never a path.
        digest: tells it from others.
    """

    name: str
    picture: Picture = field(repr=False, compare=False)
    digest: str


@dataclass(frozen=True)
class Part:
    """A region: where, and which style; None leaves the photo as it is."""

    mask: NDArray[np.float32] = field(repr=False, compare=False)
    style: str | None
    digest: str


@dataclass(frozen=True)
class Look:
    """All that makes one result besides the photo.

    Attributes:
        styles: {style: weight}: names of the gallery, or the digests of uploads.
        uploads: the uploads among them, by digest.
    """

    styles: tuple[tuple[str, float], ...]
    controls: Controls = field(default_factory=Controls)
    parts: tuple[Part, ...] = ()
    uploads: Mapping[str, Upload] = field(default_factory=dict, compare=False, repr=False)

    def source(self, style: str) -> str | Picture:
        return self.uploads[style].picture if style in self.uploads else style

    def label(self, style: str) -> str:
        return self.uploads[style].name if style in self.uploads else style

    @property
    def request(self) -> list[tuple[str | Picture, float]]:
        return [(self.source(style), weight) for style, weight in self.styles]

    @property
    def regions(self) -> list[tuple[NDArray[np.float32], str | Picture]]:
        return [(part.mask, "none" if part.style is None else self.source(part.style)) for part in self.parts]

    @property
    def caption(self) -> str:
        return " + ".join(self.label(style) for style, _ in self.styles)


class Studio:
    """What all visitors share: the painter, and how many photos are painted at once."""

    def __init__(self, jobs: int, max_pixels: int) -> None:
        self.painter = engine_of()
        self.max_pixels = max_pixels
        self._slots = threading.BoundedSemaphore(jobs)

    def gallery(self) -> Gallery:
        return Gallery(painter=self.painter)

    def open(self, data: bytes, name: str) -> Upload:
        """Read an upload.

        Raises:
            PictureError: it is no picture, damaged, or too large; the message names it.
        """
        name = safe_name(name)
        try:
            picture = Picture.open(data, max_pixels=self.max_pixels, untrusted=True)
        except ImpastoError as error:
            raise PictureError(f"{name}: {error.message}", error.hint, code=error.code) from error
        return Upload(name, picture, hashlib.blake2b(data, digest_size=8).hexdigest())

    def paint(self, photo: Picture, look: Look) -> Picture:
        """Paint at the photo's size, or the look's; waits for its turn."""
        with self.turn():
            stylizer = Stylizer(
                look.request,
                regions=look.regions,
                controls=look.controls,
                gallery=self.gallery(),
                painter=self.painter,
                max_pixels=self.max_pixels,
            )
            return stylizer(photo)

    @contextmanager
    def turn(self) -> Iterator[None]:
        with self._slots:
            yield


def proxy(photo: Picture, look: Look | None = None) -> Picture:
    """The first frame, reduced for the screen; with a look, to no less than the size at which that paints it."""
    side = PROXY_SIDE
    if look is not None:
        width, height = look.controls.output_size(photo.width, photo.height)
        side = min(max(side, *look.controls.painted_size(width, height)), max(width, height))
        return replace(photo, frames=()).resized(*fit(width, height, side))
    return replace(photo, frames=()).at_most(side)


def for_proxy(look: Look) -> Look:
    """The look without an output size, which the proxy has already."""
    return replace(look, controls=replace(look.controls, size=None))


def clip_name(name: str) -> str:
    """What an uploaded clip is called on disk: nothing of the name that its sender chose, but for a known ending."""
    ending = PurePath(name).suffix.lower()
    return f"{secrets.token_hex(8)}{ending if ending in CLIPS else ''}"


def stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def data_url(picture: Picture, quality: int = 90) -> str:
    """A picture as the page's components take it."""
    plain = replace(picture, frames=(), alpha=None)
    return "data:image/jpeg;base64," + base64.b64encode(plain.encode("JPEG", quality=quality)).decode()


def read_mask(url: str, width: int, height: int) -> NDArray[np.float32] | None:
    """What was drawn, H x W in 0..1; None where nothing was.

    Args:
        url: a data URL of a PNG whose red is the mask.
    Raises:
        PictureError: it holds no picture.
    """
    try:
        data = base64.b64decode(url.partition(",")[2], validate=True)
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.width * image.height > 4_000_000:
                raise ValueError("too large")
            gray = np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR), np.float32)
    except Exception as error:  # a visitor's browser may send anything
        raise PictureError("the drawn mask cannot be read", "draw it again", code="damaged-file") from error
    mask = np.ascontiguousarray(gray[:, :, 0] / np.float32(255))
    return mask if mask.max() > 0 else None


def digest_of(mask: NDArray[np.float32]) -> str:
    return hashlib.blake2b(np.ascontiguousarray(mask).data, digest_size=8).hexdigest()


def as_command(photo: str, look: Look, *, verb: str = "stylize", extra: Sequence[str] = ()) -> str:
    """The same on the command line; masks are files that the page offers beside it."""
    words = ["impasto", verb, photo]
    for style, weight in look.styles:
        label = look.label(style)
        words += ["--style", label if len(look.styles) == 1 else f"{label}:{weight:g}"]
    for index, part in enumerate(look.parts, 1):
        words += ["--region", f"mask-{index}.png={'none' if part.style is None else look.label(part.style)}"]
    for control in fields(Controls):
        value = getattr(look.controls, control.name)
        if value != control.default:
            words += [f"--{control.name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    words += [*extra, "-o", f"{stem(photo)}-painted.png"]
    return shlex.join(words)


def encode(picture: Picture, label: str) -> bytes:
    """A picture in one of `FORMATS`."""
    name, bits, _, _ = FORMATS[label]
    return picture.encode(name, quality=92, bits=bits)


def mask_file(part: Part) -> bytes:
    out = io.BytesIO()
    Image.fromarray((part.mask * 255).round().astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def slider_range(control: Any) -> tuple[float, float, float]:
    """A slider's ends and step, as the control's field gives them."""
    low, high = float(control.metadata["low"]), float(control.metadata["high"])
    return low, high, 1.0 if high - low >= 10 else 0.1

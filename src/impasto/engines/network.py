"""A feed-forward network of one or several styles, in ONNX Runtime: trained by the user, or imported.

It has one input for pictures, and may have a second one, 1 x K: the weights of its K styles. Pictures are 1 x 3 x H x W
or 1 x H x W x 3, with or without the first 1, of any number type. The file's metadata tell which numbers stand for
black and white. If they do not, Impasto paints a trial photo to find out.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.engines.base import Array, SizeRequirements, StyleVector, default_budget
from impasto.engines.network_file import first_offsets, read_onnx
from impasto.engines.ranges import BYTES, PLAIN, SIGNED, Values, by_means, find_ranges
from impasto.engines.shot import Shot, Statistics
from impasto.engines.tiles import OVERLAP, paint_within
from impasto.errors import StyleError
from impasto.pixels.arrays import Pixels, Samples, resize
from impasto.system.sessions import Model

FORMAT = 1  # docs/formats.md; files without a number have this one
METADATA = "impasto"  # metadata key of a file's facts
_GIVEN = "given", "trust"  # inputs: statistics to normalize by, and their weight
_BYTES_PER_PIXEL = 900  # measured with 32 channels at full size, if memory is returned after every layer
_ARENA_BYTES_PER_PIXEL = 1300
_MOST_AT_ONCE, _MOST_VALUES = 16, 3 * 2**24  # limits of a fixed batch, and of a fixed size (16 megapixels) in values
_KINDS = {"float": "float32", "float16": "float16", "double": "float64", "uint8": "uint8"}
_ORDER, _RANGE = "Image.BitmapPixelFormat", "Image.NominalPixelRange"  # ONNX's own keys for networks of pictures
IMAGE_RANGES = {
    "NominalRange_0_255": BYTES,
    "Normalized_0_1": PLAIN,
    "Normalized_1_1": SIGNED,
    "NominalRange_16_235": Values.of(16, 235),
}
_ENLARGED = 4  # largest factor by which a network's picture may be larger or smaller than the photo
_MARGIN = 128  # largest number of pixels that a network without padding may lose
_COARSEST = 256  # largest multiple of pixels that a network may require
_PROBES = {4: (100, 132), 8: (104, 136), 16: (112, 144), 32: (96, 160), 64: (192, 320)}  # odd multiples


@dataclass(frozen=True)
class Facts:
    """Facts from a network's metadata, or from a trial run.

    Attributes:
        takes, gives: the value ranges of its input and of its output.
        styles: the names of its styles; one name for a network of a single style.
        card: how it was made: style, data, recipe, losses, license, version.
        layout: "nchw" or "nhwc"; "": as its input's shape tells.
        multiple: the sides of its pictures are multiples of this, in pixels.
        margin: the difference of input and output in height and width, in pixels; negative if the output is larger.
    """

    takes: Values = PLAIN
    gives: Values = PLAIN
    styles: tuple[str, ...] = ("style",)
    card: dict[str, Any] | None = None
    layout: str = ""
    multiple: int = 4
    margin: int = 0

    def as_json(self) -> str:
        found: dict[str, Any] = {"format": FORMAT, "styles": list(self.styles), "card": self.card}
        if self.takes == self.gives and self.takes.even and not self.takes.bgr:
            found |= {"low": self.takes.low[0], "high": self.takes.high[0]}
        else:
            found |= {"takes": self.takes.as_dict(), "gives": self.gives.as_dict()}
        for key, usual in (("layout", ""), ("multiple", 4), ("margin", 0)):
            if getattr(self, key) != usual:
                found[key] = getattr(self, key)
        return json.dumps(found, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Facts:
        """Parse the result of `as_json`. Raise ValueError, KeyError or TypeError for other texts."""
        found = json.loads(text)
        if found.get("format", FORMAT) != FORMAT:
            raise ValueError("a later version of Impasto wrote it")
        if "takes" in found:
            takes, gives = Values.from_dict(found["takes"]), Values.from_dict(found["gives"])
        else:
            takes = gives = Values.from_dict({"low": [found["low"]] * 3, "high": [found["high"]] * 3, "bgr": False})
        facts = Facts(
            takes,
            gives,
            tuple(map(str, found["styles"])),
            found.get("card"),
            str(found.get("layout", "")),
            int(found.get("multiple", 4)),
            int(found.get("margin", 0)),
        )
        if not (isinstance(facts.card, dict | None) and facts.layout in ("", "nchw", "nhwc")):
            raise TypeError("the card or the layout is invalid")
        if not 0 < len(facts.styles) == len(set(facts.styles)):
            raise ValueError("the styles are missing or repeated")
        if not (0 < facts.multiple <= _COARSEST and abs(facts.margin) <= _MARGIN):
            raise ValueError("the multiple or the margin is out of range")
        return facts


@dataclass(frozen=True)
class Told:
    """What the user has specified about a network's file. For None and "", the file's metadata or a trial decide."""

    takes: Values | None = None
    gives: Values | None = None
    bgr: bool = False
    layout: str = ""


NOTHING = Told()


class Network:
    """An engine from a file. It paints its own styles, and does not encode paintings.

    A style's embedding is the weights of the network's styles, which sum to 1. Several threads may call it at once.

    Args:
        path: an .onnx file.
        trial: returns a photo. If the file does not tell which values stand for black and white, the network paints
            this photo to find out.
        budget: see `Engine`; None: `default_budget`. Files without an input for statistics paint a photo as a whole.
            Files with one fixed size paint in tiles.
        told: what the user has specified.
    Raises:
        PictureError: the file is missing, or is not a network's file.
        StyleError: the file contains no network that paints pictures.
    """

    name = "network"
    encodes = False

    def __init__(
        self, path: Path, trial: Callable[[], Pixels], budget: int | None = None, told: Told = NOTHING
    ) -> None:
        self.path, self.budget, self._trial, self._told = path, budget or default_budget(), trial, told
        data = read_onnx(path)
        self._model = Model(lambda: data, _BYTES_PER_PIXEL, _ARENA_BYTES_PER_PIXEL)
        try:
            session = self._model.session()
        except Exception as error:  # ONNX Runtime's exceptions have no common base class
            raise _not_loaded(path, error) from error
        self._inputs(session.get_inputs())
        self.facts = Facts(layout=told.layout)
        self.size = SizeRequirements(only=self._only())
        self.facts = self._read_facts(session.get_modelmeta().custom_metadata_map)
        self.size = SizeRequirements(self.facts.multiple, max(32, self.facts.multiple), self._only())

    def __reduce__(self) -> tuple[object, ...]:
        """Support pickling. On another machine, the file must be at the same path."""
        return Network, (self.path, self._trial, self.budget, self._told)

    @property
    def file(self) -> bytes:
        """The whole file, including weights from files beside it."""
        return self._model.read()

    def describe(self) -> str:
        """Describe in one line the pictures that the network takes and gives."""
        facts, kind = self.facts, "" if self._kind == "float32" else f", {self._kind}"
        sides = "any size" if self.size.only is None else f"only {_size(self.size.only)}, larger photos in tiles"
        values = f"values of {facts.takes}" + (f", gives {facts.gives}" if facts.gives != facts.takes else "")
        return f"{sides}; {values}; {self._layout}{kind}"

    def style(self, name: str | None = None) -> StyleVector:
        """Return one of the network's styles.

        Args:
            name: None: its only style.
        Raises:
            ValueError: there is no such style.
        """
        weights = np.zeros(len(self.facts.styles), np.float32)
        weights[0 if name is None else self.facts.styles.index(name)] = 1
        return StyleVector(weights)

    def prepare(self, style: StyleVector | None = None) -> None:
        """Do nothing: the network is already loaded."""

    def encode(self, painting: Samples) -> StyleVector:  # noqa: ARG002
        raise StyleError(f"{self.path} is a network and does not encode paintings", code="network-style")

    def smoothing(self, style: StyleVector) -> float:  # noqa: ARG002
        return 0.0

    def paint(
        self,
        photo: Pixels,
        style: StyleVector,
        *,
        shot: Shot | None = None,  # noqa: ARG002  each frame is normalized by its own statistics
        run: str = "style",  # noqa: ARG002
    ) -> Pixels:
        """Paint a photo, as `Engine.paint`.

        Raises:
            PictureError: the photo needs more memory than is available, and the file has no input for statistics.
        """
        weights = style.embedding
        if self.size.only is not None:
            return self._in_tiles(photo, weights, *self.size.only)

        def paint(part: Pixels, given: Statistics | None, _: tuple[int, int]) -> tuple[Pixels, Statistics]:
            painted, statistics = self._run(self.size.padded(part), weights, given)
            return self._clamp(painted)[: part.shape[0], : part.shape[1]], statistics

        budget = self.budget if self._statistics else photo.size * _ARENA_BYTES_PER_PIXEL  # without: as a whole
        painted = np.empty_like(photo)
        paint_within(photo, budget, _ARENA_BYTES_PER_PIXEL, paint, painted.__setitem__, size=self.size)
        return painted

    def _in_tiles(self, photo: Pixels, weights: Array, width: int, height: int) -> Pixels:
        """Paint a photo in tiles of the network's fixed size. Overlapping tiles are blended."""
        rows, columns = photo.shape[:2]
        if rows > height or columns > width:
            warnings.warn(
                f"{self.path.parent.name if self.path.name == 'network.onnx' else self.path.name} takes only pictures "
                f"of {width} x {height}: larger photos are painted in tiles of that size",
                stacklevel=2,
            )
        given = None
        if self._statistics and (rows > height or columns > width):  # statistics of the whole photo, at a tile's size
            scale = max(columns / width, rows / height)
            small = resize(photo, max(1, int(columns / scale)), max(1, int(rows / scale)))
            _, given = self._run(_mirrored(small, width, height), weights)
        total: Pixels = np.zeros((max(rows, height), max(columns, width), 3), np.float32)
        share: Pixels = np.zeros((*total.shape[:2], 1), np.float32)
        whole = _mirrored(photo, total.shape[1], total.shape[0])
        fade = np.minimum.outer(_fade(height), _fade(width))[:, :, None]
        for top in _starts(total.shape[0], height):
            for left in _starts(total.shape[1], width):
                place = slice(top, top + height), slice(left, left + width)
                painted, _ = self._run(whole[place], weights, given)
                total[place] += fade * self._clamp(painted)
                share[place] += fade
        painted = total / share
        return painted[:rows, :columns]

    def _run(self, photo: Pixels, weights: Array, given: Statistics | None = None) -> tuple[Pixels, Statistics]:
        """Return the network's values for a photo, and the statistics if the file returns them.

        Returns:
            H x W x 3 of the photo's size.
        """
        before, after = max(0, self.facts.margin // 2), max(0, self.facts.margin - self.facts.margin // 2)
        if self.size.only is None and (before or after):
            photo = np.pad(photo, [(before, after), (before, after), (0, 0)], mode="symmetric")
        height, width = photo.shape[:2]
        numbers, statistics = self._numbers(self.facts.takes.numbers(photo), weights, given)
        there = numbers.shape[:2]
        margin = self.facts.margin
        wanted = (height, width) if self.size.only else (height - max(0, margin), width - max(0, margin))
        if all(0 <= side - asked < self.size.multiple for side, asked in zip(there, wanted, strict=True)):
            return numbers[: wanted[0], : wanted[1]], statistics
        if margin < 0 and there == (height - margin, width - margin):
            start = -margin // 2
            return numbers[start : start + height, start : start + width], statistics
        ratios = [side / asked for side, asked in zip(there, wanted, strict=True)]
        if not 1 / _ENLARGED <= min(ratios) <= max(ratios) <= _ENLARGED or max(ratios) > 1.2 * min(ratios):
            raise StyleError(
                f"{self.path} returns {there[1]} x {there[0]} pixels for a photo of {wanted[1]} x {wanted[0]}",
                "import a network whose pictures have the photo's size",
                code="other-network",
            )
        sized = resize(self._clamp(numbers), wanted[1], wanted[0])
        return np.ascontiguousarray(self.facts.gives.numbers(sized)), statistics

    def _numbers(self, numbers: Pixels, weights: Array, given: Statistics | None = None) -> tuple[Pixels, Statistics]:
        """Run the network: from H x W x 3 in its own value range to its output, of any size."""
        placed = numbers if self._layout == "nhwc" else numbers.transpose(2, 0, 1)
        if self._kind == "uint8":
            placed = np.rint(placed).clip(0, 255)
        picture = np.ascontiguousarray(placed, self._kind)
        if self._batch:
            picture = np.ascontiguousarray(np.broadcast_to(picture, (self._batch, *picture.shape)))
        feeds: dict[str, NDArray[Any]] = {self._picture: picture}
        if self._weights is not None:
            feeds[self._weights] = weights[None]
        if self._statistics:
            feeds["given"] = np.zeros(self._statistics, np.float32) if given is None else given
            feeds["trust"] = np.array(given is not None, np.float32)
        outputs = self._model.run(feeds, numbers.shape[0] * numbers.shape[1])
        statistics = outputs[-1] if self._statistics else np.zeros(0, np.float32)
        for output in outputs:
            found = _as_picture(output, self._layout)
            if found is not None and _ENLARGED * min(found.shape[:2]) >= min(numbers.shape[:2]):
                return found.astype(np.float32, copy=False), statistics
        shapes = " and ".join(" x ".join(map(str, output.shape)) for output in outputs[:3])
        raise StyleError(
            f"{self.path} returns {shapes} values for a photo, and no picture of its size",
            "import a network that paints pictures",
            code="other-network",
        )

    def _clamp(self, values: Pixels) -> Pixels:
        painted = self.facts.gives.picture(values)
        if not np.isfinite(painted).all():
            warnings.warn(f"{self.path} returns values that are not numbers; they are painted black", stacklevel=2)
            painted = np.nan_to_num(painted, nan=0.0, posinf=1.0, neginf=0.0)
        return painted.clip(0, 1)

    def _inputs(self, inputs: Sequence[Any]) -> None:
        """Find the picture among the network's inputs."""
        asked = [value for value in inputs if value.name not in _GIVEN]
        self._statistics = next((value.shape[0] for value in inputs if value.name == _GIVEN[0]), 0)
        pictures = [value for value in asked if len(value.shape) == 4] or [v for v in asked if len(v.shape) == 3]
        pictures = pictures or (asked if len(asked) == 1 and not asked[0].shape else [])
        others = [value for value in asked if value not in pictures]
        styles = [value for value in others if value.name == "styles" and len(value.shape) == 2]
        if len(pictures) != 1 or others != styles:
            named = ", ".join(f"{value.name} ({' x '.join(map(str, value.shape)) or 'one number'})" for value in asked)
            raise StyleError(
                f"{self.path} has other inputs than one picture: {named or 'none'}",
                "export it with one input, the picture",
                code="other-network",
            )
        picture = pictures[0]
        self._kind = _KINDS.get(picture.type.removeprefix("tensor(").rstrip(")"), "")
        if not self._kind:
            raise StyleError(
                f"{self.path} takes pictures as {picture.type}", "export it in float32", code="other-network"
            )
        self._picture, self._weights = picture.name, styles[0].name if styles else None
        count = styles[0].shape[1] if styles else 1
        self._count = count if isinstance(count, int) else None
        self._shape = tuple(picture.shape) or ("n", "c", "h", "w")
        first = self._shape[0] if isinstance(self._shape[0], int) else 1
        self._batch = 0 if len(self._shape) == 3 else max(1, first)
        fixed = [side for side in self._shape if isinstance(side, int) and side > 0]
        if self._batch > _MOST_AT_ONCE or math.prod(fixed) > _MOST_VALUES:
            shape = " x ".join(map(str, self._shape))
            raise StyleError(
                f"{self.path} takes {shape} values at once", "export it for one picture", code="other-network"
            )
        channels = {"nchw": self._shape[-3], "nhwc": self._shape[-1]}
        open_ones = [key for key, count in channels.items() if not isinstance(count, int)]
        self._layouts = [key for key, count in channels.items() if count == 3] or open_ones
        if self._layouts == open_ones and any(count in (1, 2, 4) for count in channels.values()):
            self._layouts = []  # the channels are at the other place, and are not three
        if not self._layouts:
            counts = " or ".join(str(count) for count in dict.fromkeys(channels.values()) if count in (1, 2, 4))
            what = f"pictures of {counts or 'another number of'} channel{'s' * (counts != '1')}"
            shape = " x ".join(map(str, self._shape))
            raise StyleError(
                f"{self.path} takes {what} ({shape})", "import a network for RGB pictures", code="other-network"
            )

    @property
    def _layout(self) -> str:
        return self.facts.layout or self._layouts[0]

    def _only(self) -> tuple[int, int] | None:
        """Return the fixed width and height of the network's input, or None."""
        height, width = self._shape[-3:-1] if self._layout == "nhwc" else self._shape[-2:]
        sides = [side for side in (width, height) if isinstance(side, int) and side > 0]
        return (sides[0], sides[-1]) if sides else None

    def _read_facts(self, metadata: Mapping[str, str]) -> Facts:
        told = self._told
        if METADATA in metadata:
            try:
                facts = Facts.from_json(metadata[METADATA])
                if self._count not in (None, len(facts.styles)):
                    raise ValueError("the numbers of styles and of weights differ")
            except (ValueError, KeyError, TypeError) as error:
                raise StyleError(
                    f"{self.path} is damaged: its metadata cannot be read", "download it again", code="damaged-file"
                ) from error
            facts = replace(facts, layout=told.layout or facts.layout)
            seen, made = told.takes or facts.takes, told.gives or told.takes or facts.gives
            if told.bgr:
                seen, made = replace(seen, bgr=True), replace(made, bgr=True)
            return replace(facts, takes=seen, gives=made)
        if self._weights is not None:
            raise StyleError(
                f"{self.path} has a second input of unknown purpose", "export it with one input", code="other-network"
            )
        order, span = metadata.get(_ORDER, ""), IMAGE_RANGES.get(metadata.get(_RANGE, ""))
        in_bgr = order.lower().startswith("bgr")
        inside, outside = (None, None) if order else by_means(first_offsets(self.file, self._picture))
        takes = told.takes or span or inside or (BYTES if self._kind == "uint8" or in_bgr else None)
        bgr = told.bgr or in_bgr or (told.takes is not None and told.takes.bgr)
        gives = told.gives or (outside if takes is inside else None)
        added = "adds" if outside else "subtracts"
        if inside is not None and inside.bgr and not bgr:
            bgr = True
            warnings.warn(f"{self.path} seems to use BGR, because of the means that it {added}", stacklevel=2)
        elif outside is not None and takes is inside:
            warnings.warn(f"{self.path} seems to take pictures minus the means that it {added}", stacklevel=2)
        takes, gives = (values and replace(values, bgr=bgr or values.bgr) for values in (takes, gives))
        return self._try(takes, gives, bgr)

    def _try(self, takes: Values | None, gives: Values | None, bgr: bool) -> Facts:
        """Paint a trial photo to find the value ranges and the sizes of the network."""
        photo = self._trial()
        seen = photo if self.size.only is None else resize(photo, *self.size.only)
        one = np.ones(1, np.float32)
        layouts = [self.facts.layout] if self.facts.layout else self._layouts
        for layout in layouts:
            self.facts = replace(self.facts, layout=layout if len(self._layouts) > 1 or self._told.layout else "")
            try:
                found = find_ranges(lambda numbers: self._numbers(numbers, one)[0], seen, takes, gives, bgr=bgr)
                break
            except StyleError:
                if layout == layouts[-1]:
                    raise
            except Exception as error:
                if layout == layouts[-1]:
                    raise _not_run(self.path, error) from error
        if found is None:
            raise StyleError(
                f"{self.path} returns values for a photo that are not numbers",
                "the network is damaged or was not trained: use another file",
                code="not-a-network",
            )
        self.facts = replace(self.facts, takes=found[0], gives=found[1])
        usual = found[0] == found[1] and found[0] in (PLAIN, BYTES, SIGNED)
        if not usual and (takes is None or (gives is None and found[0] != found[1])):
            warnings.warn(
                f"a trial on a photo suggests that {self.path} takes values of {found[0]} and returns {found[1]}; "
                "to correct this: impasto styles import --range and --output-range",
                stacklevel=2,
            )
        return self._sized(seen, one)

    def _sized(self, photo: Pixels, one: Array) -> Facts:
        """Find the sizes that the network accepts, and the size of its output."""
        height, width = photo.shape[:2]
        made, _ = self._numbers(self.facts.takes.numbers(photo), one)
        less = height - made.shape[0], width - made.shape[1]
        if less[0] == less[1] and 0 < abs(less[0]) <= _MARGIN and not -4 < less[0] <= 0:
            self.facts = replace(self.facts, margin=less[0])
        if self.size.only is not None:
            self._run(photo, one)  # raises an error if the output does not fit
            return self.facts
        for multiple, sides in _PROBES.items():
            self.size = SizeRequirements(multiple, max(32, multiple))
            try:
                self._run(resize(photo, sides[1], sides[0]), one)
            except Exception as error:
                if multiple == max(_PROBES):
                    raise error if isinstance(error, StyleError) else _not_run(self.path, error) from error
                continue
            break
        return replace(self.facts, multiple=multiple)


def _as_picture(output: NDArray[Any], layout: str) -> NDArray[Any] | None:
    """Return a network's output as H x W x 3, or None if it is not a picture."""
    first = output[0] if output.ndim == 4 and len(output) else output
    if first.ndim != 3 or first.dtype.kind not in "fiu":
        return None
    axes = (-1, 0) if layout == "nhwc" else (0, -1)
    axis = next((axis for axis in axes if first.shape[axis] == 3), None)
    return None if axis is None else np.ascontiguousarray(np.moveaxis(first, axis, -1))


def _not_loaded(path: Path, error: Exception) -> StyleError:
    """Return the error for a file that ONNX Runtime cannot load."""
    text = str(error)
    operator = re.search(r"([\w.]*):?(\w+)\((-?\d+)\) is not a registered function/op", text) or re.search(
        r"(implementation) for (?:the node \S+?:)?(\w+)\((-?\d+)\)", text
    )
    if operator:
        domain = "" if operator[1] in ("", "implementation", "ai.onnx") else f" of {operator[1]}"
        return StyleError(
            f"{path} needs the operator {operator[2]}{domain}, which ONNX Runtime does not support",
            "export it with ONNX's own operators only",
            code="other-network",
        )
    if "model IR version" in text or ("opset" in text.lower() and "under development" in text):
        return StyleError(
            f"{path} uses a newer version of ONNX than ONNX Runtime supports here",
            "export it with opset 17",
            code="other-network",
        )
    return StyleError(f"{path} is not a runnable ONNX network", _first_line(error), code="not-a-network")


def _not_run(path: Path, error: Exception) -> StyleError:
    return StyleError(f"{path} cannot paint a photo", _first_line(error), code="not-a-network")


def _first_line(error: Exception) -> str:
    failed = re.search(r"running (\w+) node.*Status Message: (?:.* was false\. )?(.*)", str(error))
    if failed:
        return f"it fails at {failed[1]}: {failed[2][:120]}"
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__


def _size(sides: tuple[int, int]) -> str:
    return f"{sides[0]} x {sides[1]}"


def _mirrored(photo: Pixels, width: int, height: int) -> Pixels:
    """Return the photo, mirrored at its bottom and right up to a size."""
    below, beside = max(0, height - photo.shape[0]), max(0, width - photo.shape[1])
    return np.pad(photo, [(0, below), (0, beside), (0, 0)], mode="symmetric") if below or beside else photo


def _overlap(side: int) -> int:
    return min(OVERLAP, side // 4)


def _fade(side: int) -> Pixels:
    """Return a tile's weights along one of its sides: 1 inside, less where it overlaps another tile."""
    away = np.minimum(np.arange(side), np.arange(side)[::-1]).astype(np.float32) + 1
    return (away / (_overlap(side) + 1)).clip(0, 1)


def _starts(length: int, side: int) -> list[int]:
    """Return where tiles begin along a length, so that neighbors overlap."""
    count = 1 + math.ceil((length - side) / max(1, side - _overlap(side)))
    return [round((length - side) * index / max(1, count - 1)) for index in range(count)]

"""Enlarge a painting octave by octave. Every octave gets strokes of its own size.

A photo is painted at the size at which strokes look natural (`Controls.painted_size`). Plain resampling of that picture
would look soft. So each octave has four steps:

1. It doubles the size.
2. It adds the photo's own fine detail.
3. It forms strokes: it averages the picture along its lines and sharpens across them. Lines become long and crisp,
   plain areas stay plain.
4. It adds back the difference to the picture before, so that the reduced result equals that picture. In plain areas it
   adds back less, because the difference may contain a network's grid.

No network runs here. All filters are local: windows are computed independently, in bounded memory.

The averaging along lines is coherence-enhancing filtering (Weickert 1999) with the shock filter of Kyprianidis & Kang:
Image and Video Abstraction by Coherence-Enhancing Filtering, 2011. It differs from the latter in two ways. Lines are
straight over the few pixels that are averaged. And filtering runs once for each octave instead of many times at one
size.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.engines.base import WriteTile
from impasto.pixels.arrays import Pixels, Samples, floats, parts, stored
from impasto.pixels.color import LUMA
from impasto.system.memory import allocate
from impasto.system.sessions import threads

Size: TypeAlias = tuple[int, int]
"""Width and height."""

Place: TypeAlias = tuple[slice, slice]
"""Rows and columns of a window."""

Gray: TypeAlias = NDArray[np.float32]
"""Luminance, h x w."""

Seen: TypeAlias = Callable[[Place], Gray]

_FIRST = math.sqrt(2)  # least factor between what was painted and the first octave
_PASSES, _LATER_PASSES = 2, 1  # in the first two octaves, and in later ones, where a second pass gains almost nothing
_TENSOR = 2.0  # pixels: deviation of the Gaussian that smooths the structure tensor
_ALONG, _WEIGHT = 2.0, 0.7  # pixels: distance of the two samples averaged with each pixel; and their weight
_WEIGHTS = 1 + 2 * _WEIGHT
_EDGE = 1.2  # pixels: deviation of the Gaussian before the second derivative
_ACROSS = 1.3  # pixels: distance of the neighbors across a line
_GAIN, _SHOCK = 160.0, 0.7
_TIE = 100.0  # neighbors that differ by at most half of 1 / _TIE are mixed
_PLAIN, _DRAWN = 0.5, 1.0  # shares added back where local contrast is 0, and where it is high
_CONTRAST = 0.02  # local contrast at which the share is half-way
_NEAR = 2.0  # pixels: deviation of the Gaussian in which local contrast is measured
_LATER = 0.95  # share of the difference that later octaves add back
_SHARPEN_FRAME = 0.25
_SHARPEN, _SHARPEST = 0.4, 1.0  # final sharpening: for each octave, and at most
_WITH_GRAY = np.vstack([np.eye(3, 4), [*LUMA, 0]]).astype(np.float32)  # luminance as the fourth channel
_SIDE = 560  # largest side of a window without its margin
_MARGIN, _LATER_MARGIN = (
    32,
    20,
)  # pixels around a window, with two passes and with one: the reach of the filters
_BORDER = cv2.BORDER_REFLECT_101


def octaves(small: Size, full: Size) -> list[Size]:
    """Return the sizes through which a picture grows. Each is twice the one before; the last is `full`."""
    sizes = [full]
    while True:
        width, height = ((side + 1) // 2 for side in sizes[0])
        if max(width / small[0], height / small[1]) < _FIRST:
            return sizes
        sizes.insert(0, (width, height))


def enlarge(painting: Pixels, photo: Samples, detail: float, write_tile: WriteTile, budget: int) -> None:
    """Enlarge a painting to its photo's size.

    Args:
        painting: h x w x 3, float32, 0..1.
        photo: H x W x 3, of the same proportions.
        detail: 0..1, the share of the photo's fine detail that is added.
        write_tile: receives the picture, window by window, from several threads.
        budget: bytes that an array may use. Larger arrays go to a temporary file.
    Raises:
        OutOfMemory: the disk has no room either.
    """
    Enlargement(painting, photo, detail, budget).write(write_tile)


class Enlargement:
    """Enlarge a painting to its photo's size: the whole picture, or single windows on request.

    Args:
        painting, photo, detail, budget: as for `enlarge`.
        grays: the result of `luminances` for the photo and the painting's size; None: compute it.
    """

    def __init__(
        self, painting: Pixels, photo: Samples, detail: float, budget: int, grays: Sequence[Gray] | None = None
    ) -> None:
        self.size: Size = (photo.shape[1], photo.shape[0])
        self._painting, self._detail, self._budget = painting, detail, budget
        small = painting.shape[1], painting.shape[0]
        self._sizes = octaves(small, self.size)
        self._grays = luminances(photo, small, budget) if grays is None else grays
        self._seen: list[Seen] = [
            *(functools.partial(_part, gray) for gray in self._grays[1:]),
            functools.partial(_luma, photo),
        ]
        self._sharpen = min(_SHARPEST, _SHARPEN * len(self._sizes))

    def write(self, write_tile: WriteTile) -> None:
        """Compute the whole picture, window by window, in several threads."""
        if len(self._sizes) == 1:
            _fill(self.size, self._completed(self._sharpen), write_tile)
            return
        picture = self._first_octave
        for number, size in enumerate(self._sizes[1:], start=1):
            last = number == len(self._sizes) - 1
            step = _Octave(picture, self._grays[number], self._seen[number], size, self._detail, number)
            picture = picture if last else allocate((size[1], size[0], 3), np.float32, self._budget)
            compute = functools.partial(step.later, sharpen=self._sharpen if last else 0.0)
            _fill(size, compute, write_tile if last else picture.__setitem__)

    def window(self, place: Place) -> Pixels:
        """Return a window of the picture.

        It equals that part of what `write` computes, except for effects from beyond the filters' reach. The whole first
        octave is computed once: an eighth of a photo of 24 megapixels, or less. Later octaves are computed only where
        the window needs them.
        """
        if len(self._sizes) == 1:
            if self._finished is None:
                self._finished = np.empty((self.size[1], self.size[0], 3), np.float32)
                _fill(self.size, self._completed(self._sharpen), self._finished.__setitem__)
            return self._finished[place]
        return self._at(len(self._sizes) - 1, place)

    _finished: Pixels | None = None

    @functools.cached_property
    def _first_octave(self) -> Pixels:
        """The whole picture of the first octave, if later octaves follow."""
        width, height = self._sizes[0]
        picture = allocate((height, width, 3), np.float32, self._budget)
        _fill((width, height), self._completed(0.0), picture.__setitem__)
        return picture

    def _completed(self, sharpen: float) -> Callable[[Place], Pixels]:
        """Return a function that computes windows of the first octave's picture."""
        size, painting = self._sizes[0], self._painting
        step = _Octave(painting, self._grays[0], self._seen[0], size, self._detail)
        picture = allocate((size[1], size[0], 3), np.float32, self._budget)
        _fill(size, step.first, picture.__setitem__)
        missing = painting - cv2.resize(picture, painting.shape[1::-1], interpolation=cv2.INTER_AREA)
        missing *= _told(painting)[:, :, None]
        return functools.partial(step.completed, picture, missing, sharpen=sharpen * step.share)

    def _at(self, number: int, place: Place) -> Pixels:
        """Return a window of any octave."""
        if number == 0:
            return self._first_octave[place]
        size = self._sizes[number]
        rows, columns = (slice(part.start - part.start % 2, part.stop) for part in place)
        outer, _ = _around((rows, columns), size, _margin(number))
        halves = _halves(outer)
        before = _Part(self._at(number - 1, halves), halves, self._sizes[number - 1])
        step = _Octave(before, self._grays[number], self._seen[number], size, self._detail, number)
        sharpen = self._sharpen if number == len(self._sizes) - 1 else 0.0
        out = np.empty((rows.stop - rows.start, columns.stop - columns.start, 3), np.float32)

        def compute(part: Place) -> Pixels:
            return step.later(_moved_by(part, rows.start, columns.start), sharpen)

        _fill((out.shape[1], out.shape[0]), compute, out.__setitem__)
        return out[place[0].start - rows.start :, place[1].start - columns.start :]


class _Part:
    """A window of a picture that is indexed by places in the whole picture."""

    def __init__(self, pixels: Pixels, place: Place, size: Size) -> None:
        self._pixels, self._place = pixels, place
        self.shape = (size[1], size[0], 3)

    def __getitem__(self, place: Place) -> Pixels:
        return self._pixels[_moved_by(place, -self._place[0].start, -self._place[1].start)]


def _moved_by(place: Place, rows: int, columns: int) -> Place:
    """Return a window moved by a number of rows and columns."""
    down, right = (slice(part.start + by, part.stop + by) for part, by in zip(place, (rows, columns), strict=True))
    return down, right


def _fill(size: Size, compute: Callable[[Place], Pixels], keep: WriteTile) -> None:
    """Compute a picture window by window, in several threads."""
    with ThreadPoolExecutor(threads()) as pool:
        for _ in pool.map(lambda place: keep(place, compute(place)), list(windows(size))):
            pass


def enlarge_frame(painting: Pixels, frame: Samples, detail: float) -> Samples:
    """Enlarge a painted video frame in one step. Add the frame's fine detail, but form no strokes.

    New strokes in every frame would flicker, and would take longer than the painting.

    Args:
        painting, frame, detail: as for `enlarge`.
    Returns:
        H x W x 3: uint8 if the frame is uint8, else float32, 0..1.
    """
    if frame.dtype != np.uint8:
        frame = floats(frame)
    height, width = frame.shape[:2]
    size, small = (width, height), (painting.shape[1], painting.shape[0])
    x = stored(_sharpened(painting, _SHARPEN_FRAME).clip(0, 1), frame.dtype)
    x = cv2.resize(x, size, interpolation=cv2.INTER_CUBIC)
    if detail:
        gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        soft = cv2.resize(cv2.resize(gray, small, interpolation=cv2.INTER_AREA), size, interpolation=cv2.INTER_CUBIC)
        zero = 128 if frame.dtype == np.uint8 else 0  # with an offset, differences stay bytes, which are fastest
        fine = cv2.addWeighted(gray, detail, soft, -detail, zero)
        x = cv2.addWeighted(x, 1, cv2.cvtColor(fine, cv2.COLOR_GRAY2RGB), 1, -zero)
    return x if x.dtype == np.uint8 else x.clip(0, 1)


class _Octave:
    """Compute windows of one octave, a picture at its next size.

    Args:
        before: the picture before this octave, h x w x 3.
        gray: the photo's luminance at that size.
        seen: returns the photo's luminance at the new size, for any rows and columns.
        size: the new size.
        detail: see `enlarge`.
        number: the number of octaves before this one.
    """

    def __init__(
        self, before: Pixels | _Part, gray: Gray, seen: Seen, size: Size, detail: float, number: int = 0
    ) -> None:
        self.before, self.gray, self.seen, self.size, self.detail = before, gray, seen, size, np.float32(detail)
        self.passes, self.margin = _passes(number), _margin(number)
        ratio = max(size[0] / before.shape[1], size[1] / before.shape[0])
        # If the photo is hardly larger than what was painted, this octave changes little.
        self.share = np.float32(min(1.0, math.log2(ratio) / math.log2(_FIRST)))

    def first(self, place: Place) -> Pixels:
        """Return a window of the first octave, which may enlarge by any factor up to about 2.8."""
        outer, inner = _around(place, self.size, self.margin)
        assert isinstance(self.before, np.ndarray)
        x = _enlarged(self.before, self.size, outer)
        painted = self._painted(x, outer)
        return (x + self.share * (painted - x))[inner]

    def completed(self, picture: Pixels, missing: Pixels, place: Place, sharpen: float) -> Pixels:
        """Return a window of the first octave's picture, with the difference to the painting added back."""
        outer, inner = _around(place, self.size, self.margin) if sharpen else (place, (slice(None), slice(None)))
        piece = picture[outer] + _enlarged(missing, self.size, outer)
        return _sharpened(piece, sharpen)[inner].clip(0, 1)

    def later(self, place: Place, sharpen: float) -> Pixels:
        """Return a window of a later octave, which doubles the size."""
        outer, inner = _around(place, self.size, self.margin)
        before = np.ascontiguousarray(self.before[_halves(outer)])
        height, width = (part.stop - part.start for part in outer)
        x = _doubled(before, width, height)
        painted = self._painted(x, outer)
        missing = before - _halved(painted)
        painted += np.float32(_LATER) * _doubled(missing, width, height)
        return _sharpened(painted, sharpen)[inner].clip(0, 1)

    def _painted(self, x: Pixels, place: Place) -> Pixels:
        """Add the photo's fine detail to an enlarged picture, and form strokes."""
        if self.detail:
            fine = self.seen(place) - _enlarged(self.gray, self.size, place)
            x = cv2.add(x, cv2.merge([self.detail * fine] * 3))
        return strokes(x, self.passes)


def _sharpened(picture: Pixels, share: float) -> Pixels:
    if not share:
        return picture
    soft = cv2.GaussianBlur(picture, (0, 0), 1.0, borderType=_BORDER)
    return cv2.addWeighted(picture, 1 + share, soft, -share, 0)


def _enlarged(values: NDArray[np.float32], size: Size, place: Place) -> NDArray[np.float32]:
    """Return a window of a picture, or of a luminance, at a larger size."""
    rows, columns = place
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if ((size[0] + 1) // 2, (size[1] + 1) // 2) == (values.shape[1], values.shape[0]):
        return _doubled(np.ascontiguousarray(values[_halves(place)]), width, height)
    steps = values.shape[1] / size[0], values.shape[0] / size[1]
    starts = [max(0, int(part.start * step) - 3) for part, step in zip((columns, rows), steps, strict=True)]
    stops = [math.ceil(part.stop * step) + 3 for part, step in zip((columns, rows), steps, strict=True)]
    piece = np.ascontiguousarray(values[starts[1] : stops[1], starts[0] : stops[0]])
    moves = [
        (part.start + 0.5) * step - 0.5 - start
        for part, step, start in zip((columns, rows), steps, starts, strict=True)
    ]
    way = np.array([[steps[0], 0, moves[0]], [0, steps[1], moves[1]]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(piece, way, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _doubled(values: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """Double the size. Drop the last row or column where the new size is odd."""
    large = cv2.resize(values, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    return large if large.shape[:2] == (height, width) else np.ascontiguousarray(large[:height, :width])


def _halved(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Halve the size. Repeat the last row or column where their number is odd."""
    height, width = values.shape[:2]
    if height % 2 or width % 2:
        values = cv2.copyMakeBorder(values, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return cv2.resize(values, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def _halves(place: Place) -> Place:
    """Return the place, at half the size, of a window that begins at even places."""
    rows, columns = (slice(part.start // 2, (part.stop + 1) // 2) for part in place)
    return rows, columns


def _passes(number: int) -> int:
    """Return how often strokes are formed in an octave; the first octave is number 0."""
    return _PASSES if number < 2 else _LATER_PASSES


def _margin(number: int) -> int:
    """Return the margin, in pixels, that an octave's filters need around a window."""
    return _MARGIN if _passes(number) == _PASSES else _LATER_MARGIN


def _around(place: Place, size: Size, margin: int) -> tuple[Place, Place]:
    """Return a window with its margin, and the window's place inside it."""
    outer, inner = [], []
    for part, side in zip(place, size[::-1], strict=True):
        start, stop = max(0, part.start - margin), min(side, part.stop + margin)
        outer.append(slice(start, stop))
        inner.append(slice(part.start - start, part.stop - start))
    return (outer[0], outer[1]), (inner[0], inner[1])


def strokes(picture: Pixels, passes: int = 1) -> Pixels:
    """Average a picture along its lines, and sharpen it across them.

    Along a line, three samples are averaged with weights. Across it, a shock filter moves each pixel towards its darker
    neighbor where the second derivative is positive, and towards the brighter one where it is negative. `_SHOCK` limits
    the step.

    Args:
        picture: h x w x 3, float32.
    """
    height, width = picture.shape[:2]
    columns, rows = _grid(height, width)
    picture = cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA)  # OpenCV remaps four channels faster than three
    for _ in range(passes):
        picture = cv2.transform(picture, _WITH_GRAY)
        x, y = _across(cv2.extractChannel(picture, 3))
        along, back = (
            _moved(picture, (cv2.scaleAdd(y, -by, columns), cv2.scaleAdd(x, by, rows))) for by in (_ALONG, -_ALONG)
        )
        cv2.add(along, back, dst=along)
        cv2.addWeighted(picture, 1 / _WEIGHTS, along, _WEIGHT / _WEIGHTS, 0, dst=along)
        soft = cv2.GaussianBlur(cv2.extractChannel(along, 3), (0, 0), _EDGE, borderType=_BORDER)
        along = cv2.insertChannel(soft, along, 3)
        ahead, behind = (
            _moved(along, (cv2.scaleAdd(x, by, columns), cv2.scaleAdd(y, by, rows))) for by in (_ACROSS, -_ACROSS)
        )
        one, other = cv2.extractChannel(ahead, 3), cv2.extractChannel(behind, 3)
        curve = cv2.scaleAdd(soft, -2 * _GAIN, cv2.addWeighted(one, _GAIN, other, _GAIN, 0))
        np.clip(curve, -1, 1, out=curve)
        # Mix neighbors that hardly differ.
        brighter = np.copysign(np.float32(_TIE), curve)
        brighter *= cv2.subtract(other, one)
        brighter += np.float32(0.5)
        np.clip(brighter, 0, 1, out=brighter)
        share = np.abs(curve, out=curve)
        share *= np.float32(_SHOCK)
        target = cv2.blendLinear(ahead, behind, brighter, 1 - brighter)
        picture = cv2.blendLinear(along, target, 1 - share, share)
    return cv2.cvtColor(picture, cv2.COLOR_RGBA2RGB)


def smooth(picture: Pixels, share: float) -> Pixels:
    """Smooth a share of a picture's grain into strokes.

    A network's picture has a fine weave in plain areas.

    Args:
        picture: h x w x 3, float32, 0..1.
        share: 0..1; 1 returns `strokes`.
    """
    size, smoothed = (picture.shape[1], picture.shape[0]), np.empty_like(picture)

    def compute(place: Place) -> Pixels:
        outer, inner = _around(place, size, _LATER_MARGIN)
        piece = np.ascontiguousarray(picture[outer])
        return cv2.addWeighted(piece, 1 - share, strokes(piece), share, 0)[inner]

    _fill(size, compute, smoothed.__setitem__)
    return smoothed


def _moved(values: NDArray[np.float32], places: tuple[Gray, Gray]) -> NDArray[np.float32]:
    return cv2.remap(values, *places, cv2.INTER_LINEAR, borderMode=_BORDER)


def _across(gray: Gray) -> tuple[Gray, Gray]:
    """Return the direction across a picture's lines as unit vectors: the main axis of the smoothed structure tensor."""
    height, width = gray.shape
    half = _halved(gray)
    x, y = (cv2.Scharr(half, cv2.CV_32F, *way, borderType=_BORDER) for way in ((1, 0), (0, 1)))
    doubled = cv2.GaussianBlur(cv2.merge([x * x - y * y, 2 * x * y]), (0, 0), _TENSOR / 2, borderType=_BORDER)
    doubled = cv2.resize(doubled, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)[:height, :width]
    cosine, sine = (np.ascontiguousarray(doubled[:, :, index]) for index in (0, 1))
    angle = cv2.phase(cosine, sine) * np.float32(0.5)
    return np.cos(angle), np.sin(angle)


def _told(picture: Pixels) -> Gray:
    """Return the share of the difference to add back in the first octave: less in plain areas, where a grid shows."""
    gray = _gray(picture)
    mean = cv2.GaussianBlur(gray, (0, 0), _NEAR, borderType=_BORDER)
    square = cv2.GaussianBlur(gray * gray, (0, 0), _NEAR, borderType=_BORDER)
    contrast = cv2.sqrt((square - mean * mean).clip(0))
    return np.float32(_PLAIN) + np.float32(_DRAWN - _PLAIN) * contrast / (contrast + np.float32(_CONTRAST))


def windows(size: Size) -> Iterator[Place]:
    """Yield the rows and columns of a picture's windows, which begin at even places."""
    rows, columns = (parts(side, _SIDE, 2) for side in size[::-1])
    yield from itertools.product(rows, columns)


def luminances(photo: Samples, small: Size, budget: int) -> list[Gray]:
    """Return a photo's luminance at the sizes through which its painting grows, except for the last size.

    The first has the painting's size. Each later one is half of the next, and the last is half of the photo.

    Args:
        photo: H x W x 3.
        small: the painting's size.
        budget: as for `enlarge`.
    """
    width, height = photo.shape[1], photo.shape[0]
    *larger, _ = octaves(small, (width, height))
    found: list[Gray] = []
    for size in reversed(larger):
        found.append(_halved(found[-1]) if found else _in_strips(photo, size, _halved, budget))
    least = found[-1] if found else _in_strips(photo, (width, height), lambda gray: gray, budget)
    return [cv2.resize(least, small, interpolation=cv2.INTER_AREA), *reversed(found)]


def _in_strips(photo: Samples, size: Size, change: Callable[[Gray], Gray], budget: int) -> Gray:
    """Apply `change` to strips of the photo's luminance. `size` is the photo's size or half of it."""
    height, width = photo.shape[:2]
    found, halves = allocate((size[1], size[0]), np.float32, budget), size[1] < height

    def compute(rows: slice) -> None:
        strip = change(_luma(photo, (rows, slice(0, width))))
        first = rows.start // 2 if halves else rows.start
        found[first : first + len(strip)] = strip

    with ThreadPoolExecutor(threads()) as pool:
        for _ in pool.map(compute, parts(height, _SIDE, 2)):
            pass
    return found


def _luma(photo: Samples, place: Place) -> Gray:
    """Return a window of a photo's luminance."""
    return _gray(floats(photo[place]))


def _part(gray: Gray, place: Place) -> Gray:
    return np.ascontiguousarray(gray[place])


def _gray(picture: Pixels) -> Gray:
    return cv2.transform(picture, LUMA[None])


@functools.lru_cache(maxsize=8)
def _grid(height: int, width: int) -> tuple[Gray, Gray]:
    """Return the column and the row of every pixel."""
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return columns, rows

"""Value ranges: the numbers that stand for colors in a network, and how to find them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from impasto.errors import UsageError
from impasto.pixels.arrays import Pixels, resize

Triple = tuple[float, float, float]
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's photographs
_CAFFE = 123.68, 116.779, 103.939  # means of ImageNet's photographs, in 0..255


@dataclass(frozen=True)
class Values:
    """The numbers that stand for a picture's colors.

    Attributes:
        low, high: the numbers for black and for white, of red, green and blue.
        bgr: True if the channels are in the order blue, green, red.
    """

    low: Triple = (0.0, 0.0, 0.0)
    high: Triple = (1.0, 1.0, 1.0)
    bgr: bool = False

    @staticmethod
    def of(low: float, high: float, *, bgr: bool = False) -> Values:
        return Values((low,) * 3, (high,) * 3, bgr)

    @property
    def even(self) -> bool:
        """True if all three channels have the same range."""
        return len({*self.low}) == len({*self.high}) == 1

    def numbers(self, picture: Pixels) -> Pixels:
        """Convert a picture, H x W x 3 in 0..1, to the network's numbers, H x W x 3."""
        numbers = picture * (self._array(self.high) - self._array(self.low)) + self._array(self.low)
        return numbers[:, :, ::-1] if self.bgr else numbers

    def picture(self, numbers: Pixels) -> Pixels:
        """Convert the network's numbers, H x W x 3, to a picture, which may exceed 0..1."""
        ordered = numbers[:, :, ::-1] if self.bgr else numbers
        return (ordered - self._array(self.low)) / (self._array(self.high) - self._array(self.low))

    def _array(self, three: Triple) -> Any:
        return np.float32(three[0]) if self.even else np.array(three, np.float32)

    def normalized(self, mean: Triple, deviation: Triple) -> Values:
        """Return the range after subtraction of a mean and division by a deviation."""

        def changed(three: Triple) -> Triple:
            red, green, blue = ((a - b) / c for a, b, c in zip(three, mean, deviation, strict=True))
            return red, green, blue

        return Values(changed(self.low), changed(self.high), self.bgr)

    def as_dict(self) -> dict[str, Any]:
        return {"low": list(self.low), "high": list(self.high), "bgr": self.bgr}

    @staticmethod
    def from_dict(found: dict[str, Any]) -> Values:
        """Parse the result of `as_dict`. Raise ValueError, KeyError or TypeError for other values."""
        low, high = (tuple(map(float, found[key])) for key in ("low", "high"))
        if len(low) != 3 or len(high) != 3 or not all(0 < abs(a - b) < _HUGE for a, b in zip(low, high, strict=True)):
            raise ValueError("the range of values is invalid")
        return Values(low, high, bool(found["bgr"]))

    def __str__(self) -> str:
        known = next((name for name, values in NAMED.items() if values == self), "")
        if known:
            return known
        plain = next((name for name, values in NAMED.items() if (values.low, values.high) == (self.low, self.high)), "")
        spans = [f"{a:g}..{b:g}" for a, b in zip(self.low, self.high, strict=True)]
        text = plain or (spans[0] if self.even else ", ".join(spans))
        return f"{text} in the order blue, green, red" if self.bgr else text


PLAIN = Values()
BYTES = Values.of(0, 255)
SIGNED = Values.of(-1, 1)
NAMED = {
    "0..1": PLAIN,
    "0..255": BYTES,
    "-1..1": SIGNED,
    "imagenet": PLAIN.normalized(_MEAN, _DEVIATION),
    "caffe": Values(BYTES.normalized(_CAFFE, (1, 1, 1)).low, BYTES.normalized(_CAFFE, (1, 1, 1)).high, bgr=True),
}
"""Ranges by the names that users type."""

_SIMPLE = [(values.low, values.high) for values in (PLAIN, BYTES, SIGNED)]
_MIXED = 0.15  # two different ranges must be better by this than one range for both
_SOUND = 0.8  # unusual ranges must be better by this if the usual range gives a valid picture
_NEAR = 0.05  # mean difference from the photo, below which a picture is nearly the photo
_BYTE = 8  # bright values above this belong to 0..255
_SIGNED, _WIDE = 1.05, 0.85  # values below stay in -1..1; the deviation of normalized pictures is about 1
_SAME = 0.2  # tolerated difference of numbers, relative to their deviation
_BEYOND = 0.02  # visible excess beyond black and white, or visible deviation in a picture
_LARGE = 4  # larger than any mean or deviation of values in 0..1
_HUGE = 1e6  # larger than any value of a picture
_ROUNDED = 0.2  # tolerated difference of means that are written with fewer digits
_SIDE = 48  # of the small pictures whose colors are compared


def read_range(text: str) -> Values:
    """Parse a range of values as users type it.

    >>> read_range("-1..1") == SIGNED
    True
    >>> str(read_range("16..235"))
    '16..235'

    Raises:
        UsageError: the text is not a range.
    """
    if text.lower() in NAMED:
        return NAMED[text.lower()]
    low, _, high = text.partition("..")
    try:
        values = Values.of(_number(low), _number(high))
    except ValueError:
        values = Values.of(0, 0)
    if values.low >= values.high:
        hint = f"{', '.join(NAMED)}, or LOW..HIGH with LOW below HIGH"
        raise UsageError(f"{text!r} is not a range of values", hint, code="malformed")
    return values


def read_ranges(
    takes: str | None, gives: str | None, mean: str | None = None, deviation: str | None = None
) -> tuple[Values | None, Values | None]:
    """Parse the value ranges of a network's input and output as users type them.

    Args:
        mean, deviation: three numbers, "0.485,0.456,0.406", for pictures in the range `takes`. The default range is
            0..1, or 0..255 if a number is above 4.
    Raises:
        UsageError: a text is not a range, or not three numbers.
    """
    seen = None if takes is None else read_range(takes)
    made = None if gives is None else read_range(gives)
    if mean is None and deviation is None:
        return seen, made
    less = (0.0, 0.0, 0.0) if mean is None else _three(mean, "--mean")
    over = (1.0, 1.0, 1.0) if deviation is None else _three(deviation, "--std")
    if min(over) <= 0:
        raise UsageError(f"--std contains {min(over):g}", "give three numbers above 0", code="out-of-range")
    seen = seen or (BYTES if max(map(abs, (*less, *over))) > _LARGE else PLAIN)
    return seen.normalized(less, over), made


def by_means(offsets: Iterable[Sequence[float]]) -> tuple[Values | None, Values | None]:
    """Return the ranges of a network that subtracts ImageNet's means, in 0..255, from pictures, or adds them again.

    The order of the means is that of the channels. If the network subtracts them, its output range is unknown.

    Args:
        offsets: triples that it adds to a picture.
    """
    for offset in offsets:
        for bgr, means in ((False, _CAFFE), (True, _CAFFE[::-1])):
            if len(offset) == 3 and np.allclose(np.abs(offset), means, rtol=0, atol=_ROUNDED):
                whole = replace(BYTES, bgr=bgr)
                if max(offset) < 0:
                    return whole, None
                if min(offset) > 0:
                    return replace(NAMED["caffe"], bgr=bgr), whole
    return None, None


def _three(text: str, option: str) -> Triple:
    try:
        red, green, blue = (_number(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise UsageError(f"{option} {text!r} is not three numbers", f"{option} 0.5,0.5,0.5", code="malformed") from None
    return red, green, blue


def _number(text: str) -> float:
    """Parse a number. Raise ValueError unless a network can use it."""
    if not abs(number := float(text)) < _HUGE:
        raise ValueError("the number is not finite, or is too large")
    return number


def find_ranges(
    run: Callable[[Pixels], Pixels],
    photo: Pixels,
    takes: Values | None = None,
    gives: Values | None = None,
    *,
    bgr: bool = False,
) -> tuple[Values, Values] | None:
    """Find the value ranges of a network's input and output from its results for a photo.

    1. Ranges with which the network returns nearly the same photo are right.
    2. Otherwise the output's numbers tell its range, and the input has the same range. Most networks normalize their
       input, so its range does not matter.
    3. If the result with these ranges is not a valid picture (flat, or mostly beyond black and white), the ranges with
       the picture most similar to the photo are chosen.

    Args:
        run: converts a photo in a range, H x W x 3, to the network's own numbers for it, of any height and width.
        photo: H x W x 3, 0..1.
        takes, gives: known ranges.
        bgr: True if the channels are known to be in the order blue, green, red.
    Returns:
        The ranges of input and output; None if the network's results are not numbers.
    """
    made: dict[Values, Pixels] = {}
    for seen in _candidates(takes, bgr=bgr):
        numbers = run(seen.numbers(photo))
        if np.isfinite(numbers).all():
            made[seen] = numbers
    if not made:
        return None
    pairs = [(seen, other) for seen in made for other in _candidates(gives, seen, bgr=seen.bgr)]
    pictures = {(seen, other): other.picture(made[seen]) for seen, other in pairs}

    near = {pair: _difference(picture, photo) + _unusual(*pair) / 15 for pair, picture in pictures.items()}
    best = min(near, key=lambda pair: near[pair])
    if near[best] < _NEAR:
        return best
    first = next(iter(made))
    kind = gives or replace(_kind(made[first]), bgr=bgr or first.bgr)
    usual = (kind if takes is None and kind in made else first), kind
    sound = usual in pictures and _is_picture(pictures[usual])
    if sound and _alike([made[seen] for seen in made if seen.bgr == bgr]):
        return usual
    worth = {
        pair: _distance(picture, photo)
        + _unusual(*pair)
        + (not _is_picture(picture))
        + _SOUND * (sound and pair != usual)
        for pair, picture in pictures.items()
        if pair[0].bgr == first.bgr  # with unnatural colors, the order of the channels cannot be found
    }
    return min(worth, key=lambda pair: worth[pair])


def _candidates(known: Values | None, seen: Values | None = None, *, bgr: bool) -> list[Values]:
    """Return possible ranges. For an output, those that fit the input's range."""
    if known is not None:
        return [known]
    found = [
        replace(values, bgr=values.bgr or bgr) for name, values in NAMED.items() if seen is None or name != "caffe"
    ]
    return found if seen is None or seen in found else [*found, seen]


def _unusual(takes: Values, gives: Values) -> float:
    """Return the handicap of ranges other than 0..1, 0..255 or -1..1 for both input and output."""
    simple = [(values.low, values.high) in _SIMPLE for values in (takes, gives)]
    if takes == gives:
        return 0.0 if simple[0] else _MIXED / 2
    return _MIXED if simple[1] and not takes.bgr else 2 * _MIXED


def _alike(made: list[Pixels]) -> bool:
    """Return True if a network's result is the same for a photo in every range."""
    first, *others = made
    return all(np.median(np.abs(first - other)) < _SAME * first.std() for other in others)


def _kind(numbers: Pixels) -> Values:
    """Guess the range of numbers."""
    darkest, brightest = np.percentile(numbers, (5, 95))
    if brightest > _BYTE:
        return BYTES
    if darkest > -0.25:
        return PLAIN
    return SIGNED if np.abs(numbers).max() < _SIGNED or numbers.std() < _WIDE else NAMED["imagenet"]


def _is_picture(painted: Pixels) -> bool:
    """Return True if a picture is neither flat nor mostly beyond black and white."""
    beyond = np.abs(painted - painted.clip(0, 1)) > _BEYOND
    return bool(beyond.mean() < 0.5 and painted.clip(0, 1).std((0, 1)).max() > _BEYOND)


def _difference(painted: Pixels, photo: Pixels) -> float:
    """Return the difference of a picture's colors from the photo's, including excess beyond black and white."""
    small = [resize(part.clip(0, 1), _SIDE, _SIDE) for part in (painted, photo)]
    beyond = np.abs(painted - painted.clip(0, 1)).mean()
    return float(np.abs(small[0] - small[1]).mean() + beyond)


def _distance(painted: Pixels, photo: Pixels) -> float:
    """Return how little a picture resembles the photo, in its darkest and brightest values and in its colors."""
    ends = np.abs(np.percentile(painted, (1, 99)) - np.percentile(photo, (1, 99))).clip(0, 2)
    return float(ends.sum()) + min(_difference(painted, photo) * 2, 2)

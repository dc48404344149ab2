"""Which numbers stand for a picture's colors in a network, and how to find out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from impasto.errors import UsageError
from impasto.pixels.arrays import Pixels, resize

Triple = tuple[float, float, float]
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's photographs
_CAFFE = 123.68, 116.779, 103.939  # of ImageNet's photographs, in 0..255


@dataclass(frozen=True)
class Values:
    """The numbers that stand for a picture's colors.

    Attributes:
        low, high: of red, green and blue: what stands for black, and for white.
        bgr: the channels lie in the order blue, green, red.
    """

    low: Triple = (0.0, 0.0, 0.0)
    high: Triple = (1.0, 1.0, 1.0)
    bgr: bool = False

    @staticmethod
    def of(low: float, high: float, *, bgr: bool = False) -> Values:
        return Values((low,) * 3, (high,) * 3, bgr)

    @property
    def even(self) -> bool:
        """Whether all three channels have the same numbers."""
        return len({*self.low}) == len({*self.high}) == 1

    def numbers(self, picture: Pixels) -> Pixels:
        """A picture, H x W x 3 in 0..1, as the network has it, H x W x 3."""
        numbers = picture * (self._array(self.high) - self._array(self.low)) + self._array(self.low)
        return numbers[:, :, ::-1] if self.bgr else numbers

    def picture(self, numbers: Pixels) -> Pixels:
        """The network's numbers, H x W x 3, as a picture, which may leave 0..1."""
        ordered = numbers[:, :, ::-1] if self.bgr else numbers
        return (ordered - self._array(self.low)) / (self._array(self.high) - self._array(self.low))

    def _array(self, three: Triple) -> Any:
        return np.float32(three[0]) if self.even else np.array(three, np.float32)

    def normalized(self, mean: Triple, deviation: Triple) -> Values:
        """These numbers less a mean, over a deviation."""

        def changed(three: Triple) -> Triple:
            red, green, blue = ((a - b) / c for a, b, c in zip(three, mean, deviation, strict=True))
            return red, green, blue

        return Values(changed(self.low), changed(self.high), self.bgr)

    def as_dict(self) -> dict[str, Any]:
        return {"low": list(self.low), "high": list(self.high), "bgr": self.bgr}

    @staticmethod
    def from_dict(found: dict[str, Any]) -> Values:
        """Raises ValueError, KeyError or TypeError unless `found` is what `as_dict` gives."""
        low, high = (tuple(map(float, found[key])) for key in ("low", "high"))
        if len(low) != 3 or len(high) != 3 or not all(0 < abs(a - b) < _HUGE for a, b in zip(low, high, strict=True)):
            raise ValueError("no range of values")
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
"""Ranges by the names that users know them by."""

_SIMPLE = [(values.low, values.high) for values in (PLAIN, BYTES, SIGNED)]
_MIXED = 0.15  # that two ranges must be better by than one for both, and
_SOUND = 0.8  # that others must be better by than the usual range where that gives a picture
_NEAR = 0.05  # mean difference from the photo of a picture that is nearly the photo
_BYTE = 8  # bright values above are those of 0..255
_SIGNED, _WIDE = 1.05, 0.85  # values below stay in -1..1; the deviation of normalized pictures is about 1
_SAME = 0.2  # of their deviation, in which numbers may differ
_BEYOND = 0.02  # beyond black and white, or deviation in a picture, that can be seen
_LARGE = 4  # no mean or deviation of values in 0..1
_HUGE = 1e6  # no value of a picture
_ROUNDED = 0.2  # in which means may differ that are written in fewer digits
_SIDE = 48  # of the small pictures whose colors are compared


def read_range(text: str) -> Values:
    """A range of values as users write it.

    >>> read_range("-1..1") == SIGNED
    True
    >>> str(read_range("16..235"))
    '16..235'

    Raises:
        UsageError: it is none.
    """
    if text.lower() in NAMED:
        return NAMED[text.lower()]
    low, _, high = text.partition("..")
    try:
        values = Values.of(_number(low), _number(high))
    except ValueError:
        values = Values.of(0, 0)
    if values.low >= values.high:
        hint = f"{', '.join(NAMED)}, or LOW..HIGH, LOW below HIGH"
        raise UsageError(f"{text!r} is no range of values", hint, code="malformed")
    return values


def read_ranges(
    takes: str | None, gives: str | None, mean: str | None = None, deviation: str | None = None
) -> tuple[Values | None, Values | None]:
    """What a network takes and gives as users write it.

    Args:
        mean, deviation: three numbers, "0.485,0.456,0.406", of pictures in the range `takes`; unless that is given, in
            0..1 or, where they are above 4, in 0..255.
    Raises:
        UsageError: a text is no range, or not three numbers.
    """
    seen = None if takes is None else read_range(takes)
    made = None if gives is None else read_range(gives)
    if mean is None and deviation is None:
        return seen, made
    less = (0.0, 0.0, 0.0) if mean is None else _three(mean, "--mean")
    over = (1.0, 1.0, 1.0) if deviation is None else _three(deviation, "--std")
    if min(over) <= 0:
        raise UsageError(f"--std has {min(over):g}", "three numbers above 0", code="out-of-range")
    seen = seen or (BYTES if max(map(abs, (*less, *over))) > _LARGE else PLAIN)
    return seen.normalized(less, over), made


def by_means(offsets: Iterable[Sequence[float]]) -> tuple[Values | None, Values | None]:
    """What a network sees and gives that takes ImageNet's means, in 0..255, off pictures, or puts them back.

    The order of the means is the channels'. Of a network that takes them off, what it gives is not known.

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
    """Raises ValueError unless it is a number that a network can have."""
    if not abs(number := float(text)) < _HUGE:
        raise ValueError("no such value")
    return number


def find_ranges(
    run: Callable[[Pixels], Pixels],
    photo: Pixels,
    takes: Values | None = None,
    gives: Values | None = None,
    *,
    bgr: bool = False,
) -> tuple[Values, Values] | None:
    """Which ranges a network takes and gives, by what it makes of a photo.

    1. Ranges with which it leaves the photo nearly as it is are right.
    2. Else its numbers tell what it gives, and it takes the same: networks that normalize what they see, as most do, do
       not care.
    3. Where that is no picture, but flat or mostly beyond black and white, the ranges are taken whose picture is most
       like one of the photo.

    Args:
        run: from a photo in a range, H x W x 3, to the network's own numbers for it, of any height and width.
        photo: H x W x 3, 0..1.
        takes, gives: what is known.
        bgr: its channels are known to lie in the order blue, green, red.
    Returns:
        What it takes and what it gives; None if it makes no numbers of the photo.
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
        if pair[0].bgr == first.bgr  # of strange colors nobody can tell in which order they were meant
    }
    return min(worth, key=lambda pair: worth[pair])


def _candidates(known: Values | None, seen: Values | None = None, *, bgr: bool) -> list[Values]:
    """Ranges that may be; for what a network gives, those that go with what it takes."""
    if known is not None:
        return [known]
    found = [
        replace(values, bgr=values.bgr or bgr) for name, values in NAMED.items() if seen is None or name != "caffe"
    ]
    return found if seen is None or seen in found else [*found, seen]


def _unusual(takes: Values, gives: Values) -> float:
    """What a pair of ranges must be better by than the usual ones: 0..1, 0..255 or -1..1, for photo and result."""
    simple = [(values.low, values.high) in _SIMPLE for values in (takes, gives)]
    if takes == gives:
        return 0.0 if simple[0] else _MIXED / 2
    return _MIXED if simple[1] and not takes.bgr else 2 * _MIXED


def _alike(made: list[Pixels]) -> bool:
    """Whether a network makes the same of a photo in every range."""
    first, *others = made
    return all(np.median(np.abs(first - other)) < _SAME * first.std() for other in others)


def _kind(numbers: Pixels) -> Values:
    """What range numbers look like."""
    darkest, brightest = np.percentile(numbers, (5, 95))
    if brightest > _BYTE:
        return BYTES
    if darkest > -0.25:
        return PLAIN
    return SIGNED if np.abs(numbers).max() < _SIGNED or numbers.std() < _WIDE else NAMED["imagenet"]


def _is_picture(painted: Pixels) -> bool:
    """Whether it is neither flat nor mostly beyond black and white."""
    beyond = np.abs(painted - painted.clip(0, 1)) > _BEYOND
    return bool(beyond.mean() < 0.5 and painted.clip(0, 1).std((0, 1)).max() > _BEYOND)


def _difference(painted: Pixels, photo: Pixels) -> float:
    """How far a picture's colors are from the photo's, what lies beyond black and white included."""
    small = [resize(part.clip(0, 1), _SIDE, _SIDE) for part in (painted, photo)]
    beyond = np.abs(painted - painted.clip(0, 1)).mean()
    return float(np.abs(small[0] - small[1]).mean() + beyond)


def _distance(painted: Pixels, photo: Pixels) -> float:
    """How far a picture is from looking like one of the photo: in its darkest and brightest values, and in colors."""
    ends = np.abs(np.percentile(painted, (1, 99)) - np.percentile(photo, (1, 99))).clip(0, 2)
    return float(ends.sum()) + min(_difference(painted, photo) * 2, 2)

"""Check the folders of a training: too few pictures, duplicates, or photos in place of paintings."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from impasto.engines.by_name import engine_of
from impasto.errors import ImpastoError, PictureError, UsageError
from impasto.picture import Picture
from impasto.picture.reading import size_of
from impasto.pixels.arrays import floats, resize
from impasto.system.files import ASSETS
from impasto.training.data import Photos, read, read_each

LEAST = 4  # pictures
FEW = 30  # with fewer pictures than this, a collection's look is learned only in part
_LOOKED_AT = 5000  # most pictures that are compared with each other
_JUDGED = 16  # pictures of a folder that are classified as painted or photographed
_NAMED, _REFUSED = 0.1, 0.5  # shares of duplicates in a folder: above the first, warn; above the second, refuse
_NEAR = 6  # of 128 bits; fingerprints that differ in at most so many belong to one picture
_SIDE = 8  # cells a side of a fingerprint
_PLAIN = 0.01  # standard deviation of luminance over the cells below which a picture counts as plain
_UNLIKE = 0.3  # warn if a smaller share of a folder's pictures is of the expected kind


def check_collection(photos: Photos, paintings: Photos, names: tuple[str, str]) -> None:
    """Check the two folders of a collection's training. Warn of what looks odd.

    Args:
        names: of the folders of photos and of paintings.
    Raises:
        UsageError: there are too few paintings or photos, most pictures are duplicates, both folders contain the same
            pictures, or the two folders are swapped.
    """
    check_count(photos, names[0], "photos")
    check_count(paintings, names[1], "paintings")
    of_photos, of_paintings = fingerprints(photos), fingerprints(paintings)
    _check_shared(of_photos, of_paintings, names)
    _check_repeated(of_photos, names[0])
    _check_repeated(of_paintings, names[1])
    _check_kinds(photos, paintings, names)
    if len(paintings.items) < FEW:
        warnings.warn(
            f"{len(paintings.items)} paintings are few: colors and brush work can be learned from them, shapes hardly",
            stacklevel=2,
        )


def check_count(photos: Photos, name: str, noun: str) -> None:
    """Raise a UsageError if a folder has fewer than four pictures."""
    if len(photos.items) < LEAST:
        raise UsageError(
            f"{name} contains only {len(photos.items)} {noun}",
            f"at least {LEAST} are needed, a hundred are usual; for one painting, type impasto styles learn",
            code="no-pictures",
        )


def fingerprints(photos: Photos) -> NDArray[np.bool_]:
    """Return the fingerprints of up to five thousand pictures, N x 128.

    Each bit says whether a cell of the picture is lighter than the next one, sideways or down. Copies of one picture,
    whatever their size and quality, have nearly the same fingerprint. Unreadable and plain pictures have none.
    """
    items = photos.spread(_LOOKED_AT)

    def mark(index: int) -> NDArray[np.bool_] | None:
        try:
            picture = Picture.open(read(items[index]), shorter=4 * _SIDE)
        except (ImpastoError, OSError):
            return None
        light = resize(floats(picture.samples).mean(2, keepdims=True).repeat(3, 2), _SIDE + 1, _SIDE + 1)[..., 0]
        if light.std() < _PLAIN:
            return None
        steps = np.diff(light, axis=1)[:-1], np.diff(light, axis=0)[:, :-1]
        return np.concatenate([step.ravel() > 0 for step in steps])

    with ThreadPoolExecutor(4) as pool:
        found = [bits for bits in pool.map(mark, range(len(items))) if bits is not None]
    return np.array(found, bool).reshape(len(found), 2 * _SIDE**2)


def repeated(marks: NDArray[np.bool_]) -> int:
    """Count the pictures of a folder that duplicate an earlier one."""
    near = _distances(marks, marks) <= _NEAR
    return int(np.triu(near, 1).any(0).sum())


def shared(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> int:
    """Count the pictures of the second folder that are also in the first."""
    return int((_distances(first, second) <= _NEAR).any(0).sum()) if len(first) and len(second) else 0


def painted_share(photos: Photos) -> float:
    """Return the share of pictures in a folder that look painted rather than photographed. Sixteen are examined."""
    found = list(read_each(photos.spread(_JUDGED), lambda item: looks_painted(Picture.open(read(item), shorter=320))))
    return float(np.mean(found)) if found else 0.5


def looks_painted(picture: Picture) -> bool:
    """Return True if a picture looks painted rather than photographed, judged by its style vector."""
    judge = _judge()
    vector = engine_of("light").encode(picture.at_most(512).pixels).embedding
    told = np.clip(vector, judge["least"], judge["most"]) @ judge["weight"] + judge["bias"]
    return bool(told[0] > 0)


@functools.cache
def _judge() -> dict[str, NDArray[np.float32]]:
    """Load the classifier that `tools/build_painted.py` has fitted."""
    with np.load(ASSETS / "light" / "painted.npz", allow_pickle=False) as found:
        return dict(found)


def _distances(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the number of differing bits for every two fingerprints."""
    one, two = first.astype(np.float32), second.astype(np.float32)
    return np.abs(one.sum(1)[:, None] + two.sum(1)[None] - 2 * one @ two.T)


def _check_repeated(marks: NDArray[np.bool_], name: str) -> None:
    count = repeated(marks)
    text = f"{count} of {len(marks)} pictures in {name} are duplicates"
    if count > _REFUSED * len(marks):
        raise UsageError(text, "keep one of each, or train anyway with --unchecked", code="conflict")
    if count > _NAMED * len(marks):
        warnings.warn(f"{text}; the training sees each copy", stacklevel=3)


def _check_shared(photos: NDArray[np.bool_], paintings: NDArray[np.bool_], names: Sequence[str]) -> None:
    count = shared(photos, paintings)
    text = f"{count} of {len(paintings)} paintings in {names[1]} are also among the photos in {names[0]}"
    if count > _REFUSED * len(paintings):
        raise UsageError(
            text, "use two folders without common pictures, or train anyway with --unchecked", code="conflict"
        )
    if count > _NAMED * len(paintings):
        warnings.warn(text, stacklevel=3)


def _check_kinds(photos: Photos, paintings: Photos, names: Sequence[str]) -> None:
    of_photos, of_paintings = painted_share(photos), painted_share(paintings)
    if of_photos > 1 - _UNLIKE and of_paintings < _UNLIKE:
        raise UsageError(
            f"{names[0]} looks like paintings, {names[1]} like photos",
            "swap --photos and --paintings, or train anyway with --unchecked",
            code="conflict",
        )
    if of_paintings < _UNLIKE:
        warnings.warn(
            f"{_percent(1 - of_paintings)} of the pictures in {names[1]} look like photos, not paintings", stacklevel=3
        )
    if of_photos > 1 - _UNLIKE:
        warnings.warn(
            f"{_percent(of_photos)} of the pictures in {names[0]} look like paintings, not photos", stacklevel=3
        )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def check_pairs(inputs: Photos, targets: Photos | None, names: tuple[str, str], unmatched: int) -> None:
    """Check the folders of a training on pairs. Warn of what looks odd.

    Raises:
        UsageError: there are too few pairs, or most of them are duplicates.
        PictureError: a picture that should contain input and target side by side is too narrow.
    """
    check_count(inputs, names[0], "pairs")
    if unmatched:
        warnings.warn(f"{unmatched} pictures have no partner with the same name and are skipped", stacklevel=2)
    if targets is None:
        _check_halves(inputs)
    _check_repeated(fingerprints(targets or inputs), names[1])
    if len(inputs.items) < FEW:
        warnings.warn(f"{len(inputs.items)} pairs are few: the network may memorize them", stacklevel=2)


def _check_halves(inputs: Photos) -> None:
    for path, (width, height) in read_each(inputs.items, lambda item: (item.path, size_of(read(item)))):
        if width < 1.5 * height:
            raise PictureError(
                f"{path} is {width} x {height} pixels, not two squares side by side",
                "if inputs and targets are separate files, add --targets FOLDER",
                code="mismatch",
            )
        return

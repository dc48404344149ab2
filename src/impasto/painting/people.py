"""Masks that find themselves: the people of a photo, what is behind them, and their faces.

Two networks find people. DeepLabV3 knows 21 kinds of things and says where a person is, and where only a dog is. SINet,
made for portraits, takes anything in front for a person, but follows outlines closely. So SINet's opinion counts a
little, and as far as people fill the photo. Edges then follow the photo's own (`impasto.pixels.guided`).
"""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.errors import UsageError
from impasto.painting.faces import ellipses, find_faces, resized
from impasto.picture import Picture, Source
from impasto.pixels.arrays import Pixels, Samples, filled, fit, floats, planes
from impasto.pixels.guided import GuidedFilter
from impasto.pixels.masks import FOUND, Mask
from impasto.system.sessions import Model

ASSETS = Path(__file__).parents[1] / "assets" / "person"

_SIDE = 513  # of the photo that DeepLabV3 looks at, as it was trained
_STEP = 16  # its sides are a multiple of this, and one more
_LEAST = 33
_PORTRAIT = 320  # pixels a side that SINet takes
_PORTRAIT_MEAN = np.array([102.890434, 111.25247, 126.91212], np.float32)  # of blue, green, red
_PORTRAIT_SPREAD = np.array([62.93292, 62.82138, 66.355705], np.float32) * 255
_TRUST = 2.0  # SINet's logits count up to here
_FILLED = 0.2  # share of the photo that people cover, from which on SINet counts fully
_GUIDE_SIDE = 640  # of the photo in which the filter's coefficients are computed
_RADIUS, _SMOOTHING = 16, 1e-4
_SURE = 0.12  # a mask's values this near to 0 and 1 become that
_MASK_SIDE = 2048  # of a mask, at most; larger photos stretch it
_LEAST_PERSON = 1.0  # logit that somebody reaches somewhere
_FACE_INSIDE = 0.3  # mean of the person mask within a face


def person_mask(photo: Source) -> Mask:
    """Where people are in a photo.

    Warns where nobody is found.

    Args:
        photo: a path, bytes, a file object, a PIL image, an array or a `Picture`; of an animation its first frame.
    Returns:
        H x W, float32: 1 is a person, 0 is none, edges are in between. It has the photo's size.
    Raises:
        PictureError: as `Picture.open`.

    >>> impasto.person_mask("photo.jpg").shape
    (36, 64)
    """
    picture = Picture.open(photo)
    mask = automatic_mask("person", picture)
    return cv2.resize(mask, (picture.width, picture.height), interpolation=cv2.INTER_LINEAR)


def automatic_mask(name: str, picture: Picture) -> Mask:
    """One of a photo's own masks, by its name.

    Warns where nobody is found; "person" and "faces" are 0 everywhere then, "background" is 1.

    Args:
        name: "person", "background" (all that is no person) or "faces".
        picture: of an animation its first frame counts.
    Returns:
        H x W, float32, 0..1: of the picture's proportions, 2048 pixels a side at most.
    Raises:
        UsageError: there is no mask of that name.
    """
    return mask_in(name, filled(picture.samples, picture.alpha))


def mask_in(name: str, photo: Samples, *, warn: bool = True) -> Mask:
    """As `automatic_mask`, of samples.

    Args:
        photo: H x W x 3.
        warn: whether to warn where nobody is found.
    """
    if name not in FOUND:
        raise UsageError(f"{name!r} is no mask", f"one of {', '.join(FOUND)}", code="unknown-choice")
    large = floats(_smaller(photo, _MASK_SIDE))
    found = masks_of({name}, see(large, faces=name == "faces"), large)[name]
    if warn and not (1 - found if name == "background" else found).any():
        warnings.warn(nothing_found(name, "photo"), stacklevel=3)
    return found


def nothing_found(name: str, where: str) -> str:
    """What is said of a mask in which nothing was found."""
    what, covers = "no face" if name == "faces" else "nobody", "everything" if name == "background" else "nothing"
    return f"{what} was found in the {where}: the mask {name} covers {covers}"


@dataclass(frozen=True)
class Seen:
    """What the networks see in a photo, at a size of 640 pixels a side at most.

    Attributes:
        people: h x w, logits.
        faces: h x w, 0..1; None, they were not looked for.
    """

    people: NDArray[np.float32]
    faces: NDArray[np.float32] | None


def see(photo: Pixels, *, faces: bool) -> Seen:
    """Look for people.

    Args:
        photo: H x W x 3, float32, 0..1.
        faces: look for faces as well.
    """
    small = _smaller(photo, _GUIDE_SIDE)
    size = small.shape[1], small.shape[0]
    logits = _seen_by_deeplab(photo)
    trust = np.float32(_TRUST * min(1.0, float((logits > 0).mean()) / _FILLED))
    if logits.max() < _LEAST_PERSON:  # doubtful places are nobody, too
        logits, trust = np.minimum(logits, -_LEAST_PERSON), np.float32(0)
    people = cv2.resize(logits, size, interpolation=cv2.INTER_LINEAR)
    if trust:
        people += cv2.resize(_seen_by_sinet(photo), size, interpolation=cv2.INTER_LINEAR).clip(-trust, trust)
    found = None
    if faces:
        person = _shares(people)
        there = [face for face in find_faces(small) if _mean_inside(person, face.box) > _FACE_INSIDE]
        found = ellipses(there, *size)
    return Seen(people, found)


def masks_of(names: set[str], seen: Seen, photo: Pixels) -> dict[str, Mask]:
    """The masks of a photo, at its size.

    Args:
        names: of `FOUND`.
        seen: in the photo, or steadied between frames.
        photo: H x W x 3, float32, 0..1.
    """
    person = _to_edges(seen.people, photo)
    found = {"person": person, "background": 1 - person}
    if seen.faces is not None:  # an ellipse ends where the person does
        found["faces"] = cv2.resize(seen.faces, photo.shape[1::-1], interpolation=cv2.INTER_LINEAR) * person
    return {name: found[name] for name in names}


def _to_edges(people: NDArray[np.float32], photo: Pixels) -> Mask:
    """The mask of people, at the photo's size, whose edges are the photo's."""
    height, width = photo.shape[:2]
    if people.max() <= 0:
        return np.zeros((height, width), np.float32)
    size = people.shape[1], people.shape[0]
    small = photo if size == (width, height) else resized(photo, *size)
    radius = max(1, round(_RADIUS * max(size) / _GUIDE_SIDE))
    mask = GuidedFilter(small, radius, _SMOOTHING)(_shares(people), photo)
    mask -= np.float32(_SURE)
    mask *= np.float32(1 / (1 - 2 * _SURE))
    return mask.clip(0, 1, out=mask)


def _shares(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.reciprocal(1 + np.exp(-logits))


def _smaller(photo: Samples, side: int) -> Samples:
    """The photo with a longer side of at most `side` pixels."""
    height, width = photo.shape[:2]
    return photo if max(width, height) <= side else resized(photo, *fit(width, height, side))


@functools.cache
def _network(name: str) -> Model:
    return Model((ASSETS / name).read_bytes)


def _seen_by_deeplab(photo: Pixels) -> NDArray[np.float32]:
    """Logits of "person" against everything else, at an eighth of the size in which the network looks at the photo."""
    height, width = photo.shape[:2]
    sides = (max(_LEAST, round((side - 1) / _STEP) * _STEP + 1) for side in fit(width, height, _SIDE))
    (logits,) = _network("person.onnx").run({"photo": planes(resized(photo, *sides) * 255)})
    return logits[0, 0]


def _seen_by_sinet(photo: Pixels) -> NDArray[np.float32]:
    small = resized(photo, _PORTRAIT, _PORTRAIT)[:, :, ::-1] * 255
    (shares,) = _network("portrait.onnx").run({"data": planes((small - _PORTRAIT_MEAN) / _PORTRAIT_SPREAD)})
    share = shares[0, 1].clip(1e-4, 1 - 1e-4)
    return np.log(share / (1 - share))


def _mean_inside(mask: Mask, box: tuple[float, float, float, float]) -> float:
    left, top, right, bottom = (max(0, round(side)) for side in box)
    part = mask[top:bottom, left:right]
    return float(part.mean()) if part.size else 0.0

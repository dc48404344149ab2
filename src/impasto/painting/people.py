"""Find masks in a photo: people, background and faces.

Two networks find people. DeepLabV3 knows 21 classes: it recognizes a person, and does not mistake a dog for one. SINet
is made for portraits. It takes anything in front for a person, but follows outlines closely. So SINet's logits are
clipped to a limit that grows with the share of the photo that people cover. At the end, a guided filter aligns the
edges with the photo's (`impasto.pixels.guided`).
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

_SIDE = 513  # longer side of the photo in DeepLabV3, as in its training
_STEP = 16  # its sides are a multiple of this, plus one
_LEAST = 33
_PORTRAIT = 320  # side of SINet's input in pixels
_PORTRAIT_MEAN = np.array([102.890434, 111.25247, 126.91212], np.float32)  # of blue, green, red
_PORTRAIT_SPREAD = np.array([62.93292, 62.82138, 66.355705], np.float32) * 255
_TRUST = 2.0  # limit of SINet's logits
_FILLED = 0.2  # share of the photo covered by people, above which SINet has its full limit
_GUIDE_SIDE = 640  # longer side of the photo at which the filter's coefficients are computed
_RADIUS, _SMOOTHING = 16, 1e-4
_SURE = 0.12  # mask values within this distance of 0 and 1 become 0 and 1
_MASK_SIDE = 2048  # largest side of a mask; for larger photos it is stretched
_LEAST_PERSON = 1.0  # least maximum of the logits if a person is in the photo
_FACE_INSIDE = 0.3  # least mean of the person mask within a face


def person_mask(photo: Source) -> Mask:
    """Return a mask of the people in a photo.

    Warn if nobody is found.

    Args:
        photo: a path, bytes, a file object, a PIL image, an array or a `Picture`. Of an animation, the first frame.
    Returns:
        H x W, float32, of the photo's size: 1 is a person, 0 is not, edges lie between.
    Raises:
        PictureError: as `Picture.open`.

    >>> impasto.person_mask("photo.jpg").shape
    (36, 64)
    """
    picture = Picture.open(photo)
    mask = automatic_mask("person", picture)
    return cv2.resize(mask, (picture.width, picture.height), interpolation=cv2.INTER_LINEAR)


def automatic_mask(name: str, picture: Picture) -> Mask:
    """Find one of a photo's masks by its name.

    Warn if nobody is found. Then "person" and "faces" are 0 everywhere, and "background" is 1.

    Args:
        name: "person", "background" (everything except people) or "faces".
        picture: of an animation, the first frame.
    Returns:
        H x W, float32, 0..1, with the picture's proportions and at most 2048 pixels a side.
    Raises:
        UsageError: there is no mask of that name.
    """
    return mask_in(name, filled(picture.samples, picture.alpha))


def mask_in(name: str, photo: Samples, *, warn: bool = True) -> Mask:
    """Find a mask as `automatic_mask` does, in samples.

    Args:
        photo: H x W x 3.
        warn: warn if nobody is found.
    """
    if name not in FOUND:
        raise UsageError(f"unknown mask {name!r}", f"one of {', '.join(FOUND)}", code="unknown-choice")
    large = floats(_smaller(photo, _MASK_SIDE))
    found = masks_of({name}, see(large, faces=name == "faces"), large)[name]
    if warn and not (1 - found if name == "background" else found).any():
        warnings.warn(nothing_found(name, "photo"), stacklevel=3)
    return found


def nothing_found(name: str, where: str) -> str:
    """Return the warning for a mask in which nothing was found."""
    what, covers = "no face" if name == "faces" else "nobody", "everything" if name == "background" else "nothing"
    return f"{what} was found in the {where}: the mask {name} covers {covers}"


@dataclass(frozen=True)
class Seen:
    """What the networks found in a photo, with at most 640 pixels a side.

    Attributes:
        people: h x w, logits.
        faces: h x w, 0..1; None if faces were not requested.
    """

    people: NDArray[np.float32]
    faces: NDArray[np.float32] | None


def see(photo: Pixels, *, faces: bool) -> Seen:
    """Run the networks that find people, and faces if requested.

    Args:
        photo: H x W x 3, float32, 0..1.
        faces: find faces as well.
    """
    small = _smaller(photo, _GUIDE_SIDE)
    size = small.shape[1], small.shape[0]
    logits = _seen_by_deeplab(photo)
    trust = np.float32(_TRUST * min(1.0, float((logits > 0).mean()) / _FILLED))
    if logits.max() < _LEAST_PERSON:  # if no pixel is certain, nobody is in the photo
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
    """Make the masks of a photo, at its size.

    Args:
        names: a subset of `FOUND`.
        seen: the result of `see` for the photo, or one that is smoothed over frames.
        photo: H x W x 3, float32, 0..1.
    """
    person = _to_edges(seen.people, photo)
    found = {"person": person, "background": 1 - person}
    if seen.faces is not None:  # clip the ellipses to the person
        found["faces"] = cv2.resize(seen.faces, photo.shape[1::-1], interpolation=cv2.INTER_LINEAR) * person
    return {name: found[name] for name in names}


def _to_edges(people: NDArray[np.float32], photo: Pixels) -> Mask:
    """Return the mask of people at the photo's size, with its edges aligned to the photo's."""
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
    """Reduce the photo to a longer side of at most `side` pixels."""
    height, width = photo.shape[:2]
    return photo if max(width, height) <= side else resized(photo, *fit(width, height, side))


@functools.cache
def _network(name: str) -> Model:
    return Model((ASSETS / name).read_bytes)


def _seen_by_deeplab(photo: Pixels) -> NDArray[np.float32]:
    """Return the logits of "person", at an eighth of the network's input size."""
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

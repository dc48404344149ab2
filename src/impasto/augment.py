"""Style augmentation: paint training pictures in random styles, so that a network learns shapes and not textures.

Style vectors are drawn from the normal distribution of the vectors of 1,620 paintings, and mixed with the photo's own
(Jackson et al.: Style Augmentation: Data Augmentation via Style Randomization, CVPR workshops 2019).
`tools/style_distribution.py` fits the distribution.

PyTorch, torchvision and Albumentations are used where the caller has loaded them. Arrays need none of them.
"""

from __future__ import annotations

import functools
import importlib
import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image

from impasto.engines.base import Array, StyleVector
from impasto.engines.by_name import engine_class
from impasto.errors import ImpastoError, UsageError
from impasto.pixels.arrays import Pixels, Samples, fit, floats, planes, resize, stored
from impasto.settings import check, setting
from impasto.system.files import ASSETS
from impasto.system.sessions import Model

_LEAST_SIDE = 96  # pixels: at 32 strokes cover what a picture shows
_FAR_OUTSIDE = 0.5  # of 0..1: sharp resampling goes a little beyond, a normalized picture far


@dataclass(eq=False)
class RandomStyle:
    """Paint pictures in random styles, each picture in its own.

    It takes one picture, a batch, or a sample of torchvision v2: nested tuples, lists and dicts. Of a sample the PIL
    images and `tv_tensors.Image`s are painted. Where there are none, the first array or tensor with three or more
    dimensions is. Everything else passes untouched.

    | picture | shape | values |
    |---|---|---|
    | NumPy array | H x W x 3 or B x H x W x 3 | uint8, uint16, or floats in 0..1 |
    | PyTorch tensor, on any device | 3 x H x W or B x 3 x H x W | uint8, or floats in 0..1 |
    | PIL image | any mode, painted in RGB | |

    Results have the shape, the type and the device of what was given. They carry no gradient.

    Attributes:
        alpha: 0..1. The way from the photo's own style vector (0) to the drawn one (1).
        p: 0..1. The probability that a picture is painted.
        seed: the same one draws the same styles again, in every process of the same name and in a DataLoader's workers
            if the loader's generator is seeded, too. None, other styles in each run.
        engine: what paints; the light engine.
        size: pixels of the longer side at which pictures are painted, then brought back to their own size; None, their
            own, and 96 for smaller ones. A larger one makes finer strokes and takes longer.
    Raises:
        UsageError: a setting is out of its range; or, when called, nothing in the sample is a picture, a picture has
            not three channels, or its values are not in 0..1.

    >>> import numpy as np
    >>> from impasto.augment import RandomStyle
    >>> augment = RandomStyle(alpha=0.5, p=0.8, seed=0)
    >>> augment(np.zeros((2, 48, 32, 3), np.uint8)).shape
    (2, 48, 32, 3)
    """

    alpha: float = setting(0.5, "The way from the picture's own style (0) to the drawn one (1).", 0, 1)
    p: float = setting(1.0, "The probability that a picture is painted.", 0, 1)
    _: KW_ONLY
    seed: int | None = setting(None, "Draws the same styles again.", 0, 2**63 - 1)
    engine: Literal["light"] = setting("light", "What paints.")
    size: int | None = setting(None, "Longer side in pixels at which pictures are painted.", 32, 4096)

    def __post_init__(self) -> None:
        check(self)
        self._drawing: tuple[tuple[int, int], np.random.Generator] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What another process gets: it draws by itself."""
        return {**self.__dict__, "_drawing": None}

    def __call__(self, *inputs: Any) -> Any:
        """Paint a picture, a batch, or the pictures of a sample; several arguments are one sample."""
        sample = inputs[0] if len(inputs) == 1 else inputs
        leaves = list(_leaves(sample))
        pictures = [leaf for leaf in leaves if _is_image(leaf)] or [leaf for leaf in leaves if _is_array(leaf)][:1]
        if not pictures:
            raise UsageError(
                "there is no picture to paint",
                "arrays H x W x 3, tensors 3 x H x W, or PIL images",
                code="not-a-picture",
            )
        return _replaced(sample, {id(picture): self._painted(picture) for picture in pictures})

    def for_albumentations(self) -> Any:
        """The same as an `albumentations.ImageOnlyTransform`, with the probability `p`.

        Its styles follow `seed`, not the seed of `albumentations.Compose`.

        Raises:
            ImpastoError: Albumentations is not installed.
        """
        try:
            library: Any = importlib.import_module("albumentations")
        except ModuleNotFoundError:
            raise ImpastoError(
                "Albumentations is not installed", "pip install albumentations", code="missing-extra"
            ) from None
        style, always = self, replace(self, p=1.0)

        class Painted(library.ImageOnlyTransform):  # type: ignore[misc]
            def apply(self, img: Samples, **_: Any) -> Samples:
                return always._painted_array(img)

            def get_transform_init_args_names(self) -> tuple[str, ...]:
                return ()

            def __reduce__(self) -> tuple[Any, ...]:
                return style.for_albumentations, ()

        return Painted(p=self.p)

    def _painted(self, picture: Any) -> Any:
        if isinstance(picture, np.ndarray):
            return self._painted_array(picture)
        if isinstance(picture, Image.Image):
            return Image.fromarray(self._painted_array(np.asarray(picture.convert("RGB"))))
        return self._painted_tensor(picture)

    def _painted_tensor(self, tensor: Any) -> Any:
        if tensor.ndim < 3 or tensor.shape[-3] != 3:
            raise _wrong_shape(tensor.shape)
        last = tensor.detach().cpu().movedim(-3, -1)
        painted = self._painted_array((last.float() if last.is_floating_point() else last).numpy())
        out = tensor.detach().clone()  # keeps torchvision's kind of tensor
        out.copy_(tensor.new_tensor(np.ascontiguousarray(np.moveaxis(painted, -1, -3))))
        return out

    def _painted_array(self, pictures: Samples) -> Samples:
        """H x W x 3 or B x H x W x 3, painted."""
        if pictures.ndim not in (3, 4) or pictures.shape[-1] != 3 or 0 in pictures.shape[-3:]:
            raise _wrong_shape(pictures.shape)
        _check_values(pictures)
        out = pictures.copy()
        for one in out[None] if out.ndim == 3 else out:
            if self._random.random() < self.p:
                one[:] = stored(self._paint(floats(one).clip(0, 1)), one.dtype)
        return out

    def _paint(self, photo: Pixels) -> Pixels:
        """H x W x 3, float32, 0..1, in a style of its own."""
        height, width = photo.shape[:2]
        painter = _painter(self.engine, os.getpid())
        canvas = resize(photo, *fit(width, height, self.size or max(width, height, _LEAST_SIDE)))
        drawn = StyleVector(_paintings(self.engine).draw(self._random))
        if self.alpha < 1:
            drawn = self.alpha * drawn + (1 - self.alpha) * painter.encode(canvas)
        return resize(painter.engine.paint(canvas, drawn), width, height)

    @property
    def _random(self) -> np.random.Generator:
        """This process's own generator."""
        here = os.getpid(), _place()
        if self._drawing is None or self._drawing[0] != here:
            entropy = None if self.seed is None else (self.seed, here[1])
            self._drawing = here, np.random.default_rng(entropy)
        return self._drawing[1]


class _Paintings(NamedTuple):
    """The normal distribution of the style vectors of paintings: its mean, and a root of its covariance."""

    mean: Array
    root: Array

    def draw(self, random: np.random.Generator) -> Array:
        found: Array = self.mean + self.root @ random.standard_normal(self.root.shape[1], np.float32)
        return found


@functools.cache
def _paintings(engine: str) -> _Paintings:
    with np.load(ASSETS / "augment" / f"{engine}.npz") as file:
        return _Paintings(file["mean"], file["root"] * file["scale"].astype(np.float32)[:, None])


class _Painter:
    """An engine, and its encoder for pictures of any size.

    Paintings are encoded at some 512 pixels. A training picture's own style is read off it as it is painted: where
    features are as large as they will be on the canvas, and without the time that a larger one takes.
    """

    def __init__(self, name: str) -> None:
        self.engine = engine_class(name)()
        self._encoder = Model((self.engine.folder / "encode.onnx").read_bytes)

    def encode(self, photo: Pixels) -> StyleVector:
        (embedding,) = self._encoder.run({"picture": planes(self.engine.size.padded(photo))})
        return StyleVector(embedding)


@functools.cache
def _painter(name: str, process: int) -> _Painter:  # noqa: ARG001
    """The engine of this process: a forked one cannot go on with its parent's threads."""
    if multiprocessing.parent_process() is not None:  # a worker beside others: each takes one processor
        os.environ.setdefault("IMPASTO_THREADS", "1")
    return _Painter(name)


def _place() -> int:
    """What tells this process's draws from the others': a DataLoader's seed for its worker, or the process's name."""
    loader = sys.modules.get("torch.utils.data")
    worker = loader.get_worker_info() if loader else None
    if worker is not None:
        return int(worker.seed)
    return int.from_bytes(multiprocessing.current_process().name.encode(), "big")


def _leaves(sample: Any) -> Iterator[Any]:
    if isinstance(sample, Mapping):
        sample = sample.values()
    elif not isinstance(sample, (list, tuple)):
        yield sample
        return
    for part in sample:
        yield from _leaves(part)


def _replaced(sample: Any, painted: Mapping[int, Any]) -> Any:
    """A sample of the same structure with its pictures, by their identity, painted."""
    if isinstance(sample, Mapping):
        parts = {key: _replaced(part, painted) for key, part in sample.items()}
        return parts if type(sample) is dict else type(sample)(parts)  # type: ignore[call-arg]
    if isinstance(sample, (list, tuple)):
        found = [_replaced(part, painted) for part in sample]
        return type(sample)(*found) if hasattr(sample, "_fields") else type(sample)(found)
    return painted.get(id(sample), sample)


def _is_image(leaf: Any) -> bool:
    """Whether it says itself that it is a picture: a PIL image or torchvision's `tv_tensors.Image`."""
    kinds = sys.modules.get("torchvision.tv_tensors")
    return isinstance(leaf, Image.Image) or (kinds is not None and isinstance(leaf, kinds.Image))


def _is_array(leaf: Any) -> bool:
    """Whether it may be a picture: an array, or a tensor of no special kind."""
    torch = sys.modules.get("torch")
    return (isinstance(leaf, np.ndarray) or (torch is not None and type(leaf) is torch.Tensor)) and leaf.ndim > 2


def _check_values(pictures: Samples) -> None:
    if pictures.dtype in (np.uint8, np.uint16):
        return
    if pictures.dtype.kind != "f":
        raise UsageError(
            f"a picture's values are of the type {pictures.dtype}", "uint8, or floats in 0..1", code="not-a-picture"
        )
    low, high = (float(edge) for edge in (pictures.min(initial=0), pictures.max(initial=1)))
    if not (low >= -_FAR_OUTSIDE and high <= 1 + _FAR_OUTSIDE):  # not-a-number is neither
        message = f"a picture's values are in {low:g}..{high:g}, not in 0..1"
        raise UsageError(message, "paint before you normalize", code="out-of-range")


def _wrong_shape(shape: Any) -> UsageError:
    return UsageError(
        f"a picture has the shape {' x '.join(map(str, shape))}",
        "red, green and blue: arrays H x W x 3, tensors 3 x H x W, or batches of them",
        code="not-a-picture",
    )

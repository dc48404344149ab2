"""Style augmentation: paint training pictures in random styles, so that a network learns shapes and not textures.

Style vectors are drawn from a normal distribution that is fitted to the vectors of 1,620 paintings. Each is mixed with
the photo's own style vector (Jackson et al.: Style Augmentation: Data Augmentation via Style Randomization, CVPR
workshops 2019). `tools/style_distribution.py` fits the distribution.

PyTorch, torchvision and Albumentations are optional. NumPy arrays need none of them.
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

_LEAST_SIDE = 96  # pixels; at 32, strokes hide the content of a picture
_FAR_OUTSIDE = 0.5  # beyond 0..1: sharp resampling overshoots a little, a normalized picture far


@dataclass(eq=False)
class RandomStyle:
    """Paint each picture in a random style of its own.

    Pass one picture, a batch, or a sample of torchvision v2: nested tuples, lists and dicts. In a sample, all PIL
    images and `tv_tensors.Image`s are painted. If there are none, the first array or tensor with at least three
    dimensions is painted. All other values pass through unchanged.

    | picture | shape | values |
    |---|---|---|
    | NumPy array | H x W x 3 or B x H x W x 3 | uint8, uint16, or floats in 0..1 |
    | PyTorch tensor, on any device | 3 x H x W or B x 3 x H x W | uint8, or floats in 0..1 |
    | PIL image | any mode, painted in RGB | |

    A result has the shape, type and device of its input. It carries no gradient.

    Attributes:
        alpha: 0..1. Blend between the photo's own style vector (0) and the random one (1).
        p: 0..1. The probability that a picture is painted.
        seed: an equal seed draws equal styles, in every process of the same name. Workers of a DataLoader also need a
            seeded loader generator. None: different styles in each run.
        engine: the engine that paints; only "light".
        size: pixels of the longer side at which pictures are painted, before they are scaled back to their own size.
            None: their own size, but at least 96. A larger size makes finer strokes and takes longer.
    Raises:
        UsageError: a setting is out of its range. When called: the sample contains no picture, a picture does not have
            three channels, or its values are not in 0..1.

    >>> import numpy as np
    >>> from impasto.augment import RandomStyle
    >>> augment = RandomStyle(alpha=0.5, p=0.8, seed=0)
    >>> augment(np.zeros((2, 48, 32, 3), np.uint8)).shape
    (2, 48, 32, 3)
    """

    alpha: float = setting(0.5, "Blend between the picture's own style (0) and the random one (1).", 0, 1)
    p: float = setting(1.0, "The probability that a picture is painted.", 0, 1)
    _: KW_ONLY
    seed: int | None = setting(None, "An equal seed draws equal styles.", 0, 2**63 - 1)
    engine: Literal["light"] = setting("light", "The engine that paints.")
    size: int | None = setting(None, "Longer side in pixels at which pictures are painted.", 32, 4096)

    def __post_init__(self) -> None:
        check(self)
        self._drawing: tuple[tuple[int, int], np.random.Generator] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for another process, without the generator: each process draws by itself."""
        return {**self.__dict__, "_drawing": None}

    def __call__(self, *inputs: Any) -> Any:
        """Paint a picture, a batch, or the pictures of a sample. Several arguments form one sample."""
        sample = inputs[0] if len(inputs) == 1 else inputs
        leaves = list(_leaves(sample))
        pictures = [leaf for leaf in leaves if _is_image(leaf)] or [leaf for leaf in leaves if _is_array(leaf)][:1]
        if not pictures:
            raise UsageError(
                "the sample contains no picture",
                "pass arrays H x W x 3, tensors 3 x H x W, or PIL images",
                code="not-a-picture",
            )
        return _replaced(sample, {id(picture): self._painted(picture) for picture in pictures})

    def for_albumentations(self) -> Any:
        """Return an `albumentations.ImageOnlyTransform` that paints with the probability `p`.

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
        """Paint an array H x W x 3 or B x H x W x 3."""
        if pictures.ndim not in (3, 4) or pictures.shape[-1] != 3 or 0 in pictures.shape[-3:]:
            raise _wrong_shape(pictures.shape)
        _check_values(pictures)
        out = pictures.copy()
        for one in out[None] if out.ndim == 3 else out:
            if self._random.random() < self.p:
                one[:] = stored(self._paint(floats(one).clip(0, 1)), one.dtype)
        return out

    def _paint(self, photo: Pixels) -> Pixels:
        """Paint a photo (H x W x 3, float32, 0..1) in a style of its own."""
        height, width = photo.shape[:2]
        painter = _painter(self.engine, os.getpid())
        canvas = resize(photo, *fit(width, height, self.size or max(width, height, _LEAST_SIDE)))
        drawn = StyleVector(_paintings(self.engine).draw(self._random))
        if self.alpha < 1:
            drawn = self.alpha * drawn + (1 - self.alpha) * painter.encode(canvas)
        return resize(painter.engine.paint(canvas, drawn), width, height)

    @property
    def _random(self) -> np.random.Generator:
        """The random generator of this process."""
        here = os.getpid(), _place()
        if self._drawing is None or self._drawing[0] != here:
            entropy = None if self.seed is None else (self.seed, here[1])
            self._drawing = here, np.random.default_rng(entropy)
        return self._drawing[1]


class _Paintings(NamedTuple):
    """The normal distribution of the style vectors of paintings: its mean and a root of its covariance."""

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

    Paintings are encoded at about 512 pixels. A training picture is encoded at the size at which it is painted: its
    features are then as large as on the canvas, and encoding takes less time.
    """

    def __init__(self, name: str) -> None:
        self.engine = engine_class(name)()
        self._encoder = Model((self.engine.folder / "encode.onnx").read_bytes)

    def encode(self, photo: Pixels) -> StyleVector:
        (embedding,) = self._encoder.run({"picture": planes(self.engine.size.padded(photo))})
        return StyleVector(embedding)


@functools.cache
def _painter(name: str, process: int) -> _Painter:  # noqa: ARG001
    """Return the engine of this process: a forked process cannot use its parent's threads."""
    if multiprocessing.parent_process() is not None:  # one of several workers: each uses one processor
        os.environ.setdefault("IMPASTO_THREADS", "1")
    return _Painter(name)


def _place() -> int:
    """Return a number that separates this process's draws from those of others.

    It is the DataLoader's seed for its worker, or comes from the process's name.
    """
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
    """Return a copy of the sample in which pictures are replaced, by identity, with the painted ones."""
    if isinstance(sample, Mapping):
        parts = {key: _replaced(part, painted) for key, part in sample.items()}
        return parts if type(sample) is dict else type(sample)(parts)  # type: ignore[call-arg]
    if isinstance(sample, (list, tuple)):
        found = [_replaced(part, painted) for part in sample]
        return type(sample)(*found) if hasattr(sample, "_fields") else type(sample)(found)
    return painted.get(id(sample), sample)


def _is_image(leaf: Any) -> bool:
    """Return True for types that are always pictures: PIL images and torchvision's `tv_tensors.Image`."""
    kinds = sys.modules.get("torchvision.tv_tensors")
    return isinstance(leaf, Image.Image) or (kinds is not None and isinstance(leaf, kinds.Image))


def _is_array(leaf: Any) -> bool:
    """Return True for types that may be pictures: arrays and plain tensors with three or more dimensions."""
    torch = sys.modules.get("torch")
    return (isinstance(leaf, np.ndarray) or (torch is not None and type(leaf) is torch.Tensor)) and leaf.ndim > 2


def _check_values(pictures: Samples) -> None:
    if pictures.dtype in (np.uint8, np.uint16):
        return
    if pictures.dtype.kind != "f":
        raise UsageError(
            f"a picture has values of type {pictures.dtype}", "pass uint8, or floats in 0..1", code="not-a-picture"
        )
    low, high = (float(edge) for edge in (pictures.min(initial=0), pictures.max(initial=1)))
    if not (low >= -_FAR_OUTSIDE and high <= 1 + _FAR_OUTSIDE):  # NaN fails both comparisons
        message = f"a picture has values in {low:g}..{high:g}, not in 0..1"
        raise UsageError(message, "apply RandomStyle before normalization", code="out-of-range")


def _wrong_shape(shape: Any) -> UsageError:
    return UsageError(
        f"a picture has the shape {' x '.join(map(str, shape))}",
        "pass three channels: arrays H x W x 3, tensors 3 x H x W, or batches of them",
        code="not-a-picture",
    )

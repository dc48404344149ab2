"""Make small pictures from large ones, for the pairs that train an enlarger."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Bytes = NDArray[np.uint8]

_FILTERS = (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
_ROUGH = (0.7, 1.6)  # size of the intermediate picture, relative to the small one
_NOISE = 3.0  # largest standard deviation, of 255
_QUALITY = (60, 97)  # range of JPEG qualities


def reduce(large: Bytes, scale: int, *, blur: float = 0.0) -> Bytes:
    """Reduce a picture bicubically, with or without a blur before (Johnson et al. 2016, section 3.2).

    Args:
        large: H x W x 3, sides multiples of `scale`.
        blur: standard deviation of the Gaussian in pixels.
    """
    image = Image.fromarray(large)
    if blur:
        image = image.filter(ImageFilter.GaussianBlur(blur))
    return np.array(image.resize((large.shape[1] // scale, large.shape[0] // scale), Image.Resampling.BICUBIC))


def reduce_wildly(large: Bytes, scale: int, rng: np.random.Generator) -> Bytes:
    """Reduce a picture so that it resembles everyday files: resized more than once, slightly noisy, compressed.

    A mild form of the degradations of Wang et al.: Real-ESRGAN, 2021.
    """
    image = Image.fromarray(large)
    size = image.width // scale, image.height // scale
    if rng.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.1, 0.4 * scale)))
    if rng.random() < 0.5:
        ratio = rng.uniform(*_ROUGH)
        image = _resized(image, (max(8, round(size[0] * ratio)), max(8, round(size[1] * ratio))), rng)
    small = np.asarray(_resized(image, size, rng), np.float32)
    if rng.random() < 0.5:
        grain = rng.standard_normal(small.shape if rng.random() < 0.5 else (*small.shape[:2], 1))
        small = small + rng.uniform(0, _NOISE) * grain.astype(np.float32)
    image = Image.fromarray(small.round().clip(0, 255).astype(np.uint8))
    if rng.random() < 0.7:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=int(rng.integers(*_QUALITY)), subsampling=int(rng.choice([0, 2])))
        image = Image.open(file)
    return np.asarray(image)


def _resized(image: Image.Image, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    return image.resize(size, _FILTERS[rng.integers(len(_FILTERS))])

"""ComfyUI's IMAGE and MASK as Impasto's pictures and masks, and back.

An IMAGE is a tensor [batch, height, width, channels] of floats in 0..1, a MASK one of [batch, height, width] or
[height, width].
"""

import numpy as np
import torch

NO_MASK = (64, 64)
"""The size of the black mask that ComfyUI's Load Image gives for an image without transparency."""


def to_pictures(image):
    """Make a list of `impasto.Picture` from an IMAGE; values beyond 0..1 are cut off, as ComfyUI does when it saves.

    Raises:
        PictureError: another rank, number of channels or kind of numbers, no image at all, or values that are none.
    """
    from impasto.errors import PictureError
    from impasto.picture import Picture

    shape = list(image.shape)
    if image.ndim != 4 or shape[3] not in (1, 3, 4) or not image.is_floating_point():
        kind = str(image.dtype).removeprefix("torch.")
        raise PictureError(f"a tensor {shape} of {kind} is no IMAGE", "[batch, height, width, 3], floats in 0..1")
    if not image.numel():
        raise PictureError(f"the IMAGE {shape} is empty", "connect a node that gives at least one image")
    samples = image.detach().to("cpu", torch.float32).numpy()
    if not np.isfinite(samples).all():
        raise PictureError("the IMAGE holds values that are no numbers", "look at the node that made it")
    return [Picture.from_array(one) for one in samples.clip(0, 1)]


def to_image(pictures):
    """Make an IMAGE from pictures of one size; with four channels where they have alpha."""
    frames = [
        picture.pixels if picture.alpha is None else np.dstack([picture.pixels, picture.alpha]) for picture in pictures
    ]
    return torch.from_numpy(np.stack(frames).astype(np.float32))


def to_masks(mask, pictures):
    """Fit a MASK to each of some pictures of one size.

    Args:
        mask: one for all pictures or one for each, of any size; or None.
    Returns:
        A list with height x width, float32, 0..1, for each picture; or with None, where all is painted.
    Raises:
        PictureError: another rank, or as many masks as there are not pictures.
    """
    from impasto.errors import PictureError
    from impasto.pixels.masks import fit_mask

    if mask is None:
        return [None] * len(pictures)
    if mask.ndim not in (2, 3) or not mask.numel():
        raise PictureError(f"a tensor {list(mask.shape)} is no MASK", "[batch, height, width]")
    masks = mask.detach().to("cpu", torch.float32).numpy().reshape(-1, *mask.shape[-2:])
    width, height = pictures[0].width, pictures[0].height
    if not np.isfinite(masks).all():
        raise PictureError("the MASK holds values that are no numbers", "look at the node that made it")
    if len(masks) not in (1, len(pictures)):
        raise PictureError(f"there are {len(masks)} masks for {len(pictures)} images", "one mask, or one for each")
    if masks.shape[1:] == NO_MASK != (height, width) and not masks.any():
        return [None] * len(pictures)
    fitted = [fit_mask(one, width, height) for one in masks.clip(0, 1)]
    return fitted * len(pictures) if len(fitted) == 1 else fitted

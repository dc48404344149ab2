"""Convert ComfyUI's IMAGE and MASK to Impasto's pictures and masks, and back.

An IMAGE is a tensor [batch, height, width, channels] of floats in 0..1, a MASK one of [batch, height, width] or
[height, width].
"""

import numpy as np
import torch

NO_MASK = (64, 64)
"""Size of the black mask that ComfyUI's Load Image returns for an image without transparency."""


def to_pictures(image):
    """Convert an IMAGE to a list of `impasto.Picture`. Values are clipped to 0..1, as ComfyUI does when it saves.

    Raises:
        PictureError: wrong rank, channels or type of numbers; an empty IMAGE; NaN or infinite values.
    """
    from impasto.errors import PictureError
    from impasto.picture import Picture

    shape = list(image.shape)
    if image.ndim != 4 or shape[3] not in (1, 3, 4) or not image.is_floating_point():
        kind = str(image.dtype).removeprefix("torch.")
        raise PictureError(f"a tensor {shape} of {kind} is not an IMAGE", "[batch, height, width, 3], floats in 0..1")
    if not image.numel():
        raise PictureError(f"the IMAGE {shape} is empty", "connect a node that returns at least one image")
    samples = image.detach().to("cpu", torch.float32).numpy()
    if not np.isfinite(samples).all():
        raise PictureError("the IMAGE contains values that are no numbers", "check the node that made it")
    return [Picture.from_array(one) for one in samples.clip(0, 1)]


def to_image(pictures):
    """Convert pictures of one size to an IMAGE, with four channels if they have alpha."""
    frames = [
        picture.pixels if picture.alpha is None else np.dstack([picture.pixels, picture.alpha]) for picture in pictures
    ]
    return torch.from_numpy(np.stack(frames).astype(np.float32))


def to_masks(mask, pictures):
    """Fit a MASK to pictures of one size.

    Args:
        mask: one mask for all pictures or one for each, of any size; or None.
    Returns:
        A list with a mask for each picture, height x width, float32, 0..1; or None, to paint everything.
    Raises:
        PictureError: wrong rank or wrong number of masks, or values that are not numbers.
    """
    from impasto.errors import PictureError
    from impasto.pixels.masks import fit_mask

    if mask is None:
        return [None] * len(pictures)
    if mask.ndim not in (2, 3) or not mask.numel():
        raise PictureError(f"a tensor {list(mask.shape)} is not a MASK", "[batch, height, width]")
    masks = mask.detach().to("cpu", torch.float32).numpy().reshape(-1, *mask.shape[-2:])
    width, height = pictures[0].width, pictures[0].height
    if not np.isfinite(masks).all():
        raise PictureError("the MASK contains values that are no numbers", "check the node that made it")
    if len(masks) not in (1, len(pictures)):
        raise PictureError(f"there are {len(masks)} masks for {len(pictures)} images", "use one mask, or one for each")
    if masks.shape[1:] == NO_MASK != (height, width) and not masks.any():
        return [None] * len(pictures)
    fitted = [fit_mask(one, width, height) for one in masks.clip(0, 1)]
    return fitted * len(pictures) if len(fitted) == 1 else fitted

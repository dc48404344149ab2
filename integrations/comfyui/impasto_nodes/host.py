"""Connect the nodes with ComfyUI: declarations, progress, and interruption."""

import contextlib

import torch
from comfy import model_management
from comfy.utils import ProgressBar

try:
    from comfy_api.latest import ComfyExtension, io
except ImportError:  # ComfyUI before August 2025
    from . import v1 as io

    ComfyExtension = None

from .installed import problem

_STEPS = 1000  # steps of a progress bar
_SHOWN = 10  # every tenth step shows its picture
_PREVIEW = 512  # pixels; longer side of a preview

__all__ = ["ComfyExtension", "Watch", "device", "io", "make_room", "working"]


class Watch:
    """Reports a batch's progress to ComfyUI, and tells Impasto if the user has stopped it.

    Args:
        images: number of images in the batch; they are processed one after the other.
    """

    def __init__(self, images):
        self._images, self._done, self._bar = images, 0, ProgressBar(_STEPS)

    def __call__(self, now):
        """Report a `Progress` of the current image; return False if the user has stopped the work."""
        if model_management.processing_interrupted():
            return False
        preview = None
        if now.preview is not None and now.step % _SHOWN == 0:
            preview = ("JPEG", now.preview().to_pil(), _PREVIEW)
        self._bar.update_absolute(round((self._done + now.fraction) / self._images * _STEPS), preview=preview)
        return True

    def image_done(self):
        """Go to the next image, for the following progress.

        Raises:
            InterruptProcessingException: the user has stopped the work.
        """
        model_management.throw_exception_if_processing_interrupted()
        self._done += 1
        self._bar.update_absolute(round(self._done / self._images * _STEPS))


@contextlib.contextmanager
def working():
    """Run a node's work, and turn errors into one line for ComfyUI.

    ComfyUI runs nodes in PyTorch's inference mode, which allows no optimization. This context turns it off.

    Raises:
        RuntimeError: Impasto is missing, or has the wrong version.
        InterruptProcessingException: the user has stopped the work.
        ImpastoError: Impasto refuses the request.
    """
    if problem():
        raise RuntimeError(problem())
    from impasto.errors import OutOfMemory
    from impasto.progress import Stopped

    try:
        with torch.inference_mode(False):
            yield
    except Stopped:
        model_management.throw_exception_if_processing_interrupted()
        raise
    except OutOfMemory as error:  # its hint names an option of the command line
        raise OutOfMemory(error.message, "make the image smaller before this node") from error


def device():
    """Return ComfyUI's device if Impasto's optimizer supports it, else "cpu"."""
    found = model_management.get_torch_device()
    return str(found) if found.type in ("cuda", "mps") else "cpu"


def make_room(needed):
    """Let ComfyUI unload models until `needed` bytes of the device's memory are free."""
    model_management.free_memory(needed, model_management.get_torch_device())

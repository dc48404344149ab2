"""ComfyUI as the nodes see it: how they are declared, how they tell of progress, and how they are stopped."""

import contextlib

import torch
from comfy import model_management
from comfy.utils import ProgressBar

try:
    from comfy_api.latest import ComfyExtension, io
except ImportError:  # a ComfyUI from before August 2025
    from . import v1 as io

    ComfyExtension = None

from .installed import problem

_STEPS = 1000  # of a progress bar
_SHOWN = 10  # of so many steps one shows its picture
_PREVIEW = 512  # pixels of a preview's longer side

__all__ = ["ComfyExtension", "Watch", "device", "io", "make_room", "working"]


class Watch:
    """Tells ComfyUI how far a batch is, and Impasto whether the user has stopped it.

    Args:
        images: how many are worked on, one after the other.
    """

    def __init__(self, images):
        self._images, self._done, self._bar = images, 0, ProgressBar(_STEPS)

    def __call__(self, now):
        """Take an `impasto.progress.Progress` of the present image; return False if the user has stopped the work."""
        if model_management.processing_interrupted():
            return False
        preview = None
        if now.preview is not None and now.step % _SHOWN == 0:
            preview = ("JPEG", now.preview().to_pil(), _PREVIEW)
        self._bar.update_absolute(round((self._done + now.fraction) / self._images * _STEPS), preview=preview)
        return True

    def image_done(self):
        """The next progress is the next image's.

        Raises:
            InterruptProcessingException: the user has stopped the work.
        """
        model_management.throw_exception_if_processing_interrupted()
        self._done += 1
        self._bar.update_absolute(round(self._done / self._images * _STEPS))


@contextlib.contextmanager
def working():
    """Work of a node: what can go wrong is said in one line that fits ComfyUI.

    ComfyUI runs nodes in PyTorch's inference mode, in which nothing can be optimized. Here it is off.

    Raises:
        RuntimeError: Impasto is missing, or is another version.
        InterruptProcessingException: the user has stopped the work.
        ImpastoError: anything that Impasto refuses.
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
    except OutOfMemory as error:  # its hint is an option of the command line
        raise OutOfMemory(error.message, "make the image smaller before this node") from error


def device():
    """Name the device that ComfyUI computes on, if Impasto's optimizer can; "cpu" otherwise."""
    found = model_management.get_torch_device()
    return str(found) if found.type in ("cuda", "mps") else "cpu"


def make_room(needed):
    """Let ComfyUI unload models until so many bytes of the device's memory are free."""
    model_management.free_memory(needed, model_management.get_torch_device())

"""Estimate the memory of a training step before the first step."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from impasto.errors import OutOfMemory
from impasto.system.memory import free_memory
from impasto.training.job import Job, Losses, Share

_TRIAL = 64  # side in pixels of the smaller trial pictures, if the network takes them
_COPIES = 5  # copies of the weights: weights, gradients, two moments of Adam, average
_BESIDE = 1.4  # peak memory relative to the memory kept for the backward pass
_STEP = 32  # proposed sizes are multiples of this many pixels


def check_memory(net: nn.Module, losses: Losses, model: Any, job: Job[Any], fabric: Fabric) -> None:
    """Refuse a training whose steps do not fit into the memory.

    Raises:
        OutOfMemory: the message says how much is needed and free, the hint which size fits.
    """
    free = _free(fabric.device)
    if free is None:
        return
    recipe, batch = job.recipe, job.recipe.batch_size // fabric.world_size
    fixed, pixel = kept_bytes(losses, model, job, fabric)
    fixed += _COPIES * (_size(net.state_dict()) + _size(losses.state()))
    needed = fixed + pixel * recipe.size**2
    if needed <= free:
        return

    def fitting(pixel: float) -> int:
        step = max(_STEP, job.multiple)
        return min(recipe.size, int((max(0.0, free - fixed) / pixel) ** 0.5)) // step * step

    fits = [f"--size {fitting(pixel)}"] if fitting(pixel) >= _TRIAL else []
    if batch > 1 and fitting(pixel / batch) >= _TRIAL:
        fits.append(f"--batch-size {fabric.world_size} --size {fitting(pixel / batch)}")
    raise OutOfMemory(
        f"a step with {recipe.batch_size} crops of {recipe.size} pixels needs about {_gigabytes(needed)}, but "
        f"{_gigabytes(free)} are free",
        " or ".join(fits) + " fits" if fits else "use a recipe with a smaller network",
    )


def kept_bytes(losses: Losses, model: Any, job: Job[Any], fabric: Fabric) -> tuple[float, float]:
    """Measure the memory that the last step keeps for its backward pass.

    A batch runs through the losses in two small sizes. Memory that both need consists of weights and their copies.

    Returns:
        Bytes that do not depend on the size, and bytes for each pixel of a crop.
    """
    small = -(-_TRIAL // job.multiple) * job.multiple
    one, two = (_kept(losses, model, job, fabric, side) for side in (small, 2 * small))
    pixel = (two - one) / (3 * small**2)
    return max(0.0, one - pixel * small**2), pixel * _BESIDE


def _kept(losses: Losses, model: Any, job: Job[Any], fabric: Fabric, side: int) -> int:
    seen: dict[int, int] = {}

    def count(kept: Tensor) -> Tensor:
        storage = kept.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return kept

    shape = job.recipe.batch_size // fabric.world_size, job.channels, side, side
    pictures = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(fabric.device)
    share = Share(job.recipe.iterations - 1, job.recipe.seed, fabric.global_rank, fabric.world_size)
    with torch.autograd.graph.saved_tensors_hooks(count, lambda kept: kept):
        terms = losses(model, pictures.contiguous(memory_format=torch.channels_last), share)
    del terms
    return sum(seen.values())


def _size(state: Mapping[str, Any]) -> int:
    """Count the bytes of all tensors in a state dict, nested ones included."""
    found = 0
    for value in state.values():
        if isinstance(value, Tensor):
            found += value.numel() * value.element_size()
        elif isinstance(value, Mapping):
            found += _size(value)
    return found


def _free(device: torch.device) -> int | None:
    """Return the free bytes for this process: of the device's memory, or its share of the machine's."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = free_memory()
    return free if free is None else free // int(os.environ.get("LOCAL_WORLD_SIZE", 1))


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB"

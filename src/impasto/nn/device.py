"""Select the device and the precision of computations."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Literal, get_args

import torch
import torch.nn.functional as F

from impasto.errors import UsageError
from impasto.nn import winograd

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "bfloat16"]

# Timed convolutions: channels, sides, and their number in a loss network for each one of the first kind. The first kind
# uses no Winograd tiles in float32. Other programs slow tiles most, so without it, tiles could lose on a busy machine.
_CONVOLUTIONS = ((128, 92, 1), (256, 46, 3))
_ROUNDS = 5
_GAIN = 1.15  # least speed-up for which precision is given up


def find_device(name: str = "auto") -> torch.device:
    """Return the device of that name. "auto" selects a GPU if PyTorch supports one.

    Raises:
        UsageError: the device is unknown or not available.
    """
    kind = name.partition(":")[0]
    if kind not in get_args(Device):
        raise UsageError(f"unknown device {name!r}", f"one of {', '.join(get_args(Device))}", code="unknown-choice")
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if there[kind]))
    if not there[kind]:
        raise UsageError(f"PyTorch finds no {kind} device here", "--device cpu", code="no-device")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"unknown device {name!r}", str(error).splitlines()[0], code="unknown-choice") from error


def find_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the type of the convolutions. "auto" selects bfloat16 where it is faster.

    Raises:
        UsageError: the precision is unknown.
    """
    if name not in get_args(Precision):
        raise UsageError(
            f"unknown precision '{name}'", f"one of {', '.join(get_args(Precision))}", code="unknown-choice"
        )
    if name == "auto":
        return torch.bfloat16 if multiplies_bfloat16(device) else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32


def multiplies_bfloat16(device: torch.device) -> bool:
    """Return True if convolutions are faster in bfloat16 than in float32.

    CUDA devices are judged by their capability. Processors are measured once in a process, because they differ: the
    bfloat16 instructions of AVX-512 are twice as fast as float32 on an EPYC, and half as fast on a Xeon.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and _processor_multiplies_bfloat16()


@functools.cache
def _processor_multiplies_bfloat16() -> bool:
    if not _has_bfloat16():
        return False
    seconds = dict.fromkeys((torch.float32, torch.bfloat16), 0.0)
    with torch.inference_mode():
        for channels, side, count in _CONVOLUTIONS:
            for kind, best in _best_seconds(channels, side).items():
                seconds[kind] += count * best
            if seconds[torch.bfloat16] * _GAIN >= seconds[torch.float32]:  # tiles only make float32 faster
                return False
    return True


def _has_bfloat16() -> bool:
    """Return True if the processor has bfloat16 instructions, or if PyTorch cannot tell (before 2.11)."""
    if not hasattr(torch.cpu, "get_capabilities"):
        return True
    # x86: avx512_bf16, amx_bf16; Arm: bf16, sve_bf16.
    return any(there for name, there in torch.cpu.get_capabilities().items() if name.endswith("bf16"))


def _best_seconds(channels: int, side: int) -> dict[torch.dtype, float]:
    """Return the seconds of a 3 x 3 convolution in both types. They alternate, so that other programs slow both."""
    ways = {kind: _convolution(channels, side, kind) for kind in (torch.float32, torch.bfloat16)}
    seconds: dict[torch.dtype, list[float]] = {kind: [] for kind in ways}
    for _ in range(1 + _ROUNDS):  # the first round loads the kernels
        for kind, way in ways.items():
            started = time.perf_counter()
            way()
            seconds[kind].append(time.perf_counter() - started)
    return {kind: min(found[1:]) for kind, found in seconds.items()}


def _convolution(channels: int, side: int, kind: torch.dtype) -> Callable[[], object]:
    """Return a convolution like those of the loss networks, in tiles where that is faster, without random numbers."""
    x = torch.ones(1, channels, side, side, dtype=kind).contiguous(memory_format=torch.channels_last)
    weight = torch.ones(channels, channels, 3, 3, dtype=kind).contiguous(memory_format=torch.channels_last)
    if winograd.pays(x, weight):
        return functools.partial(winograd.convolve, x, winograd.transformed(weight))
    return functools.partial(F.conv2d, x, weight)

"""Where tensors are computed, and in which precision."""

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

# What is timed: channels, sides, and how many such convolutions a loss network has for one of the first kind. The first
# takes no tiles in float32. Other work slows tiles most: without the first they would lose to slow units on a busy day.
_CONVOLUTIONS = ((128, 92, 1), (256, 46, 3))
_ROUNDS = 5
_GAIN = 1.15  # times as fast: for less, the precision is not given up


def find_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" takes a GPU if PyTorch has one.

    Raises:
        UsageError: an unknown device, or one that is not there.
    """
    kind = name.partition(":")[0]
    if kind not in get_args(Device):
        raise UsageError(f"{name} is no device", f"one of {', '.join(get_args(Device))}", code="unknown-choice")
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if there[kind]))
    if not there[kind]:
        raise UsageError(f"PyTorch finds no {kind} device here", "--device cpu", code="no-device")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"{name} is no device", str(error).splitlines()[0], code="unknown-choice") from error


def find_precision(name: str, device: torch.device) -> torch.dtype:
    """The type of the convolutions; "auto" takes bfloat16 where it is faster.

    Raises:
        UsageError: an unknown precision.
    """
    if name not in get_args(Precision):
        raise UsageError(f"{name} is no precision", f"one of {', '.join(get_args(Precision))}", code="unknown-choice")
    if name == "auto":
        return torch.bfloat16 if multiplies_bfloat16(device) else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether convolutions are faster in bfloat16 than in float32.

    CUDA devices are judged by their capability, processors by a measurement, once in a process: AVX-512's instructions
    for bfloat16 are twice as fast as float32 on an EPYC and half as fast on a Xeon.
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
            if seconds[torch.bfloat16] * _GAIN >= seconds[torch.float32]:  # tiles can only make float32 faster
                return False
    return True


def _has_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16; True where PyTorch cannot tell (before 2.11)."""
    if not hasattr(torch.cpu, "get_capabilities"):
        return True
    # x86: avx512_bf16, amx_bf16; Arm: bf16, sve_bf16.
    return any(there for name, there in torch.cpu.get_capabilities().items() if name.endswith("bf16"))


def _best_seconds(channels: int, side: int) -> dict[torch.dtype, float]:
    """Seconds of a convolution 3 x 3 in either type; the types take turns, so that other work slows both."""
    ways = {kind: _convolution(channels, side, kind) for kind in (torch.float32, torch.bfloat16)}
    seconds: dict[torch.dtype, list[float]] = {kind: [] for kind in ways}
    for _ in range(1 + _ROUNDS):  # the first loads the kernels
        for kind, way in ways.items():
            started = time.perf_counter()
            way()
            seconds[kind].append(time.perf_counter() - started)
    return {kind: min(found[1:]) for kind, found in seconds.items()}


def _convolution(channels: int, side: int, kind: torch.dtype) -> Callable[[], object]:
    """A convolution as the loss networks compute it, in tiles where that pays. It draws no random numbers."""
    x = torch.ones(1, channels, side, side, dtype=kind).contiguous(memory_format=torch.channels_last)
    weight = torch.ones(channels, channels, 3, 3, dtype=kind).contiguous(memory_format=torch.channels_last)
    if winograd.pays(x, weight):
        return functools.partial(winograd.convolve, x, winograd.transformed(weight))
    return functools.partial(F.conv2d, x, weight)

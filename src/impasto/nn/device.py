"""Where tensors are computed, and in which precision."""

from __future__ import annotations

from typing import Literal, get_args

import torch

from impasto.errors import UsageError

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "bfloat16"]


def find_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" takes a GPU if PyTorch has one.

    Raises:
        UsageError: an unknown device, or one that is not there.
    """
    kind = name.partition(":")[0]
    if kind not in get_args(Device):
        raise UsageError(f"{name} is no device", f"one of {', '.join(get_args(Device))}")
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if there[kind]))
    if not there[kind]:
        raise UsageError(f"PyTorch finds no {kind} device here", "--device cpu")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"{name} is no device", str(error).splitlines()[0]) from error


def find_precision(name: str, device: torch.device) -> torch.dtype:
    """The type of the convolutions; "auto" takes bfloat16 where the device has units for it.

    Raises:
        UsageError: an unknown precision.
    """
    if name not in get_args(Precision):
        raise UsageError(f"{name} is no precision", f"one of {', '.join(get_args(Precision))}")
    if name == "auto":
        return torch.bfloat16 if multiplies_bfloat16(device) else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether products of bfloat16 are several times as fast as those of float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # PyTorch 2.11 and later
        return bool(torch.cpu.get_capabilities().get("amx_bf16"))
    return False

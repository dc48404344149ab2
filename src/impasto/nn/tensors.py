"""Convert pictures to tensors and back, and read files of tensors."""

from __future__ import annotations

import argparse
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from impasto.engines.network_file import check_kind
from impasto.errors import PictureError
from impasto.pixels.arrays import Pixels


def to_tensor(pixels: NDArray[np.float32]) -> Tensor:
    """Convert H x W x 3, or a mask's H x W, to 1 x 3 x H x W or 1 x 1 x H x W."""
    planes = pixels.transpose(2, 0, 1)[None] if pixels.ndim == 3 else pixels[None, None]
    return torch.from_numpy(np.ascontiguousarray(planes, np.float32))


def to_pixels(picture: Tensor) -> Pixels:
    """Convert 1 x 3 x H x W to H x W x 3, clamped to 0..1."""
    return np.ascontiguousarray(picture[0].detach().float().clamp(0, 1).permute(1, 2, 0).cpu().numpy(), np.float32)


def read_tensors(path: Path, wanted: str = "") -> dict[str, Tensor]:
    """Read the tensors of a .safetensors or .pth file, or of the network inside a training's checkpoint.

    Only data are unpickled, never code. If a file contains several networks, the running average is used, or else the
    largest network.

    Args:
        wanted: the end of a tensor's name. A network with such a tensor is preferred.
    Raises:
        PictureError: the file is missing, damaged, not a file of tensors, or contains more than tensors.
        UsageError: the file is a network of another program.
    """
    check_kind(path)
    try:
        if _is_safetensors(path):
            return load_file(path)
        _check_archive(path)
        with torch.serialization.safe_globals(_HARMLESS):
            found = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError, json.JSONDecodeError) as error:
        reason = " ".join(str(error).split())[:100] or "the file is truncated"
        raise PictureError(f"{path} cannot be read as weights", reason, code="not-a-network") from error
    except PictureError:
        raise
    except Exception as error:  # unpickling fails with different types of errors
        raise PictureError(
            f"{path} contains more than tensors and is refused",
            "save only the network's state_dict(), or export it to .onnx",
            code="unsafe-file",
        ) from error
    networks = list(_networks(found))
    if not networks:
        raise PictureError(
            f"{path} contains no network's tensors and is refused",
            "save the network's state_dict(), or export it to .onnx",
            code="unsafe-file",
        )

    def worth(tensors: dict[str, Tensor]) -> tuple[bool, int]:
        return any(name.endswith(wanted) for name in tensors), sum(tensor.numel() for tensor in tensors.values())

    return max(networks, key=worth)


_MULTIARRAY: Any = (vars(np).get("_core") or vars(np)["core"]).multiarray  # the name in NumPy 2, and the old one
_HARMLESS: list[Any] = [  # types that trainings save beside tensors: settings, and numbers of NumPy
    argparse.Namespace,
    np.dtype,
    np.ndarray,
    *(type(np.dtype(kind)) for kind in ("f2", "f4", "f8", "i4", "i8", "u1", "?")),
    *(getattr(_MULTIARRAY, name) for name in ("scalar", "_reconstruct")),
]
_AVERAGES = ("average", "ema", "params_ema", "model_ema", "ema_state_dict", "state_dict_ema", "g_ema", "shadow")
_DEEPEST = 4  # largest nesting of a network in a checkpoint


def _networks(found: object, depth: int = 0) -> Iterator[dict[str, Tensor]]:
    """Yield dictionaries of named tensors, the running averages first."""
    if not isinstance(found, Mapping) or depth > _DEEPEST:
        return
    inner = sorted(
        ((key, value) for key, value in found.items() if isinstance(value, Mapping)),
        key=lambda entry: str(entry[0]).lower() not in _AVERAGES,
    )
    for _, value in inner:
        yield from _networks(value, depth + 1)
    tensors = {str(key): value for key, value in found.items() if isinstance(value, Tensor)}
    if tensors:
        yield tensors


def _is_safetensors(path: Path) -> bool:
    """Return True if a file begins like .safetensors, with the length of a JSON header, whatever its name is."""
    with path.open("rb") as file:
        head = file.read(9)
    return path.suffix.lower() == ".safetensors" or head[8:] == b"{"


def _check_archive(path: Path) -> None:
    """Refuse files in which PyTorch does not save tensors.

    Raises:
        PictureError: the file is another archive, or neither an archive nor a pickle.
    """
    with path.open("rb") as file:
        head = file.read(2)
    if head.startswith(b"\x80"):  # a pickle, PyTorch's format for tensors until 1.5
        return
    if head != b"PK":
        raise PictureError(
            f"{path} is not a file of weights", "use PyTorch's .pth, .safetensors or .onnx", code="not-a-network"
        )
    try:
        names = zipfile.ZipFile(path).namelist()
    except zipfile.BadZipFile as error:
        raise PictureError(f"{path} is truncated", "download it again", code="damaged-file") from error
    inside = {name.partition("/")[2] or name for name in names}
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        raise PictureError(
            f"{path} is a TorchScript program, not tensors, and is refused",
            "export it with torch.onnx.export, and import the .onnx file",
            code="unsafe-file",
        )
    if "data.pkl" not in inside:
        raise PictureError(
            f"{path} is an archive without PyTorch's tensors",
            "unpack it, or export the network to .onnx",
            code="not-a-network",
        )

"""Pictures as tensors and back; files of tensors."""

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
    """H x W x 3, or a mask's H x W, to 1 x 3 x H x W or 1 x 1 x H x W."""
    planes = pixels.transpose(2, 0, 1)[None] if pixels.ndim == 3 else pixels[None, None]
    return torch.from_numpy(np.ascontiguousarray(planes, np.float32))


def to_pixels(picture: Tensor) -> Pixels:
    """1 x 3 x H x W to H x W x 3, held to 0..1."""
    return np.ascontiguousarray(picture[0].detach().float().clamp(0, 1).permute(1, 2, 0).cpu().numpy(), np.float32)


def read_tensors(path: Path, wanted: str = "") -> dict[str, Tensor]:
    """The tensors of a .safetensors or .pth file, or of the network inside what a training has saved.

    Nothing that could run code is unpickled. Where a file holds several networks, the running average is taken, else
    the largest.

    Args:
        wanted: how a name of a tensor ends; a network with such a one goes before others.
    Raises:
        PictureError: the file is missing, damaged, no file of tensors, or holds more than tensors.
        UsageError: it is another program's network.
    """
    check_kind(path)
    try:
        if _is_safetensors(path):
            return load_file(path)
        _check_archive(path)
        with torch.serialization.safe_globals(_HARMLESS):
            found = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError, json.JSONDecodeError) as error:
        reason = " ".join(str(error).split())[:100] or "it is cut short"
        raise PictureError(f"{path} cannot be read as weights", reason, code="not-a-network") from error
    except PictureError:
        raise
    except Exception as error:  # unpickling refuses in several ways
        raise PictureError(
            f"{path} holds more than tensors and is refused",
            "save the network's state_dict() alone, or export it to .onnx",
            code="unsafe-file",
        ) from error
    networks = list(_networks(found))
    if not networks:
        raise PictureError(f"{path} holds no network's tensors and is refused", code="unsafe-file")

    def worth(tensors: dict[str, Tensor]) -> tuple[bool, int]:
        return any(name.endswith(wanted) for name in tensors), sum(tensor.numel() for tensor in tensors.values())

    return max(networks, key=worth)


_MULTIARRAY: Any = (vars(np).get("_core") or vars(np)["core"]).multiarray  # NumPy 2's name, and the one before
_HARMLESS: list[Any] = [  # what trainings keep beside tensors: settings, and numbers of NumPy
    argparse.Namespace,
    np.dtype,
    np.ndarray,
    *(type(np.dtype(kind)) for kind in ("f2", "f4", "f8", "i4", "i8", "u1", "?")),
    *(getattr(_MULTIARRAY, name) for name in ("scalar", "_reconstruct")),
]
_AVERAGES = ("average", "ema", "params_ema", "model_ema", "ema_state_dict", "state_dict_ema", "g_ema", "shadow")
_DEEPEST = 4  # that a network lies inside what was saved


def _networks(found: object, depth: int = 0) -> Iterator[dict[str, Tensor]]:
    """Dictionaries of tensors under names, the running average's first."""
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
    """Whether it begins with the length of a header in JSON, whatever it is called."""
    with path.open("rb") as file:
        head = file.read(9)
    return path.suffix.lower() == ".safetensors" or head[8:] == b"{"


def _check_archive(path: Path) -> None:
    """Refuse what PyTorch does not save tensors in.

    Raises:
        PictureError: it is another archive, or no archive and no pickle.
    """
    with path.open("rb") as file:
        head = file.read(2)
    if head.startswith(b"\x80"):  # a pickle, as PyTorch saved tensors until 1.5
        return
    if head != b"PK":
        raise PictureError(
            f"{path} is no file of weights", "PyTorch's .pth, .safetensors or .onnx", code="not-a-network"
        )
    try:
        names = zipfile.ZipFile(path).namelist()
    except zipfile.BadZipFile as error:
        raise PictureError(f"{path} is cut short", "download it again", code="damaged-file") from error
    inside = {name.partition("/")[2] or name for name in names}
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        raise PictureError(
            f"{path} is a TorchScript program, not tensors, and is refused",
            "torch.onnx.export writes it as .onnx, which can be imported",
            code="unsafe-file",
        )
    if "data.pkl" not in inside:
        raise PictureError(
            f"{path} is an archive without PyTorch's tensors",
            "unpack it, or export the network to .onnx",
            code="not-a-network",
        )

"""Take over networks of other programs: .onnx files with one picture input, checkpoints of PyTorch's example.

Only checkpoints need PyTorch (`checkpoints.py`). An .onnx file is taken as it is where the package onnx is not
installed; with it, the file is first made fit for photos of any size.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from impasto.engines.network import Network
from impasto.errors import MissingExtra, UsageError
from impasto.exchange.statistics import expose_statistics
from impasto.picture import Picture, Source
from impasto.styles.gallery import Gallery
from impasto.styles.store import Entry, trial_photo

if TYPE_CHECKING:
    from impasto.exchange.checkpoints import Converted

SUFFIXES = (".pth", ".pt", ".model", ".safetensors", ".onnx")


def import_network(
    path: Path,
    name: str,
    *,
    paintings: Sequence[Source] = (),
    licence: str = "",
    replace: bool = False,
    gallery: Gallery | None = None,
) -> list[Entry]:
    """Put a network's file into the user's gallery.

    Args:
        path: .onnx, or tensors: .pth, .pt, .model or .safetensors. Nothing is unpickled but tensors.
        paintings: that its styles were trained on, if they are at hand: the optimizer then knows these styles, too.
    Raises:
        PictureError: the file is missing, damaged, or holds more than tensors.
        StyleError: it holds another architecture; the message names the first difference.
        UsageError: a name that is taken, or another number of paintings than of styles.
        MissingExtra: tensors, and PyTorch is not installed.
    """
    gallery = gallery or Gallery()
    gallery.check_free(name, replace=replace)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{path} is no network's file", f"one of {', '.join(SUFFIXES)}", code="unknown-format")
    weights = None
    if suffix == ".onnx":
        model, count = _ready(path), len(Network(path, trial_photo).facts.styles)
    else:
        model, weights, count = _converted(path, name, licence)
    if paintings and len(paintings) != count:
        raise UsageError(f"{path} has {count} styles, and there are {len(paintings)} paintings", code="mismatch")
    pictures = [Picture.open(painting) for painting in paintings]
    return gallery.add_network(name, model, paintings=pictures, weights=weights, replace=replace)


def _converted(path: Path, name: str, licence: str) -> Converted:
    try:
        from impasto.exchange.checkpoints import convert
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which {path.suffix} files need,", "train") from None
    return convert(path, name, licence)


def _ready(path: Path) -> bytes:
    """The file, made fit for photos of any size, and for tiles of large ones, as far as it can be.

    Raises:
        StyleError: it holds no network that paints pictures.
    """
    network = Network(path, trial_photo)
    data = path.read_bytes()
    try:
        import onnx
    except ImportError:
        return data
    model = onnx.load_from_string(data)
    if network.size.only is not None:
        _free_sizes(model)
        data = _if_it_paints(model, data)
        model = onnx.load_from_string(data)
    return _if_it_paints(model, data) if expose_statistics(model) else data


def _free_sizes(model: Any) -> None:
    """Leave the picture's height and width open."""
    for value in (*model.graph.input, *model.graph.output):
        dims = value.type.tensor_type.shape.dim
        if len(dims) == 4:
            dims[2].dim_param, dims[3].dim_param = "height", "width"
    del model.graph.value_info[:]


def _if_it_paints(model: Any, before: bytes) -> bytes:
    changed = bytes(model.SerializeToString())
    return changed if _paints_any_size(changed) else before


def _paints_any_size(model: bytes) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.onnx")
        path.write_bytes(model)
        try:
            network = Network(path, trial_photo)
            style = network.style(network.facts.styles[0])
            for height, width in ((96, 160), (128, 64)):
                if network.paint(np.zeros((height, width, 3), np.float32), style).shape != (height, width, 3):
                    return False
        except Exception:  # noqa: BLE001  ONNX Runtime's exceptions share no base class
            return False
    return True

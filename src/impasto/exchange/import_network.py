"""Take over networks of other programs: .onnx files with one picture input, checkpoints of PyTorch's example.

Only checkpoints need PyTorch (`checkpoints.py`). An .onnx file is taken as it is where the package onnx is not
installed; with it, the file is first made fit for photos of any size.
"""

from __future__ import annotations

import dataclasses
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from impasto.engines.network import METADATA, NOTHING, Network, Told
from impasto.engines.network_file import check_kind, with_property
from impasto.errors import MissingExtra, UsageError
from impasto.exchange.statistics import expose_statistics
from impasto.picture import Picture, Source
from impasto.styles.gallery import Gallery
from impasto.styles.store import Entry, load_network, trial_photo

if TYPE_CHECKING:
    from impasto.exchange.checkpoints import Converted

SUFFIXES = (".pth", ".pt", ".ckpt", ".bin", ".tar", ".model", ".safetensors", ".onnx")
_MOST = 0.8  # of a picture's values, at black or white
_FLAT = 0.01  # deviation in a picture, or difference from the photo


def import_network(
    path: Path,
    name: str,
    *,
    paintings: Sequence[Source] = (),
    licence: str = "",
    replace: bool = False,
    gallery: Gallery | None = None,
    told: Told = NOTHING,
) -> list[Entry]:
    """Put a network's file into the user's gallery.

    Warns of what was assumed, and of a network that paints a photo all in one color or not at all.

    Args:
        path: .onnx, or tensors: .pth, .pt, .ckpt, .model or .safetensors. Nothing is unpickled but tensors.
        paintings: that its styles were trained on, if they are at hand: the optimizer then knows these styles, too.
        told: which values and which layout it takes, where the file does not say so and a trial could err.
    Raises:
        PictureError: the file is missing, damaged, or holds more than tensors.
        StyleError: it holds another architecture; the message names the first difference.
        UsageError: a name that is taken, another program's file, or another number of paintings than of styles.
        MissingExtra: tensors, and PyTorch is not installed.
    """
    gallery = gallery or Gallery()
    gallery.check_free(name, replace=replace)
    check_kind(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{path} is no network's file", f"one of {', '.join(SUFFIXES)}", code="unknown-format")
    weights = None
    if suffix == ".onnx":
        model, count = _ready(path, told, licence)
    elif told.layout:
        raise UsageError("--layout is for .onnx files", f"{path} holds tensors", code="conflict")
    else:
        model, weights, count = _converted(path, name, licence, told)
    if paintings and len(paintings) != count:
        raise UsageError(f"{path} has {count} styles, and there are {len(paintings)} paintings", code="mismatch")
    pictures = [Picture.open(painting) for painting in paintings]
    entries = gallery.add_network(name, model, paintings=pictures, weights=weights, replace=replace)
    _look_at(path, load_network(gallery.folder / name / "network.onnx"))
    return entries


def _converted(path: Path, name: str, licence: str, told: Told) -> Converted:
    try:
        from impasto.exchange.checkpoints import convert
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which {path.suffix} files need,", "train") from None
    return convert(path, name, licence, told)


def _look_at(path: Path, network: Network) -> None:
    """Warn of a network whose pictures cannot be meant."""
    hint = "; impasto styles import --range, --output-range and --bgr say which values it takes"
    photo = trial_photo()
    for style in network.facts.styles:
        label = str(path) if len(network.facts.styles) == 1 else f"{path}, {style},"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its size
            painted = network.paint(photo, network.style(style))
        white, black = ((painted == end).mean() for end in (1, 0))
        if white > _MOST or black > _MOST:
            what = "white" if white > black else "black"
            warnings.warn(f"{label} paints a photo all {what}{hint}", stacklevel=3)
        elif painted.std((0, 1)).max() < _FLAT:
            warnings.warn(f"{label} paints a photo flat, in one color{hint}", stacklevel=3)
        elif np.abs(painted - photo).mean() < _FLAT:
            warnings.warn(f"{label} leaves a photo as it is", stacklevel=3)
    if network.size.only is not None:
        warnings.warn(f"{path} takes {network.describe().partition(';')[0]}", stacklevel=3)


def _ready(path: Path, told: Told, licence: str) -> tuple[bytes, int]:
    """The file, whole, made fit for photos of any size and for tiles of large ones as far as it can be, and the number
    of its styles. Its metadata say what was told or found out.

    Raises:
        StyleError: it holds no network that paints pictures.
    """
    network = Network(path, trial_photo, told=told)
    data = network.file
    try:
        import onnx
    except ImportError:
        pass
    else:
        known = Told(network.facts.takes, network.facts.gives, layout=told.layout)
        if network.size.only is not None:
            model = onnx.load_from_string(data)
            _free_sizes(model)
            data, network = _if_it_paints(model, known) or (data, network)
        model = onnx.load_from_string(data)
        if expose_statistics(model):
            data, network = _if_it_paints(model, known) or (data, network)
    card = network.facts.card or {}
    facts = dataclasses.replace(network.facts, card=card | {"licence": licence} if licence else network.facts.card)
    return with_property(data, METADATA, facts.as_json()), len(facts.styles)


def _free_sizes(model: Any) -> None:
    """Leave the picture's height and width open."""
    for value in (*model.graph.input, *model.graph.output):
        dims = value.type.tensor_type.shape.dim
        if len(dims) in (3, 4):
            sides = dims[-3:-1] if dims[-1].dim_value == 3 and dims[-3].dim_value != 3 else dims[-2:]
            for side, name in zip(sides, ("height", "width"), strict=True):
                side.dim_param = name
    del model.graph.value_info[:]


def _if_it_paints(model: Any, known: Told) -> tuple[bytes, Network] | None:
    """The model as a file, and its network, if it paints photos of any size."""
    data = bytes(model.SerializeToString())
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is assumed has been said
        path = Path(folder, "network.onnx")
        path.write_bytes(data)
        try:
            network = Network(path, trial_photo, told=known)
            style = network.style(network.facts.styles[0])
            for height, width in ((96, 160), (128, 64)):
                if network.paint(np.zeros((height, width, 3), np.float32), style).shape != (height, width, 3):
                    return None
        except Exception:  # noqa: BLE001  ONNX Runtime's exceptions share no base class
            return None
    return data, network

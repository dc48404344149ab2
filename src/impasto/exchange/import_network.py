"""Import networks of other programs: .onnx files with one picture input, and checkpoints of PyTorch.

Only checkpoints need PyTorch (`checkpoints.py`). If the package onnx is installed, an .onnx file is first adapted to
photos of any size. Otherwise it is used unchanged.
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
_MOST = 0.8  # share of a picture's values that may be black, or white
_FLAT = 0.01  # lowest standard deviation of a picture, and lowest difference from the photo


def import_network(
    path: Path,
    name: str,
    *,
    paintings: Sequence[Source] = (),
    license: str = "",
    replace: bool = False,
    gallery: Gallery | None = None,
    told: Told = NOTHING,
) -> list[Entry]:
    """Import a network's file into the user's gallery.

    Warns of assumptions, and of a network that paints a photo in one color or leaves it unchanged.

    Args:
        path: .onnx, or tensors: .pth, .pt, .ckpt, .model or .safetensors. Only tensors are unpickled.
        paintings: the paintings that its styles were trained on, if available, so that the optimizer can use the
            styles.
        told: range and layout of the values, if the file does not contain them and a trial could be wrong.
    Raises:
        PictureError: the file is missing, damaged, or contains more than tensors.
        StyleError: the network has another architecture. The message names the first difference.
        UsageError: the name is taken, the file belongs to another program, or paintings and styles differ in number.
        MissingExtra: the file contains tensors, and PyTorch is not installed.
    """
    gallery = gallery or Gallery()
    gallery.check_free(name, replace=replace)
    check_kind(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            f"{path} is not a file of a network",
            f"give a file that ends in {', '.join(SUFFIXES)}",
            code="unknown-format",
        )
    weights = None
    if suffix == ".onnx":
        model, count = _ready(path, told, license)
    elif told.layout:
        raise UsageError("--layout is for .onnx files only", f"leave it out: {path} contains tensors", code="conflict")
    else:
        model, weights, count = _converted(path, name, license, told)
    if paintings and len(paintings) != count:
        raise UsageError(
            f"{path} has {count} styles, but {len(paintings)} paintings are given",
            "give --painting once for each style, or leave it out",
            code="mismatch",
        )
    pictures = [Picture.open(painting) for painting in paintings]
    entries = gallery.add_network(name, model, paintings=pictures, weights=weights, replace=replace)
    _look_at(path, load_network(gallery.folder / name / "network.onnx"))
    return entries


def _converted(path: Path, name: str, license: str, told: Told) -> Converted:
    try:
        from impasto.exchange.checkpoints import convert
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which {path.suffix} files need,", "train") from None
    return convert(path, name, license, told)


def _look_at(path: Path, network: Network) -> None:
    """Warn of a network whose results look wrong."""
    hint = "; set the range of its values: impasto styles import --range, --output-range and --bgr"
    photo = trial_photo()
    for style in network.facts.styles:
        label = str(path) if len(network.facts.styles) == 1 else f"{path}, {style},"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about its size
            painted = network.paint(photo, network.style(style))
        white, black = ((painted == end).mean() for end in (1, 0))
        if white > _MOST or black > _MOST:
            what = "white" if white > black else "black"
            warnings.warn(f"{label} paints the trial photo all {what}{hint}", stacklevel=3)
        elif painted.std((0, 1)).max() < _FLAT:
            warnings.warn(f"{label} paints the trial photo flat, in one color{hint}", stacklevel=3)
        elif np.abs(painted - photo).mean() < _FLAT:
            warnings.warn(f"{label} leaves the trial photo unchanged", stacklevel=3)
    if network.size.only is not None:
        warnings.warn(f"{path} takes {network.describe().partition(';')[0]}", stacklevel=3)


def _ready(path: Path, told: Told, license: str) -> tuple[bytes, int]:
    """Return the file's content with the metadata that were given or found, and the number of its styles.

    If possible, the network is adapted to photos of any size and to tiles of large ones.

    Raises:
        StyleError: the file contains no network that paints pictures.
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
    facts = dataclasses.replace(network.facts, card=card | {"license": license} if license else network.facts.card)
    return with_property(data, METADATA, facts.as_json()), len(facts.styles)


def _free_sizes(model: Any) -> None:
    """Make the picture's height and width variable."""
    for value in (*model.graph.input, *model.graph.output):
        dims = value.type.tensor_type.shape.dim
        if len(dims) in (3, 4):
            sides = dims[-3:-1] if dims[-1].dim_value == 3 and dims[-3].dim_value != 3 else dims[-2:]
            for side, name in zip(sides, ("height", "width"), strict=True):
                side.dim_param = name
    del model.graph.value_info[:]


def _if_it_paints(model: Any, known: Told) -> tuple[bytes, Network] | None:
    """Return the model as a file, and its network, if it paints photos of any size."""
    data = bytes(model.SerializeToString())
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # already reported
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

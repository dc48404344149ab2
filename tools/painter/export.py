#!/usr/bin/env python3
"""Write the painter's files from the weights that `train.py` has written.

    python tools/painter/export.py --pack pack.zip [--weights work/weights.safetensors]     # into src/impasto/assets

| file | content |
|---|---|
| painter/painter.safetensors | all weights: the running mean of the trained ones |
| painter/paint.onnx | the graph of `graph.py` for any machine |
| painter/paint8.onnx, paint16.onnx | the same for machines whose layout has blocks of 8 or 16 channels |
| painter/encode.onnx | picture 1 x 3 x H x W -> 1920 numbers, `nn.paint_net.statistics` of VGG-19 |
| painter/layout.onnx | reveals a machine's layout: see `tools/nchwc.py` |
| gallery/painter.npz | the named styles' vectors and changes of the modulations, in half precision |
| gallery/painter-filters.npz, .json | empty: filters belong to other weights, and `named.py` learns them again |

A named style's palette has the weight in the column `palette` of `tools/gallery.tsv`.

painter.safetensors has convolutions and fully connected layers in 8 bits with a scale for every output, except the
first layer and the last. encode.onnx uses the weights of assets/vgg19.

Inputs of paint.onnx: photo 1 x 3 x H+64 x W+64 in -1..1, modulations 5152, noise8 1 x 1 x H/8+8 x W/8+8,
noise4 1 x 1 x H/4+16 x W/4+16, given 4896, trust. Outputs: picture H x W x 3 in 0..1, statistics 4896. The statistics
are the means and mean squares of the channels at every normalization. Each normalization uses its own statistics with
weight 1 - trust, and the given ones with weight trust.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from encode_graph import EncodeGraph
from graph import paint_model
from numpy.typing import NDArray
from safetensors.numpy import save_file
from safetensors.torch import load_file
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from nchwc import layout_model
from pack_vgg import quantize

from impasto.engines import painter_weights
from impasto.engines import quantized as packing
from impasto.engines.painter import CODE, Painter, noise_at
from impasto.nn.paint_net import PaintNet
from impasto.picture import Picture
from impasto.system.files import ASSETS

BASE = Path(__file__).with_name("weights") / "base.safetensors"
GALLERY = Path(__file__).resolve().parents[1] / "gallery.tsv"
WHOLE = {"enter1", "leave"}  # the first and the last layer, which are small: in single precision
ENCODED = {"red-blue-yellow"}  # styles that paint better without their trained changes
FEWEST_BITS = 1 / 255  # largest change of a picture that 8 bits may cause
DIVIDED = {"enter1": 2, "enter2": 4, "body": 4, "rise2": 4, "rise3": 2, "leave": 2}  # the others: an eighth


def packed(state: Mapping[str, Tensor]) -> dict[str, NDArray[np.generic]]:
    """Return the tensors as they are stored."""
    found: dict[str, NDArray[np.generic]] = {}
    for name, value in state.items():
        layer, _, part = name.rpartition(".")
        if part == "weight" and layer not in WHOLE:
            shape = value.shape
            eight, scale = quantize(value.float().reshape(*shape, *[1] * (4 - len(shape))))
            found[name], found[f"{layer}.scale"] = eight.reshape(shape).numpy(), scale.float().numpy()
        else:
            found[name] = value.float().numpy()
    return {name: np.ascontiguousarray(found[name]) for name in sorted(found)}


def multiply_adds() -> float:
    """Count the multiply-adds of the convolutions for each pixel."""
    shapes = painter_weights.weight_shapes().items()
    return sum(
        float(np.prod(shape)) / DIVIDED.get(name.partition(".")[0], 8) ** 2 for name, shape in shapes if len(shape) == 4
    )


@torch.inference_mode()
def moved(net: PaintNet, packed_net: PaintNet, named: Tensor, statistics: Tensor) -> float:
    """Return the root mean square change of pictures of the sample photograph, in some styles, by the packing."""
    photo = Picture.open(ASSETS / "samples" / "colosseum.jpg").resized(384, 256).pixels
    planes = torch.from_numpy(photo.transpose(2, 0, 1)[None].copy())
    noise = tuple(torch.from_numpy(noise_at(by, (0, 0), 256, 384)) for by in (8, 4))
    apart = []
    for index in range(0, len(named), max(1, len(named) // 4)):
        pictures = []
        for one in (net, packed_net):
            modulations = one.modulations(one.vector(statistics[index][None])) + named[index]
            pictures.append(one(planes, modulations, noise).clamp(0, 1))
        apart.append(float((pictures[0] - pictures[1]).square().mean().sqrt()))
    return float(np.mean(apart))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=BASE, help="weights.safetensors written by train.py")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, default=ASSETS, help="folder of all assets")
    arguments = parser.parse_args()
    folder = arguments.output / "painter"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(arguments.pack) as archive:
        files = sorted(name for name in archive.namelist() if name.startswith("gallery/"))
        paintings = {Path(file).stem: Picture.open(io.BytesIO(archive.read(file))).pixels for file in files}
    state = {name: value.float() for name, value in load_file(arguments.weights).items() if name != "counts"}
    changes = state.pop("changes")
    net = PaintNet().eval()
    net.load_state_dict(state)
    models = {"encode.onnx": EncodeGraph().finished(), "layout.onnx": layout_model(), "paint.onnx": paint_model(1)}
    models |= {f"paint{lanes}.onnx": paint_model(lanes) for lanes in (8, 16)}
    for name, model in models.items():
        (folder / name).write_bytes(model.SerializeToString(deterministic=True))
    painter = Painter(folder)
    statistics = np.stack([painter.statistics(painting) for painting in paintings.values()])
    tensors = packed(net.state_dict())
    save_file(tensors, folder / "painter.safetensors")
    (folder / "painter.safetensors").chmod(0o644)  # safetensors sets permissions for the owner only
    hashes = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (*models, "painter.safetensors")
    }
    encoder = hashlib.sha256(hashes["encode.onnx"].encode())
    for name in ("usual", "spread", "embed.weight", "embed.scale", "embed.bias"):
        encoder.update(tensors[name].tobytes())
    facts = {"sha256": hashes, "mac_per_pixel": round(multiply_adds()), "encoder": encoder.hexdigest()[:16]}
    facts["coherence"] = painter.facts["coherence"]  # of the encoder before: see `coherence.py`
    (folder / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")

    with GALLERY.open(encoding="utf-8", newline="") as table:
        palettes = {row["name"]: float(row["palette"]) for row in csv.DictReader(table, delimiter="\t")}
    vectors = {}
    for (name, painting), own in zip(paintings.items(), changes, strict=True):
        vector, named = painter.encode(painting).embedding.copy(), own.numpy()
        if name in ENCODED:
            named = np.zeros_like(named)
        vector[CODE:] *= palettes[name]
        vectors[name] = np.concatenate([vector, named]).astype(np.float16)
    np.savez_compressed(arguments.output / "gallery" / "painter.npz", allow_pickle=False, **vectors)
    np.savez_compressed(arguments.output / "gallery" / "painter-filters.npz", allow_pickle=False)
    without = {"painter": hashes["painter.safetensors"][:16], "styles": {}}
    (arguments.output / "gallery" / "painter-filters.json").write_text(json.dumps(without, indent=1) + "\n")
    packed_net = PaintNet().eval()
    again = packing.read(folder / "painter.safetensors")
    packed_net.load_state_dict({name: torch.from_numpy(value) for name, value in again.items()})
    far = moved(net, packed_net, changes, torch.from_numpy(statistics))
    for file in (*(folder / name for name in hashes), arguments.output / "gallery" / "painter.npz"):
        print(f"{file.name}  {file.stat().st_size / 1e6:.2f} MB")
    print(f"{facts['mac_per_pixel']:,} multiply-adds a pixel; 8 bits change pictures by {255 * far:.2f} / 255")
    if far > FEWEST_BITS:
        raise SystemExit("the change is too large; add layers to WHOLE")


if __name__ == "__main__":
    main()

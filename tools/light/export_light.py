#!/usr/bin/env python3
"""Write the light engine's graphs next to its weights.

    python tools/light/export_light.py     # into src/impasto/assets/light

| file | content | module |
|---|---|---|
| encode.onnx | a painting to a style vector | `encoder.py` |
| paint.onnx | a photo to a picture, on any machine | `portable.py` |
| paint8.onnx, paint16.onnx | the same for layouts with blocks of 8 or 16 channels | `blocked.py` |
| shot.onnx | the same for frames with known statistics | `shot.py` |
| layout.onnx | reveals a machine's layout | `tools/nchwc.py` |
| facts.json | the files' hashes, and the multiply-adds of painting | |

H and W are multiples of four and at least 32. A photo to paint has 18 mirrored pixels at every border. Only encode.onnx
contains weights. The other graphs use those of light.safetensors by name
(`impasto.engines.light_weights.graph_weights`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from blocked import blocked_model
from encoder import encode_model
from portable import paint_model
from safetensors.numpy import load_file
from shot import shot_model

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from nchwc import layout_model

from impasto.engines.light import MIRRORED, Light

WEIGHTS = Light.assets / "light.safetensors"


def models(weights: Path = WEIGHTS) -> dict[str, Any]:
    """Build all graphs, by file name."""
    return {
        "encode.onnx": encode_model(load_file(weights)),
        "layout.onnx": layout_model(),
        "paint.onnx": paint_model(),
        "paint8.onnx": blocked_model(8),
        "paint16.onnx": blocked_model(16),
        "shot.onnx": shot_model(),
    }


def multiply_adds(model: Any, side: int = 1024) -> float:
    """Count the multiply-adds of the convolutions for each pixel, including zeros from rewritten layers."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    sizes = dict.fromkeys(("rows", "columns"), side + 2 * MIRRORED)
    for value in fixed.graph.input:
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param:
                dimension.dim_value = sizes[dimension.dim_param]
    inferred = onnx.shape_inference.infer_shapes(fixed, data_prop=True)
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in inferred.graph.value_info}
    shapes |= {tensor.name: tensor.dims for tensor in model.graph.initializer}
    total = 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            total += int(np.prod(shapes[node.input[1]])) * int(np.prod(shapes[node.output[0]][2:]))
    return total / side**2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="weights written by tools/train_light.py")
    parser.add_argument("-o", "--output", type=Path, default=Light.assets)
    arguments = parser.parse_args()
    folder: Path = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    hashes, written = {}, models(arguments.weights)
    for name, model in written.items():
        data = model.SerializeToString(deterministic=True)
        (folder / name).write_bytes(data)
        hashes[name] = hashlib.sha256(data).hexdigest()
        print(f"{name}  {len(data) / 1e6:.2f} MB  {hashes[name]}")
    hashes[WEIGHTS.name] = hashlib.sha256(arguments.weights.read_bytes()).hexdigest()
    cost = round(multiply_adds(written["paint.onnx"]))
    (folder / "facts.json").write_text(json.dumps({"sha256": hashes, "mac_per_pixel": cost}, indent=1) + "\n")
    print(f"{cost:,} multiply-adds a pixel")


if __name__ == "__main__":
    main()

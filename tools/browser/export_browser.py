#!/usr/bin/env python3
"""Write the files of the browser's engine: its networks, the gallery's styles, their thumbnails.

    python tools/browser/export_browser.py --paintings PAINTINGS     # into packages/web/models

| file | content |
|---|---|
| config.json | sizes, controls, the styles' cards, and the hashes of the source files |
| onnx/model.onnx | the light engine's painting network (`browser_graph.py`) |
| onnx/encoder_model.onnx | the light engine's encoder of paintings |
| styles.safetensors | the light engine's vectors of the styles |
| painter/paint.onnx, encode.onnx | the painter's networks without their weights (`browser_painter.py`) |
| painter/styles.safetensors | the painter's vectors of the styles |
| styles/NAME.webp | the painting, 200 pixels at most |

The fully connected layers are fitted to the styles of paintings. Any folder of some hundred paintings will do.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import load_file, save

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "light"))
from browser_graph import Browser, BrowserEncoder, thin
from browser_painter import painter_graphs
from pack_browser import encoder_weights, painter_weights, tensors_of

from impasto.controls import Controls
from impasto.engines import light_weights, painter, quantized
from impasto.engines import painter_weights as painter_layers
from impasto.engines.base import Array
from impasto.engines.light import MIRRORED, Light
from impasto.engines.painter import Painter
from impasto.picture import Picture
from impasto.service.offers import controls
from impasto.styles import builtin

FOLDER = Path(__file__).resolve().parents[2] / "packages" / "web" / "models"
NUMBERS = ("light", "light-filters", "painter", "painter-filters", "collections")  # the gallery's files
_PAINTINGS = 400  # paintings to which the fully connected layers are fitted
_THUMBNAIL, _QUALITY = 200, 34


def sources() -> dict[str, str]:
    """Return the hashes of the source files. After changing one of these, export again."""
    files = [
        Light.assets / "light.safetensors",
        Painter.assets / "painter.safetensors",
        quantized.VGG,
        *(builtin.FOLDER / f"{name}.npz" for name in NUMBERS),
    ]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def seen_styles(engine: Light, folder: Path) -> Array:
    """Return embeddings of paintings, of the gallery's styles, and of mixtures of both."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    draw = np.random.default_rng(0)
    draw.shuffle(files)
    read = np.stack([engine.encode(Picture.open(path).pixels).embedding for path in files[:_PAINTINGS]])
    named = np.stack([builtin.vector(name, "light").embedding for name in builtin.cards()])

    def mixed(count: int) -> Array:
        share = draw.random((count, 1), np.float32)
        one, other = (rows[draw.integers(0, len(rows), count)] for rows in (np.concatenate([read, named]), named))
        found: Array = share * one + (1 - share) * other
        return found

    return np.concatenate([read, np.repeat(named, 4, axis=0), mixed(600)])


def vectors(engine: str) -> bytes:
    """Write the vectors of all styles as a safetensors file.

    | tensor | content |
    |---|---|
    | embedding.NAME | numbers in half precision |
    | changes.NAME | changes of the painter's modulations, in half precision |
    | levels.NAME, scales.NAME | changes of the filters, as `light_weights.pack` packs them |
    """
    found: dict[str, Any] = {}
    own, collections = (np.load(builtin.FOLDER / f"{name}.npz") for name in (f"{engine}-filters", "collections"))
    for name in builtin.cards():
        vector = builtin.vector(name, engine)
        found[f"embedding.{name}"] = vector.embedding.astype(np.float16)
        filters = own.get(name)
        if engine == "painter":
            found[f"changes.{name}"] = vector.changes[: painter.modulation_count()].astype(np.float16)
            filters = collections.get(f"{name}.filters", filters)
        if filters is not None:
            groups = len(filters) // (light_weights.GROUP // 2 + 2)
            found[f"levels.{name}"] = filters[: groups * light_weights.GROUP // 2]
            found[f"scales.{name}"] = filters[groups * light_weights.GROUP // 2 :].view(np.float16)
    return save(found)


def cards() -> list[dict[str, Any]]:
    """Return the cards of all styles, in the gallery's order."""
    kept = ("name", "title", "artist", "year", "kind", "license")
    return [{key: card[key] for key in kept} for card in builtin.cards().values()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", type=Path, required=True, help="folder of some hundred paintings")
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    folder: Path = arguments.output
    engine = Light()
    tensors = load_file(Light.assets / "light.safetensors")
    names = ("usual", "spread", "style1.weight", "style1.bias", "style2.weight", "style2.bias", "direct.weight")
    dense = {name: tensors[f"brush.{name}"].astype(np.float32) for name in names}
    weights = light_weights.graph_weights({name: tensors[f"brush.{name}"] for name in light_weights.filter_shapes()})
    network = Browser(weights, thin(dense, seen_styles(engine, arguments.paintings)), dense).model_with_statistics()
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    (folder / "styles").mkdir(exist_ok=True)
    (folder / "onnx" / "model.onnx").write_bytes(network.SerializeToString(deterministic=True))
    reading = BrowserEncoder(tensors).model_of_pictures()
    (folder / "onnx" / "encoder_model.onnx").write_bytes(reading.SerializeToString(deterministic=True))
    (folder / "styles.safetensors").write_bytes(vectors("light"))
    (folder / "painter").mkdir(exist_ok=True)
    graphs = painter_graphs(tensors_of(encoder_weights()), tensors_of(painter_weights()))
    for name, graph in graphs.items():
        (folder / "painter" / name).write_bytes(graph.SerializeToString(deterministic=True))
    (folder / "painter" / "styles.safetensors").write_bytes(vectors("painter"))
    for name in builtin.cards():
        with Image.open(builtin.FOLDER / "thumbnails" / f"{name}.jpg") as picture:
            picture.thumbnail((_THUMBNAIL, _THUMBNAIL))
            picture.save(folder / "styles" / f"{name}.webp", quality=_QUALITY, method=6)
    config = {
        "model_type": "impasto",
        "engines": {
            "light": {
                "margin": MIRRORED,
                "multiple": Light.size.multiple,
                "least": Light.size.least,
                "changes": light_weights.filter_count(),
                "statistics": 2 * light_weights.NORMS * light_weights.WIDTH,
            },
            "painter": {
                "margin": painter.MARGIN,
                "multiple": Painter.size.multiple,
                "least": Painter.size.least,
                "changes": painter.modulation_count() + painter_layers.filter_count(),
                "statistics": 2 * sum(painter_layers.norm_widths()),
                "code": painter.CODE,
                "coherence": Painter().facts["coherence"],
                "modulations": painter.modulation_count(),
            },
        },
        "group": light_weights.GROUP,
        "sources": sources(),
        "controls": [control for control in controls(Controls) if control["name"] not in ("size", "seed")],
        "styles": cards(),
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.parent.name != "styles":
            print(f"{path.relative_to(folder)}  {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()

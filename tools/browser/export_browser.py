#!/usr/bin/env python3
"""Write what the browser's engine loads: its networks, the gallery's styles, their thumbnails.

    python tools/browser/export_browser.py --paintings PAINTINGS     # into packages/web/models

| file | what |
|---|---|
| config.json | sizes, controls, the styles' cards, and what all of it was made from |
| onnx/model.onnx | paints (`browser_graph.py`) |
| onnx/encoder_model.onnx | reads a style off a painting |
| styles.bin | embeddings, then changes of the filters in 4 bits, then their scales (`light_weights.pack`) |
| styles/NAME.webp | the painting, 200 pixels at most |

The fully connected layers are fitted to the styles of paintings: any folder of many will do.
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
from safetensors.numpy import load_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "light"))
from browser_graph import Browser, BrowserEncoder, thin

from impasto.controls import Controls
from impasto.engines import light_weights
from impasto.engines.base import Array
from impasto.engines.light import MIRRORED, Light
from impasto.picture import Picture
from impasto.service.offers import controls
from impasto.styles import builtin

FOLDER = Path(__file__).resolve().parents[2] / "packages" / "web" / "models"
_PAINTINGS = 400  # that the fully connected layers are fitted to
_THUMBNAIL, _QUALITY = 200, 40


def sources() -> dict[str, str]:
    """Hashes of the files that all of it is made from: whoever changes them must export again."""
    files = [
        Light.assets / "light.safetensors",
        *(builtin.FOLDER / name for name in ("light.npz", "light-filters.npz", "collections.npz")),
    ]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def seen_styles(engine: Light, folder: Path) -> Array:
    """Embeddings of paintings, of the gallery's styles, and of mixtures of both."""
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


def packed_styles() -> bytes:
    """Embeddings of all styles in half precision; then levels, then scales, of those with changes of the filters."""
    embeddings, levels, scales = [], [], []
    with np.load(builtin.FOLDER / "light-filters.npz", allow_pickle=False) as filters:
        for name in builtin.cards():
            embeddings.append(builtin.vector(name, "light").embedding.astype(np.float16))
            if name in filters.files:
                groups = len(filters[name]) // (light_weights.GROUP // 2 + 2)
                levels.append(filters[name][: groups * light_weights.GROUP // 2])
                scales.append(filters[name][groups * light_weights.GROUP // 2 :])
    return b"".join(part.tobytes() for part in (*embeddings, *levels, *scales))


def cards() -> list[dict[str, Any]]:
    """What is said of every style, in the gallery's order, and whether it changes the filters."""
    kept = ("name", "title", "artist", "year", "kind", "licence")
    return [
        {key: card[key] for key in kept} | {"changes": bool(builtin.vector(name, "light").changes.size)}
        for name, card in builtin.cards().items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", type=Path, required=True, help="a folder of some hundred paintings")
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
    (folder / "styles.bin").write_bytes(packed_styles())
    for name in builtin.cards():
        with Image.open(builtin.FOLDER / "thumbnails" / f"{name}.jpg") as picture:
            picture.thumbnail((_THUMBNAIL, _THUMBNAIL))
            picture.save(folder / "styles" / f"{name}.webp", quality=_QUALITY, method=6)
    config = {
        "model_type": "impasto",
        "margin": MIRRORED,
        "multiple": Light.size.multiple,
        "least": Light.size.least,
        "embedding": light_weights.VECTOR_SIZE,
        "changes": light_weights.filter_count(),
        "group": light_weights.GROUP,
        "statistics": 2 * light_weights.NORMS * light_weights.WIDTH,
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

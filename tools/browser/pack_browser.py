#!/usr/bin/env python3
"""Pack the files of the browser's engine into packages/web/dist, after `vite build` has written its scripts there.

    python3 tools/browser/pack_browser.py

ONNX Runtime's WebAssembly and the models are compressed with LZMA to 2.2 MB; gzip needs 3.7 MB. A file's name has a
part of its hash, so that browsers may keep it forever. files.json lists the files. The script only needs Python.

| pack | content | fetched |
|---|---|---|
| light | the light engine's networks and styles | on the first visit |
| painter | the painter's network and styles | when it is chosen |
| encoder | the painter's encoder of paintings | when the painter paints in the style of a file, or recolors one |
"""

from __future__ import annotations

import hashlib
import json
import lzma
import shutil
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "packages" / "web" / "models"
DIST = ROOT / "packages" / "web" / "dist"
KEPT = ROOT / "packages" / "web" / "build"
ASSETS = ROOT / "src" / "impasto" / "assets"
RUNTIME = ROOT / "node_modules" / "onnxruntime-web" / "dist"
PAINTER, ENCODER = "painter.safetensors", "encoder.safetensors"
_SEEN = 9  # number of convolutions of VGG-19 in the encoder
BUILDS = {"wasm": "", "jspi": ".jspi", "asyncify": ".asyncify"}
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]


class Stored(NamedTuple):
    """A tensor in a file: its type, shape, first byte, and number of bytes."""

    dtype: str
    shape: list[int]
    start: int
    size: int


def tensors_of(data: bytes) -> dict[str, Stored]:
    """List the tensors of a safetensors file by name."""
    (length,) = struct.unpack("<Q", data[:8])
    found = {}
    for name, value in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__":
            start, end = value["data_offsets"]
            found[name] = Stored(value["dtype"], value["shape"], 8 + length + start, end - start)
    return found


def painter_weights() -> bytes:
    """Return the painter's painter.safetensors."""
    return (ASSETS / "painter" / "painter.safetensors").read_bytes()


def encoder_weights() -> bytes:
    """Return encoder.safetensors: the needed part of VGG-19."""
    data = (ASSETS / "vgg19" / "vgg19-normalized-int8.safetensors").read_bytes()
    layers = {"entry", *map(str, range(_SEEN))}
    header, body = {}, b""
    for name, one in tensors_of(data).items():
        if name.rpartition(".")[0] in layers:
            header[name] = {"dtype": one.dtype, "shape": one.shape, "data_offsets": [len(body), len(body) + one.size]}
            body += data[one.start : one.start + one.size]
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def _model(name: str) -> Callable[[], bytes]:
    return (MODELS / name).read_bytes


PACKS: dict[str, dict[str, Callable[[], bytes]]] = {
    "light": {name: _model(name) for name in ("onnx/model.onnx", "onnx/encoder_model.onnx", "styles.safetensors")},
    "painter": {
        "paint.onnx": _model("painter/paint.onnx"),
        "styles.safetensors": _model("painter/styles.safetensors"),
        PAINTER: painter_weights,
    },
    "encoder": {"encode.onnx": _model("painter/encode.onnx"), ENCODER: encoder_weights},
}


def packed(data: bytes, stem: str) -> tuple[str, int]:
    """Write compressed data, and return the file's name and size. An earlier result for the same data is reused."""
    digest = hashlib.sha256(data).hexdigest()[:8]
    path = KEPT / f"{stem}.{digest}.xz"
    if not path.exists():
        KEPT.mkdir(exist_ok=True)
        for old in KEPT.glob(f"{stem}.????????.xz"):
            old.unlink()
        part = path.with_suffix(".part")
        part.write_bytes(lzma.compress(data, lzma.FORMAT_XZ, lzma.CHECK_CRC32, filters=FILTERS))
        part.replace(path)
    shutil.copyfile(path, DIST / path.name)
    return path.name, path.stat().st_size


def joined(parts: dict[str, Callable[[], bytes]]) -> tuple[bytes, dict[str, list[int]]]:
    """Concatenate files, and return the start and the length of each."""
    places: dict[str, list[int]] = {}
    data = b""
    for name, read in parts.items():
        part = read()
        places[name] = [len(data), len(part)]
        data += part + b"\0" * (-len(part) % 8)
    return data, places


def main() -> None:
    packs: dict[str, Any] = {}
    runtimes: dict[str, Any] = {}
    with ThreadPoolExecutor() as pool:
        for name, parts in PACKS.items():
            data, places = joined(parts)
            packs[name] = {"packed": pool.submit(packed, data, name), "parts": places}
        for build, ending in BUILDS.items():
            glue = f"ort-wasm-simd-threaded{ending}.mjs"
            shutil.copyfile(RUNTIME / glue, DIST / glue)
            binary = (RUNTIME / f"ort-wasm-simd-threaded{ending}.wasm").read_bytes()
            runtimes[build] = {"packed": pool.submit(packed, binary, f"runtime-{build}"), "glue": glue}
    for entry in (*packs.values(), *runtimes.values()):
        entry["file"], entry["size"] = entry.pop("packed").result()
    (DIST / "files.json").write_text(json.dumps({"packs": packs, "runtimes": runtimes}, indent=1) + "\n")
    shutil.copyfile(MODELS / "config.json", DIST / "config.json")
    for name in ("LICENSE", "NOTICE"):
        shutil.copyfile(ROOT / name, DIST / name)
    for folder in (MODELS / "onnx", MODELS / "styles"):
        shutil.copytree(folder, DIST / folder.name, dirs_exist_ok=True)
    shutil.copytree(ASSETS / "gallery" / "thumbnails", DIST / "paintings", dirs_exist_ok=True)
    for name, entry in (packs | runtimes).items():
        print(f"{name}: {entry['size'] / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Pack what the browser's engine loads into packages/web/dist, after `vite build` has written its scripts there.

    python3 tools/browser/pack_browser.py

ONNX Runtime's WebAssembly and the models are compressed with LZMA: 2.2 MB where gzip makes 3.7. A file's name has a
part of its hash, so that it may be kept for ever. files.json says which there are. Needs nothing but Python.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "packages" / "web" / "models"
DIST = ROOT / "packages" / "web" / "dist"
KEPT = ROOT / "packages" / "web" / "build"
PAINTINGS = ROOT / "src" / "impasto" / "assets" / "gallery" / "thumbnails"
RUNTIME = ROOT / "node_modules" / "onnxruntime-web" / "dist"
PARTS = ("onnx/model.onnx", "onnx/encoder_model.onnx", "styles.bin")
BUILDS = {"wasm": "", "jspi": ".jspi", "asyncify": ".asyncify"}
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]


def packed(data: bytes, stem: str) -> tuple[str, int]:
    """Write data compressed; the file's name and its size. What was compressed before is kept beside."""
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


def main() -> None:
    places: dict[str, list[int]] = {}
    data = b""
    for name in PARTS:
        part = (MODELS / name).read_bytes()
        places[name] = [len(data), len(part)]
        data += part + b"\0" * (-len(part) % 8)
    runtimes: dict[str, Any] = {}
    with ThreadPoolExecutor() as pool:
        models = pool.submit(packed, data, "models")
        for build, ending in BUILDS.items():
            glue = f"ort-wasm-simd-threaded{ending}.mjs"
            shutil.copyfile(RUNTIME / glue, DIST / glue)
            binary = (RUNTIME / f"ort-wasm-simd-threaded{ending}.wasm").read_bytes()
            runtimes[build] = {"packed": pool.submit(packed, binary, f"runtime-{build}"), "glue": glue}
    file, size = models.result()
    for entry in runtimes.values():
        entry["file"], entry["size"] = entry.pop("packed").result()
    files = {"models": {"file": file, "size": size, "parts": places}, "runtimes": runtimes}
    (DIST / "files.json").write_text(json.dumps(files, indent=1) + "\n")
    shutil.copyfile(MODELS / "config.json", DIST / "config.json")
    for name in ("LICENSE", "NOTICE"):
        shutil.copyfile(ROOT / name, DIST / name)
    for folder in (MODELS / "onnx", MODELS / "styles"):
        shutil.copytree(folder, DIST / folder.name, dirs_exist_ok=True)
    shutil.copytree(PAINTINGS, DIST / "paintings", dirs_exist_ok=True)
    for build, entry in runtimes.items():
        print(f"{build}: {entry['size'] / 1e6:.2f} MB, models {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

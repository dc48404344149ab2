#!/usr/bin/env python3
"""Write the enlargers that ship, from the weights in tools/enlarger/weights.

python tools/enlarger/ship.py
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from impasto.exchange.enlarger import from_weights, to_onnx
from impasto.system.files import ASSETS, write_atomically

WEIGHTS = Path(__file__).parent / "weights"
SHIPPED = ("photo-x2", "photo-x4", "painting-x2", "painting-x4")


def main() -> None:
    folder, digests = ASSETS / "enlarge", {}
    for name in SHIPPED:
        net, card = from_weights(WEIGHTS / f"{name}.safetensors")
        path, data = folder / f"{name}.onnx", to_onnx(net, card)
        write_atomically(path, data, overwrite=True)
        digests[path.name] = hashlib.sha256(data).hexdigest()
        print(f"{path.name}  {len(data):,} bytes  {card['steps']} steps")
    write_atomically(folder / "sha256.json", (json.dumps(digests, indent=1) + "\n").encode(), overwrite=True)


if __name__ == "__main__":
    main()

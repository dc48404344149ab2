#!/usr/bin/env python3
"""Fit a classifier of paintings and photographs: a logistic regression on the light engine's style vectors.

    python tools/build_painted.py --photos DIR --paintings DIR [--test-photos DIR --test-paintings DIR]

The script writes `assets/light/painted.npz`, which `impasto.training.folders` reads.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from impasto.engines.by_name import engine_of
from impasto.picture import Picture
from impasto.picture.formats import SUFFIXES
from impasto.system.files import ASSETS
from impasto.system.listing import files_in

STEPS = 400
DECAY = 0.01
MOST = 600  # pictures of each kind


def vectors(folder: Path) -> NDArray[np.float32]:
    """Return the style vectors of a folder's pictures, evenly spread over it: N x 512."""
    files = files_in(folder, SUFFIXES)
    files = [files[int(index)] for index in np.linspace(0, len(files) - 1, min(MOST, len(files)))]
    engine = engine_of("light")
    return np.stack([engine.encode(Picture.open(file, shorter=320).at_most(512).pixels).embedding for file in files])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("photos", "paintings"):
        parser.add_argument(f"--{name}", type=Path, required=True)
        parser.add_argument(f"--test-{name}", type=Path)
    arguments = parser.parse_args()
    photos, paintings = vectors(arguments.photos), vectors(arguments.paintings)
    both = np.concatenate([photos, paintings])
    mean, deviation = both.mean(0), both.std(0) + 1e-6
    seen = torch.from_numpy((both - mean) / deviation).clamp(-5, 5)
    wanted = torch.cat([torch.zeros(len(photos)), torch.ones(len(paintings))])
    weight, bias = torch.zeros(both.shape[1], requires_grad=True), torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=STEPS)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(seen @ weight + bias, wanted)
        loss = loss + DECAY * weight.square().sum() / 2
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    own = weight.detach().numpy() / deviation
    start = bias.detach().numpy() - own @ mean
    np.savez(
        ASSETS / "light" / "painted.npz",
        weight=own.astype(np.float32),
        bias=start.astype(np.float32),
        least=(mean - 5 * deviation).astype(np.float32),
        most=(mean + 5 * deviation).astype(np.float32),
    )
    tests = {"training photos": (photos, 0), "training paintings": (paintings, 1)}
    if arguments.test_photos and arguments.test_paintings:
        tests |= {
            "other photos": (vectors(arguments.test_photos), 0),
            "other paintings": (vectors(arguments.test_paintings), 1),
        }
    for name, (found, kind) in tests.items():
        told = (found.clip(mean - 5 * deviation, mean + 5 * deviation) @ own + start > 0) == kind
        print(f"{name}: {np.mean(told):.3f} of {len(found)} told right")


if __name__ == "__main__":
    main()

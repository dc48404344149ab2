#!/usr/bin/env python3
"""Compare the training with a plain loop in pictures a second, with the same network, batch, size and losses.

    python benchmarks/train.py --photos DIR --style FILE [--size 256] [--batch 4] [--steps 20] [--width 32]
        [--precisions float32,auto]

The baseline is the function `plain`, which follows PyTorch's fast_neural_style example: eager mode, float32, default
memory layout, all layers of the loss network also for the photographs, no clamping, Adam, pictures in memory. Ours is
`impasto.training.loop.train`, including reading and cropping. Each runs in its own process. The rounds alternate. The
first third of each run does not count.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

CONTENT = "relu3_1"
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


def plain(photos: str, style: str, size: int, batch: int, steps: int, width: int, device: str) -> float:
    """Return pictures a second of the plain loop."""
    import torch
    import torch.nn.functional as F

    from impasto.nn.tensors import to_tensor
    from impasto.nn.transformer import Architecture, TransformerNet
    from impasto.nn.vgg import shipped_vgg
    from impasto.picture import Picture
    from impasto.pixels.arrays import fit
    from impasto.training.data import Crops, find_photos

    source = shipped_vgg()  # for its weights; the network is this function's own
    layers = [(c.weight.to(device), c.bias.to(device)) for c in source.convolutions]

    def features(x: torch.Tensor) -> dict[str, torch.Tensor]:
        found, block = {}, "1"
        x = F.conv2d(x, source.entry.weight.to(device), source.entry.bias.to(device))
        for name, (weight, bias) in zip(source.names, layers, strict=True):
            if name[4] != block:
                block, x = name[4], F.max_pool2d(x, 2)
            x = found[name] = F.relu(F.conv2d(x, weight, bias, padding=1))
            if name == STYLE[-1]:
                break
        return found

    def gram(x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(2)
        return flat.bmm(flat.transpose(1, 2)) / flat.shape[2]

    torch.manual_seed(0)
    crops = Crops(find_photos(photos), size, 0)
    batches = [torch.stack([crops[i * batch + j][0] for j in range(batch)]).to(device) for i in range(4)]
    painting = Picture.open(style)
    painting = painting.resized(*fit(painting.width, painting.height, 384))
    with torch.no_grad():
        targets = {name: gram(value) for name, value in features(to_tensor(painting.pixels).to(device)).items()}
    net = TransformerNet(Architecture(width)).to(device).eval()  # eval: PyTorch's own convolutions
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    started = 0.0
    for step in range(steps):
        if step == steps // 3:
            if device == "cuda":
                torch.cuda.synchronize()
            started = time.perf_counter()
        x = batches[step % 4]
        optimizer.zero_grad()
        y = net(x)
        seen, photo = features(y), features(x)
        loss = F.mse_loss(seen[CONTENT], photo[CONTENT])
        for name in STYLE:
            loss = loss + F.mse_loss(gram(seen[name]), targets[name].expand(batch, -1, -1))
        loss.backward()
        optimizer.step()
    if device == "cuda":
        torch.cuda.synchronize()
    return (steps - steps // 3) * batch / (time.perf_counter() - started)


def ours(photos: str, style: str, size: int, batch: int, steps: int, width: int, device: str, precision: str) -> float:
    """Return pictures a second of Impasto's training."""
    from impasto.progress import Progress
    from impasto.training.loop import train
    from impasto.training.recipe import DEFAULT
    from impasto.training.style_job import StyleJob

    recipe = replace(
        DEFAULT,
        width=width,
        size=size,
        batch_size=batch,
        iterations=steps,
        content_layers=(CONTENT,),
        style_layers=STYLE,
        variation_weight=0.0,
    )
    moments: list[float] = []

    def on_progress(progress: Progress) -> None:
        if progress.step:
            moments.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        styles = {"style": Path(style)}
        job = StyleJob(photos, Path(folder), device=device, precision=precision, styles=styles, recipe=recipe)
        train(job, on_progress=on_progress)
    first = steps // 3
    return (steps - 1 - first) * batch / (moments[-2] - moments[first - 1])  # the last step also writes pictures


def measure(which: str, arguments: tuple[object, ...]) -> float:
    # Not a Pool: its processes cannot have children, and the training starts readers.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit({"plain": plain, "ours": ours}[which], *arguments).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True)
    parser.add_argument("--style", required=True)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=21)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precisions", default="float32,auto")
    arguments = parser.parse_args()
    common = (
        arguments.photos,
        arguments.style,
        arguments.size,
        arguments.batch,
        arguments.steps,
        arguments.width,
        arguments.device,
    )
    precisions = arguments.precisions.split(",")
    found: dict[str, list[float]] = {name: [] for name in ("plain", *precisions)}
    for _ in range(arguments.rounds):
        found["plain"].append(measure("plain", common))
        for precision in precisions:
            found[precision].append(measure("ours", (*common, precision)))
    print(f"{arguments.size} px, batch {arguments.batch}, width {arguments.width}, {arguments.device}")
    base = statistics.median(found["plain"])
    for name, speeds in found.items():
        label = "plain loop" if name == "plain" else f"impasto train, --precision {name}"
        speed = statistics.median(speeds)
        print(f"{label:36} {speed:7.2f} pictures/s ({min(speeds):.2f} to {max(speeds):.2f})  x {speed / base:.2f}")


if __name__ == "__main__":
    main()

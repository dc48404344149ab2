#!/usr/bin/env python3
"""Train the light engine's network: first to imitate a teacher, then on perceptual losses.

    python tools/train_light.py prepare --photos DIR --paintings DIR --gallery DIR --work work/
    python tools/train_light.py distil --teacher microast.safetensors --work work/ --minutes 25
    python tools/train_light.py perceive --work work/ --minutes 80
    python tools/train_light.py finish --work work/       # into src/impasto/assets/light
    python tools/light/export_light.py

`distil` imitates the teacher's pictures. It is cheap, because every pixel of a batch is a target. The network learns
the teacher's styles, their blends, and to return the photo if it gets the photo's own style.

`perceive` then improves the network with these losses:

- Content at relu3_1 and relu4_1.
- Style: Gram matrices at relu1_1 to relu4_1. Each layer's distance is divided by the energy of the photo's and the
  painting's matrices (Cheng et al. 2021).
- Identity: the photo's own style vector must return the photo.
- Steadiness: a shifted and noisy photo must give the same picture.
- No lattice of the network's grid, and no influence of the border.

It also learns a vector for every painting of the gallery, together with the network (Dumoulin et al. 2017). With a GPU,
use `--device cuda`.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from microast import MicroAST
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from impasto.engines.by_name import engine_of
from impasto.nn.light_net import LightNet, Moments
from impasto.nn.losses import blemishes, gram, mean_content_loss
from impasto.nn.tensors import to_tensor
from impasto.nn.vgg import VGG, Pooling, perceptual_vgg
from impasto.picture import Picture
from impasto.system.files import ASSETS
from impasto.training.data import find_photos, read
from impasto.training.objective import unsteadiness

LAYERS = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512}
CONTENT = ("relu3_1", "relu4_1")
LATTICE = 8  # side of a window of the lattice loss, in cells of the network's grid of four pixels
PAINTING_SIDE = 512  # size of paintings for Gram matrices, about the size of the results
WEIGHTS = {
    "content": 1.0,
    "style": 18.0,
    "variation": 0.15,
    "identity": 1.0,
    "steady": 40.0,
    "border": 60.0,
    "lattice": 350.0,
    "range": 10.0,
}
BRUSH_MLP = ("style1.weight", "style2.weight", "direct.weight")  # stored in half precision


@dataclass
class Data:
    """The data that `prepare` has written.

    Attributes:
        photos: photographs, H x W x 3 each, 8 bits.
        own: style vectors of the photographs, P x 512.
        vectors: style vectors of the paintings, K x 512, the gallery's first.
        names: file names of the paintings.
        gallery: number of paintings that belong to the gallery.
        grams: upper triangles of the layers' Gram matrices, each divided by its root mean square; K rows.
        energy: these root mean squares, K x 4.
    """

    photos: list[NDArray[np.uint8]]
    own: Tensor
    vectors: Tensor
    names: list[str]
    gallery: int
    grams: NDArray[np.float16]
    energy: Tensor

    @classmethod
    def load(cls, work: Path) -> Data:
        with np.load(work / "styles.npz") as styles, np.load(work / "photos.npz") as photos:
            return cls(
                [photos[f"photo{index}"] for index in range(len(photos["own"]))],
                torch.from_numpy(photos["own"]),
                torch.from_numpy(styles["vectors"]),
                [str(name) for name in styles["names"]],
                int(styles["gallery"]),
                np.load(work / "grams.npy", mmap_mode="r"),
                torch.from_numpy(styles["energy"]),
            )

    def targets(self, ids: NDArray[np.int64], index: int) -> Tensor:
        """Return the paintings' Gram matrices of one layer, N x C x C."""
        sizes = [width * (width + 1) // 2 for width in LAYERS.values()]
        width, start = list(LAYERS.values())[index], sum(sizes[:index])
        rows = np.stack([self.grams[i, start : start + sizes[index]] for i in ids]).astype(np.float32)
        upper = torch.triu_indices(width, width)
        found = torch.zeros(len(ids), width, width)
        found[:, upper[0], upper[1]] = torch.from_numpy(rows) * self.energy[ids, index, None]
        found[:, upper[1], upper[0]] = found[:, upper[0], upper[1]]
        return found


def prepare(arguments: argparse.Namespace) -> None:
    painter, net = engine_of("light"), loss_net("cpu")
    work: Path = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    folders = [find_photos(folder).items for folder in (arguments.gallery, arguments.paintings)]
    paintings = [item for items in folders for item in items]
    size = sum(width * (width + 1) // 2 for width in LAYERS.values())
    grams = np.lib.format.open_memmap(work / "grams.npy", "w+", np.float16, (len(paintings), size))
    energy = np.zeros((len(paintings), len(LAYERS)), np.float32)
    vectors = []
    for row, item in enumerate(paintings):
        picture = Picture.open(read(item))
        vectors.append(painter.encode(picture.pixels).embedding)
        found = painting_grams(net, picture, list(LAYERS))
        triangles = []
        for index, (layer, width) in enumerate(LAYERS.items()):
            energy[row, index] = float(found[layer].square().mean().sqrt())
            upper = torch.triu_indices(width, width)
            triangles.append((found[layer][0] / energy[row, index])[upper[0], upper[1]].numpy())
        grams[row] = np.concatenate(triangles)
    grams.flush()
    names = [Path(item.path).name for item in paintings]
    np.savez(work / "styles.npz", vectors=np.stack(vectors), names=names, gallery=len(folders[0]), energy=energy)
    photos: dict[str, Any] = {}
    own: list[NDArray[np.float32]] = []
    for item in find_photos(arguments.photos).items:
        pixels = Picture.open(read(item)).pixels
        photos[f"photo{len(own)}"] = np.rint(pixels * 255).astype(np.uint8)
        own.append(painter.encode(pixels).embedding)
    np.savez(work / "photos.npz", own=np.stack(own), **photos)
    print(f"{len(own)} photographs, {len(paintings)} paintings, {len(folders[0])} of them the gallery's")


def painting_grams(net: VGG, painting: Picture, layers: Sequence[str]) -> dict[str, Tensor]:
    """Compute a painting's Gram matrices by layer, 1 x C x C, on the device of the loss network."""
    pixels = to_tensor(painting.at_most(PAINTING_SIDE).pixels).to(net.entry.weight.device)
    with torch.no_grad():
        return net(pixels.contiguous(memory_format=torch.channels_last), layers, lambda _, features: gram(features))


def loss_net(device: str, pooling: Pooling = "average") -> VGG:
    return perceptual_vgg(torch.device(device), pooling, "replicate")


class Crops:
    """Random crops of photographs, between slightly enlarged and reduced 1.6 times."""

    def __init__(self, data: Data, rng: np.random.Generator, count: int) -> None:
        self.data, self.rng, self.count = data, rng, count

    def batch(self, side: int) -> tuple[Tensor, NDArray[np.int64]]:
        """Return crops, N x 3 x side x side, and the indices of their photographs."""
        ids = self.rng.integers(len(self.data.photos), size=self.count)
        return torch.cat(list(self._crops(ids, side))).to(memory_format=torch.channels_last), ids

    def _crops(self, ids: NDArray[np.int64], side: int) -> Iterator[Tensor]:
        for index in ids:
            photo = self.data.photos[index]
            wanted = int(side * math.exp(self.rng.uniform(math.log(0.8), math.log(1.6))))
            source = min(*photo.shape[:2], wanted)
            top, left = (self.rng.integers(length - source + 1) for length in photo.shape[:2])
            crop = photo[top : top + source, left : left + source]
            planes = torch.from_numpy(crop.copy()).permute(2, 0, 1)[None].float() / 255
            planes = F.interpolate(planes, (side, side), mode="bicubic", antialias=True).clamp(0, 1)
            yield planes.flip(3) if self.rng.random() < 0.5 else planes


class Training(ABC):
    """A network in training, its running mean, and the gallery's vectors as offsets from the encoder's."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments, self.device = arguments, arguments.device
        self.data = Data.load(arguments.work)
        self.file: Path = arguments.work / "painter.pt"
        self.rng = np.random.default_rng(arguments.seed)
        self.crops = Crops(self.data, self.rng, arguments.batch)
        torch.manual_seed(arguments.seed)
        self.net = self.start()
        trained_on = self.data.vectors[self.data.gallery :]
        self.net.usual.copy_(trained_on.mean(0))
        self.net.spread.copy_(trained_on.std(0) + 1e-4)
        self.moves = torch.zeros(self.data.gallery, self.data.vectors.shape[1])  # in units of the vectors' deviation
        self.step = 0
        if self.file.is_file():
            state = torch.load(self.file, weights_only=True)
            self.net.load_state_dict(state["mean"])
            self.moves, self.step = state["moves"], state["step"]
        self.net.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean = copy.deepcopy(self.net).requires_grad_(False)
        self.moves = self.moves.to(self.device).requires_grad_()
        self.vectors = self.data.vectors.to(self.device)
        groups = [
            {"params": list(self.net.parameters()), "base": arguments.rate},
            {"params": [self.moves], "base": 30 * arguments.rate, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=arguments.rate, weight_decay=1e-4, betas=(0.9, 0.99))

    def start(self) -> LightNet:
        """Return the network before its first step."""
        return LightNet()

    def run(self) -> None:
        """Train for `--minutes`. The rate rises over 100 steps, and falls along a cosine to a tenth."""
        started, saved, first = time.monotonic(), time.monotonic(), self.step
        sums: dict[str, list[float]] = {}
        while (share := (time.monotonic() - started) / (60 * self.arguments.minutes)) < 1:
            rate = min(1, (self.step - first + 1) / 100) * (0.1 + 0.45 * (1 + math.cos(math.pi * share)))
            for group in self.optimizer.param_groups:
                group["lr"] = group["base"] * rate
            terms = self.terms()
            self.optimizer.zero_grad(set_to_none=True)
            torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            self.optimizer.step()
            self.step += 1
            kept = min(0.998, (self.step - first) / (self.step - first + 20))
            with torch.no_grad():
                for mean, own in zip(self.mean.parameters(), self.net.parameters(), strict=True):
                    mean.lerp_(own, 1 - kept)
            for name, term in terms.items():
                sums.setdefault(name, []).append(float(term.detach()))
            if self.step % 25 == 0:
                shown = "  ".join(f"{name} {np.mean(values):.4f}" for name, values in sums.items())
                print(f"{self.step}  {time.monotonic() - started:.0f} s  {shown}", flush=True)
                sums.clear()
            if time.monotonic() - saved > 120:
                self.save()
                saved = time.monotonic()
        self.save()

    def save(self) -> None:
        part = self.file.with_suffix(".part")
        torch.save({"mean": self.mean.state_dict(), "moves": self.moves.detach().cpu(), "step": self.step}, part)
        part.replace(self.file)

    @abstractmethod
    def terms(self) -> dict[str, Tensor]:
        """Return the weighted losses of one batch."""

    def styles(self) -> NDArray[np.int64]:
        """Draw the styles of a batch: the first half from the gallery, the others from the other paintings."""
        half, count = self.arguments.batch // 2, len(self.data.vectors)
        own = self.rng.integers(self.data.gallery, size=half)
        return np.concatenate([own, self.rng.integers(self.data.gallery, count, size=self.arguments.batch - half)])


class Distillation(Training):
    """Training towards a teacher's pictures; towards the photo where a photo's own vector is given.

    The teacher is MicroAST, or a network of this design with other widths. Tensors are copied where the shapes match.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        tensors = load_file(arguments.teacher)
        self.brush = {
            name.removeprefix("brush."): value for name, value in tensors.items() if name.startswith("brush.")
        }
        super().__init__(arguments)
        teacher: torch.nn.Module
        if self.brush:
            teacher = LightNet(len(self.brush["enter1.weight"]))
            teacher.load_state_dict({name: value.float() for name, value in self.brush.items()})
        else:
            teacher = MicroAST()
            teacher.load_state_dict(tensors)
        teacher.requires_grad_(False).eval().to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.teach = teacher.paint if isinstance(teacher, MicroAST) else teacher

    def start(self) -> LightNet:
        net = LightNet()
        own = net.state_dict()
        own.update({name: value for name, value in self.brush.items() if value.shape == own[name].shape})
        net.load_state_dict(own)
        return net

    def terms(self) -> dict[str, Tensor]:
        photos, ids = self.crops.batch(self.arguments.side + int(self.rng.choice([-32, 0, 32])))
        photos = photos.to(self.device)
        vectors, own = self.vectors[self.styles()], self.data.own[ids].to(self.device)
        others = self.vectors[self.rng.integers(len(self.vectors), size=len(ids))]
        kind = torch.from_numpy(self.rng.random((len(ids), 1))).to(self.device)
        share = torch.from_numpy(self.rng.random((len(ids), 1))).float().to(self.device)
        vectors = torch.where(kind < 0.2, vectors + share * (others - vectors), vectors)  # a blend
        vectors = torch.where((kind >= 0.2) & (kind < 0.35), own + share * (vectors - own), vectors)  # a strength
        same = (kind >= 0.35) & (kind < 0.45)
        vectors = torch.where(same, own, vectors)
        with torch.no_grad():
            wanted = torch.cat(
                [self.teach(*pair) for pair in zip(torch.split(photos, 4), torch.split(vectors, 4), strict=True)]
            )
            wanted = torch.where(same[:, :, None, None], photos, wanted.clamp(-0.1, 1.1))
        difference = self.net(photos, vectors) - wanted
        edges = [difference.diff(dim=axis).abs().mean() for axis in (2, 3)]
        return {
            "pixels": difference.abs().mean(),
            "colors": 2 * F.avg_pool2d(difference, 4).abs().mean(),
            "edges": edges[0] + edges[1],
        }


class Perception(Training):
    """Training towards the photo's content and the paintings' Gram matrices."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        super().__init__(arguments)
        self.loss_net = loss_net(self.device)

    def terms(self) -> dict[str, Tensor]:
        photos, ids = self.crops.batch(self.arguments.side)
        photos = photos.to(self.device)
        styles = self.styles()
        own = styles[styles < self.data.gallery]
        vectors = self.vectors[styles]
        moved = vectors[: len(own)] + self.moves[own] * self.net.spread
        vectors = torch.cat([moved, vectors[len(own) :]])
        measured: Moments = []
        painted = self.net(photos, vectors, measured)
        targets = {layer: self.data.targets(styles, index).to(self.device) for index, layer in enumerate(LAYERS)}
        terms = perceptual(self.loss_net, painted, seen(self.loss_net, photos, list(LAYERS)), targets)
        if self.step % 3 == 0:
            terms["identity"] = (self.net(photos[:2], self.data.own[ids[:2]].to(self.device)) - photos[:2]).abs().mean()
        if self.step % 2:
            again = partial(self.net, vector=vectors[:3])
            terms["steady"] = unsteadiness(again, photos[:3], painted[:3], self.rng)
        else:  # the border must not show: the crop's middle, painted alone, must equal the painted crop's middle
            middle = (slice(None), slice(None), slice(24, -24), slice(24, -24))
            # Keep their gradients: without them, smaller features would look like a smaller border effect.
            same = [(variance[:3], mean[:3]) for variance, mean in measured]
            alone = self.net(photos[:3][middle], vectors[:3], same)
            terms["border"] = (alone - painted[:3][middle].detach()).square().mean()
        return {name: WEIGHTS[name] * term for name, term in terms.items()}


class Seen(NamedTuple):
    """Features and Gram matrices of photographs for the losses, by layer."""

    features: dict[str, Tensor]  # of the content layers
    grams: dict[str, Tensor]  # of the style layers


def seen(net: VGG, photos: Tensor, style: Sequence[str], content: Sequence[str] = CONTENT) -> Seen:
    kept = Seen({}, {})

    def keep(layer: str, features: Tensor) -> Tensor:
        if layer in content:
            kept.features[layer] = features
        if layer in style:
            kept.grams[layer] = gram(features)
        return features.new_zeros(())

    with torch.no_grad():
        net(photos, list({*style, *content}), keep)
    return kept


def perceptual(
    net: VGG,
    painted: Tensor,
    photos: Seen,
    targets: Mapping[str, Tensor],
    apart: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Compute the content and style losses, and those of blemishes: variation, lattice, values out of range.

    Args:
        targets: the paintings' Gram matrices by layer, N x C x C or 1 x C x C; {} for no style loss.
        apart: divisor of each layer's distance; default: the energy of the photo's and the painting's matrices.
    """
    found = {"content": painted.new_zeros(()), "style": painted.new_zeros(())}

    def see(layer: str, features: Tensor) -> Tensor:
        if layer in targets:
            target, own = targets[layer], photos.grams[layer]
            whole = apart[layer] if apart else target.square().mean((1, 2)) + own.square().mean((1, 2))
            distance = (gram(features) - target).square().mean((1, 2)) / whole
            found["style"] = found["style"] + distance.mean() / len(targets)
        if layer in photos.features:
            missed = mean_content_loss(features, photos.features[layer])
            found["content"] = found["content"] + missed / len(photos.features)
        return painted.new_zeros(())

    net(painted, list({*targets, *photos.features}), see)
    return found | blemishes(painted, LATTICE, 4)


def finish(arguments: argparse.Namespace) -> None:
    state = torch.load(arguments.work / "painter.pt", weights_only=True)
    file = ASSETS / "light" / "light.safetensors"
    tensors = {name: value for name, value in load_file(file).items() if not name.startswith("brush.")}
    for name, value in state["mean"].items():
        tensors[f"brush.{name}"] = (value.half() if name in BRUSH_MLP else value.float()).contiguous()
    save_file(tensors, file)
    with np.load(arguments.work / "styles.npz") as styles:
        moves = (state["moves"] * state["mean"]["spread"]).numpy()
        fitted = {
            str(name): styles["vectors"][row] + moves[row] for row, name in enumerate(styles["names"][: len(moves)])
        }
    np.savez(arguments.work / "fitted.npz", allow_pickle=False, **fitted)
    print(f"{file}, and {len(fitted)} vectors in {arguments.work / 'fitted.npz'} for tools/train_named.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("prepare", "distil", "perceive", "finish"):
        own = verbs.add_parser(verb)
        own.add_argument("--work", type=Path, required=True)
        if verb == "prepare":
            for name in ("photos", "paintings", "gallery"):
                own.add_argument(f"--{name}", type=Path, required=True)
        if verb in ("distil", "perceive"):
            own.add_argument("--minutes", type=float, required=True)
            own.add_argument("--batch", type=int, default=8)
            own.add_argument("--side", type=int, default=224 if verb == "distil" else 208)
            own.add_argument("--rate", type=float, default=2e-3 if verb == "distil" else 8e-4)
            own.add_argument("--device", default="cpu")
            own.add_argument("--seed", type=int, default=0)
        if verb == "distil":
            own.add_argument("--teacher", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.verb == "prepare":
        prepare(arguments)
    elif arguments.verb == "finish":
        finish(arguments)
    else:
        (Distillation if arguments.verb == "distil" else Perception)(arguments).run()


if __name__ == "__main__":
    main()

"""The pictures of a pack, on the device that trains: crops of photographs, and what paintings are to the losses."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from impasto.nn.losses import gram
from impasto.nn.paint_net import LAYERS, statistics
from impasto.nn.vgg import VGG, perceptual_vgg

STYLE = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
VIEWS = 2  # of every painting: the whole, and a part of it enlarged
HELD_BACK = 24  # photographs, and half as many paintings, that are only judged on
_PART = 0.7  # of a painting's sides
_MEASURED = 200  # photographs whose Gram matrices stand for all
_LEAST_DISTANCE = 0.1  # of a painting's energy: what lies as near to photographs as that counts no more


@dataclass
class Styles:
    """The paintings of a pack.

    Attributes:
        names: of all, the gallery's first; those held back last.
        gallery, held_back: how many of them are the gallery's, and how many are held back.
        statistics: V x K x 1920, by view and painting.
        grams: by layer V x K x C x C, in half precision, each over its root mean square.
        energy: those root mean squares, V x K x layers.
        apart: V x K x layers: the mean squared distance of photographs' Gram matrices.
    """

    names: list[str]
    gallery: int
    held_back: int
    statistics: Tensor
    grams: dict[str, Tensor]
    energy: Tensor
    apart: Tensor

    def targets(self, views: Tensor, ids: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Gram matrices by layer, N x C x C, and the distances, N x layers."""
        energy = self.energy[views, ids]
        found = {
            layer: self.grams[layer][views, ids].float() * energy[:, index, None, None]
            for index, layer in enumerate(STYLE)
        }
        return found, self.apart[views, ids]


def loss_net(device: torch.device) -> VGG:
    return perceptual_vgg(device, "max", "zeros")


def load(pack: Path, work: Path, device: torch.device) -> tuple[list[Tensor], list[Tensor], Styles]:
    """Photographs to train on and those held back, 3 x H x W in 8 bits, and the styles.

    What the paintings are to the losses is computed once and kept in `work`.
    """
    with zipfile.ZipFile(pack) as archive:
        names = sorted(archive.namelist())
        photos = [_read(archive, name).to(device) for name in names if name.startswith("photos/")]
        rest = [name for name in names if name.startswith("paintings/")]
        named = [name for name in names if name.startswith("gallery/")]
        digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]
        file = work / f"styles-{digest}.pt"
        if file.is_file():
            kept = torch.load(file, map_location="cpu", weights_only=True)
        else:
            pictures = [_read(archive, name) for name in (*named, *rest)]
            kept = _measure(pictures, photos, device)
            part = file.with_suffix(".part")
            torch.save(kept, part)
            part.replace(file)
    grams = {layer: kept[layer].to(device) for layer in STYLE}
    styles = Styles(
        [Path(name).stem for name in (*named, *rest)],
        len(named),
        HELD_BACK // 2,
        kept["statistics"].to(device),
        grams,
        kept["energy"].to(device),
        kept["apart"].to(device),
    )
    return photos[HELD_BACK:], photos[:HELD_BACK], styles


def _read(archive: zipfile.ZipFile, name: str) -> Tensor:
    with Image.open(io.BytesIO(archive.read(name))) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()


def floats(picture: Tensor) -> Tensor:
    """3 x H x W in 8 bits to 1 x 3 x H x W, 0..1."""
    return (picture[None].float() / 255).contiguous(memory_format=torch.channels_last)


def _views(painting: Tensor, rng: np.random.Generator) -> list[Tensor]:
    whole = floats(painting)
    height, width = whole.shape[2:]
    part = round(height * _PART), round(width * _PART)
    top, left = rng.integers(height - part[0] + 1), rng.integers(width - part[1] + 1)
    inside = whole[..., top : top + part[0], left : left + part[1]]
    return [whole, F.interpolate(inside, (height, width), mode="bicubic").clamp(0, 1)]


@torch.no_grad()
def _measure(paintings: list[Tensor], photos: list[Tensor], device: torch.device) -> dict[str, Tensor]:
    net, rng = loss_net(device), np.random.default_rng(0)

    def see(layer: str, features: Tensor) -> tuple[Tensor, Tensor]:
        nothing = features.new_zeros(())
        return gram(features)[0] if layer in STYLE else nothing, statistics(features)[0] if layer in LAYERS else nothing

    def look(picture: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        return net(picture.to(device), list(dict.fromkeys([*STYLE, *LAYERS])), see)

    mean: dict[str, Tensor] = {}
    power: dict[str, float] = {}
    measured = photos[:: max(1, len(photos) // _MEASURED)]
    for photo in measured:
        seen = look(floats(photo))
        for layer in STYLE:
            mean[layer] = mean.get(layer, 0) + seen[layer][0] / len(measured)
            power[layer] = power.get(layer, 0.0) + float(seen[layer][0].square().mean()) / len(measured)
    kept: dict[str, list[Tensor]] = {layer: [] for layer in ("statistics", "energy", "apart", *STYLE)}
    for number, painting in enumerate(paintings):
        for view in _views(painting, rng):
            viewed = look(view)
            grams = {layer: viewed[layer][0] for layer in STYLE}
            energy = torch.stack([found.square().mean().sqrt() for found in grams.values()]).cpu()
            apart = [power[layer] - 2 * (mean[layer] * found).mean() for layer, found in grams.items()]
            distance = torch.stack(apart).cpu() + energy.square()
            kept["statistics"].append(torch.cat([viewed[layer][1] for layer in LAYERS]).cpu())
            kept["energy"].append(energy)
            kept["apart"].append(distance.maximum(_LEAST_DISTANCE * energy.square()))
            for index, (layer, found) in enumerate(grams.items()):
                kept[layer].append((found.cpu() / energy[index]).half())
        if number % 50 == 0:
            print(f"painting {number} of {len(paintings)}", flush=True)
    return {
        name: torch.stack([torch.stack(values[view::VIEWS]) for view in range(VIEWS)]) for name, values in kept.items()
    }


def crops(photos: list[Tensor], count: int, side: int, rng: np.random.Generator) -> Tensor:
    """Parts of photographs, N x 3 x side x side, at scales from a little enlarged to all of their shorter side."""
    found = []
    for index in rng.integers(len(photos), size=count):
        photo = photos[index]
        shorter = min(photo.shape[1:])
        source = round(min(shorter, side * float(rng.uniform(0.8, 1.5))))
        top, left = (int(rng.integers(length - source + 1)) for length in photo.shape[1:])
        part = floats(photo[:, top : top + source, left : left + source])
        part = F.interpolate(part, (side, side), mode="bilinear", antialias=True)
        found.append(part.flip(3) if rng.random() < 0.5 else part)
    return torch.cat(found).contiguous(memory_format=torch.channels_last)

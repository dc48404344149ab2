"""Load a pack onto the training device: photographs for crops, and paintings as targets of the losses."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from impasto.nn.losses import gram, random_colors
from impasto.nn.paint_net import LAYERS, statistics
from impasto.nn.vgg import VGG, perceptual_vgg

STYLE = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
HELD_BACK = 24  # photographs, and half as many paintings, for scores only
_MEASURED = 60  # photographs that sample the Gram matrices of all
_LEAST_DISTANCE = 0.1  # of a painting's energy: least divisor of a distance, for paintings close to photographs
_FRAME = 0.05  # of a painting's sides, cut off: networks trained on scanned frames paint frames
_CROP = 240  # pixels; side of a painting's crop


@dataclass
class Views:
    """Targets of the losses, from N views of paintings.

    Attributes:
        statistics: input of the encoder, N x 1920.
        grams: Gram matrices by layer, N x C x C.
        apart: mean squared distance of the Gram matrices to those of photographs, N x layers.
        colors: colors of random pixels, N x 3 x K (`random_colors`).
    """

    statistics: Tensor
    grams: dict[str, Tensor]
    apart: Tensor
    colors: Tensor

    def __getitem__(self, which: Tensor) -> Views:
        grams = {layer: found[which] for layer, found in self.grams.items()}
        return Views(self.statistics[which], grams, self.apart[which], self.colors[which])

    def tensors(self) -> list[Tensor]:
        return [self.statistics, *self.grams.values(), self.apart, self.colors]


class Paintings:
    """The paintings of a pack: the gallery's, those for training, and those held back."""

    def __init__(self, named: list[Tensor], rest: list[Tensor], photos: list[Tensor], net: VGG) -> None:
        self.net = net
        self.mean: dict[str, Tensor] = {}
        self.power: dict[str, Tensor] = {}
        seen = [self._look(floats(photo))[0] for photo in photos[:: max(1, len(photos) // _MEASURED)]]
        for layer in STYLE:
            grams = torch.cat([found[layer] for found in seen])
            self.mean[layer], self.power[layer] = grams.mean(0), grams.square().mean()
        held = HELD_BACK // 2
        self.pictures = rest[:-held]
        self.named = _together([self.whole(painting) for painting in named])
        self.held_back = _together([self.whole(painting) for painting in rest[-held:]])

    def whole(self, painting: Tensor) -> Views:
        """Return the targets of a whole painting, 3 x H x W in 8 bits.

        The targets leave out its frame. The statistics keep it, as the encoder later sees whole paintings.
        """
        seen = self._views(floats(_unframed(painting)))
        seen.statistics = self._look(floats(painting))[1]
        return seen

    def draw(self, count: int, rng: np.random.Generator) -> Views:
        """Draw crops of `count` paintings at about their own scale, some mirrored or with changed colors."""
        found = []
        for index in rng.integers(len(self.pictures), size=count):
            part = square(_unframed(self.pictures[index]), _CROP, (0.8, 1.3), rng)
            if rng.random() < 0.3:
                part = part[:, rng.permutation(3)]
            if rng.random() < 0.5:
                part = part ** torch.from_numpy(2 ** rng.uniform(-0.6, 0.6, (1, 3, 1, 1))).to(part)
            found.append(part)
        return self._views(torch.cat(found).contiguous(memory_format=torch.channels_last))

    @torch.no_grad()
    def _look(self, pictures: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Return the Gram matrices by layer, and the statistics."""
        grams: dict[str, Tensor] = {}
        parts: dict[str, Tensor] = {}

        def see(layer: str, features: Tensor) -> Tensor:
            if layer in STYLE:
                grams[layer] = gram(features)
            if layer in LAYERS:
                parts[layer] = statistics(features)
            return features.new_zeros(())

        self.net(pictures, list(dict.fromkeys([*STYLE, *LAYERS])), see)
        return grams, torch.cat([parts[layer] for layer in LAYERS], 1)

    def _views(self, pictures: Tensor) -> Views:
        grams, found = self._look(pictures)
        apart = []
        for layer, one in grams.items():
            energy = one.square().mean((1, 2))
            distance = self.power[layer] - 2 * (self.mean[layer] * one).mean((1, 2)) + energy
            apart.append(distance.maximum(_LEAST_DISTANCE * energy))
        return Views(found, grams, torch.stack(apart, 1), random_colors(pictures))


def load(pack: Path, device: torch.device) -> tuple[list[Tensor], list[Tensor], Paintings]:
    """Load the photographs for training, the ones held back (3 x H x W in 8 bits), and the paintings."""
    with zipfile.ZipFile(pack) as archive:
        names = sorted(archive.namelist())
        photos, rest, named = (
            [_read(archive, name).to(device) for name in names if name.startswith(folder)]
            for folder in ("photos/", "paintings/", "gallery/")
        )
    return photos[HELD_BACK:], photos[:HELD_BACK], Paintings(named, rest, photos, loss_net(device))


def loss_net(device: torch.device) -> VGG:
    return perceptual_vgg(device, "max", "zeros")


def floats(picture: Tensor) -> Tensor:
    """Convert 3 x H x W in 8 bits to 1 x 3 x H x W in 0..1."""
    return (picture[None].float() / 255).contiguous(memory_format=torch.channels_last)


def square(picture: Tensor, side: int, scales: tuple[float, float], rng: np.random.Generator) -> Tensor:
    """Crop a random square of a picture, 3 x H x W in 8 bits, and resize it to 1 x 3 x side x side.

    The square's side is `side` times a random scale, or less if the picture is smaller.
    """
    source = round(min(*picture.shape[1:], side * float(rng.uniform(*scales))))
    top, left = (int(rng.integers(length - source + 1)) for length in picture.shape[1:])
    part = floats(picture[:, top : top + source, left : left + source])
    part = F.interpolate(part, (side, side), mode="bilinear", antialias=True)
    return part.flip(3) if rng.random() < 0.5 else part


def crops(photos: list[Tensor], count: int, side: int, rng: np.random.Generator) -> Tensor:
    """Draw crops of photographs, N x 3 x side x side."""
    found = [square(photos[index], side, (0.8, 1.5), rng) for index in rng.integers(len(photos), size=count)]
    return torch.cat(found).contiguous(memory_format=torch.channels_last)


def _read(archive: zipfile.ZipFile, name: str) -> Tensor:
    with Image.open(io.BytesIO(archive.read(name))) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()


def _unframed(painting: Tensor) -> Tensor:
    down, right = (round(_FRAME * length) for length in painting.shape[1:])
    return painting[:, down : painting.shape[1] - down, right : painting.shape[2] - right]


def _together(views: list[Views]) -> Views:
    grams = {layer: torch.cat([one.grams[layer] for one in views]) for layer in STYLE}
    statistics, apart, color = (
        torch.cat([getattr(one, name) for one in views]) for name in ("statistics", "apart", "colors")
    )
    return Views(statistics, grams, apart, color)

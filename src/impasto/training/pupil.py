"""The networks that can learn one painting, described by a common interface.

`impasto.training.learn` uses only the fields of `Pupil`. So another network with the same signature can learn with the
same code.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from impasto.engines import light, painter, painter_weights, palette, quantized
from impasto.engines.base import StyleVector
from impasto.engines.by_name import engine_of
from impasto.engines.shipped import ShippedEngine
from impasto.errors import UsageError
from impasto.nn import light_net
from impasto.nn.device import find_precision
from impasto.nn.paint_net import MULTIPLE, PaintNet
from impasto.styles import builtin

_STEP = 0.1  # usual difference of a modulation between styles


@dataclass(frozen=True)
class Pupil:
    """A painting network, and how a style's numbers change it.

    Attributes:
        net: the network, called net(photos, vectors, measured). It maps N x 3 x H x W and N x `size` to N x 3 x H x W,
            as `light_net.LightNet` does. It is never changed.
        painter: the engine that encodes paintings and paints with the learned style.
        size: count of a style's numbers that are not filters: the vector and what else depends on it.
        spread: usual difference of each of these numbers between paintings; 0 for those that a learned style lacks.
        grid: period in pixels of the network's own lattice.
        measures: True if the net uses `measured`, so that a part of a photo can be painted as in the whole.
        is_filter: returns True if the parameter of that name is learned.
        pack: turns the difference of two state dicts into the flat array that follows the vector.
        unpack: the inverse of `pack`, for the state dict whose names and shapes it is given.
    """

    net: nn.Module = field(repr=False)
    painter: ShippedEngine
    size: int
    spread: Tensor = field(repr=False)
    grid: int
    measures: bool
    is_filter: Callable[[str], bool]
    pack: Callable[[Mapping[str, Tensor]], Tensor]
    unpack: Callable[[Tensor, Mapping[str, Tensor]], Mapping[str, Tensor]]

    def begin(self, style: StyleVector) -> tuple[Any, Tensor]:
        """Return a trainable copy of the network with the style's filters, and the style's vector, 1 x `size`."""
        net = copy.deepcopy(self.net)
        state = net.state_dict()
        numbers, filters = np.split(style.numbers, [self.size])
        if filters.size:
            changes = self.unpack(torch.from_numpy(filters), state)
            with torch.no_grad():
                for name, change in changes.items():
                    state[name].add_(change.to(state[name].device))
        for name, value in net.named_parameters():
            value.requires_grad_(self.is_filter(name))
        vector = np.zeros((1, self.size), np.float32)
        vector[0, : len(numbers)] = numbers
        return net, torch.from_numpy(vector).to(self.spread.device) * (self.spread > 0)

    def style(self, state: Mapping[str, Tensor], vector: Tensor) -> StyleVector:
        """Return the content of a style file: the vector's numbers, then the changes of the filters."""
        before = self.net.state_dict()
        changes = {name: state[name] - before[name] for name in before if self.is_filter(name)}
        numbers = torch.cat([vector.flatten(), self.pack(changes)])
        found = np.ascontiguousarray(numbers.detach().cpu().numpy(), np.float32)
        return self.painter.style(found)


def pupil_of(engine: str, device: torch.device) -> Pupil:
    """Return an engine's network, ready to learn.

    Raises:
        UsageError: the engine cannot learn.
    """
    if engine not in PUPILS:
        raise UsageError(
            f"engine {engine!r} cannot learn paintings", f"engines that can: {', '.join(PUPILS)}", code="unknown-choice"
        )
    return PUPILS[engine](device)


def _light(device: torch.device) -> Pupil:
    tensors = load_file(light.Light.assets / "light.safetensors")
    net = light_net.LightNet()
    net.load_state_dict({name.removeprefix("brush."): value for name, value in tensors.items() if "brush." in name})
    net.to(device=device, memory_format=torch.channels_last).requires_grad_(False)  # type: ignore[call-overload]
    return Pupil(
        net,
        engine_of("light"),
        light.VECTOR_SIZE,
        net.spread,
        4,
        True,
        light_net.is_filter,
        light_net.filters,
        light_net.changes_of,
    )


class _Painting(PaintNet):
    """The painter with the noise that its engine feeds it. A style is a vector, then changes of the modulations.

    A learned style has no palette: the network itself paints in the painting's colors.

    Attributes:
        chooses: True to use half precision where it is faster; False to leave the choice to the caller.
    """

    chooses = True

    def forward(  # type: ignore[override]
        self,
        photo: Tensor,
        style: Tensor,
        measured: None = None,  # noqa: ARG002  in the signature of `light_net.LightNet`
    ) -> Tensor:
        height, width = photo.shape[2:]
        noise = [torch.from_numpy(painter.noise_at(by, (0, 0), height, width)).to(photo.device) for by in (8, 4)]
        vector, _, changes = torch.tensor_split(style, (painter.CODE, painter.VECTOR_SIZE), dim=1)
        half = self.chooses and find_precision("auto", photo.device) == torch.bfloat16
        with torch.autocast(photo.device.type, torch.bfloat16) if half else nullcontext():
            return super().forward(photo, self.modulations(vector) + changes, (noise[0], noise[1]))


def _painter(device: torch.device) -> Pupil:
    engine = engine_of("painter")
    net = _Painting()
    tensors = quantized.read(engine.folder / "painter.safetensors")
    net.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    net.to(device=device, memory_format=torch.channels_last).requires_grad_(False)  # type: ignore[call-overload]
    names = painter_weights.filter_names()

    def pack(changes: Mapping[str, Tensor]) -> Tensor:
        return torch.cat([changes[name].flatten() for name in names])

    def unpack(filters: Tensor, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        sizes = [state[name].numel() for name in names]
        parts = torch.split(filters, sizes)
        return {name: part.reshape(state[name].shape) for name, part in zip(names, parts, strict=True)}

    codes = np.stack(
        [painter.code_and_palette(builtin.vector(name, "painter").embedding)[0] for name in builtin.cards()]
    )
    changes = sum(net.sizes)
    spread = torch.cat([torch.from_numpy(codes.std(0)), torch.zeros(palette.SIZE), torch.full((changes,), _STEP)])
    size = painter.VECTOR_SIZE + changes
    return Pupil(net, engine, size, spread.to(device), MULTIPLE, False, frozenset(names).__contains__, pack, unpack)


PUPILS: dict[str, Callable[[torch.device], Pupil]] = {"painter": _painter, "light": _light}

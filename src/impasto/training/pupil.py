"""The painter's network as it learns one painting: all that learning must know of it.

`impasto.training.learn` calls nothing of a particular network but what a `Pupil` names, so another network with the
same call can learn by the same code.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from impasto.by_name import engine_of
from impasto.engine import Engine, StyleVector
from impasto.files import ASSETS
from impasto.light import VECTOR_SIZE
from impasto.nn import light_net

ENGINE = "light"  # that learns


@dataclass(frozen=True)
class Pupil:
    """A painter's network and how a style's array of numbers changes it.

    Attributes:
        net: paints: net(photos, vectors, measured), N x 3 x H x W and N x `size` to N x 3 x H x W, as
            `light_net.Brush` does. It is never changed.
        painter: encodes paintings, and paints with what was learned.
        size: numbers of a vector without filters.
        spread: how much each of them usually differs between paintings.
        grid: pixels after which the network's own lattice repeats.
        is_filter: whether a parameter of that name is learned.
        pack: the difference of two state dicts as the flat array that follows the vector.
        unpack: undoes `pack`, for the state dict whose names and shapes it takes.
    """

    net: nn.Module = field(repr=False)
    painter: Engine
    size: int
    spread: Tensor = field(repr=False)
    grid: int
    is_filter: Callable[[str], bool]
    pack: Callable[[Mapping[str, Tensor]], Tensor]
    unpack: Callable[[Tensor, Mapping[str, Tensor]], Mapping[str, Tensor]]

    def begin(self, style: StyleVector) -> tuple[Any, Tensor]:
        """A copy of the network with the style's filters, which gradients may change, and its vector, 1 x `size`."""
        net = copy.deepcopy(self.net)
        state = net.state_dict()
        if len(style) > self.size:
            changes = self.unpack(torch.from_numpy(style[self.size :].copy()), state)
            with torch.no_grad():
                for name, change in changes.items():
                    state[name].add_(change.to(state[name].device))
        for name, value in net.named_parameters():
            value.requires_grad_(self.is_filter(name))
        return net, torch.from_numpy(style[None, : self.size].copy()).to(self.spread.device)

    def style(self, state: Mapping[str, Tensor], vector: Tensor) -> StyleVector:
        """What a style file holds: the vector's numbers, then the changes of the filters."""
        before = self.net.state_dict()
        changes = {name: state[name] - before[name] for name in before if self.is_filter(name)}
        numbers = torch.cat([vector.flatten(), self.pack(changes)])
        return np.ascontiguousarray(numbers.detach().cpu().numpy(), np.float32)


def default_pupil(device: torch.device) -> Pupil:
    """The light engine that ships, on a device."""
    tensors = load_file(ASSETS / "light" / "light.safetensors")
    net = light_net.Brush()
    net.load_state_dict({name.removeprefix("brush."): value for name, value in tensors.items() if "brush." in name})
    net.to(device=device, memory_format=torch.channels_last).requires_grad_(False)  # type: ignore[call-overload]
    return Pupil(
        net,
        engine_of(ENGINE),
        VECTOR_SIZE,
        net.spread,
        4,
        light_net.is_filter,
        light_net.filters,
        light_net.changes_of,
    )

"""Keep a running mean of a network's weights. It is smoother than the last weights and becomes the result."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import torch
from torch import nn

Net = TypeVar("Net", bound=nn.Module)


class AverageWeights(Generic[Net]):
    """Keep an exponential moving average of a network's weights.

    In the first steps the average follows faster, so that it soon forgets the initial weights.

    Args:
        net: the network whose weights it averages.
        memory: share of the average that each step keeps, 0..1; 0 uses the last weights.
    """

    def __init__(self, net: Net, memory: float) -> None:
        self.net, self.memory = net, memory
        self.values = {name: value.clone() for name, value in net.state_dict().items()}

    def follow(self, step: int) -> None:
        """Update the average after a step. Steps count from 0."""
        memory = min(self.memory, (1 + step) / (10 + step)) if self.memory else 0.0
        for name, value in self.net.state_dict().items():
            self.values[name].lerp_(value, 1 - memory)

    def network(self) -> Net:
        """Return a copy of the network on the CPU, with the averaged weights."""
        other = copy.deepcopy(self.net).cpu()
        other.load_state_dict({name: value.cpu() for name, value in self.values.items()})
        return other.eval()

    @contextmanager
    def in_place(self) -> Iterator[Net]:
        """Load the averaged weights into the network while the context lasts. Gradients are off."""
        own = {name: value.clone() for name, value in self.net.state_dict().items()}
        self.net.load_state_dict(self.values)
        try:
            with torch.no_grad():
                yield self.net
        finally:
            self.net.load_state_dict(own)

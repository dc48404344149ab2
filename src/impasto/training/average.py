"""A running mean of a network's weights: smoother than the last ones, and what is used in the end."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import torch
from torch import nn

Net = TypeVar("Net", bound=nn.Module)


class AverageWeights(Generic[Net]):
    """An exponential mean of a network's weights that forgets its start: it follows faster in the first steps.

    Args:
        net: whose weights it follows.
        memory: 0..1, what stays of the mean in a step; 0 takes the last weights.
    """

    def __init__(self, net: Net, memory: float) -> None:
        self.net, self.memory = net, memory
        self.values = {name: value.clone() for name, value in net.state_dict().items()}

    def follow(self, step: int) -> None:
        """Move towards the weights after a step, counted from 0."""
        memory = min(self.memory, (1 + step) / (10 + step)) if self.memory else 0.0
        for name, value in self.net.state_dict().items():
            self.values[name].lerp_(value, 1 - memory)

    def network(self) -> Net:
        """A network of its own on the CPU, with the mean's weights."""
        other = copy.deepcopy(self.net).cpu()
        other.load_state_dict({name: value.cpu() for name, value in self.values.items()})
        return other.eval()

    @contextmanager
    def in_place(self) -> Iterator[Net]:
        """The network itself with the mean's weights, for as long as the context lasts; no gradients are computed."""
        own = {name: value.clone() for name, value in self.net.state_dict().items()}
        self.net.load_state_dict(self.values)
        try:
            with torch.no_grad():
                yield self.net
        finally:
            self.net.load_state_dict(own)

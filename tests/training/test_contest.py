"""A critic that learns in several processes."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from impasto.nn.critic import PatchGAN
from impasto.training.contest import Critic


class Second(Fabric):
    """The second of two processes; the first has brighter pictures."""

    @property
    def global_rank(self) -> int:
        return 1

    def all_gather(self, data: Any, *_: Any, **__: Any) -> Any:
        return [torch.stack([picture + 1, picture]) for picture in data]


def critic_of(fabric: Fabric) -> Critic:
    torch.manual_seed(0)
    return Critic(fabric, PatchGAN(16, 4), 1e-2, (0.5, 0.999), pool=2)


def learned(critic: Critic, begin: int, end: int) -> dict[str, Any]:
    """A copy of the critic's state after steps, each on pictures of its own."""
    for step in range(begin, end):
        made, real = (torch.full((1, 3, 16, 16), shade) for shade in (step / 10, 0.5))
        critic.verdict(made, real)
        critic.learn(np.random.default_rng(step))
    return copy.deepcopy(critic.state())


def test_each_process_goes_on_with_its_own_pictures() -> None:
    whole, again = (critic_of(Second(accelerator="cpu", devices=1)) for _ in range(2))
    again.restore(learned(whole, 0, 5))
    one, two = learned(whole, 5, 9), learned(again, 5, 9)
    for name, value in one["critic"].items():
        assert torch.equal(two["critic"][name], value), name
    assert two["right"] == one["right"]
    for ours, theirs in zip(two["pool"], one["pool"], strict=True):
        assert torch.equal(ours, theirs)
        assert ours.shape == (2, 3, 16, 16)

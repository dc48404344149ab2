"""A critic that learns beside the network, from the same pictures, one step after it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from impasto.nn.adversarial import Contest, critic_loss, deception_loss
from impasto.nn.pool import ImagePool

_PATIENCE = 0.98  # how slowly the share of patches follows that it tells right


class Critic:
    """A critic with its optimizer, Adam whatever the network's is.

    Args:
        net: judges pictures, N x C x H x W.
        rate: Adam's step.
        betas: memories of its moments.
        pool: pictures of earlier steps that it learns from, too.

    Attributes:
        loss: of its last step.
        right: a running mean of the share of patches whose origin it tells; 0.5 is chance.
    """

    def __init__(
        self,
        fabric: Fabric,
        net: nn.Module,
        rate: float,
        betas: tuple[float, float],
        contest: Contest = "lsgan",
        pool: int = 0,
    ) -> None:
        self.fabric, self.contest, self.pool = fabric, contest, ImagePool(pool)
        self.net = net.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model, self.optimizer = fabric.setup(self.net, torch.optim.Adam(self.net.parameters(), rate, betas))
        self._seen: tuple[Tensor, Tensor] | None = None
        self.loss, self.right = 0.0, 0.5

    def verdict(self, made: Tensor, real: Tensor) -> Tensor:
        """The network's loss; the pictures are kept for the critic's own step."""
        self._seen = made.detach(), real
        self.net.requires_grad_(False)
        with self.fabric.autocast():
            return deception_loss(self.net(made).float(), self.contest)

    def learn(self, rng: np.random.Generator | None = None, rate: float | None = None) -> None:
        """Take a step on the pictures that were judged last.

        Args:
            rng: for the pool.
            rate: of this step.
        """
        if self._seen is None:
            return
        (made, real), self._seen = self._seen, None
        if rng is not None:
            made = self.pool.exchange(made, rng)
        for group in self.optimizer.param_groups:
            group["lr"] = group["lr"] if rate is None else rate
        self.net.requires_grad_(True)
        on_real, on_made = self.model(torch.cat([real, made])).float().chunk(2)
        loss = critic_loss(on_real, on_made, self.contest)
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        if not bool(torch.isfinite(loss)):  # the network's own step looks at its losses likewise
            return
        self.optimizer.step()
        middle = 0.5 if self.contest == "lsgan" else 0.0
        right = 0.5 * ((on_real > middle).float().mean() + (on_made < middle).float().mean())
        self.loss = float(loss.detach())
        self.right = _PATIENCE * self.right + (1 - _PATIENCE) * float(right)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it. Every process calls this: each has pictures of its own in its pool."""
        pools: Any = self.fabric.all_gather(self.pool.pictures)
        return {
            "critic": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "pool": [of_each.reshape(-1, *of_each.shape[-3:]) for of_each in pools],
            "right": self.right,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint's state."""
        self.net.load_state_dict(state["critic"])
        self.optimizer.load_state_dict(state["optimizer"])
        pools = [of_each.to(self.fabric.device) for of_each in state.get("pool", [])]
        self.pool.pictures = [of_each[[self.fabric.global_rank % len(of_each)]] for of_each in pools]
        self.right = float(state.get("right", 0.5))

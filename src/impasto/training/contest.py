"""Train a critic together with a network, on the same pictures, one step after the network."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from impasto.nn.adversarial import Contest, critic_loss, deception_loss
from impasto.nn.pool import ImagePool

_PATIENCE = 0.98  # how slowly the running share of correctly judged patches changes


class Critic:
    """A critic and its optimizer. The optimizer is always Adam.

    Args:
        net: judges pictures, N x C x H x W.
        rate: learning rate of Adam.
        betas: decay rates of Adam's two moments.
        pool: number of pictures from earlier steps that the critic also learns from.

    Attributes:
        loss: of its last step.
        right: running mean of the share of patches that it judges correctly; 0.5 is chance.
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
        """Return the network's adversarial loss. Keep the pictures for the critic's own step."""
        self._seen = made.detach(), real
        self.net.requires_grad_(False)
        with self.fabric.autocast():
            return deception_loss(self.net(made).float(), self.contest)

    def learn(self, rng: np.random.Generator | None = None, rate: float | None = None) -> None:
        """Take one step on the pictures that were judged last.

        Args:
            rng: draws from the pool.
            rate: learning rate of this step.
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
        if not bool(torch.isfinite(loss)):  # the network's own step checks its losses in the same way
            return
        self.optimizer.step()
        middle = 0.5 if self.contest == "lsgan" else 0.0
        right = 0.5 * ((on_real > middle).float().mean() + (on_made < middle).float().mean())
        self.loss = float(loss.detach())
        self.right = _PATIENCE * self.right + (1 - _PATIENCE) * float(right)

    def state(self) -> dict[str, Any]:
        """Return the critic's state for a checkpoint. Call this in every process: each has its own pool of pictures."""
        pools: Any = self.fabric.all_gather(self.pool.pictures)
        return {
            "critic": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "pool": [of_each.reshape(-1, *of_each.shape[-3:]) for of_each in pools],
            "right": self.right,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the critic from a checkpoint's state."""
        self.net.load_state_dict(state["critic"])
        self.optimizer.load_state_dict(state["optimizer"])
        pools = [of_each.to(self.fabric.device) for of_each in state.get("pool", [])]
        self.pool.pictures = [of_each[[self.fabric.global_rank % len(of_each)]] for of_each in pools]
        self.right = float(state.get("right", 0.5))

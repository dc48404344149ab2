"""Detect failing trainings against a critic early: collapse, inversion, and a critic that wins."""

from __future__ import annotations

import warnings
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

EVERY = 50  # steps between two measurements
LEAST_CORRELATION = 0.8  # lowest correlation between a painted picture's luminance and its photo's
LEAST_DIVERSITY = 0.2  # lowest difference between painted pictures, relative to that between their photos
MOST_RIGHT = 0.97  # highest share of patches that a critic may judge correctly
_PATIENCE = 400  # steps for which a critic may exceed that share
_START = 500  # earliest step at which a network is judged
_CELLS = 24  # cells a side at which pictures are compared; smaller details are brush work
_LUMA = (0.299, 0.587, 0.114)


def correlation(photos: Tensor, painted: Tensor) -> float:
    """Return the mean correlation of coarse luminance between photos and painted pictures.

    It says how much of the photos' light and dark remains.

    Args:
        photos, painted: N x 3 x H x W.
    """
    one, two = (_luminance(pictures) for pictures in (photos, painted))
    found = (one * two).sum(1) / (one.norm(dim=1) * two.norm(dim=1)).clamp_min(1e-6)
    there = one.norm(dim=1) > 0.01 * one.shape[1] ** 0.5  # a plain photo has neither light nor dark parts
    return float(found[there].mean()) if there.any() else 1.0


def diversity(photos: Tensor, painted: Tensor) -> float:
    """Return the difference between painted pictures, relative to that between their photos; 0 if all are identical."""
    one, two = (_differences(pictures) for pictures in (photos, painted))
    return float(two / one.clamp_min(1e-6))


class Watch:
    """Measures one training and warns if it fails.

    Args:
        iterations: steps of the training. Short ones are judged earlier.
        inverts: True to look for inversion. A painted photo keeps the photo's light and dark; the target of a pair need
            not.
        speaks: True to warn. With several processes, only one warns.
    """

    def __init__(self, iterations: int, *, inverts: bool, speaks: bool = True) -> None:
        self.inverts, self.speaks = inverts, speaks
        self.start, self.patience = min(_START, iterations // 4), min(_PATIENCE, iterations // 8)
        self.correlation, self.diversity = 1.0, 1.0
        self.won = 0  # steps in a row in which the critic judged too many patches correctly
        self.said: list[str] = []  # current problems

    def look(self, step: int, photos: Tensor, painted: Tensor) -> None:
        """Compare photos with the network's results."""
        painted = painted.float().clamp(0, 1)
        self.diversity = diversity(photos, painted)
        self._say(
            "collapse",
            step >= self.start and self.diversity < LEAST_DIVERSITY,
            f"step {step}: different photos are painted nearly alike ({self.diversity:.2f} of their difference): "
            "the network has collapsed; add pictures, lower --learning-rate, or lower --adversarial-weight",
        )
        if not self.inverts:
            return
        self.correlation = correlation(photos, painted)
        what = "are inverted" if self.correlation < 0 else "differ from those of the photos"
        self._say(
            "inversion",
            step >= self.start and self.correlation < LEAST_CORRELATION,
            f"step {step}: light and dark {what} (correlation {self.correlation:.2f}, below "
            f"{LEAST_CORRELATION}); raise --identity-weight, --nce-weight or --cycle-weight",
        )

    def judge(self, step: int, right: float) -> None:
        """Check the share of patches that the critic judges correctly, after each step."""
        self.won = self.won + 1 if step >= self.start and right > MOST_RIGHT else 0
        self._say(
            "critic",
            self.won > self.patience,
            f"step {step}: the critic recognizes nearly all patches ({100 * right:.0f} %) for {self.won} steps: "
            "the network no longer learns from it; lower --patch, --critic-width or --critic-rate",
        )

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"said": self.said, "won": self.won, "correlation": self.correlation, "diversity": self.diversity}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the state from a checkpoint."""
        self.said, self.won = list(state["said"]), int(state["won"])
        self.correlation, self.diversity = float(state["correlation"]), float(state["diversity"])

    def _say(self, what: str, wrong: bool, text: str) -> None:
        """Warn once. Warn again if the problem disappeared in between."""
        if wrong and what not in self.said:
            self.said.append(what)
            if self.speaks:
                warnings.warn(text, stacklevel=4)
        elif not wrong and what in self.said:
            self.said.remove(what)


def _luminance(pictures: Tensor) -> Tensor:
    """Return coarse luminance, N x cells. Each picture's mean is subtracted."""
    weights = torch.tensor(_LUMA, device=pictures.device)[:, None, None]
    seen = F.adaptive_avg_pool2d((pictures.float() * weights).sum(1, keepdim=True), _CELLS).flatten(1)
    return seen - seen.mean(1, keepdim=True)


def _differences(pictures: Tensor) -> Tensor:
    """Return the mean absolute difference over all pairs of pictures, at coarse resolution."""
    seen = F.adaptive_avg_pool2d(pictures.float(), _CELLS).flatten(1)
    count = len(seen)
    return (seen[:, None] - seen[None]).abs().mean(2).sum() / max(1, count * (count - 1))

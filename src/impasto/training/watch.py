"""What goes wrong in trainings against a critic, seen while it goes wrong: collapse, inversion, a critic that wins."""

from __future__ import annotations

import warnings
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

EVERY = 50  # steps after which the pictures are looked at
LEAST_CORRELATION = 0.8  # of a painted picture's luminance with its photo's
LEAST_DIVERSITY = 0.2  # of the difference between painted pictures, over that between their photos
MOST_RIGHT = 0.97  # of the patches whose origin a critic may tell
_PATIENCE = 400  # steps for which a critic may tell more
_START = 500  # steps before which a network cannot be judged
_CELLS = 24  # places a side at which pictures are compared: what is finer is brush work
_LUMA = (0.299, 0.587, 0.114)


def correlation(photos: Tensor, painted: Tensor) -> float:
    """How much of the photos' light and dark is kept: the mean correlation of luminances, seen from afar.

    Args:
        photos, painted: N x 3 x H x W.
    """
    one, two = (_luminance(pictures) for pictures in (photos, painted))
    found = (one * two).sum(1) / (one.norm(dim=1) * two.norm(dim=1)).clamp_min(1e-6)
    there = one.norm(dim=1) > 0.01 * one.shape[1] ** 0.5  # a plain photo has no light and dark
    return float(found[there].mean()) if there.any() else 1.0


def diversity(photos: Tensor, painted: Tensor) -> float:
    """How much pictures differ from each other, over how much their photos do; 0 where all are the same picture."""
    one, two = (_differences(pictures) for pictures in (photos, painted))
    return float(two / one.clamp_min(1e-6))


class Watch:
    """Measures and warnings of one training.

    Args:
        iterations: of the training: short ones are judged earlier.
        inverts: whether inversion is looked for: a painting has the light and dark of its photo, a pair need not.
        speaks: whether it warns; of several processes one does.
    """

    def __init__(self, iterations: int, *, inverts: bool, speaks: bool = True) -> None:
        self.inverts, self.speaks = inverts, speaks
        self.start, self.patience = min(_START, iterations // 4), min(_PATIENCE, iterations // 8)
        self.correlation, self.diversity = 1.0, 1.0
        self.won = 0  # steps in a row in which the critic has told too much
        self.said: list[str] = []  # what is wrong already

    def look(self, step: int, photos: Tensor, painted: Tensor) -> None:
        """Compare what a network makes of some photos with them."""
        painted = painted.float().clamp(0, 1)
        self.diversity = diversity(photos, painted)
        self._say(
            "collapse",
            step >= self.start and self.diversity < LEAST_DIVERSITY,
            f"step {step}: different photos are painted nearly alike ({self.diversity:.2f} of their difference): the "
            "network has collapsed; more pictures, a lower --learning-rate, or a smaller --adversarial-weight",
        )
        if not self.inverts:
            return
        self.correlation = correlation(photos, painted)
        what = "are exchanged" if self.correlation < 0 else "are not those of the photos"
        self._say(
            "inversion",
            step >= self.start and self.correlation < LEAST_CORRELATION,
            f"step {step}: light and dark {what} (correlation {self.correlation:.2f}, {LEAST_CORRELATION} is the "
            "least); a larger --identity-weight, or --nce-weight or --cycle-weight",
        )

    def judge(self, step: int, right: float) -> None:
        """Look at the share of patches whose origin the critic tells, after each step."""
        self.won = self.won + 1 if step >= self.start and right > MOST_RIGHT else 0
        self._say(
            "critic",
            self.won > self.patience,
            f"step {step}: for {self.won} steps the critic has known nearly all that is painted ({100 * right:.0f} %): "
            "the network learns no more from it; a smaller --patch or --critic-width, or a lower --critic-rate",
        )

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"said": self.said, "won": self.won, "correlation": self.correlation, "diversity": self.diversity}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint's state."""
        self.said, self.won = list(state["said"]), int(state["won"])
        self.correlation, self.diversity = float(state["correlation"]), float(state["diversity"])

    def _say(self, what: str, wrong: bool, text: str) -> None:
        """Warn once; again if it has been right in between."""
        if wrong and what not in self.said:
            self.said.append(what)
            if self.speaks:
                warnings.warn(text, stacklevel=4)
        elif not wrong and what in self.said:
            self.said.remove(what)


def _luminance(pictures: Tensor) -> Tensor:
    """N x cells, each picture's mean taken off."""
    weights = torch.tensor(_LUMA, device=pictures.device)[:, None, None]
    seen = F.adaptive_avg_pool2d((pictures.float() * weights).sum(1, keepdim=True), _CELLS).flatten(1)
    return seen - seen.mean(1, keepdim=True)


def _differences(pictures: Tensor) -> Tensor:
    """The mean absolute difference of every two pictures, seen from afar."""
    seen = F.adaptive_avg_pool2d(pictures.float(), _CELLS).flatten(1)
    count = len(seen)
    return (seen[:, None] - seen[None]).abs().mean(2).sum() / max(1, count * (count - 1))

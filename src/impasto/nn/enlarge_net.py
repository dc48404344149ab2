"""The enlarger in PyTorch, in a form for reading and training. `impasto.exchange.enlarger` writes it as ONNX.

All convolutions work at the small size. A pixel shuffle makes the picture large (Shi et al. 2016). Residual blocks have
no normalization (Lim et al. 2017). Their output t is not yet the picture. The result is t + P (x - D t), with bicubic
reduction D and a right inverse P (`impasto.pixels.reduction`). So the reduced result equals x: colors cannot shift, and
the network can only invent details that are finer than the small picture's pixels.

To double a picture, the network works on blocks of 2 x 2 pixels. It then has a quarter of the places, and takes a
quarter of the time.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.pixels.reduction import REACH, stencils

SCALES = (2, 3, 4)


@dataclass(frozen=True)
class EnlargerForm:
    """The form of a network.

    Attributes:
        scale: 2, 3 or 4.
        width: channels.
        blocks: number of residual blocks with two convolutions each.
    """

    scale: int
    width: int = 32
    blocks: int = 2

    @property
    def step(self) -> int:
        """Side of a block in pixels of the small picture, whose sides are multiples of it."""
        return 2 if self.scale == 2 else 1

    @property
    def shuffle(self) -> int:
        """Side of a block in pixels of the large picture."""
        return self.step * self.scale

    @property
    def margin(self) -> int:
        """The network's reach around a place, in pixels of the small picture, to each side."""
        convolutions = 1 + 2 * self.blocks
        return self.step * (convolutions + stencils(self.scale, self.step).down.shape[0] // 2 + REACH)


class EnlargeNet(nn.Module):
    """Enlarge 3 x H x W to 3 x sH x sW.

    Args:
        form: scale and size.
    """

    def __init__(self, form: EnlargerForm) -> None:
        super().__init__()
        self.form = form
        width = form.width
        self.head = nn.Conv2d(3 * form.step**2, width, 3, padding=1)
        self.body = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2 * form.blocks))
        self.tail = nn.Conv2d(width, 3 * form.shuffle**2, 1)
        for layer in (*self.body[1::2], self.tail):  # so that training starts from interpolation
            assert isinstance(layer, nn.Conv2d)
            nn.init.trunc_normal_(layer.weight, std=0.1 * layer.weight[0].numel() ** -0.5)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        for name, value in projection(form).items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge pictures.

        Args:
            x: N x 3 x H x W, 0..1. Sides are multiples of the form's step. Everything outside is black: mirror the
                picture by the form's margin, and remove the margin again.
        Returns:
            N x 3 x sH x sW, float32. Values may exceed 0..1.
        """
        small = F.pixel_unshuffle(x, self.form.step)
        y = self.head(small)
        for one, two in zip(self.body[::2], self.body[1::2], strict=True):
            y = y + two(F.relu(one(y)))
        drawn = self.tail(y)
        with torch.autocast(x.device.type, enabled=False):  # half precision would not reproduce the picture
            missing = small.float() - self._columns(self._rows(drawn.float(), "down"), "down")
            return F.pixel_shuffle(drawn.float() + self._columns(self._rows(missing, "up"), "up"), self.form.shuffle)

    def _rows(self, x: Tensor, way: str) -> Tensor:
        return F.conv2d(x, self.get_buffer(f"{way}_rows"), padding="same")

    def _columns(self, x: Tensor, way: str) -> Tensor:
        return F.conv2d(x, self.get_buffer(f"{way}_columns"), padding="same")


def projection(form: EnlargerForm) -> dict[str, Tensor]:
    """Return the filters that reduce a picture in blocks, and those of the inverse: for rows, then for columns.

    Channels are color x row in the block x column in the block, as in pixel shuffles.
    """
    found = {}
    for way, taps in zip(("down", "up"), map(torch.from_numpy, stencils(form.scale, form.step)), strict=True):
        count, after, before = taps.shape
        # out (color, row, column), in (color, row, column): identity over color and row, or over color and column
        rows = torch.einsum("cd,rs,tij->cridsjt", torch.eye(3), torch.eye(before), taps)
        columns = torch.einsum("cd,rs,tij->cirdjst", torch.eye(3), torch.eye(after), taps)
        found[f"{way}_rows"] = rows.reshape(3 * before * after, 3 * before * before, 1, count)
        found[f"{way}_columns"] = columns.reshape(3 * after * after, 3 * before * after, count, 1)
    return found

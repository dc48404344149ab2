"""Impasto's own painter: any style, from a style vector, at about 11,000 multiply-adds a pixel.

The photo is worked on at a quarter of its size in 64 channels. Every block sees a neighbourhood depth by depth and then
mixes channels; between the two its features are brought to a mean and a deviation that follow from the style
(conditional instance normalisation, Dumoulin et al. 2017, with the parameters predicted from the style as in Ghiasi et
al. 2017). This is the form to read and to train; what runs is the ONNX file that `tools/export_painter.py` writes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 64
HIDDEN = 128
DETAIL = 24  # channels at half the size
BLOCKS = 6
NORMS = BLOCKS + 2  # one on entry, one in each block, one on leaving
MARGIN = 16  # pixels reflected at the borders, once for all layers
EPSILON = 1e-5


class Block(nn.Module):
    """What a 5 x 5 neighbourhood and the style add to the features."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(WIDTH, WIDTH, 5, padding=2, groups=WIDTH)
        self.widen = nn.Conv2d(WIDTH, HIDDEN, 1)
        self.narrow = nn.Conv2d(HIDDEN, WIDTH, 1)

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        y = conditioned(self.look(x), scale, shift)
        added: Tensor = self.narrow(F.relu(self.widen(y)))
        return x + added


class LightPainter(nn.Module):
    """paint(photo, vector) -> picture; RGB in 0..1, sides multiples of four, not clipped."""

    def __init__(self, vector_size: int = 512) -> None:
        super().__init__()
        self.usual: Tensor
        self.spread: Tensor
        self.register_buffer("usual", torch.zeros(vector_size))  # mean of the vectors of many paintings
        self.register_buffer("spread", torch.ones(vector_size))
        self.style1 = nn.Linear(vector_size, 512)
        self.style2 = nn.Linear(512, NORMS * 2 * WIDTH)
        self.direct = nn.Linear(vector_size, NORMS * 2 * WIDTH, bias=False)
        self.enter1 = nn.Conv2d(3, DETAIL, 6, 2, 2)
        self.enter2 = nn.Conv2d(DETAIL, WIDTH, 4, 2, 1)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.leave1 = nn.Conv2d(WIDTH, 4 * DETAIL, 1)
        self.leave2 = nn.Conv2d(DETAIL, DETAIL, 3, padding=1)
        self.leave3 = nn.Conv2d(DETAIL, 12, 3, padding=1)
        for layer in (self.style2, self.direct):
            nn.init.normal_(layer.weight, std=0.01)
        with torch.no_grad():
            for block in self.blocks:
                assert isinstance(block, Block)
                block.narrow.weight.mul_(0.5)
            for shuffled in (self.leave1, self.leave3):  # the four pixels of a block begin alike: no checkerboard
                shuffled.weight.copy_(shuffled.weight[::4].repeat_interleave(4, 0))
                assert shuffled.bias is not None
                shuffled.bias.copy_(shuffled.bias[::4].repeat_interleave(4, 0))

    def modulations(self, vector: Tensor) -> Tensor:
        """N x 512 to N x 8 x 128: for every normalisation 64 scales, then 64 shifts."""
        told = ((vector - self.usual) / self.spread).clamp(-6, 6)
        out = self.style2(F.relu(self.style1(told))) + self.direct(told)
        out = out.unflatten(1, (NORMS, 2 * WIDTH))
        return torch.cat([1 + out[..., :WIDTH], out[..., WIDTH:]], dim=-1)

    def paint(self, photo: Tensor, vector: Tensor) -> Tensor:
        """N x 3 x H x W and N x 512 to N x 3 x H x W."""
        return self.painted(photo, self.modulations(vector))

    def painted(self, photo: Tensor, modulations: Tensor) -> Tensor:
        """The same from what `modulations` gives."""
        steps = [step[..., None, None].chunk(2, 1) for step in modulations.unbind(1)]
        x = F.pad(photo * 2 - 1, (MARGIN,) * 4, mode="reflect")
        x = F.relu(self.enter2(F.relu(self.enter1(x))))
        x = conditioned(x, *steps[0])
        for block, step in zip(self.blocks, steps[1:-1], strict=True):
            x = block(x, *step)
        x = conditioned(x, *steps[-1])
        x = F.relu(F.pixel_shuffle(self.leave1(x), 2))
        x = self.leave3(F.relu(self.leave2(x)))
        kept = F.pixel_shuffle(x, 2)[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
        return kept.float() * 0.5 + 0.5


def conditioned(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Features normalised per channel over the picture, then scaled and shifted; statistics in float32."""
    wide = x.float()
    deviation, mean = torch.var_mean(wide, (2, 3), keepdim=True, correction=0)
    factor = scale * torch.rsqrt(deviation + EPSILON)
    return (wide * factor + (shift - mean * factor)).to(x.dtype)

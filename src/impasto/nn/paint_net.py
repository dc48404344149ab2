"""The painter in PyTorch, in a form for reading and training. ONNX files of `tools/painter` run it.

A style is a vector: statistics of the painting's features in the normalized VGG-19 (Huang & Belongie 2017), reduced by
a learned matrix. The network has the form of Johnson et al. (2016): two strided convolutions, residual blocks, nearest
upsampling with convolutions. It differs in three ways:

- Blocks work at an eighth of the size, so that shapes may be large. Some blocks at a quarter follow, for strokes.
- Every instance normalization is conditional (Dumoulin et al. 2017). Its scale and shift are predicted from the style
  vector (Ghiasi et al. 2017).
- Fixed noise enters at an eighth and at a quarter, with an amplitude that depends on the style, so that the network can
  paint plain areas (Ulyanov et al. 2016 feed noise to their generators; amplitudes are as in Karras et al. 2019).

It has about 100,000 multiply-adds a pixel, for pictures of about 0.3 megapixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.nn.losses import moments

LAYERS = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512}  # from which a style is encoded
STATISTICS = 2 * sum(LAYERS.values())  # means and deviations
VECTOR_SIZE = 256
HIDDEN = 512
WIDTHS = (16, 48, 96, 160)  # channels at full size, a half, a quarter, an eighth
DEEP_BLOCKS, BLOCKS = 5, 2  # residual blocks at an eighth and at a quarter
MULTIPLE = 8  # sides of pictures
MARGIN = 32  # pixels mirrored at the borders, once for all layers
EPSILON = 1e-3  # of the normalizations: must not amplify the noise of channels that hardly vary


def statistics(features: Tensor) -> Tensor:
    """Return a style's statistics at one of `LAYERS`: roots of the features' means and deviations, N x 2C, float32.

    Roots are used because the statistics of rectified features are distributed like squares. Features are those of the
    normalized VGG-19 with maximum pooling.
    """
    mean, deviation = moments(features)
    return torch.cat([mean.clamp_min(0).sqrt(), deviation.sqrt()], 1)


class Rise(nn.Conv2d):
    """Nearest upsampling to twice the size, then a 3 x 3 convolution (Odena et al. 2016: it leaves no grid).

    The same sums are computed before the upsampling, once for each of the four pixels that a pixel becomes.
    """

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__(cin, cout, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Convert N x C x H x W to N x C' x 2H x 2W."""
        assert self.bias is not None
        return F.pixel_shuffle(F.conv2d(x, four_places(self.weight), self.bias.repeat_interleave(4), padding=1), 2)


def four_places(weight: Tensor) -> Tensor:
    """Convert filters C' x C x 3 x 3 after upsampling to 4C' x C x 3 x 3 before it, in the order of a pixel shuffle."""
    taps = weight.new_zeros(2, 3, 3)  # place, tap after, tap before: a tap reads the place it comes from
    for place in range(2):
        for tap in range(3):
            taps[place, tap, (place + tap - 1) // 2 + 1] = 1
    found = torch.einsum("oiyx,ayk,bxl->oabikl", weight, taps, taps)
    return found.flatten(0, 2)


class PaintNet(nn.Module):
    """Paint a photo with a style vector."""

    def __init__(self) -> None:
        super().__init__()
        full, half, quarter, eighth = WIDTHS
        self.usual: Tensor
        self.spread: Tensor
        self.register_buffer("usual", torch.zeros(STATISTICS))  # mean statistics of many paintings
        self.register_buffer("spread", torch.ones(STATISTICS))
        self.embed = nn.Linear(STATISTICS, VECTOR_SIZE)
        self.norms = [half, quarter, eighth, *[eighth] * (2 * DEEP_BLOCKS)]
        self.norms += [quarter, *[quarter] * (2 * BLOCKS), half, full]
        self.sizes = [size for width in self.norms for size in (width, width)] + [eighth, quarter]  # then amplitudes
        self.style1 = nn.Linear(VECTOR_SIZE, HIDDEN)
        self.style2 = nn.Linear(HIDDEN, sum(self.sizes))
        self.enter1 = nn.Conv2d(3, half, 6, 2, 2)
        self.enter2 = nn.Conv2d(half, quarter, 4, 2, 1)
        self.enter3 = nn.Conv2d(quarter, eighth, 4, 2, 1)
        self.deep = nn.ModuleList(_conv(eighth, eighth) for _ in range(2 * DEEP_BLOCKS))
        self.rise1 = Rise(eighth, quarter)
        self.body = nn.ModuleList(_conv(quarter, quarter) for _ in range(2 * BLOCKS))
        self.rise2 = Rise(quarter, half)
        self.rise3 = Rise(half, full)
        self.leave = nn.Conv2d(full, 3, 5, padding=2)
        nn.init.normal_(self.style2.weight, std=0.02)
        nn.init.zeros_(self.style2.bias)
        with torch.no_grad():
            self.leave.weight.mul_(0.3)

    def vector(self, found: Tensor) -> Tensor:
        """Convert statistics, N x 1920, to style vectors, N x 256."""
        vectors: Tensor = self.embed(((found - self.usual) / self.spread).clamp(-5, 5))
        return vectors

    def modulations(self, vector: Tensor) -> Tensor:
        """Convert N x 256 to N x 5,152: scales minus one and shifts of every normalization, then noise amplitudes."""
        out: Tensor = self.style2(F.relu(self.style1(vector)))
        return out

    def forward(self, photo: Tensor, modulations: Tensor, noise: tuple[Tensor, Tensor]) -> Tensor:
        """Paint: N x 3 x H x W to N x 3 x H x W, not clipped.

        Args:
            photo: sides are multiples of eight.
            modulations: the result of `modulations`, plus a style's changes.
            noise: N x 1 x H/8+8 x W/8+8 and N x 1 x H/4+16 x W/4+16, of mean 0 and deviation 1.
        """
        steps = iter(torch.split(modulations, self.sizes, 1))
        parts = [next(steps) for _ in range(len(self.sizes) - 2)]
        amplitudes = [next(steps)[..., None, None] for _ in range(2)]
        pairs = iter(zip(parts[::2], parts[1::2], strict=True))

        def norm(x: Tensor) -> Tensor:
            return normalized(x, *next(pairs))

        x = F.pad(photo * 2 - 1, (MARGIN,) * 4, mode="reflect")
        x = norm(self.enter1(x)).relu()
        x = quarter = norm(self.enter2(x)).relu()
        x = self.enter3(x)
        x = norm(x + (amplitudes[0] * noise[0]).to(x.dtype)).relu()
        for first, second in zip(self.deep[::2], self.deep[1::2], strict=True):
            x = x + norm(second(norm(first(x)).relu()))
        x = self.rise1(x) + quarter
        x = norm(x + (amplitudes[1] * noise[1]).to(x.dtype)).relu()
        for first, second in zip(self.body[::2], self.body[1::2], strict=True):
            x = x + norm(second(norm(first(x)).relu()))
        x = norm(self.rise2(x)).relu()
        x = norm(self.rise3(x)).relu()
        x = self.leave(x)[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
        return x.float() * 0.5 + 0.5


def _conv(cin: int, cout: int) -> nn.Conv2d:
    return nn.Conv2d(cin, cout, 3, padding=1)


def normalized(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Normalize features per channel over the picture, in float32, then scale by 1 + scale and shift.

    Args:
        x: N x C x H x W.
        scale, shift: N x C.
    """
    wide = x.float()
    mean = wide.mean((2, 3), keepdim=True)
    variance = (wide.square().mean((2, 3), keepdim=True) - mean.square()).clamp_min(0)
    factor = (1 + scale[..., None, None]) * torch.rsqrt(variance + EPSILON)
    return torch.addcmul((shift[..., None, None] - mean * factor).to(x.dtype), x, factor.to(x.dtype))

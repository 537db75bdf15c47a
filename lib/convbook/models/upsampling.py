"""Chapter 4's autoencoders: alike but for the way in which the decoder makes its maps larger."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from convbook.arguments import one_of

# A transposed convolution's kernel size, stride, padding and output padding
TRANSPOSED = {
    "k2s2": (2, 2, 0, 0),
    "k3s2": (3, 2, 1, 1),
    "k4s2": (4, 2, 1, 0),
    "k5s3": (5, 3, 2, 1),
    "k6s3": (6, 3, 2, 0),
}
# Channels between the decoder's layers. A way with fewer weights for a pair of channels gets more
# of them, so that every decoder has about 12,000 numbers to learn: all but the second, which is as
# wide as k4s2, to tell the kernel from the width.
WIDTHS = {
    "k2s2": 45,
    "k2s2, 24 channels": 24,
    "k3s2": 31,
    "k4s2": 24,
    "k5s3": 20,
    "k6s3": 16,
    "k4s2, bilinear start": 24,
    "k4s2, bilinear kept": 78,
    "k3s2, blur": 31,
    "k3s2, then 7×7": 20,
    "nearest, conv": 31,
    "bilinear, conv": 31,
    "shuffle": 16,
    "shuffle, ICNR": 16,
}
BILINEAR = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4  # for stride 2, in one dimension


class UpsamplingAutoencoder(nn.Module):
    """Photographs to a code of 512 numbers, and back in two steps of upsampling.

    Args:
        way: how maps become larger, one of ``WIDTHS``. ``k3s2`` is a transposed convolution with a
            kernel of 3 and a stride of 2. At stride 2 the code is 8 maps of 8×8, at stride 3 it is
            32 maps of 4×4.

    Raises:
        ValueError: ``way`` is none of them.
    """

    def __init__(self, way: str):
        super().__init__()
        one_of("way", way, WIDTHS)
        stride, width = (3 if "s3" in way else 2), WIDTHS[way]
        code, kernel = (32, 1) if stride == 3 else (8, 3)
        down = partial(
            nn.Conv2d, kernel_size=2 * stride, stride=stride, padding=stride - stride // 2
        )
        self.encoder = nn.Sequential(
            down(3, 24),  # (N, 24, 16, 16), or (N, 24, 11, 11)
            nn.ReLU(),
            down(24, code),  # (N, 8, 8, 8), or (N, 32, 4, 4)
        )
        large = [nn.ReLU(), nn.Conv2d(width, 3, 7, padding=3)] if "7×7" in way else []
        self.decoder = nn.Sequential(
            nn.Conv2d(code, width, kernel, padding="same"),
            nn.ReLU(),
            upsampling(way, width, width),  # (N, width, 16, 16), or (N, width, 11, 11)
            nn.ReLU(),
            upsampling(way, width, width if large else 3),  # (N, 3, 32, 32)
            *large,
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) to the same."""
        return self.decoder(self.encoder(x))


def upsampling(way: str, inputs: int, outputs: int) -> nn.Module:
    """One step of a decoder: (N, inputs, H, W) to (N, outputs, 2H, 2W), or, at stride 3, a side of
    4 to 11 and of 11 to 32.
    """
    match way:
        case "k4s2, bilinear start":
            layer = nn.ConvTranspose2d(inputs, outputs, *TRANSPOSED["k4s2"])
            mix = nn.Conv2d(inputs, outputs, 1).weight.detach().transpose(0, 1)
            layer.weight.data = mix * torch.outer(BILINEAR, BILINEAR)
            return layer
        case "k4s2, bilinear kept":
            return nn.Sequential(nn.Conv2d(inputs, outputs, 1), Bilinear())
        case "k3s2, blur":
            # The means of 2×2 cells overlap evenly: Sugawara et al. 2018, arXiv 1806.02658
            return nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 3, 2), nn.AvgPool2d(2, 1))
        case "nearest, conv" | "bilinear, conv":  # Odena et al. 2016, doi 10.23915/distill.00003
            resize = nn.Upsample(scale_factor=2, mode=way.partition(",")[0])
            return nn.Sequential(resize, nn.Conv2d(inputs, outputs, 3, padding=1))
        case "shuffle" | "shuffle, ICNR":  # Shi et al. 2016, arXiv 1609.05158
            conv = nn.Conv2d(inputs, 4 * outputs, 3, padding=1)
            if "ICNR" in way:  # four phases that start alike: Aitken et al. 2017, arXiv 1707.02937
                for values in conv.parameters():
                    values.data = values.data[:outputs].repeat_interleave(4, 0)
            return nn.Sequential(conv, nn.PixelShuffle(2))
    return nn.ConvTranspose2d(inputs, outputs, *TRANSPOSED[way.partition(",")[0]])


class Bilinear(nn.Module):
    """``k4s2`` for each channel by itself, with a kernel that stays bilinear."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, 2H, 2W)."""
        kernel = torch.outer(BILINEAR, BILINEAR).to(x).expand(x.shape[1], 1, 4, 4)
        return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])

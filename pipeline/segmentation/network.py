"""The 3D Res-UNet of the paper: a U-Net whose every convolutional block is a residual block."""

from collections.abc import Mapping
from itertools import pairwise
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

NEGATIVE_SLOPE = 0.01


class ResidualBlock(nn.Module):
    """Two 3 x 3 x 3 convolutions and a shortcut, each convolution followed by instance normalisation.

    Parameters
    ----------
    channels_in, channels_out
        Number of channels; the shortcut is a 1 x 1 x 1 convolution where they differ, or at a stride.
    stride
        Of the first convolution, along each axis.
    """

    def __init__(self, channels_in: int, channels_out: int, *, stride: int = 1) -> None:
        super().__init__()
        # Convolutions before a normalisation need no bias: it would be subtracted again.
        self.first = nn.Conv3d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)
        self.first_norm = nn.InstanceNorm3d(channels_out, affine=True)
        self.second = nn.Conv3d(channels_out, channels_out, 3, padding=1, bias=False)
        self.second_norm = nn.InstanceNorm3d(channels_out, affine=True)
        self.activation = nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True)
        same = channels_in == channels_out and stride == 1
        self.shortcut: nn.Module = (
            nn.Identity() if same else nn.Conv3d(channels_in, channels_out, 1, stride=stride, bias=False)
        )

    def forward(self, image: Tensor) -> Tensor:
        """Map (n, channels_in, k, j, i) to (n, channels_out, k, j, i) divided by the stride."""
        inner = self.activation(self.first_norm(self.first(image)))
        inner = self.second_norm(self.second(inner))
        return cast(Tensor, self.activation(inner + self.shortcut(image)))


class ResUNet(nn.Module):
    """Encoder and decoder of residual blocks, joined by concatenation at each level.

    Parameters
    ----------
    channels_in
        Number of image channels (six sequences).
    classes
        Number of output channels (background, liver, tumour).
    channels
        Width of each level, the finest first; each further level halves the resolution.

    References
    ----------
    .. [1] Zhang et al., IEEE GRSL 15(5), 2018. doi:10.1109/LGRS.2018.2802944
    .. [2] Çiçek et al., MICCAI 2016. doi:10.1007/978-3-319-46723-8_49
    """

    def __init__(self, channels_in: int, classes: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        if len(channels) < 2:
            raise ValueError(f"a U-Net needs at least two levels, got channels {channels}")
        self.channels = channels
        pairs = list(pairwise(channels))
        self.stem = ResidualBlock(channels_in, channels[0])
        self.down = nn.ModuleList(ResidualBlock(fine, coarse, stride=2) for fine, coarse in pairs)
        self.up = nn.ModuleList(nn.ConvTranspose3d(coarse, fine, 2, stride=2) for fine, coarse in reversed(pairs))
        self.merge = nn.ModuleList(ResidualBlock(2 * fine, fine) for fine, _ in reversed(pairs))
        self.head = nn.Conv3d(channels[0], classes, 1)

    @property
    def stride(self) -> int:
        """Patch sides must be multiples of this, voxels."""
        return int(2 ** (len(self.channels) - 1))

    def forward(self, image: Tensor) -> Tensor:
        """Map (n, channels_in, k, j, i) to logits (n, classes, k, j, i).

        Every side must be a multiple of `stride`.
        """
        levels = [self.stem(image)]
        for block in self.down:
            levels.append(block(levels[-1]))
        result = levels.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            result = merge(torch.cat([up(result), levels.pop()], dim=1))
        return cast(Tensor, self.head(result))


def weights_of(network: nn.Module) -> dict[str, npt.NDArray[np.float32]]:
    """Copy the parameters of `network` as arrays, in the order of its state."""
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in network.state_dict().items()}


def load_weights(network: nn.Module, weights: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Put `weights` into `network`, converted to the precision of its parameters.

    Raises
    ------
    ValueError
        A name is missing or unknown, or a shape differs.
    """
    state = {name: torch.from_numpy(np.array(array)) for name, array in weights.items()}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"weights do not fit the network: {error}") from error

"""From frames to integers and back, each frame predicted from the decoded one before it."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, Int16
from torch import Tensor

from methods.rerf.blocks import any_in_block, join, split, voxels_of
from methods.rerf.model import Frame
from methods.rerf.transform import dequantize, principal_axes, quantize
from methods.rerf.warp import warped, warped_voxels


@dataclass(frozen=True)
class CodedFrame:
    """The tensors of one frame that a file codes.

    Attributes:
        kept: the blocks that hold anything.
        coefficients: their quantized DCT coefficients, channel 0 of the density and the others of the components.
        axes: of the components.
        moving: the blocks that moved since the previous frame; none in a key frame.
        offsets: how far, in voxels.
    """

    kept: Bool[np.ndarray, "bx by bz"]
    coefficients: Int16[np.ndarray, "blocks channels 512"]
    axes: Float16[np.ndarray, "components features"]
    moving: Bool[np.ndarray, "bx by bz"] | None
    offsets: Float16[np.ndarray, "moving 3"] | None

    def tensors(self) -> dict[str, np.ndarray]:
        """By name."""
        arrays = {"kept": self.kept, "coefficients": self.coefficients, "axes": self.axes}
        if self.moving is not None and self.offsets is not None:
            arrays |= {"moving": self.moving, "offsets": self.offsets}
        return arrays


@dataclass(frozen=True)
class Reconstruction:
    """A decoded frame.

    Attributes:
        grid: density above that of empty space, and features.
        kept: the voxels of the blocks that were coded; all others are empty.
    """

    grid: Float[Tensor, "x y z channels_and_1"]
    kept: Bool[Tensor, "x y z"]


def encode_frame(
    frame: Frame, previous: Reconstruction | None, quality: float, kept_density: float, motion_step: float
) -> CodedFrame:
    """Quantize a frame: a key frame, or with `previous` what is left after the decoded frame before it has moved.

    Args:
        kept_density: blocks without a voxel denser than this, neither now nor in the moved previous frame, are dropped.
        motion_step: offsets are rounded to multiples of this, in voxels; 0: not.
    """
    grid, resolution = frame.grid(), frame.occupied.shape
    everywhere = torch.ones(resolution, dtype=torch.bool)
    moving, offsets, prediction = None, None, None
    dense = grid[..., 0] > kept_density
    if previous is not None:
        assert frame.motion is not None
        moving, offsets = _coded_motion(frame.motion, any_in_block(frame.occupied), motion_step)
        prediction = warped(previous.grid, _motion_of(moving, offsets), everywhere)
        dense |= prediction[..., 0] > kept_density
    kept = any_in_block(dense)
    residual = split(grid if prediction is None else grid - prediction)[kept]
    axes = principal_axes(residual)
    return CodedFrame(kept.numpy(), quantize(residual, axes, quality), axes, moving, offsets)


def decode_frame(
    coded: CodedFrame, previous: Reconstruction | None, quality: float, resolution: tuple[int, int, int]
) -> Reconstruction:
    """What the decoder sees; `previous` is of no use to a key frame."""
    kept = torch.from_numpy(coded.kept)
    where = voxels_of(kept, resolution)
    residual = dequantize(coded.coefficients, coded.axes, quality)
    grid = join(residual, kept, resolution)
    if coded.moving is not None and coded.offsets is not None:
        assert previous is not None
        grid[where] += warped_voxels(previous.grid, _motion_of(coded.moving, coded.offsets), where)
    return Reconstruction(grid, where)


def _coded_motion(
    motion: Float[Tensor, "bx by bz 3"], occupied: Bool[Tensor, "bx by bz"], step: float
) -> tuple[Bool[np.ndarray, "bx by bz"], Float16[np.ndarray, "moving 3"]]:
    rounded = motion if step == 0 else (motion / step).round() * step
    stored = rounded.numpy().astype(np.float16)
    stored[stored == 0] = 0  # No negative zeros, which would cost bits.
    moving = stored.any(axis=-1) & occupied.numpy()
    return moving, stored[moving]


def _motion_of(
    moving: Bool[np.ndarray, "bx by bz"], offsets: Float16[np.ndarray, "moving 3"]
) -> Float[Tensor, "bx by bz 3"]:
    motion = np.zeros((*moving.shape, 3), np.float32)
    motion[moving] = offsets
    return torch.from_numpy(motion)

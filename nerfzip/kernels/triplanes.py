"""Look-up in three orthogonal planes at several resolutions."""

from collections.abc import Sequence
from typing import Any

import numba
import torch
from jaxtyping import Float
from torch import Tensor

from nerfzip.kernels.backend import form_for
from nerfzip.kernels.cpu import triplanes as cpu
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.twins import triplanes as twin


def sample_triplanes(
    scales: Sequence[Float[Tensor, "3 rows columns channels"]], positions: Float[Tensor, "samples 3"]
) -> Float[Tensor, "samples features"]:
    """The mean over the three planes, bilinear, of each scale; scales side by side (CodecNeRF, equation 6).

    The paper has the sum over planes, its code the mean.

    Args:
        scales: the planes xy, yz and xz, channels-last, the first of their axes first; all with the same channels.
        positions: in [0, 1]; 0 and 1 are the centres of the outer cells. Outside the border value holds. Not
            differentiated.
    """
    form = form_for(positions)
    if form == "twin":
        return twin.sample(scales, positions)
    if form == "cuda":
        from nerfzip.kernels.cuda.triplanes import SampleTriplanes

        return SampleTriplanes.apply(positions, *scales)
    return _SampleTriplanes.apply(positions, *scales)


class _SampleTriplanes(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, positions: Tensor, *scales: Tensor) -> Tensor:
        channels, positions = scales[0].shape[3], positions.contiguous()
        out = torch.empty(len(positions), len(scales) * channels)
        arrays = tuple(planes.detach().contiguous().numpy() for planes in scales)
        cpu.gather(arrays, positions.numpy(), channel_tuple(channels), out.numpy())
        ctx.save_for_backward(positions)
        ctx.shapes = [planes.shape for planes in scales]
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (positions,) = ctx.saved_tensors
        gradients = [torch.zeros(shape) for shape in ctx.shapes]
        cpu.scatter(
            tuple(gradient.numpy() for gradient in gradients),
            positions.numpy(),
            grad_outputs[0].contiguous().numpy(),
            channel_tuple(ctx.shapes[0][3]),
            numba.get_num_threads(),
        )
        return None, *gradients

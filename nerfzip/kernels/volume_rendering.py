"""Volume rendering of packed samples."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nerfzip.kernels.backend import form_for
from nerfzip.kernels.cpu import volume_rendering as cpu
from nerfzip.kernels.cpu.compile import channel_tuple
from nerfzip.kernels.twins import volume_rendering as twin


def render_weights(
    alphas: Float[Tensor, "samples"], ray_offsets: Int[Tensor, "offsets"]
) -> tuple[Float[Tensor, "samples"], Float[Tensor, "rays"]]:
    """Weights w_i = α_i Π_{j<i} (1 − α_j), and the transmittance left behind each ray's last sample (Max 1995).

    Args:
        alphas: opacities in [0, 1] of packed samples.
        ray_offsets: where each ray's samples begin; one more entry than rays.
    """
    form = form_for(alphas, in_nerfacc=True)
    if form == "twin":
        return twin.render_weights(alphas, ray_offsets)
    if form == "cuda":
        from nerfzip.kernels.cuda.volume_rendering import RenderWeights

        return RenderWeights.apply(alphas, ray_offsets)
    if form == "nerfacc":
        from nerfzip.kernels.nerfacc import volume_rendering as nerfacc

        return nerfacc.render_weights(alphas, ray_offsets)
    return _RenderWeights.apply(alphas, ray_offsets)


def accumulate_along_rays(
    weights: Float[Tensor, "samples"], values: Float[Tensor, "samples channels"], ray_offsets: Int[Tensor, "offsets"]
) -> Float[Tensor, "rays channels"]:
    """Σ w_i v_i over each ray's samples; zero for a ray without samples."""
    form = form_for(weights, in_nerfacc=True)
    if form == "twin":
        return twin.accumulate(weights, values, ray_offsets)
    if form == "cuda":
        from nerfzip.kernels.cuda.volume_rendering import Accumulate

        return Accumulate.apply(weights, values, ray_offsets)
    if form == "nerfacc":
        from nerfzip.kernels.nerfacc import volume_rendering as nerfacc

        return nerfacc.accumulate(weights, values, ray_offsets)
    return _Accumulate.apply(weights, values, ray_offsets)


class _RenderWeights(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, alphas: Tensor, ray_offsets: Tensor) -> tuple[Tensor, Tensor]:
        weights, transmittance = torch.empty_like(alphas), torch.empty(len(ray_offsets) - 1)
        cpu.weights_forward(alphas.detach().numpy(), ray_offsets.numpy(), weights.numpy(), transmittance.numpy())
        ctx.save_for_backward(alphas, ray_offsets)
        return weights, transmittance

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        alphas, ray_offsets = ctx.saved_tensors
        grad_alphas = torch.empty_like(alphas)
        grads = [gradient.contiguous().numpy() for gradient in grad_outputs]
        cpu.weights_backward(alphas.detach().numpy(), ray_offsets.numpy(), *grads, grad_alphas.numpy())
        return grad_alphas, None


class _Accumulate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, values: Tensor, ray_offsets: Tensor) -> Tensor:
        out = torch.empty(len(ray_offsets) - 1, values.shape[1])
        ctx.save_for_backward(weights, values, ray_offsets)
        arrays = [tensor.detach().contiguous().numpy() for tensor in (weights, values, ray_offsets)]
        cpu.accumulate_forward(*arrays, channel_tuple(values.shape[1]), out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None]:
        weights, values, _ = ctx.saved_tensors
        grad_weights, grad_values = torch.empty_like(weights), torch.empty_like(values)
        arrays = [tensor.detach().contiguous().numpy() for tensor in ctx.saved_tensors]
        cpu.accumulate_backward(
            *arrays,
            channel_tuple(values.shape[1]),
            grad_outputs[0].contiguous().numpy(),
            grad_weights.numpy(),
            grad_values.numpy(),
        )
        return grad_weights, grad_values, None

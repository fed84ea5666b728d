"""Many small networks of two layers at once: each sample lies between a few of them."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from nerfzip.kernels.backend import form_for
from nerfzip.kernels.cpu import grouped_networks as cpu
from nerfzip.kernels.twins import grouped_networks as twin


def grouped_networks(
    before: Float[Tensor, "networks inputs hidden"],
    behind: Float[Tensor, "networks hidden outputs"],
    nodes: Int[Tensor, "bins near"],
    bins: Int[Tensor, "samples"],
    weights: Float[Tensor, "samples near"],
    inputs: Float[Tensor, "samples inputs"],
) -> Float[Tensor, "samples outputs"]:
    """The weighted sum of what the networks near each sample make of its inputs, relu(inputs @ before) @ behind.

    Args:
        before, behind: the layers before and behind the ReLU, float32.
        nodes: the networks near the samples of each bin.
        bins: of each sample.
        weights: of the networks near each sample, as in `nodes`. Not differentiated.
    """
    form = form_for(inputs)
    if form == "twin":
        return twin.evaluate(before, behind, nodes, bins, weights.detach(), inputs)
    if form == "cuda":
        from nerfzip.kernels.cuda.grouped_networks import GroupedNetworks

        return GroupedNetworks.apply(before, behind, nodes, bins, weights, inputs)
    return _GroupedNetworks.apply(before, behind, nodes, bins, weights, inputs)


class _GroupedNetworks(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, before: Tensor, behind: Tensor, nodes: Tensor, bins: Tensor, weights: Tensor, inputs: Tensor
    ) -> Tensor:
        ctx.hidden, nodes = before.shape[2], nodes.contiguous()
        before, behind = _filled_up(before), _filled_up(behind.transpose(1, 2))
        order, first = (torch.from_numpy(each) for each in cpu.sort_by(bins.numpy(), len(nodes)))
        ctx.pieces, ctx.first_pieces = cpu.cut(first.numpy())
        weights, inputs = weights.detach().index_select(0, order), inputs.detach().contiguous()
        ctx.save_for_backward(before, behind, nodes, weights, inputs, order)
        out = torch.empty(len(inputs), behind.shape[1])
        arrays = (each.numpy() for each in (before, behind, nodes, weights, inputs, order))
        cpu.forward(*arrays, ctx.pieces, out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None, None, None, Tensor]:
        before, behind, nodes, weights, inputs, order = ctx.saved_tensors
        (networks, channels, width), outputs = before.shape, behind.shape[1]
        across = _filled_up(before.transpose(1, 2))
        gradients = grad_outputs[0].index_select(0, order)
        grad_pieces = torch.empty(len(ctx.pieces), nodes.shape[1], channels + outputs, width)
        grad_inputs = torch.empty_like(inputs)
        arrays = (each.numpy() for each in (before, across, behind, nodes, weights, inputs, order))
        cpu.backward(*arrays, ctx.pieces, gradients.numpy(), grad_pieces.numpy(), grad_inputs.numpy())
        sums = torch.empty(networks, channels + outputs, width)
        uses = cpu.sort_by(nodes.flatten().numpy(), networks)
        cpu.sum_pieces(grad_pieces.numpy(), nodes.numpy(), *uses, ctx.first_pieces, sums.numpy())
        by_before, by_behind = sums[..., : ctx.hidden].split([channels, outputs], dim=1)
        return by_before, by_behind.transpose(1, 2), None, None, None, grad_inputs


def _filled_up(matrices: Tensor) -> Tensor:
    """With columns of zeros up to a multiple of what the kernels take at once."""
    return pad(matrices.detach(), (0, -matrices.shape[2] % cpu.COLUMNS)).contiguous()

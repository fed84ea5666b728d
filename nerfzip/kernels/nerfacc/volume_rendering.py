"""Volume rendering by nerfacc.

Its gradients by an opacity of exactly 1 are not those of ours: it divides by 1 − α.
"""

import nerfacc
import torch
from jaxtyping import Float, Int
from torch import Tensor


def render_weights(
    alphas: Float[Tensor, "samples"], ray_offsets: Int[Tensor, "offsets"]
) -> tuple[Float[Tensor, "samples"], Float[Tensor, "rays"]]:
    """Weights, and the transmittance behind each ray's last sample."""
    counts = ray_offsets.diff()
    packed = torch.stack([ray_offsets[:-1], counts], dim=1)
    weights, in_front = nerfacc.render_weight_from_alpha(alphas, packed_info=packed)
    rays = (counts > 0).nonzero()[:, 0]
    last = ray_offsets[rays + 1] - 1
    behind = alphas.new_ones(len(counts)).index_put((rays,), in_front[last] * (1 - alphas[last]))
    return weights, behind


def accumulate(
    weights: Float[Tensor, "samples"], values: Float[Tensor, "samples channels"], ray_offsets: Int[Tensor, "offsets"]
) -> Float[Tensor, "rays channels"]:
    """Sums over each ray's samples."""
    rays = len(ray_offsets) - 1
    numbers = torch.arange(rays, device=ray_offsets.device)
    ray_indices = numbers.repeat_interleave(ray_offsets.diff(), output_size=len(weights))
    return nerfacc.accumulate_along_rays(weights, values, ray_indices, rays)

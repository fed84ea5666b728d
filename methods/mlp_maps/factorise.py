"""Colour networks as sums of a few that all cells and maps share: most of a decoder's weights make colour networks."""

from dataclasses import replace

import torch
from torch.nn.functional import unfold

from methods.mlp_maps.decoder import KERNEL
from methods.mlp_maps.model import MapsModel

ITERATIONS = 4
"""Of the randomised decomposition (Halko et al., Finding structure with randomness, 2011)."""


@torch.no_grad()
def with_colour_rank(model: MapsModel, rank: int) -> MapsModel:
    """The model with colour maps that are as near to its own as sums of `rank` shared networks can be.

    These are the principal components of the networks of all cells of all frames. Fewer than `rank` are used if there
    are not so many cells or parameters. A model of one shared network has no colour maps, and stays as it is.
    """
    layout, decoder = model.layout, model.decoder
    if not decoder.maps:
        return model
    trunks = [decoder.colour_trunk(decoder.backbone(decoder.starting(latent))) for latent in model.latents]
    patches = unfold(torch.cat(trunks), KERNEL, padding=KERNEL // 2).transpose(1, 2).flatten(0, 1)
    weights, biases = (torch.cat([getattr(head, kind) for head in decoder.colours]) for kind in ("weight", "bias"))
    networks = patches @ weights.flatten(1).T
    mean = networks.mean(dim=0)
    rank = min(rank, *networks.shape)
    _, _, shared = torch.pca_lowrank(networks, q=rank, niter=ITERATIONS)
    result = MapsModel(replace(layout, decoder=replace(layout.decoder, colour_rank=rank)))
    state = {name: values for name, values in model.state_dict().items() if not name.startswith("decoder.colours.")}
    state["decoder.colours.0.weight"] = (shared.T @ weights.flatten(1)).view(rank, -1, KERNEL, KERNEL)
    state["decoder.colours.0.bias"] = -mean @ shared
    state["decoder.colours.1.weight"] = shared[:, :, None, None]
    state["decoder.colours.1.bias"] = mean + biases
    result.load_state_dict(state)
    return result

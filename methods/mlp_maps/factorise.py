"""A model with fewer parameters that renders the same, or nearly so.

Most of a decoder's weights make colour networks, and most weights of its first layer belong to directions of latent
codes that no frame has.
"""

from dataclasses import replace

import torch
from torch.nn.functional import unfold

from methods.mlp_maps.decoder import KERNEL
from methods.mlp_maps.model import MapsModel


@torch.no_grad()
def with_colour_rank(model: MapsModel, rank: int) -> MapsModel:
    """The model with colour maps that are as near to its own as sums of `rank` shared networks can be.

    These are the principal components of the networks of all cells of all frames. Fewer than `rank` are used if there
    are not so many cells or parameters. A model of one shared network has no colour maps, and stays as it is.
    """
    layout, decoder = model.layout, model.decoder
    if not decoder.maps:
        return model
    weights, biases = (torch.cat([getattr(head, kind) for head in decoder.colours]) for kind in ("weight", "bias"))
    rows = weights.flatten(1).double()
    # Networks are linear in the patches that they are made of, of which a frame at a time is in memory.
    count, total, squares = 0, rows.new_zeros(rows.shape[1]), rows.new_zeros(rows.shape[1], rows.shape[1])
    for latent in model.latents:
        trunk = decoder.colour_trunk(decoder.backbone(decoder.starting(latent)))
        patches = unfold(trunk, KERNEL, padding=KERNEL // 2)[0].T.double()
        count, total, squares = count + len(patches), total + patches.sum(dim=0), squares + patches.T @ patches
    covariance = squares / count - torch.outer(total, total) / count**2
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp(min=0).sqrt()
    mean = (rows @ total / count).float()
    rank = min(rank, count, *rows.shape)
    shared = torch.linalg.svd(rows @ root, full_matrices=False).U[:, :rank].float()
    result = MapsModel(replace(layout, decoder=replace(layout.decoder, colour_rank=rank)))
    state = {name: values for name, values in model.state_dict().items() if not name.startswith("decoder.colours.")}
    state["decoder.colours.0.weight"] = (shared.T @ weights.flatten(1)).view(rank, -1, KERNEL, KERNEL)
    state["decoder.colours.0.bias"] = -(shared.T @ mean)
    state["decoder.colours.1.weight"] = shared[:, :, None, None]
    state["decoder.colours.1.bias"] = mean + biases
    result.load_state_dict(state)
    return result


@torch.no_grad()
def with_short_latents(model: MapsModel) -> MapsModel:
    """The same frames by latent codes with no more values than there are frames; the decoder starts from these.

    The codes are turned and scaled together, so that those of frames that are alike stay alike.
    """
    layout = model.layout
    amounts, sizes, directions = torch.linalg.svd(model.latents.double(), full_matrices=False)
    result = MapsModel(replace(layout, decoder=replace(layout.decoder, latent=len(sizes))))
    state = dict(model.state_dict())
    codes = amounts * sizes
    scale = codes.square().mean().sqrt()
    state["latents"] = (codes / scale).float()
    state["decoder.start.weight"] = (state["decoder.start.weight"].double() @ directions.T * scale).float()
    gains = model.decoder.start.gain / result.decoder.start.gain
    state["decoder.start.weight"] *= gains
    result.load_state_dict(state)
    return result

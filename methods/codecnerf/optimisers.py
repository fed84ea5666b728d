"""What makes the steps of base training."""

from typing import Any

from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from methods.codecnerf.codec import Codec
from nerfzip.training.muon import Muon

OPTIMISERS = ("adamw", "muon")
MOMENTUM = 0.95
TRANSPOSED = (nn.ConvTranspose2d, nn.ConvTranspose3d)
LAYERS = (nn.Linear, nn.Conv2d, nn.Conv3d, *TRANSPOSED)


def optimisers_of(codec: Codec, name: str, weight_decay: float) -> list[Optimizer]:
    """AdamW for all parameters, or with "muon" for all but the layers' weights, which Muon has.

    A group has `views`: whether it is the transformer's.
    """
    transformer = {id(parameter) for parameter in codec.encoder.views.transformer.parameters()}
    stacks = _stacks(codec) if name == "muon" else {}
    groups: list[dict[str, Any]] = [{"params": [], "views": views} for views in (False, True)]
    matrices: list[dict[str, Any]] = []
    for parameter in codec.parameters():
        views = id(parameter) in transformer
        if id(parameter) in stacks:
            matrices.append({"params": [parameter], "stack": stacks[id(parameter)], "views": views})
        else:
            groups[views]["params"].append(parameter)
    optimisers: list[Optimizer] = [AdamW(groups, weight_decay=weight_decay)]
    return [*optimisers, Muon(matrices, MOMENTUM, weight_decay)] if matrices else optimisers


def _stacks(codec: Codec) -> dict[int, tuple[int, int]]:
    """Of each layer's weight: groups, and outputs of a group; of transposed convolutions, inputs."""
    stacks = {}
    for layer in codec.modules():
        if isinstance(layer, LAYERS):
            weight: Tensor = layer.weight
            groups = 1 if isinstance(layer, (nn.Linear, *TRANSPOSED)) else layer.groups
            stacks[id(weight)] = (groups, weight.shape[0] // groups)
    return stacks

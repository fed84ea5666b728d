"""Many small networks in plain torch: the networks near a bin are one wide network."""

from jaxtyping import Float, Int
from torch import Tensor

from nerfzip.kernels.grouped_linear import Groups


def evaluate(
    before: Float[Tensor, "networks inputs hidden"],
    behind: Float[Tensor, "networks hidden outputs"],
    nodes: Int[Tensor, "bins near"],
    bins: Int[Tensor, "samples"],
    weights: Float[Tensor, "samples near"],
    inputs: Float[Tensor, "samples inputs"],
) -> Float[Tensor, "samples outputs"]:
    groups = Groups.of(bins, len(nodes))
    wide = before[nodes].transpose(1, 2).flatten(2)
    hidden = groups.multiply(groups.gather(inputs), wide).relu().unflatten(2, (nodes.shape[1], -1))
    weighted = hidden * groups.gather(weights)[..., None]
    return groups.scatter(groups.multiply(weighted.flatten(2), behind[nodes].flatten(1, 2)))

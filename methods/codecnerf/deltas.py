"""What fine-tuning adds to planes and networks (CodecNeRF, section 3.6, equation 10; sheet codecnerf.md, §6)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from nerfzip.errors import require_setting
from nerfzip.fields.triplane_field import ShadingNetwork, TriplaneNetwork

Matrices = list[Float[Tensor, "3 side side ranks"]]
STARTS = ("matrices", "vectors")


@dataclass(frozen=True)
class DeltaSizes:
    """How much fine-tuning may change.

    Attributes:
        planes: products of a matrix and a vector that are added to each plane, R of equation 10.
        networks: rank of what is added to each layer's weights.
    """

    planes: int
    networks: int

    def __post_init__(self) -> None:
        require_setting(self.planes >= 1, "method.deltas.planes", self.planes, "at least 1")
        require_setting(self.networks >= 1, "method.deltas.networks", self.networks, "at least 1")


class PlaneDeltas(nn.Module):
    """Σ_r v_r ∘ M_r for each plane of each scale; the vectors are shared by the three planes.

    Args:
        sides, channels: of the planes.
        start: what is random at the start, the other is zero, so that nothing is added: "matrices", as published, or
            "vectors", so that a matrix differs from zero only where there was something to add.
        deviation: of the numbers that are random.
    """

    def __init__(self, sides: Sequence[int], channels: int, rank: int, start: str, deviation: float) -> None:
        super().__init__()
        of_matrices, of_vectors = (deviation, 0.0) if start == "matrices" else (0.0, deviation)
        self.matrices = nn.ParameterList(
            [nn.Parameter(of_matrices * torch.randn(3, side, side, rank)) for side in sides]
        )
        vectors = [nn.Linear(rank, channels, bias=False) for _ in sides]
        for layer in vectors:
            nn.init.normal_(layer.weight, std=of_vectors)
        self.vectors = nn.ModuleList(vectors)

    def added(
        self, planes: Sequence[Float[Tensor, "3 side side channels"]], matrices: Sequence[Tensor]
    ) -> list[Float[Tensor, "3 side side channels"]]:
        """The planes and what is added to them, with these matrices in place of ours."""
        return [
            values + vectors(matrix) for values, vectors, matrix in zip(planes, self.vectors, matrices, strict=True)
        ]


class NetworkDeltas(nn.Module):
    """LoRA: a product of two matrices of low rank for each layer (Hu et al. 2021), zero at the start.

    Both are stored with a row for each rank.
    """

    def __init__(self, network: TriplaneNetwork, rank: int) -> None:
        super().__init__()
        layers = _layers(network)
        inputs = {name: nn.Linear(layer.in_features, rank, bias=False) for name, layer in layers.items()}
        outputs = {name: nn.Linear(layer.out_features, rank, bias=False) for name, layer in layers.items()}
        for layer in outputs.values():
            nn.init.zeros_(layer.weight)
        self.inputs, self.outputs = nn.ModuleDict(inputs), nn.ModuleDict(outputs)

    def weights(self, network: TriplaneNetwork) -> dict[str, Tensor]:
        """The network's weights and what is added to them, by their names."""
        weights = {}
        for name, layer in _layers(network).items():
            inputs, outputs = self.inputs[name], self.outputs[name]
            assert isinstance(inputs, nn.Linear) and isinstance(outputs, nn.Linear)
            weights[f"layers.{name}.weight"] = layer.weight + outputs.weight.T @ inputs.weight
        return weights


class AdaptedNetwork(ShadingNetwork):
    """A network of the base model with an object's deltas."""

    def __init__(self, network: TriplaneNetwork, deltas: NetworkDeltas) -> None:
        super().__init__(network.frequencies)
        self.network = network
        self.deltas = deltas

    def forward(self, features: Tensor, encoded: Tensor) -> tuple[Tensor, Tensor]:
        return functional_call(self.network, self.deltas.weights(self.network), (features, encoded))


def _layers(network: TriplaneNetwork) -> dict[str, nn.Linear]:
    return {name: layer for name, layer in network.layers.named_modules() if isinstance(layer, nn.Linear)}

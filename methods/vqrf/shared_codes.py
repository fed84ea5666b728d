"""A voxel field in which many voxels share the codes of a codebook (VQRF §5)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nerfzip.fields import VoxelField
from nerfzip.quantization import Quantizer, quantizer_by_spread


@dataclass
class SharedCodes:
    """Which voxels share which code. The mapping is fixed; the codes follow their voxels.

    Attributes:
        voxels: flat indices of the vector-quantized voxels, ascending.
        indices: the code of each.
        weights: how much each voxel counts in the mean of its code.
        codebook: the codes' values before 8-bit quantization.
        residual: what quantization took from each code at the last synchronisation; it is given back at the next,
            so that steps smaller than the quantizer's add up instead of being lost.
        quantizer: of the codes at the last synchronisation, if they were quantized.
    """

    voxels: Int[Tensor, "voxels"]
    indices: Int[Tensor, "voxels"]
    weights: Float[Tensor, "voxels"]
    codebook: Float[Tensor, "codes channels"]
    residual: Float[Tensor, "codes channels"]
    quantizer: Quantizer | None = None

    @staticmethod
    def of(
        voxels: Int[Tensor, "voxels"],
        indices: Int[Tensor, "voxels"],
        weights: Float[Tensor, "voxels"],
        codebook: Float[Tensor, "codes channels"],
    ) -> "SharedCodes":
        return SharedCodes(voxels, indices, weights, codebook, torch.zeros_like(codebook))

    def synchronise(self, field: VoxelField, quantizer: Quantizer | None) -> None:
        """Move each code to the mean of its voxels, and every voxel back onto its code.

        Args:
            quantizer: if given, the voxels get the values that the quantized codes decode to.
        """
        features = field.features.data.view(-1, self.codebook.shape[1])
        mine = features[self.voxels]
        mass = torch.zeros(len(self.codebook)).index_add_(0, self.indices, self.weights)
        total = torch.zeros_like(self.codebook).index_add_(0, self.indices, mine * self.weights[:, None])
        used = mass > 0
        self.codebook[used] = total[used] / mass[used, None] + self.residual[used]
        self.quantizer = quantizer
        decoded = self.codebook
        if quantizer is not None:
            decoded = quantizer.dequantize(quantizer.quantize(self.codebook))
            self.residual = self.codebook - decoded
        features[self.voxels] = decoded[self.indices]


def feature_quantizer(
    field: VoxelField, kept: Int[Tensor, "kept"], codes: SharedCodes, steps_per_deviation: float
) -> Quantizer:
    """The 8-bit quantizer of the kept features, and of the codebook where that is 8-bit too.

    One for both, so that kept and shared features are integers of one scale and can predict each other.
    """
    features = field.features.data.view(-1, codes.codebook.shape[1])
    return quantizer_by_spread(features[kept] if len(kept) else codes.codebook, steps_per_deviation)

"""VQRF: from a fitted voxel field to a file, and back (paper §4 to §6; sheet vqrf.md §3 and §4)."""

import copy
import math
from typing import Protocol

from torch import Tensor

from methods.vqrf.finetune import FinetuneSettings, finetune
from methods.vqrf.importance import voxel_importance
from methods.vqrf.packing import CODERS, Precision, pack_field, quantized_tensors, unpack_field
from methods.vqrf.rate_distortion import choose_codes
from methods.vqrf.shared_codes import SharedCodes
from methods.vqrf.tensors import MAX_CODES
from nerfzip.bitstream import unpack
from nerfzip.data.scene import Scene
from nerfzip.errors import ConfigError, require_setting
from nerfzip.fields import VoxelField
from nerfzip.fields.decoded_voxel_field import DecodedVoxelField
from nerfzip.on_device import on_device, working_on
from nerfzip.quantization import classify_voxels, train_codebook
from nerfzip.sampling.occupancy import Occupancy


class VoxelModel(Protocol):
    """What VQRF needs of the model that it wraps."""

    def fit(self, scene: Scene) -> VoxelField: ...


class VQRF:
    """Prunes what is unimportant, keeps what is most important, and lets the rest share the codes of a codebook.

    Args:
        base: fits the voxel field.
        prune: β_p: the voxels that hold the lowest share of the importance are dropped.
        keep: β_k: the voxels that hold the top share keep features of their own.
        codebook_size, codebook_iterations, codebook_batch, decay, expire: see `train_codebook`.
        rate_weight: λ of choosing codes by distance + λ·bits, in units of the features' variance; 0 takes the nearest.
        finetuning: see `FinetuneSettings`.
        precision: see `Precision`.
        coder: "context" or "paper"; both code the same tensors.
    """

    def __init__(
        self,
        base: VoxelModel,
        prune: float,
        keep: float,
        codebook_size: int,
        codebook_iterations: int,
        codebook_batch: int,
        decay: float,
        expire: int,
        rate_weight: float,
        finetuning: FinetuneSettings,
        precision: Precision,
        coder: str,
    ) -> None:
        for name, share in (("prune", prune), ("keep", keep)):
            if not 0 <= share <= 1:
                raise ConfigError(f"method.{name}: {share}, expected a share from 0 to 1")
        require_setting(0 <= rate_weight < math.inf, "method.rate_weight", rate_weight, "a finite number of at least 0")
        require_setting(codebook_iterations >= 0, "method.codebook_iterations", codebook_iterations, "at least 0")
        require_setting(1 <= codebook_size <= MAX_CODES, "method.codebook_size", codebook_size, f"1 to {MAX_CODES}")
        require_setting(codebook_batch >= 1, "method.codebook_batch", codebook_batch, "at least 1")
        require_setting(0 <= decay < 1, "method.decay", decay, "at least 0 and less than 1")
        require_setting(expire >= 0, "method.expire", expire, "at least 0")
        if coder not in CODERS:
            raise ConfigError(f"method.coder: {coder!r}, expected one of {', '.join(CODERS)}")
        self.base = base
        self.prune = prune
        self.keep = keep
        self.codebook_size = codebook_size
        self.codebook_iterations = codebook_iterations
        self.codebook_batch = codebook_batch
        self.decay = decay
        self.expire = expire
        self.rate_weight = rate_weight
        self.finetuning = finetuning
        self.precision = precision
        self.coder = coder

    def fit(self, scene: Scene) -> VoxelField:
        return self.base.fit(scene)

    def uncompressed_bytes(self, model: VoxelField) -> int:
        """Size of the model's parameters as float32."""
        return 4 * sum(parameter.numel() for parameter in model.parameters())

    def compress(self, model: VoxelField, scene: Scene) -> bytes:
        field, keep, codes = self.shrink(model, scene)
        finetune(
            field,
            scene,
            keep.view(-1).nonzero()[:, 0],
            codes,
            self.finetuning,
            self.precision.feature_steps,
            quantize_codebook=self.precision.codebook == "int8",
            quantize_decoder=self.precision.decoder == "int8",
        )
        with working_on("cpu"):
            field, keep, codes = on_device((field, keep, codes), "cpu")
            tensors, scales = quantized_tensors(field, keep, codes, self.precision)
            return pack_field(field, tensors, scales, self.coder)

    def decompress(self, data: bytes) -> DecodedVoxelField:
        return DecodedVoxelField(*unpack_field(unpack(data)))

    def shrink(self, model: VoxelField, scene: Scene) -> tuple[VoxelField, Tensor, SharedCodes]:
        """A pruned copy of the model, which voxels are kept, and the codes of the others."""
        field = copy.deepcopy(model)
        importance = voxel_importance(field, scene.train.cameras)
        classes = classify_voxels(importance, self.prune, self.keep)
        field.occupancy = Occupancy.of(~classes.pruned)
        # Pruned space is skipped by the mask; 0 is what its voxels add to the interpolation at its border.
        field.density.data[classes.pruned] = 0
        field.features.data[classes.pruned] = 0
        voxels = classes.vector_quantized.view(-1).nonzero()[:, 0]
        features = field.features.data.view(-1, field.features.shape[-1])[voxels]
        weights = importance.view(-1)[voxels]
        codebook = train_codebook(
            features,
            weights,
            self.codebook_size,
            self.codebook_iterations,
            self.codebook_batch,
            None,
            self.decay,
            self.expire,
        )
        rate_weight = self.rate_weight * float(features.var()) if len(features) > 1 else 0.0
        indices = choose_codes(features, weights, codebook, rate_weight)
        return field, classes.kept, SharedCodes.of(voxels, indices, weights + 1e-6, codebook)

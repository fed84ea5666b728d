"""JointRF: from a volumetric video to a file, and back (Zheng et al. 2024; sheet jointrf.md)."""

import io
import logging
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from methods.jointrf.coding import Coder, encode_frame
from methods.jointrf.grids import FrameEntropy, FrameGrids
from methods.jointrf.packing import (
    NETWORKS,
    DecodedFrame,
    FrameFormat,
    decode_networks,
    encode_networks,
    network_arrays,
)
from methods.jointrf.training import RateWeights, Schedule, train_frame
from methods.jointrf.visible import Sketch, occupancy_resolution, sketch_of
from nerfzip.bitstream import (
    BitstreamReader,
    BitstreamWriter,
    GroupsOfFrames,
    TensorDigest,
    VolumetricVideo,
    frame_section,
    tensor_name,
)
from nerfzip.data.scene import Scene, VolumetricScene
from nerfzip.errors import BitstreamError, ConfigError, require_setting
from nerfzip.fields.basis_field import BasisField, BasisGrids, Shading
from nerfzip.fields.basis_geometry import BasisBudget
from nerfzip.fields.basis_header import BasisDescription, describe, parse
from nerfzip.fields.basis_networks import BasisNetworks, NetworkSizes
from nerfzip.method import VolumetricField
from nerfzip.sampling import Occupancy
from nerfzip.training.ray_sampler import RaySampler

METHOD = "jointrf"
FEWEST_STEPS, MOST_STEPS = 1e-3, 1e6
STEPS_EXPECTED = f"a number from {FEWEST_STEPS:g} to {MOST_STEPS:g}"
_log = logging.getLogger(__name__)


class JointRF:
    """Groups of frames: a key frame of basis and coefficients; others of a residual basis and coefficients.

    Args:
        base: fits a voxel field to each frame, which says where there is anything to see.
        budget, networks, shading: of the fields.
        occupancy: voxels of the mask of a frame along the longest side of its box.
        group: frames in a GOF.
        steps: q.
        basis_scale: largest magnitude in a basis grid at the start.
        entropy_scale: width of the learned distributions at the start, in symbols.
        warm_start: of the first key frame and the networks, before anything is quantized.
        key, other: of the training of key frames and of other frames.
        weights: λ₁ and λ₂.
        coder: "context", or "paper"; both code the same tensors.
        prediction: "key": contexts of a frame come from its key frame; "previous": from the frame before.
        joint: False quantizes after training only (an ablation).
        residual: False gives each frame a basis of its own (an ablation).
    """

    volumetric = True

    def __init__(
        self,
        base: Any,
        budget: BasisBudget,
        networks: NetworkSizes,
        shading: Shading,
        occupancy: int,
        group: int,
        steps: float,
        basis_scale: float,
        entropy_scale: float,
        warm_start: Schedule,
        key: Schedule,
        other: Schedule,
        weights: RateWeights,
        coder: str,
        prediction: str,
        joint: bool,
        residual: bool,
    ) -> None:
        require_setting(group >= 1, "method.group", group, "at least 1")
        require_setting(FEWEST_STEPS <= steps <= MOST_STEPS, "method.steps", steps, STEPS_EXPECTED)
        require_setting(occupancy >= 2, "method.occupancy", occupancy, "at least 2")
        if coder not in list(Coder):
            raise ConfigError(f"method.coder: {coder!r}, expected {' or '.join(Coder)}")
        if prediction not in ("key", "previous"):
            raise ConfigError(f"method.prediction: {prediction!r}, expected key or previous")
        self.base = base
        self.budget = budget
        self.networks = networks
        self.shading = shading
        self.occupancy = occupancy
        self.group = group
        self.steps = steps
        self.basis_scale = basis_scale
        self.entropy_scale = entropy_scale
        self.warm_start = warm_start
        self.key = key
        self.other = other
        self.weights = weights
        self.coder = Coder(coder)
        self.prediction = prediction
        self.joint = joint
        self.residual = residual

    def fit(self, video: VolumetricScene) -> list[Sketch]:
        """A sketch of each frame; all else depends on the rate."""
        resolution = occupancy_resolution(video.box, self.occupancy)
        sketches = []
        for number, frame in enumerate(video.frames, start=1):
            _log.info("sketch frame %d of %d", number, len(video))
            sketches.append(sketch_of(self.base.fit(frame), frame, resolution))
        return sketches

    def uncompressed_bytes(self, model: list[Sketch]) -> int:
        """Size of the grids of all frames and of the networks as float32, whatever the shape of the box."""
        networks = BasisNetworks(sum(self.budget.basis_channels), self.networks)
        return 4 * (len(model) * self.budget.parameters + sum(weight.numel() for weight in networks.parameters()))

    def compress(self, model: list[Sketch], video: VolumetricScene) -> bytes:
        file = io.BytesIO()
        self.write(model, video, file)
        return file.getvalue()

    def write(self, model: list[Sketch], video: VolumetricScene, file: Any) -> None:
        """`compress` into a binary file, section by section, so that it can be read while it grows."""
        groups = GroupsOfFrames(len(video), min(self.group, len(video)), self._dependence())
        first = video.frames[0]
        description = BasisDescription(
            self.budget.geometry(video.box),
            self.networks,
            occupancy_resolution(video.box, self.occupancy),
            self.shading,
            video.background,
            first.near,
        )
        header = {
            "video": groups.to_header(),
            "field": describe(description),
            "steps": self.steps,
            "coder": str(self.coder),
            "residual": self.residual,
        }
        networks = BasisNetworks(description.geometry.channels, self.networks)
        layout = FrameFormat(
            description, networks, self.steps, self.coder, self.residual, self.prediction == "previous"
        )
        writer, digest = BitstreamWriter(file, METHOD, header), TensorDigest()
        key: DecodedFrame | None = None
        previous: DecodedFrame | None = None
        last: FrameGrids | None = None
        for index, frame in enumerate(video.frames):
            is_key = groups.key(index) == index
            trained, entropy, mask = self._train(frame, model[index], layout, None if is_key else key, last, index)
            if index == 0:
                arrays = network_arrays(networks)
                decode_networks(encode_networks(arrays, self.coder), networks, self.coder)
                networks.requires_grad_(False)
                writer.write(NETWORKS, encode_networks(arrays, self.coder))
            symbols = trained.symbols()
            reference = layout.reference(None if is_key else key, None if is_key else previous)
            payload = encode_frame(mask, symbols, entropy, reference, self.coder)
            writer.write(frame_section(index), payload)
            decoded = DecodedFrame(mask, symbols, layout.grids(symbols, None if is_key else key))
            tensors = layout.coded_tensors(decoded)
            for name in sorted(tensors):
                digest.add(tensor_name(index, name), tensors[name])
            key, previous, last = (decoded if is_key else key), decoded, trained
            _log.info("frame %d of %d: %d bytes", index + 1, len(video), len(payload))
        for name in sorted(arrays):
            digest.add(tensor_name(None, name), arrays[name])
        writer.close(digest.digest())

    def decompress(self, data: bytes) -> VolumetricField:
        return self.open(BitstreamReader(io.BytesIO(data)))

    def open(self, reader: BitstreamReader) -> VolumetricField:
        """The video in a file, of which a frame reads only its own section and its key frame's."""
        header = reader.header
        groups = GroupsOfFrames.from_header(header)
        description = parse(header.get("field"))
        coder, steps, residual = header.get("coder"), header.get("steps"), header.get("residual")
        if coder not in list(Coder):
            raise BitstreamError(f"header.coder: {coder!r}, expected {' or '.join(Coder)}")
        if not isinstance(steps, int | float) or isinstance(steps, bool) or not FEWEST_STEPS <= steps <= MOST_STEPS:
            raise BitstreamError(f"header.steps: {steps!r}, expected {STEPS_EXPECTED}")
        if type(residual) is not bool:
            raise BitstreamError(f"header.residual: {residual!r}, expected true or false")
        networks = description.new_networks()
        arrays = decode_networks(reader.read(NETWORKS), networks, Coder(coder))
        networks.requires_grad_(False)
        layout = FrameFormat(
            description, networks, float(steps), Coder(coder), residual, groups.prediction == "previous"
        )
        shared = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return VolumetricVideo(reader, groups, layout, shared, description.geometry.box)

    def _dependence(self) -> Any:
        return "previous" if self.prediction == "previous" and self.coder is Coder.CONTEXT else "key"

    def _train(
        self,
        scene: Scene,
        sketch: Sketch,
        layout: FrameFormat,
        key: DecodedFrame | None,
        last: FrameGrids | None,
        index: int,
    ) -> tuple[FrameGrids, FrameEntropy, Bool[Tensor, "x y z"]]:
        """The grids of a frame, which start from those of the frame before, its entropy models, and its occupancy."""
        description, networks = layout.description, layout.networks
        geometry = description.geometry
        frame = self._initial(layout, key, last)
        field = BasisField(
            geometry,
            BasisGrids(frame.coefficients, list(frame.bases)),
            networks,
            Occupancy.of(sketch.seen),
            self.shading,
            scene.background,
            scene.near,
            sketch.density - self.shading.density_shift,
        )
        sampler = RaySampler(scene.train.cameras, scene.train.images(scene.background), field)
        trained_networks: nn.Module | None = networks if index == 0 else None
        if index == 0:
            train_frame(field, frame, None, sampler, trained_networks, self.warm_start, self.weights, "warm start")
        entropy = FrameEntropy(geometry, self.entropy_scale)
        schedule = self.other if key is not None else self.key
        name = f"frame {index}"
        if self.joint:
            train_frame(field, frame, entropy, sampler, trained_networks, schedule, self.weights, name)
        else:
            train_frame(field, frame, None, sampler, trained_networks, schedule, self.weights, name)
            _fit_entropy(entropy, frame, schedule)
        return frame, entropy, field.occupancy.mask > 0

    def _initial(self, layout: FrameFormat, key: DecodedFrame | None, last: FrameGrids | None) -> FrameGrids:
        if last is None:
            return FrameGrids.initial(layout.description.geometry, self.basis_scale, self.steps)
        coefficients = last.coefficients.detach()
        bases = [basis.detach() for basis in last.bases]
        if last.reference is not None:
            bases = [reference + residual for reference, residual in zip(last.reference, bases, strict=True)]
        if key is None or not self.residual:
            return FrameGrids(coefficients, bases, None, self.steps)
        reference = list(key.grids.bases)
        residuals = [basis - start for basis, start in zip(bases, reference, strict=True)]
        if last.reference is None:
            # The frame before is the key frame: what its rounding took away is no residual.
            residuals = [torch.zeros_like(residual) for residual in residuals]
        return FrameGrids(coefficients, residuals, reference, self.steps)


def _fit_entropy(entropy: FrameEntropy, frame: FrameGrids, schedule: Schedule) -> None:
    """Distributions for values that were trained without them."""
    symbols = [grid.float() for grid in frame.symbols().grids()]
    optimiser = torch.optim.Adam(entropy.parameters(), lr=schedule.entropy)
    for _ in range(schedule.iterations):
        optimiser.zero_grad()
        torch.stack(entropy.bits([values + torch.rand_like(values) - 0.5 for values in symbols])).sum().backward()
        optimiser.step()

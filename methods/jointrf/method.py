"""JointRF: from a volumetric video to a file, and back (Zheng et al. 2024; sheet jointrf.md)."""

import copy
import io
import logging
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from methods.jointrf.base import BasisVideo, FittedVideo
from methods.jointrf.coding import CodedFrame, Coder, encode_frame
from methods.jointrf.grids import NEUTRAL, FrameEntropy, FrameGrids, Symbols
from methods.jointrf.packing import (
    NETWORKS,
    DecodedFrame,
    FrameFormat,
    decode_networks,
    encode_networks,
    network_kind,
)
from methods.jointrf.training import Rate, Schedule, decaying_adam, train_frame
from nerfzip.bitstream import (
    BitstreamReader,
    BitstreamWriter,
    GroupsOfFrames,
    TensorDigest,
    VolumetricVideo,
    add_tensors,
    frame_section,
)
from nerfzip.data.scene import Scene, VolumetricScene
from nerfzip.errors import BitstreamError, ConfigError, require_setting
from nerfzip.fields.basis_header import describe, parse
from nerfzip.method import VolumetricField
from nerfzip.on_device import on_device, working_on
from nerfzip.quantization.networks import load_network, network_arrays, quantize_while_training, stop_quantizing
from nerfzip.training.ray_sampler import RaySampler

METHOD = "jointrf"
FEWEST_STEPS, MOST_STEPS = 1e-3, 1e6
SMALLEST_DEVIATION = 1e-5
"""Of a grid; one that hardly varies is quantized as if it varied so much."""
FINAL_STEPS = 300
"""Of the distributions, on what is coded; they have settled by then."""
_log = logging.getLogger(__name__)


class JointRF:
    """Groups of frames: a key frame of basis and coefficients; others of a residual basis and coefficients.

    Args:
        base: fits all frames without quantization.
        steps: symbols for each standard deviation of a grid of the first key frame.
        entropy_scale: width of the learned distributions at the start, in symbols at q = 1.
        key, other: of the training of key frames and of other frames.
        rate_weight, rate_decay: λ₁, per bit per training pixel, and the factor that it has fallen by at the end.
        residual_weight: λ₂, per unit of Σ|R| per training pixel.
        coder: "context", or "paper"; both code the same tensors. "float32" codes without quantization (an ablation).
        prediction: "key": contexts of a frame come from its key frame; "previous": from the frame before.
        joint: False quantizes after training only (an ablation).
        residual: False gives each frame a basis of its own (an ablation).
    """

    volumetric = True

    def __init__(
        self,
        base: BasisVideo,
        steps: float,
        entropy_scale: float,
        key: Schedule,
        other: Schedule,
        rate_weight: float,
        rate_decay: float,
        residual_weight: float,
        coder: str,
        prediction: str,
        joint: bool,
        residual: bool,
    ) -> None:
        require_setting(0.01 <= steps <= 10, "method.steps", steps, "from 0.01 to 10")
        if coder not in list(Coder):
            raise ConfigError(f"method.coder: {coder!r}, expected {' or '.join(Coder)}")
        if prediction not in ("key", "previous"):
            raise ConfigError(f"method.prediction: {prediction!r}, expected key or previous")
        self.base = base
        self.steps = steps
        self.entropy_scale = entropy_scale
        self.key = key
        self.other = other
        self.rate_weight = rate_weight
        self.rate_decay = rate_decay
        self.residual_weight = residual_weight
        self.coder = Coder(coder)
        self.prediction = prediction
        self.joint = joint
        self.residual = residual

    def fit(self, video: VolumetricScene) -> FittedVideo:
        """All frames without quantization; all else depends on the rate."""
        return self.base.fit(video)

    def uncompressed_bytes(self, model: FittedVideo) -> int:
        """Size of the grids of all frames and of the networks as float32."""
        parameters = model.description.geometry.parameters
        return 4 * (len(model.frames) * parameters + sum(weight.numel() for weight in model.networks.values()))

    def compress(self, model: FittedVideo, video: VolumetricScene) -> bytes:
        file = io.BytesIO()
        self.write(model, video, file)
        return file.getvalue()

    def write(self, model: FittedVideo, video: VolumetricScene, file: Any) -> None:
        """`compress` into a binary file, section by section, so that it can be read while it grows."""
        groups = GroupsOfFrames(len(video), model.group, self._dependence())
        steps = self._steps(model)
        header = {
            "video": groups.to_header(),
            "field": describe(model.description),
            "coder": str(self.coder),
            "residual": self.residual,
        }
        if steps is not None:
            header["steps"] = steps
        networks = model.description.new_networks()
        networks.load_state_dict(model.networks)
        layout = FrameFormat(
            model.description, networks, steps, self.coder, self.residual, groups.prediction == "previous"
        )
        writer, digest = BitstreamWriter(file, METHOD, header), TensorDigest()
        entropies = {
            is_key: FrameEntropy(model.description.geometry, self.entropy_scale * self.steps)
            for is_key in (True, False)
        }
        key: DecodedFrame | None = None
        previous: DecodedFrame | None = None
        for index, scene in enumerate(video.frames):
            if groups.key(index) == index:
                key = None
            entropy, schedule = entropies[key is None], self.other if key else self.key
            grids, mask = self._train(scene, model, layout, key, previous, entropy, index)
            if index == 0:
                arrays = network_arrays(networks, network_kind(self.coder))
                load_network(networks, arrays)
                networks.requires_grad_(False)
                writer.write(NETWORKS, encode_networks(arrays, self.coder))
            frame = CodedFrame(mask, grids.symbols())
            tables = settled(entropy, frame.symbols, schedule.entropy) if self.coder is Coder.PAPER else entropy
            with working_on("cpu"):
                known = layout.reference(key, previous)
                payload = encode_frame(*on_device((frame, tables, known), "cpu"), self.coder)
            writer.write(frame_section(index), payload)
            previous = layout.decoded(frame, key)
            key = key or previous
            add_tensors(digest, index, layout.coded_tensors(previous))
            estimate = f", {tables.bytes(frame.symbols):.0f} estimated" if self.coder is Coder.PAPER else ""
            _log.info("frame %d of %d: %d bytes%s", index + 1, len(video), len(payload), estimate)
        add_tensors(digest, None, arrays)
        writer.close(digest.digest())

    def decompress(self, data: bytes) -> VolumetricField:
        return self.open(BitstreamReader(io.BytesIO(data)))

    def open(self, reader: BitstreamReader) -> VolumetricField:
        """The video in a file, of which a frame reads only its own section and its key frame's."""
        header = reader.header
        groups = GroupsOfFrames.from_header(header)
        description = parse(header.get("field"))
        coder, residual = header.get("coder"), header.get("residual")
        if coder not in list(Coder):
            raise BitstreamError(f"header.coder: {coder!r}, expected {' or '.join(Coder)}")
        steps = (
            None
            if coder == Coder.FLOAT32
            else _parse_steps(header.get("steps"), len(description.geometry.basis_shapes))
        )
        if type(residual) is not bool:
            raise BitstreamError(f"header.residual: {residual!r}, expected true or false")
        networks = description.new_networks()
        arrays = decode_networks(reader.read(NETWORKS), networks, Coder(coder))
        networks.requires_grad_(False)
        layout = FrameFormat(description, networks, steps, Coder(coder), residual, groups.prediction == "previous")
        shared = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return VolumetricVideo(reader, groups, layout, shared, description.geometry.box)

    def _dependence(self) -> Any:
        return "previous" if self.prediction == "previous" and self.coder is Coder.CONTEXT else "key"

    def _steps(self, model: FittedVideo) -> list[float] | None:
        """Symbols per unit of each basis and of the coefficients; None where nothing is quantized."""
        if self.coder is Coder.FLOAT32:
            return None
        first = model.frames[0]
        return [self.steps / _deviation(values) for values in [*first.bases, first.coefficients - NEUTRAL]]

    def _train(
        self,
        scene: Scene,
        model: FittedVideo,
        layout: FrameFormat,
        key: DecodedFrame | None,
        previous: DecodedFrame | None,
        entropy: FrameEntropy,
        index: int,
    ) -> tuple[FrameGrids, Bool[Tensor, "x y z"]]:
        """The grids of a frame, trained, and its occupancy. The entropy model learns along."""
        grids = self._start(model, layout, key, previous, index)
        networks = layout.networks
        field = layout.description.field(grids.unquantized(), networks, model.frames[index].mask)
        sampler = RaySampler(scene.train.cameras, scene.train.images(scene.background), field)
        schedule = self.other if key else self.key
        name, trained = f"frame {index}", networks if index == 0 else None
        joint = self.joint and layout.steps is not None
        rate = Rate(entropy, self.rate_weight, self.rate_decay) if joint else None
        if trained and joint:
            quantize_while_training(trained)
        train_frame(field, grids, sampler, schedule, name, trained, self.residual_weight, rate)
        if trained and joint:
            stop_quantizing(trained)
        return grids, field.occupancy.mask > 0

    def _start(
        self,
        model: FittedVideo,
        layout: FrameFormat,
        key: DecodedFrame | None,
        previous: DecodedFrame | None,
        index: int,
    ) -> FrameGrids:
        """What a frame is trained from: the frame before as decoded, and what has changed since then in the fit.

        From the fit alone it would have to lose again all that the frame before lost in its compression.
        """
        coefficients, bases = model.frames[index].coefficients, model.bases(index)
        if previous is not None:
            coefficients = previous.grids.coefficients + coefficients - model.frames[index - 1].coefficients
            before = zip(previous.grids.bases, bases, model.bases(index - 1), strict=True)
            bases = [decoded + basis - fitted for decoded, basis, fitted in before]
        if key is None or not self.residual:
            return FrameGrids(coefficients, bases, None, layout.steps)
        reference = key.grids.bases
        residuals = [basis - of_key for basis, of_key in zip(bases, reference, strict=True)]
        return FrameGrids(coefficients, residuals, reference, layout.steps)


def _deviation(values: Tensor) -> float:
    """Root mean square of the values that were trained; 1 if there are none."""
    trained = values[values != 0]
    return max(float(trained.square().mean().sqrt()), SMALLEST_DEVIATION) if len(trained) else 1.0


def _parse_steps(steps: Any, levels: int) -> list[float]:
    if not isinstance(steps, list) or len(steps) != levels + 1 or not all(type(step) in (int, float) for step in steps):
        raise BitstreamError(f"header.steps: {steps!r}, expected {levels + 1} numbers")
    if not all(FEWEST_STEPS <= step <= MOST_STEPS for step in steps):
        raise BitstreamError(f"header.steps: {steps!r}, expected numbers from {FEWEST_STEPS:g} to {MOST_STEPS:g}")
    return [float(step) for step in steps]


def settled(entropy: FrameEntropy, symbols: Symbols, learning_rate: float) -> FrameEntropy:
    """Distributions that have gone from noisy to rounded values, which are narrower; it is these that are coded."""
    final = copy.deepcopy(entropy)
    grids = symbols.as_floats()
    optimiser, decay = decaying_adam([{"params": list(final.parameters()), "lr": learning_rate}], 0.1, FINAL_STEPS)
    for _ in range(FINAL_STEPS):
        optimiser.zero_grad()
        torch.stack(final.bits(grids)).sum().backward()
        optimiser.step()
        decay.step()
    return final

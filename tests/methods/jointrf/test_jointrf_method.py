"""JointRF's files: two coders of the same tensors, random access, damage."""

import io
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from test_contract import TINY, TINY_VIDEO

from methods.jointrf.coding import Coder, encode_frame
from methods.jointrf.grids import FrameEntropy, FrameGrids, Quantization, Symbols
from methods.jointrf.packing import DecodedFrame
from nerfzip.bitstream import BitstreamReader, VolumetricVideo, frame_section, tensor_digest, unpack
from nerfzip.config import build, job_configs
from nerfzip.errors import BitstreamError
from nerfzip.fields.basis_geometry import BasisBudget
from nerfzip.geometry import Box


@cache
def video_and_model() -> tuple[Any, Any]:
    (config,) = job_configs(["method=jointrf", *TINY_VIDEO, *TINY["jointrf"]])
    video = build(config.dataset_settings)
    torch.manual_seed(0)
    return video, build(config.method_settings).fit(video)


@cache
def encoded(*words: str) -> bytes:
    (config,) = job_configs(["method=jointrf", *TINY_VIDEO, *TINY["jointrf"], *words])
    video, model = video_and_model()
    torch.manual_seed(0)
    return build(config.method_settings).compress(model, video)


def opened(data: bytes) -> VolumetricVideo[DecodedFrame]:
    (config,) = job_configs(["method=jointrf", *TINY_VIDEO])
    video = build(config.method_settings).open(BitstreamReader(io.BytesIO(data)))
    assert isinstance(video, VolumetricVideo)
    return video


def test_both_coders_and_predictions_code_the_same_tensors() -> None:
    streams = [
        encoded("method.coder=paper"),
        encoded("method.coder=context"),
        encoded("method.coder=context", "method.prediction=previous"),
    ]
    assert len({unpack(data).digest for data in streams}) == 1
    for data in streams:
        assert tensor_digest(opened(data).coded_tensors()) == unpack(data).digest


def test_the_decoder_has_the_grids_that_the_trainer_had(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[FrameGrids] = []
    symbols = FrameGrids.symbols

    def kept(frame: FrameGrids) -> Symbols:
        trained.append(frame)
        return symbols(frame)

    monkeypatch.setattr(FrameGrids, "symbols", kept)
    video = opened(encoded("method.steps=3.0"))
    for index, frame in enumerate(trained):
        decoded = video._decoded(index).grids
        rounded = frame.grids([values.round() for values in frame.quantized(Quantization.NONE)])
        for ours, theirs in zip(decoded.bases, rounded.bases, strict=True):
            assert torch.equal(ours, theirs)
        torch.testing.assert_close(decoded.coefficients, rounded.coefficients, atol=1e-6, rtol=0)


def test_a_frame_reads_the_networks_its_key_frame_and_itself() -> None:
    data = encoded()
    reader = BitstreamReader(io.BytesIO(data))
    (config,) = job_configs(["method=jointrf", *TINY_VIDEO])
    video = build(config.method_settings).open(reader)
    before = reader.bytes_read
    video.frame(2)  # In groups of two frames it is a key frame.
    assert reader.bytes_read - before == reader.sizes[frame_section(2)]
    video.frame(1)
    assert reader.bytes_read - before == sum(reader.sizes[frame_section(index)] for index in range(3))


@pytest.mark.parametrize("word", ["method.joint=false", "method.residual=false", "method.coder=float32"])
def test_ablations_are_files_too(word: str) -> None:
    data = encoded(word)
    assert tensor_digest(opened(data).coded_tensors()) == unpack(data).digest
    assert unpack(data).digest != unpack(encoded()).digest


def test_the_size_is_what_the_entropy_models_estimate() -> None:
    budget = BasisBudget(300_000, 0.2, [16, 24, 32], [4, 4, 2], [1.0, 2.0, 3.0], 64, 64)
    geometry = budget.geometry(Box((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)))
    torch.manual_seed(0)
    entropy = FrameEntropy(geometry, 4.0)
    shapes = [*geometry.basis_shapes, geometry.coefficient_shape]
    *bases, coefficients = ((2 * torch.randn(shape)).round().to(torch.int32) for shape in shapes)
    symbols = Symbols(bases, coefficients)
    grids = [grid.float() for grid in symbols.grids()]
    optimiser = torch.optim.Adam(entropy.parameters(), lr=0.03)
    for _ in range(100):
        optimiser.zero_grad()
        torch.stack(entropy.bits(grids)).sum().backward()
        optimiser.step()
    payload = encode_frame(torch.zeros(8, 8, 8, dtype=torch.bool), symbols, entropy, None, Coder.PAPER)
    estimate = float(torch.stack(entropy.bits(grids)).sum().detach()) / 8
    assert abs(len(payload) - estimate) < 0.01 * estimate + 200


@pytest.mark.parametrize("coder", ["paper", "context"])
def test_a_forged_section_is_refused_or_decodes_to_other_tensors(coder: str) -> None:
    data = encoded(f"method.coder={coder}")
    video = opened(data)
    payload = unpack(data).sections[frame_section(0)]
    generator = np.random.default_rng(0)
    for _ in range(60):
        forged = bytearray(payload)
        forged[generator.integers(len(forged))] ^= int(generator.integers(1, 256))
        try:
            frame = video._codec.decode(bytes(forged), None, None)
        except BitstreamError:
            continue
        assert frame.symbols.coefficients.shape == video._codec.description.geometry.coefficient_shape

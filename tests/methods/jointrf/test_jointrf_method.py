"""JointRF's files: two coders of the same tensors, random access, damage."""

import dataclasses
import io
from functools import cache
from typing import Any

import pytest
import torch
from test_contract import TINY, TINY_VIDEO

from methods.jointrf.coding import CodedFrame, Coder, encode_frame
from methods.jointrf.grids import FrameEntropy, FrameGrids, Symbols
from methods.jointrf.method import settled
from methods.jointrf.packing import DecodedFrame
from nerfzip.bitstream import BitstreamReader, VolumetricVideo, frame_section, tensor_digest, unpack
from nerfzip.config import build, job_configs
from nerfzip.fields.basis_geometry import BasisBudget
from nerfzip.geometry import Box
from nerfzip.quantization.rounding import Rounding


@cache
def video_and_model(group: int = 2) -> tuple[Any, Any]:
    (config,) = job_configs(["method=jointrf", *TINY_VIDEO, *TINY["jointrf"], f"method.base.group={group}"])
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
    encoded.cache_clear()
    video = opened(encoded("method.steps=3.0"))
    assert len(trained) == len(video) == 3
    for index, frame in enumerate(trained):
        decoded = video._decoded(index).grids
        rounded = frame.grids([values.round() for values in frame.quantized(Rounding.NONE)])
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


def test_without_residuals_a_frame_is_decoded_from_itself_alone() -> None:
    video = opened(encoded("method.residual=false"))
    payload = unpack(encoded("method.residual=false")).sections[frame_section(1)]
    key = video._decoded(0)
    alone, beside = video._codec.decode(payload, None, None), video._codec.decode(payload, key, None)
    for ours, theirs in zip(alone.grids.bases, beside.grids.bases, strict=True):
        assert torch.equal(ours, theirs)


def test_no_compression_has_no_steps_and_loses_nothing() -> None:
    data = encoded("method.coder=float32")
    assert "steps" not in unpack(data).header
    frame = opened(data)._decoded(1)
    assert all(grid.dtype == torch.float32 for grid in frame.symbols.grids())
    assert len(data) > 5 * len(encoded())


def test_more_symbols_are_a_larger_file_and_a_dearer_rate_a_smaller_one() -> None:
    sizes = [len(encoded(f"method.steps={steps}")) for steps in (0.6, 2.0, 6.0)]
    assert sizes == sorted(sizes)
    weights = [len(encoded(f"method.rate_weight={weight}")) for weight in (10.0, 0.0)]
    assert weights[0] < weights[1]


@pytest.mark.parametrize("group", [1, 2, 10])
def test_groups_may_be_longer_than_the_video_or_a_frame_long(group: int) -> None:
    video, model = video_and_model(group)
    (config,) = job_configs(["method=jointrf", *TINY_VIDEO, *TINY["jointrf"], f"method.base.group={group}"])
    assert model.group == min(group, len(video))
    data = build(config.method_settings).compress(model, video)
    decoded = opened(data)
    assert decoded.groups.length == model.group
    assert tensor_digest(decoded.coded_tensors()) == unpack(data).digest


def test_a_video_of_one_frame() -> None:
    video, _ = video_and_model()
    one = dataclasses.replace(video, frames=video.frames[:1])
    (config,) = job_configs(["method=jointrf", *TINY_VIDEO, *TINY["jointrf"]])
    method = build(config.method_settings)
    data = method.compress(method.fit(one), one)
    assert len(opened(data)) == 1
    assert tensor_digest(opened(data).coded_tensors()) == unpack(data).digest


def test_the_size_is_what_the_entropy_models_estimate() -> None:
    budget = BasisBudget(600_000, 0.2, [16, 24, 32], [4, 4, 2], [1.0, 2.0, 3.0], 64, 64)
    geometry = budget.geometry(Box((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)))
    torch.manual_seed(0)
    entropy = FrameEntropy(geometry, 4.0)
    shapes = [*geometry.basis_shapes, geometry.coefficient_shape]
    values = [(4 * torch.randn(shape)).round() * (torch.rand(shape) > 0.9) for shape in shapes]
    *bases, coefficients = (grid.to(torch.int32) for grid in values)
    symbols = Symbols(bases, coefficients)
    optimiser = torch.optim.Adam(entropy.parameters(), lr=0.03)
    for _ in range(40):
        optimiser.zero_grad()
        torch.stack(entropy.bits([grid + torch.rand_like(grid) - 0.5 for grid in values])).sum().backward()
        optimiser.step()
    final = settled(entropy, symbols, 0.03)
    frame = CodedFrame(torch.zeros(8, 8, 8, dtype=torch.bool), symbols)
    payload = encode_frame(frame, final, None, Coder.PAPER)
    noisy, estimate = (float(torch.stack(model.bits(values)).sum().detach()) / 8 for model in (entropy, final))
    assert abs(len(payload) - estimate) < 0.01 * estimate + 200
    assert estimate < noisy

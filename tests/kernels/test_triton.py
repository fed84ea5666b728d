"""Each Triton kernel against its twin, values and gradients: on a CUDA device, or else in Triton's interpreter."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from triton_cases import CASES, Run

from nerfzip.kernels import (
    VoxelGradient,
    interpolate_trilinear,
    masked_adam_step,
    traverse_occupancy,
    use_twins,
)
from nerfzip.kernels.backend import form_for, triton_problem, use_triton
from nerfzip.kernels.nearest_code import nearest_codes
from nerfzip.kernels.traversal import block_distances

pytest.importorskip("triton")
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> str:
    if request.param == "cpu" and not INTERPRETED:
        pytest.skip("needs TRITON_INTERPRET=1")
    if request.param == "cuda" and (INTERPRETED or not torch.cuda.is_available()):
        pytest.skip("needs a CUDA device, and TRITON_INTERPRET unset")
    return request.param


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def run(request: pytest.FixtureRequest) -> Run:
    return request.param


def test_values_and_gradients_agree_with_the_twin(run: Run, device: str) -> None:
    with use_triton():
        found = run(device)
    with use_twins():
        expected = run(device)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_of_equal_codes_the_first_is_nearest(device: str) -> None:
    codebook = torch.zeros(130, 4, device=device)
    codebook[[5, 70, 129]] = 1.0
    with use_triton():
        assert nearest_codes(torch.ones(3, 4, device=device), codebook).tolist() == [5, 5, 5]


def test_a_position_that_is_not_a_number_gives_a_value_that_is_none(device: str) -> None:
    positions = torch.tensor([[1.0, torch.nan, 1.0], [1.0, 1.0, 1.0]], device=device)
    with use_triton():
        out = interpolate_trilinear(torch.ones(3, 4, 5, 3, device=device), positions)
    assert bool(out[0].isnan().all())
    assert out[1].tolist() == [1, 1, 1]


def test_skipping_misses_nothing_at_the_border_of_a_block(device: str) -> None:
    """Rays that creep across the border between an empty and a full block, from the nearest floats beside it."""
    mask = torch.zeros(16, 16, 8, dtype=torch.uint8)
    mask[8:] = 1
    origins = torch.full((32, 3), 7.5)
    origins[:, 0] += (torch.arange(32) - 16) * 4.8e-7
    origins[:, 2] = -1.0
    directions = torch.tensor([1e-7, 0.0, 1.0]).repeat(32, 1)
    rays = [tensor.to(device) for tensor in (origins, directions, torch.zeros(32), torch.full((32,), 9.0), mask)]
    blocks = block_distances(mask).to(device)
    with use_triton():
        skipping = traverse_occupancy(*rays, blocks, 0.5)
        exhaustive = traverse_occupancy(*rays, torch.zeros_like(blocks), 0.5)
    assert torch.equal(skipping.ray_offsets, exhaustive.ray_offsets)
    assert torch.equal(skipping.t_starts, exhaustive.t_starts)
    assert 0 < len(skipping.t_starts) < 32 * 16


def test_where_triton_can_not_be_used_kernels_are_their_twins(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As without a C compiler, by which Triton builds its link to the driver."""
    from triton.runtime import driver

    class Unusable:
        def get_current_target(self) -> None:
            raise RuntimeError("Failed to find C compiler. Please specify via CC\nenvironment variable")

    monkeypatch.setattr(type(driver), "active", Unusable())
    triton_problem.cache_clear()
    on_cuda: Any = SimpleNamespace(device=torch.device("cuda"))
    assert form_for(on_cuda) == form_for(on_cuda) == "twin"
    triton_problem.cache_clear()
    (warning,) = caplog.messages
    assert warning.endswith("Triton can't be used: Failed to find C compiler. Please specify via CC")


def test_triton_is_imported_only_where_it_is_chosen() -> None:
    program = """
import pkgutil, sys
import nerfzip.kernels
for module in pkgutil.iter_modules(nerfzip.kernels.__path__, "nerfzip.kernels."):
    __import__(module.name)
sys.exit("triton" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)


def compiled_for_a_device(cases: list[str], cache: Path) -> list[list[str]]:
    """What `compile_triton` prints of the kernels that cases launch."""
    folder = ROOT / "tests" / "kernels"
    environment = os.environ | {
        "TRITON_INTERPRET": "0",
        "TRITON_CACHE_DIR": str(cache),
        "PYTHONPATH": f"{ROOT}:{folder}",
    }
    program = [sys.executable, str(folder / "compile_triton.py"), *cases]
    run = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return [line.split() for line in run.stdout.splitlines()]


def test_adam_does_not_write_the_marks_that_its_warps_read(tmp_path: Path) -> None:
    """Warps that read them late would find them cleared. Marks are the only bytes among its tensors."""
    ((_, *bits),) = compiled_for_a_device(["Adam, two blocks"], tmp_path)
    assert bits == ["32"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_adam_updates_every_touched_voxel_of_a_large_grid() -> None:
    shape, channels = (200, 200, 200), 12
    gradient = VoxelGradient.like(torch.empty(*shape, channels, device="cuda"))
    parameters, first, second = (torch.zeros(*shape, channels, device="cuda") for _ in range(3))
    for steps in range(1, 6):
        gradient.values.fill_(1.0)
        gradient.touched.fill_(1)
        masked_adam_step(parameters, gradient, first, second, steps, learning_rate=0.1)
        assert not gradient.values.any()
        assert not gradient.touched.any()
    # A constant gradient moves Adam by the learning rate a step.
    torch.testing.assert_close(parameters, torch.full_like(parameters, -0.5), atol=1e-4, rtol=0)


@pytest.mark.slow
def test_every_kernel_compiles_for_a_device(tmp_path: Path) -> None:
    """What the interpreter runs the compiler may refuse."""
    larger = ("two blocks", "two chunks", "deviation", "paper's sizes", "half precision")
    cases = [name for name in CASES if name.endswith(larger)]
    cases += [f"{kernel}, one voxel" for kernel in ("traversal", "marching", "compositing")]
    launched = {
        f"nerfzip.kernels.cuda.{file.stem}.{kernel}"
        for file in (ROOT / "nerfzip" / "kernels" / "cuda").glob("*.py")
        for kernel in re.findall(r"launch\(\s*(_\w+),", file.read_text())
    }
    assert {kernel for kernel, *_ in compiled_for_a_device(cases, tmp_path)} == launched

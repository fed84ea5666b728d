"""Each kernel against its pure-torch twin, forward and backward, at the sizes of a training iteration.

    python -m benchmarks.kernels [--rays N] [--runs 11] [--device cuda]

The scene is a bumpy shell in the grid of a fitted Lego (114×196×140 voxels, 12 features). Both sides get the same
inputs and their results are compared before they are timed. Interpolation is also compared with torch's grid_sample.
On the CPU the kernels are compiled by numba, on CUDA by Triton; there the twins run on the same device, nerfacc's
kernels beside ours where its extension builds, with what it takes to call them by our conventions. Times on CUDA are
the device's own, without Python's launches, but for what waits for the device (numbers of samples).
"""

import argparse
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks._command import add_device, as_command, checked_device
from benchmarks._encoding_cases import encoding_cases
from benchmarks._kernel_case import Case
from benchmarks._timing import median_milliseconds, timer_of
from benchmarks._voxel_cases import ACTIVATION, CHANNELS, RESOLUTION, bumpy_shell, voxel_cases
from nerfzip.benchmark.environment import device_description
from nerfzip.cli import positive
from nerfzip.kernels import march_density, use_twins
from nerfzip.kernels.backend import kernels_by, triton_problem, use_nerfacc
from nerfzip.kernels.nerfacc.extension import problem as nerfacc_problem

RAYS = {"cpu": 4096, "cuda": 65_536}
"""Of a training iteration, and so many that their samples keep a GPU's memory busy."""
COPIED_BYTES = 2**28
WIDTH = 130
"""Of the table, in characters, also where the output is a file."""


@dataclass(frozen=True)
class Measured:
    """Of one case.

    Attributes:
        milliseconds: of each side; "compiled" and "twin" come first.
        remark: in what nerfacc's result differs from ours by more than rounding: it places samples on its own.
    """

    milliseconds: dict[str, float]
    remark: str = ""


def measure(case: Case, runs: int, device: str) -> Measured:
    sides: dict[str, Callable[[], object]] = {}
    results = []
    for twins in (False, True):
        with use_twins(twins):
            run = case.make()
            case.prepare()
            results.append(run())
        sides["twin" if twins else "compiled"] = by_kernels(run, twins)
    case.agree(results[0], results[1])
    remark = ""
    if case.in_nerfacc and device == "cuda" and nerfacc_problem() is None:
        with use_nerfacc():
            run = case.make()
            sides["nerfacc"] = by_kernels(run, nerfacc=True)
            try:
                case.agree(run(), results[1])
            except AssertionError as error:
                remark = f"nerfacc's result differs: {str(error).strip().splitlines()[0]}"
    sides |= {name: by_kernels(run) for name, run in case.others}
    times = median_milliseconds(sides, runs, prepare=case.prepare, timer=timer_of(device))
    return Measured(times, remark)


def by_kernels(run: Callable[[], object], twins: bool = False, nerfacc: bool = False) -> Callable[[], None]:
    """`run` with the kernels of a side."""

    def running() -> None:
        with use_twins(twins), kernels_by("nerfacc" if nerfacc else "ours"):
            run()

    return running


def copying(runs: int, device: str) -> float:
    """Bytes that the device reads and writes in a second when it copies what no cache holds."""
    values = torch.zeros(COPIED_BYTES // 4)
    copy = torch.empty_like(values)
    milliseconds = median_milliseconds({"copy": lambda: copy.copy_(values)}, runs, timer=timer_of(device))["copy"]
    return 2 * COPIED_BYTES / (milliseconds / 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rays", type=positive, help="default: 4096, on CUDA 65536")
    parser.add_argument("--runs", type=positive, default=11)
    add_device(parser, "where the kernels and their twins run")
    arguments = parser.parse_args()

    device = checked_device(parser, arguments)
    if device == "cuda" and (problem := triton_problem()):
        parser.error(f"there is nothing to compare: {problem}")
    torch.set_default_device(device)
    torch.manual_seed(0)
    rays = arguments.rays or RAYS[device]
    scene = bumpy_shell(rays)
    samples = march_density(*scene.traversal, scene.density, *ACTIVATION)
    versions = f"torch {torch.__version__}, numba {numba.__version__}, numpy {np.__version__}"
    print(f"{device_description(device)}; {versions}")
    print(
        f"{rays:,} rays, {len(samples.alphas):,} samples, grid {'×'.join(map(str, RESOLUTION))}×{CHANNELS}, "
        f"{float(scene.mask.float().mean()):.1%} occupied; medians of {arguments.runs} runs, in ms"
    )
    bandwidth = copying(arguments.runs, device)
    print(
        f"copying moves {bandwidth / 1e9:.1f} GB/s; of gathers and scatters, what they ask for: where caches answer,"
        " it can be more than memory gives"
    )
    if device == "cuda":
        print(f"nerfacc: {nerfacc_problem() or 'beside ours'}")
    table = Table("kernel")
    for column in ("compiled", "twin", "ratio", "GB/s", "of copying", "another way"):
        table.add_column(column, justify="right")
    inside = samples.positions / torch.tensor(RESOLUTION)
    for case in itertools.chain(voxel_cases(scene, samples), encoding_cases(inside)):
        measured = measure(case, arguments.runs, device)
        (_, compiled), (_, twin), *more = measured.milliseconds.items()
        others = [f"{name} {time:.2f} ({time / compiled:.1f}×)" for name, time in more]
        others += [measured.remark] if measured.remark else []
        moved = case.moved / (compiled / 1000)
        bandwidths = (f"{moved / 1e9:.1f}", f"{moved / bandwidth:.0%}") if case.moved else ("", "")
        times = f"{compiled:.2f}", f"{twin:.2f}", f"{twin / compiled:.1f}×"
        table.add_row(case.name, *times, *bandwidths, ", ".join(others))
    Console(width=WIDTH).print(table)


if __name__ == "__main__":
    as_command(main)

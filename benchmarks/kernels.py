"""Each kernel against its pure-torch twin, forward and backward, at the sizes of a training iteration.

    python -m benchmarks.kernels [--rays 4096] [--runs 11] [--device cuda]

The scene is a bumpy shell in the grid of a fitted Lego (114×196×140 voxels, 12 features). Both sides get the same
inputs and their results are compared before they are timed. Interpolation is also compared with torch's grid_sample.
On the CPU the kernels are compiled by numba, on CUDA by Triton; there the twins run on the same device, and nerfacc's
kernels beside ours where its extension builds.
"""

import argparse
from collections.abc import Callable

import numba
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks._device import add_device, checked_device
from benchmarks._kernel_cases import ACTIVATION, CHANNELS, RESOLUTION, Case, all_cases, bumpy_shell
from benchmarks._timing import median_milliseconds
from nerfzip.benchmark.environment import device_description
from nerfzip.kernels import march_density, use_twins
from nerfzip.kernels.backend import kernels_by, use_nerfacc
from nerfzip.kernels.nerfacc.extension import problem as nerfacc_problem

COPIED_BYTES = 2**28
WIDTH = 130
"""Of the table, in characters, also where the output is a file."""


def measure(case: Case, runs: int) -> dict[str, float]:
    sides: dict[str, Callable[[], object]] = {}
    results = []
    for twins in (False, True):
        with use_twins(twins):
            run = case.make()
            case.prepare()
            results.append(run())
        sides["twin" if twins else "compiled"] = to_the_end(run, twins)
    case.agree(results[0], results[1])
    if case.in_nerfacc and nerfacc_problem() is None:
        with use_nerfacc():
            run = case.make()
            case.agree(run(), results[1])
        sides["nerfacc"] = to_the_end(run, nerfacc=True)
    sides |= {name: to_the_end(run) for name, run in case.others}
    return median_milliseconds(sides, runs, prepare=to_the_end(case.prepare))


def to_the_end(run: Callable[[], object], twins: bool = False, nerfacc: bool = False) -> Callable[[], None]:
    """`run`, and on CUDA also what it leaves to be done."""

    def finished() -> None:
        with use_twins(twins), kernels_by("nerfacc" if nerfacc else "ours"):
            run()
        if torch.get_default_device().type == "cuda":
            torch.cuda.synchronize()

    return finished


def copying(runs: int) -> float:
    """Bytes that the device reads and writes in a second when it copies what no cache holds."""
    values = torch.zeros(COPIED_BYTES // 4)
    copy = torch.empty_like(values)
    milliseconds = median_milliseconds({"copy": to_the_end(lambda: copy.copy_(values))}, runs)["copy"]
    return 2 * COPIED_BYTES / (milliseconds / 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rays", type=int, default=4096)
    parser.add_argument("--runs", type=int, default=11)
    add_device(parser, "where the kernels and their twins run")
    arguments = parser.parse_args()

    torch.set_default_device(checked_device(parser, arguments))
    torch.manual_seed(0)
    scene = bumpy_shell(arguments.rays)
    samples = march_density(*scene.traversal, scene.density, *ACTIVATION)
    versions = f"torch {torch.__version__}, numba {numba.__version__}, numpy {np.__version__}"
    print(f"{device_description(arguments.device)}; {versions}")
    print(
        f"{arguments.rays:,} rays, {len(samples.alphas):,} samples, grid {'×'.join(map(str, RESOLUTION))}×{CHANNELS}, "
        f"{float(scene.mask.float().mean()):.1%} occupied; medians of {arguments.runs} runs, in ms"
    )
    bandwidth = copying(arguments.runs)
    print(f"copying moves {bandwidth / 1e9:.1f} GB/s; of gathers and scatters, what they ask for, cached or not")
    if arguments.device == "cuda":
        print(f"nerfacc: {nerfacc_problem() or 'beside ours'}")
    table = Table("kernel")
    for column in ("compiled", "twin", "ratio", "GB/s", "of copying", "another way"):
        table.add_column(column, justify="right")
    for case in all_cases(scene):
        times = measure(case, arguments.runs)
        compiled, twin, *_ = times.values()
        others = ", ".join(f"{name} {times[name]:.2f} ({times[name] / compiled:.1f}×)" for name in list(times)[2:])
        moved = case.moved / (compiled / 1000)
        bandwidths = (f"{moved / 1e9:.1f}", f"{moved / bandwidth:.0%}") if case.moved else ("", "")
        table.add_row(case.name, f"{compiled:.2f}", f"{twin:.2f}", f"{twin / compiled:.1f}×", *bandwidths, others)
    Console(width=WIDTH).print(table)


if __name__ == "__main__":
    main()

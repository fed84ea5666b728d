"""Colour maps of the MLP maps: all networks at once against a loop over the cells, forward and with backward.

    python -m benchmarks.colour_maps [--samples 20000] [--cells 16] [--runs 11]

One map at the paper's sizes (16×16 networks of 2,624 parameters); samples anywhere in it. The loop picks the samples of
each cell and multiplies them with its network's matrices. Results are compared before they are timed.
"""

import argparse
import sys
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks._timing import median_milliseconds
from methods.mlp_maps.colour_maps import ColourNetwork, Lookup, ViewEncoding, map_colours
from nerfzip.benchmark.environment import device_description

NETWORK = ColourNetwork(features=32, hidden=32, view=ViewEncoding.FREQUENCIES.channels)


def looped(colour_map: Tensor, coordinates: Tensor, inputs: Tensor) -> Tensor:
    cells = len(colour_map)
    before, behind = NETWORK.matrices(colour_map.flatten(0, 1))
    of_samples = (coordinates * cells).long().clamp(0, cells - 1)
    of_samples = of_samples[:, 0] * cells + of_samples[:, 1]
    result = inputs.new_zeros(len(inputs), 3)
    for cell in range(cells**2):
        samples = (of_samples == cell).nonzero()[:, 0]
        result = result.index_copy(0, samples, (inputs[samples] @ before[cell]).relu() @ behind[cell])
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--cells", type=int, default=16)
    parser.add_argument("--runs", type=int, default=11)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    colour_map = torch.randn(arguments.cells, arguments.cells, NETWORK.parameters).requires_grad_()
    coordinates = torch.rand(arguments.samples, 2)
    inputs = torch.randn(arguments.samples, NETWORK.features + NETWORK.view).requires_grad_()
    upstream = torch.randn(arguments.samples, 3)

    def grouped() -> Tensor:
        return map_colours(colour_map, NETWORK, Lookup.BIN, coordinates, inputs)

    def loop() -> Tensor:
        return looped(colour_map, coordinates, inputs)

    def gradients_of(side: Callable[[], Tensor]) -> Callable[[], object]:
        return lambda: torch.autograd.grad(side(), (colour_map, inputs), upstream)

    torch.testing.assert_close(grouped(), loop(), atol=1e-2, rtol=1e-4)
    table = Table("", "grouped", "loop over cells", "ratio")
    with torch.no_grad():
        forward = median_milliseconds({"grouped": grouped, "loop": loop}, arguments.runs)
    both = median_milliseconds({"grouped": gradients_of(grouped), "loop": gradients_of(loop)}, arguments.runs)
    for name, times in (("forward", forward), ("forward and backward", both)):
        ratio = times["loop"] / times["grouped"]
        table.add_row(name, f"{times['grouped']:.1f} ms", f"{times['loop']:.1f} ms", f"{ratio:.1f}x")
    console = Console()
    console.print(device_description("cpu"))
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

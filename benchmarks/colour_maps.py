"""Colour maps of the MLP maps: all networks at once against loops over the cells, forward and with backward.

    python -m benchmarks.colour_maps [--samples 20000] [--cells 16] [--threads 2] [--runs 11]

One map at the paper's sizes (16×16 networks of 2,624 parameters); samples anywhere in it, each shown to the four
networks around it ("blend") or to that of its cell ("bin"). A loop multiplies the samples of one cell after another
with its network's matrices. It finds them in each cell ("loop"), or sorts all by cell before ("sorted loop"). The
forward pass is that of rendering, where the matrices before and behind the ReLU are made once a frame; with backward
they are made each time, from the parameters. Results are compared before they are timed.
"""

import argparse
from collections.abc import Callable
from functools import partial

import numba
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks._command import as_command
from benchmarks._timing import median_milliseconds
from methods.mlp_maps.colour_maps import ColourMap, ColourNetwork, Lookup, ViewEncoding
from nerfzip.benchmark.environment import device_description
from nerfzip.cli import positive

NETWORK = ColourNetwork(features=32, hidden=32, view=ViewEncoding.FREQUENCIES.channels)
Evaluate = Callable[[ColourMap, Tensor, Tensor], Tensor]


def looped(colour_map: ColourMap, coordinates: Tensor, inputs: Tensor) -> Tensor:
    bins, weights = colour_map.locate(coordinates)
    near = colour_map.nodes[bins]
    result = inputs.new_zeros(len(inputs), 3)
    for cell, (before, behind) in enumerate(zip(colour_map.before, colour_map.behind, strict=True)):
        samples, corners = (near == cell).nonzero(as_tuple=True)
        colours = (inputs[samples] @ before).relu() @ behind
        result.index_add_(0, samples, weights[samples, corners, None] * colours)
    return result


def sorted_loop(colour_map: ColourMap, coordinates: Tensor, inputs: Tensor) -> Tensor:
    bins, weights = colour_map.locate(coordinates)
    cells, order = colour_map.nodes[bins].flatten().sort()
    samples = order // weights.shape[1]
    counts = torch.bincount(cells, minlength=len(colour_map.before)).tolist()
    of_cells = zip(inputs[samples].split(counts), colour_map.before, colour_map.behind, strict=True)
    colours = torch.cat([(each @ before).relu() @ behind for each, before, behind in of_cells])
    return inputs.new_zeros(len(inputs), 3).index_add(0, samples, weights.flatten()[order, None] * colours)


SIDES: dict[str, Evaluate] = {"all at once": ColourMap.colours, "loop": looped, "sorted loop": sorted_loop}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=positive, default=20_000)
    parser.add_argument("--cells", type=positive, default=16)
    parser.add_argument("--threads", type=positive, default=torch.get_num_threads())
    parser.add_argument("--runs", type=positive, default=11)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    numba.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    parameters = torch.randn(arguments.cells, arguments.cells, NETWORK.parameters).requires_grad_()
    coordinates = torch.rand(arguments.samples, 2)
    inputs = torch.randn(arguments.samples, NETWORK.features + NETWORK.view).requires_grad_()
    upstream = torch.randn(arguments.samples, 3)
    table = Table("", *SIDES, *[f"{name} / all at once" for name in list(SIDES)[1:]])

    def add(name: str, sides: dict[str, Callable[[], object]]) -> None:
        times = median_milliseconds(sides, arguments.runs)
        ratios = [f"{times[side] / times['all at once']:.1f}x" for side in list(SIDES)[1:]]
        table.add_row(name, *[f"{times[side]:.1f} ms" for side in SIDES], *ratios)

    for lookup in Lookup:
        with torch.no_grad():
            prepared = ColourMap.of(parameters, NETWORK, lookup)

        def forward(evaluate: Evaluate, prepared: ColourMap = prepared) -> Tensor:
            with torch.no_grad():
                return evaluate(prepared, coordinates, inputs)

        def gradients(evaluate: Evaluate, lookup: Lookup = lookup) -> Tensor:
            found = evaluate(ColourMap.of(parameters, NETWORK, lookup), coordinates, inputs)
            of_parameters, of_inputs = torch.autograd.grad(found, (parameters, inputs), upstream)
            return torch.cat([of_parameters.flatten(), of_inputs.flatten()])

        for name, run in (("forward", forward), ("forward and backward", gradients)):
            expected = run(looped)
            for evaluate in SIDES.values():
                torch.testing.assert_close(run(evaluate), expected, atol=1e-5 * float(expected.abs().max()), rtol=1e-4)
            add(f"{lookup}, {name}", {side: partial(run, evaluate) for side, evaluate in SIDES.items()})
    console = Console()
    console.print(f"{device_description('cpu')}, {arguments.threads} threads")
    console.print(table)
    return 0


if __name__ == "__main__":
    as_command(main)

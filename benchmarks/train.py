"""Test PSNR against training seconds, for any base model, and for the pure-torch twins of its kernels.

    python -m benchmarks.train method/base=deferred dataset=nerf_synthetic dataset.root=DIR dataset.scene=lego \
        dataset.downscale=2 --seconds 15,30,60,120 [--device cuda] [--kernels nerfacc] [--twins]

Compilation (a fit of a few steps beforehand), reading the images and the evaluations are not counted; everything else,
the coarse stage included, is. The evaluation renders all test views with the compiled kernels.
"""

import argparse
import contextlib
import dataclasses
import time

import torch

from benchmarks._command import add_device, as_command, check_words, checked_device, positives
from benchmarks._quality import test_view_psnr
from methods.dvgo.base import VoxelBase
from nerfzip.benchmark.environment import device_description
from nerfzip.config import build_base, build_scene
from nerfzip.data.scene import Scene, Views
from nerfzip.devices import KERNELS, check_present, named_kernels
from nerfzip.fields import VoxelField
from nerfzip.kernels import use_twins
from nerfzip.kernels.backend import kernels_by
from nerfzip.on_device import working_on
from nerfzip.rendering.images import render_image


class OutOfTimeError(Exception):
    """Raised at the last mark, to end a fit."""


def in_memory(scene: Scene) -> Scene:
    """The scene with its training images already read."""
    images = [scene.train.rgba(index).numpy() for index in range(len(scene.train))]
    train = Views(scene.train.cameras, scene.train.names, images.__getitem__)
    return dataclasses.replace(scene, splits=scene.splits | {"train": train})


def warm_up(base: VoxelBase, scene: Scene) -> None:
    """Compile everything that a fit and an evaluation use."""
    fine = dataclasses.replace(base.fine, iterations=3, growth_at=[1], refresh_at=[2])
    field = VoxelBase(base.shading, base.width, base.hidden_layers, base.frequencies, base.coarse, fine).fit(scene)
    render_image(field, scene.test.cameras, 0)


def measure(base: VoxelBase, scene: Scene, marks: list[int], twins: bool, seed: int) -> float | None:
    """Fit once and print a line at each mark that the fit lives to see, and at its end.

    Returns:
        Iterations a second between the first line and the last; None if there is one line.
    """
    not_counted = 0.0
    lines: list[tuple[float, int]] = []
    pending = sorted(marks)
    start = time.perf_counter()

    def report(iteration: int, field: VoxelField) -> None:
        nonlocal not_counted
        seconds = time.perf_counter() - start - not_counted
        last = iteration == base.fine.iterations
        if not last and (not pending or seconds < pending[0]):
            return
        while pending and seconds >= pending[0]:
            pending.pop(0)
        lines.append((seconds, iteration))
        before = time.perf_counter()
        with use_twins(False):
            decibels = test_view_psnr(field, scene)
        not_counted += time.perf_counter() - before
        print(f"{seconds:9.1f} {iteration:10d} {decibels:8.2f}", flush=True)
        if not pending and not last:
            raise OutOfTimeError

    torch.manual_seed(seed)
    with use_twins(twins), contextlib.suppress(OutOfTimeError):
        base.fit(scene, report)
    if len(lines) < 2:
        return None
    (first_seconds, first), (last_seconds, last) = lines[0], lines[-1]
    return (last - first) / (last_seconds - first_seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="+", help="method/base=NAME, settings of it, and a data set")
    parser.add_argument("--seconds", type=positives, default="8,12,15,30,45,60,120", help="when to evaluate")
    parser.add_argument("--twins", action="store_true", help="also with the pure-torch twins")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kernels", choices=KERNELS, default="ours", help="whose traversal and volume rendering fit")
    add_device(parser, "where it is fitted and evaluated")
    arguments = parser.parse_args()
    check_words(parser, arguments.overrides, ("method/base=", "method.base.", "dataset"))
    device = checked_device(parser, arguments)
    check_present(device, named_kernels(arguments.kernels, device))
    base = build_base(["method=dvgo", *arguments.overrides])
    scene = in_memory(build_scene(["method=dvgo", *arguments.overrides])).to(device)
    print(device_description(device))
    print(
        f"{scene.name}, {len(scene.train)} training views of {scene.train.cameras.width}×{scene.train.cameras.height}"
    )
    rates = []
    with working_on(device), kernels_by(arguments.kernels):
        warm_up(base, scene)
        for twins in (False, True) if arguments.twins else (False,):
            print(f"\n{'torch twins' if twins else 'compiled kernels'}\n  seconds iterations     PSNR")
            rates.append(measure(base, scene, arguments.seconds, twins, arguments.seed))
            if rates[-1]:
                print(f"{rates[-1]:.1f} iterations a second from the first line to the last")
    match rates:
        case [float(compiled), float(by_twins)]:
            print(f"\n{compiled / by_twins:.1f} times as many iterations a second as the twins")


if __name__ == "__main__":
    as_command(main)

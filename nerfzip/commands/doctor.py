"""`nerfzip doctor`: what this machine has, and whether its kernels compute what they should."""

import time
from argparse import Namespace

import torch
from rich.table import Table

from nerfzip.benchmark.environment import commit, device_description, library_versions
from nerfzip.console import table_console
from nerfzip.devices import cuda_problem
from nerfzip.kernels.backend import triton_problem
from nerfzip.kernels.nerfacc.extension import problem as nerfacc_problem
from nerfzip.kernels.self_test import cases_on, self_tests
from nerfzip.progress import track

LIMIT = 10.0
"""Seconds from the start of the command, after which kernels that are left are not tested, unless all are asked for."""
FORMS = {"cpu": "numba", "cuda": "Triton", "twin": "torch"}
"""What computes the forms of kernels."""


def main(arguments: Namespace) -> int:
    """Exit status 0 if all kernels were tested and agree with their twins, else 1."""
    for line in _described(arguments.all):
        print(line)
    failed = untested = twins_alone = 0
    devices = _devices()
    for device in devices:
        left = arguments.started + LIMIT - time.perf_counter()
        # The others have nothing to compile that the first GPU has compiled.
        deadline = time.perf_counter() + (left if device == devices[-1] else left / 2)
        table = Table("kernel", "by", "against its twin", "seconds", title=f"kernels on {device}")
        kernels = list(cases_on(device))
        tested, longest = 0, 0.0
        for finding in track(self_tests(device), f"kernels on {device}", len(kernels)):
            tested += 1
            failed += finding.problem is not None
            twins_alone += finding.form == "twin"
            result = finding.problem or ("is its twin" if finding.form == "twin" else "agrees")
            table.add_row(finding.kernel, FORMS[finding.form], result, f"{finding.seconds:.2f}")
            # Another one that has to be compiled would not be done in time.
            longest = max(longest, finding.seconds)
            if time.perf_counter() + longest > deadline and not arguments.all:
                break
        for kernel in kernels[tested:]:
            table.add_row(kernel, "", "not tested", "")
        untested += len(kernels) - tested
        table_console().print(table)
    if failed:
        print(f"{failed} kernels do not compute what they should")
    if untested:
        print(
            f"{untested} kernels were not tested: {LIMIT:.0f} s are over. What was compiled now is kept, and the same"
            " command gets further; nerfzip doctor --all tests all"
        )
    return 1 if failed or untested or twins_alone else 0


def _devices() -> list[str]:
    """The first GPU before the CPU, and the others, for which nothing is left to compile, behind it."""
    gpus = [] if cuda_problem() else [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [*gpus[:1], "cpu", *gpus[1:]]


def _described(builds: bool) -> list[str]:
    """
    Args:
        builds: nerfacc's extension, which takes minutes, if it is not there yet.
    """
    cuda_devices = [device for device in _devices() if device != "cpu"]
    lines = [device_description("cpu")]
    for device in cuda_devices:
        properties = torch.cuda.get_device_properties(device)
        memory, capability = f"{properties.total_memory / 2**30:.0f} GiB", f"{properties.major}.{properties.minor}"
        lines.append(f"{device_description(device)}, {memory}, compute capability {capability}")
    if problem := cuda_problem():
        lines.append(f"cuda: none: {problem}")
    libraries = ", ".join(f"{name} {version}" for name, version in library_versions().items())
    lines += [libraries, f"torch is built for CUDA {torch.version.cuda or 'none'}"]
    if cuda_devices and (problem := triton_problem()):
        lines.append(f"kernels on CUDA are their pure-torch twins: {problem}")
    if commit():
        lines.append(f"commit {commit()}")
    if cuda_devices and not builds:
        lines.append("kernels=nerfacc: not tried, as its extension may have to be built; nerfzip doctor --all tries")
    else:
        reason = nerfacc_problem()
        lines.append(f"kernels=nerfacc: {'can be chosen' if reason is None else f'no: {reason}'}")
    return lines

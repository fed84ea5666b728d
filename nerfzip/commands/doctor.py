"""`nerfzip doctor`: what this machine has, and whether its kernels compute what they should."""

import time
from argparse import Namespace

import torch
from rich.console import Console
from rich.table import Table

from nerfzip.benchmark.environment import commit, device_description, library_versions
from nerfzip.kernels.nerfacc.extension import problem as nerfacc_problem
from nerfzip.kernels.self_test import CASES, self_tests

LIMIT = 10.0
"""Seconds, after which kernels that are left are not tested, unless all are asked for."""


def main(arguments: Namespace) -> int:
    console = Console()
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in devices:
        console.print(device_description(device), highlight=False)
    if len(devices) == 1:
        console.print("cuda: none", highlight=False)
    console.print(", ".join(f"{name} {version}" for name, version in library_versions().items()), highlight=False)
    if commit():
        console.print(f"commit {commit()}", highlight=False)
    if arguments.all and "cuda" in devices:
        problem = nerfacc_problem()
        console.print(f"kernels=nerfacc: {'can be chosen' if problem is None else problem}", highlight=False)
    failed, start = 0, time.perf_counter()
    for device in devices:
        table = Table("kernel", "form", "", "seconds", title=f"kernels on {device}")
        tested = 0
        for finding in self_tests(device):
            tested += 1
            failed += finding.problem is not None
            table.add_row(finding.kernel, finding.form, finding.problem or "agrees", f"{finding.seconds:.2f}")
            if time.perf_counter() - start > LIMIT and not arguments.all:
                break
        for kernel in list(CASES)[tested:]:
            table.add_row(kernel, "", "not tested", "")
        console.print(table)
        if tested < len(CASES):
            console.print(
                f"{LIMIT:.0f} s are over; what was compiled now is kept, and the same command gets further."
                " nerfzip doctor --all tests all",
                highlight=False,
            )
    return 1 if failed else 0

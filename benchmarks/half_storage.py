"""What quality a decoded voxel field loses if a GPU holds its features in half precision.

    python -m benchmarks.half_storage FILE.nrz dataset=nerf_synthetic dataset.root=DIR dataset.scene=lego

Features are rounded to each type and rendered in float32, as the kernels compute: mean PSNR of the test views.
"""

import argparse
import copy
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from benchmarks._command import as_command, check_words
from benchmarks._quality import test_view_psnr
from nerfzip.benchmark.decoding import decode_file
from nerfzip.config import build_scene
from nerfzip.fields.decoded_voxel_field import DecodedVoxelField

TYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("overrides", nargs="+", help="the capture, as of nerfzip run")
    arguments = parser.parse_args()
    check_words(parser, arguments.overrides, ("dataset",))
    scene = build_scene(arguments.overrides)
    decoded = decode_file(arguments.file, "cpu").field
    if not isinstance(decoded, DecodedVoxelField):
        parser.error(f"{arguments.file}: found a {type(decoded).__name__}, expected a file of a voxel field")
    table = Table("features in", "PSNR, dB", "to float32, dB", "MiB")
    exact = test_view_psnr(decoded, scene)
    for name, dtype in TYPES.items():
        field = copy.deepcopy(decoded.field)
        stored = field.features.detach().to(dtype)
        field.features.data = stored.float()
        found = test_view_psnr(field, scene)
        table.add_row(name, f"{found:.4f}", f"{found - exact:+.6f}", f"{stored.nbytes / 2**20:.1f}")
    Console().print(table)


if __name__ == "__main__":
    as_command(main)

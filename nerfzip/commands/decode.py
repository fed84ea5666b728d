"""`nerfzip decode`: a file to the tensors that it codes."""

import zipfile
from argparse import Namespace

import numpy as np

from nerfzip.benchmark.decoding import decode_unverified, verified_tensors
from nerfzip.devices import chosen_device
from nerfzip.errors import ConfigError
from nerfzip.files import atomic_file
from nerfzip.method import VolumetricField
from nerfzip.progress import track
from nerfzip.stopwatch import stopwatch


def main(arguments: Namespace) -> int:
    """Tensors are written one at a time, so that a video takes the memory of a frame; a wrong digest leaves no file."""
    out = arguments.out or arguments.file.with_suffix(".npz")
    if out.suffix != ".npz":
        raise ConfigError(f"--out {out}: expected the file to write, NAME.npz")
    shapes = {}
    with stopwatch() as elapsed:
        decoded = decode_unverified(arguments.file, chosen_device(arguments.device))
        tensors = verified_tensors(arguments.file, decoded)
        with atomic_file(out) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in track(tensors, "decode", len(decoded.field.coded_tensors())):
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
                shapes[name] = f"{array.dtype} {'×'.join(map(str, array.shape)) or 'scalar'}"
    frames = f" of {len(decoded.field)} frames" if isinstance(decoded.field, VolumetricField) else ""
    print(f"{out}: {len(shapes)} tensors{frames}, decoded and written in {elapsed.seconds:.2f} s")
    if not frames:
        for name, shape in shapes.items():
            print(f"  {name}: {shape}")
    return 0

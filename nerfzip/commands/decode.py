"""`nerfzip decode`: a file to the tensors that it codes."""

import io
from argparse import Namespace

import numpy as np

from nerfzip.benchmark.decoding import decode_file
from nerfzip.config import chosen_device
from nerfzip.errors import ConfigError
from nerfzip.files import write_atomically


def main(arguments: Namespace) -> int:
    out = arguments.out or arguments.file.with_suffix(".npz")
    if out.suffix != ".npz":
        raise ConfigError(f"--out {out}: expected the file to write, NAME.npz")
    decoded = decode_file(arguments.file, chosen_device(arguments.device))
    tensors = {name: tensor.detach().cpu().numpy() for name, tensor in decoded.field.coded_tensors().items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **tensors)
    write_atomically(out, buffer.getvalue())
    print(f"{out}: {len(tensors)} tensors, decoded in {decoded.seconds:.2f} s")
    for name, array in tensors.items():
        print(f"  {name}: {array.dtype} {'×'.join(map(str, array.shape)) or 'scalar'}")
    return 0

"""The paper's coder against ours, over the tensors of VQRF files: bytes by component and seconds.

python -m benchmarks.coders FILE.nrz [FILE.nrz ...]
"""

import argparse
import time
from pathlib import Path

from benchmarks._command import as_command
from methods.vqrf.packing import CODERS
from methods.vqrf.tensors import VoxelTensors, layout, parse_layout
from nerfzip.benchmark.decoding import read_bitstream
from nerfzip.benchmark.environment import device_description
from nerfzip.bitstream import tensor_digest


def tensors_of(file: Path) -> VoxelTensors:
    """The coded tensors of a file, by whichever coder it was written."""
    _, stream = read_bitstream(file)
    _, decode = CODERS[stream.header["coder"]]
    return decode(stream.sections, parse_layout(stream.header["tensors"]))


def digest(tensors: VoxelTensors) -> bytes:
    arrays = {name: value for name, value in vars(tensors).items() if name != "decoder"}
    return tensor_digest(arrays | tensors.decoder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    arguments = parser.parse_args()
    print(device_description("cpu"))
    for file in arguments.files:
        tensors = tensors_of(file)
        fields = parse_layout(layout(tensors))
        sizes, seconds = {}, {}
        for name, (encode, decode) in CODERS.items():
            decode(encode(tensors), fields)  # Compiles.
            start = time.perf_counter()
            sections = encode(tensors)
            middle = time.perf_counter()
            decoded = decode(sections, fields)
            seconds[name] = (middle - start, time.perf_counter() - middle)
            if digest(decoded) != digest(tensors):
                raise SystemExit(f"{file}: the {name} coder does not give the tensors back")
            sizes[name] = {section: len(data) for section, data in sections.items()}
        print(f"\n{file}: {fields.non_pruned:,} voxels, {fields.kept:,} kept, {fields.codes} codes; equal digests")
        print(f"{'component':18s}{'paper':>12s}{'context':>12s}{'saved':>9s}")
        sizes = {name: {**parts, "total": sum(parts.values())} for name, parts in sizes.items()}
        for component, paper in sizes["paper"].items():
            context = sizes["context"][component]
            print(f"{component:18s}{paper:12,}{context:12,}{100 - 100 * context / max(paper, 1):8.1f}%")
        for name, (encoding, decoding) in seconds.items():
            print(f"{name}: encode {encoding:.2f} s, decode {decoding:.2f} s")


if __name__ == "__main__":
    as_command(main)

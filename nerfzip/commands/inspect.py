"""`nerfzip inspect`: what a file holds, section by section, without decoding it."""

import json
from argparse import Namespace

from rich.console import Console
from rich.table import Table

from nerfzip.benchmark.decoding import read_bitstream


def main(arguments: Namespace) -> int:
    data, bitstream = read_bitstream(arguments.file)
    print(f"{arguments.file}: method {bitstream.method}, digest {bitstream.digest.hex()}")
    table = Table("section", "bytes", "%")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, size in bitstream.component_sizes().items():
        table.add_row(name, f"{size:,}", f"{100 * size / len(data):.2f}")
    table.add_section()
    table.add_row("file", f"{len(data):,}", "100.00")
    console = Console()
    console.print(table)
    console.print_json(json.dumps(bitstream.header), indent=None)
    return 0

"""`nerfzip inspect`: what a file holds, section by section, without decoding it; a video, group by group."""

import json
from argparse import Namespace

from rich.console import Console
from rich.table import Table

from nerfzip.benchmark.decoding import read_bitstream
from nerfzip.bitstream import Bitstream, GroupsOfFrames, frame_components, frame_section
from nerfzip.console import table_console

MOST_GROUPS = 20
"""Groups of frames with a line of their own; what follows is one line."""


def main(arguments: Namespace) -> int:
    _, bitstream = read_bitstream(arguments.file)
    print(f"{arguments.file}: method {bitstream.method}, digest {bitstream.digest.hex()}")
    console = Console()
    sizes = bitstream.component_sizes()
    if "video" in bitstream.header:
        groups = GroupsOfFrames.from_header(bitstream.header)
        frames = [sizes.get(frame_section(index), 0) for index in range(groups.frames)]
        table_console().print(_groups_table(groups, frames))
        sizes = frame_components(sizes, groups)
    console.print(_sizes_table(sizes, bitstream))
    console.print_json(json.dumps(bitstream.header), indent=None)
    return 0


def _sizes_table(sizes: dict[str, int], bitstream: Bitstream) -> Table:
    table = _right_aligned("section", "bytes", "%")
    for name, size in sizes.items():
        table.add_row(name, f"{size:,}", f"{100 * size / bitstream.size:.2f}")
    table.add_section()
    table.add_row("file", f"{bitstream.size:,}", "100.00")
    return table


def _groups_table(groups: GroupsOfFrames, sizes: list[int]) -> Table:
    title = f"{groups.frames} frames in groups of {groups.length}, predicted from the {groups.prediction} frame; bytes:"
    table = _right_aligned("frames", "key frame", "other frames, each", "smallest", "largest", "all")
    table.title, table.title_justify = title, "left"
    starts = range(0, groups.frames, groups.length)
    for start in starts[:MOST_GROUPS]:
        key, *others = (sizes[index] for index in groups.group(start))
        each = (f"{sum(others) / len(others):,.0f}", f"{min(others):,}", f"{max(others):,}") if others else ("", "", "")
        table.add_row(f"{start}–{groups.group(start)[-1]}", f"{key:,}", *each, f"{key + sum(others):,}")
    if more := starts[MOST_GROUPS:]:
        table.add_row(f"{len(more)} more groups", "", "", "", "", f"{sum(sizes[more[0] :]):,}")
    return table


def _right_aligned(first: str, *others: str) -> Table:
    table = Table(first)
    for name in others:
        table.add_column(name, justify="right")
    return table

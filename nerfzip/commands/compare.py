"""`nerfzip compare`: files side by side, against the ground truth of a capture."""

import logging
from argparse import Namespace
from pathlib import Path

from nerfzip.config import build_scene
from nerfzip.devices import chosen_device
from nerfzip.files import check_folder
from nerfzip.metrics import lpips_note
from nerfzip.report.comparison import compare_files
from nerfzip.report.terminal import print_tables

_log = logging.getLogger(__name__)


def main(arguments: Namespace) -> int:
    check_folder("--out", arguments.out)
    device = chosen_device(arguments.device)
    # After --scene the command line can't tell files from settings.
    behind = [word for word in arguments.scene if word.endswith(".nrz") and "=" not in word]
    scene = build_scene([word for word in arguments.scene if word not in behind])
    files = [*arguments.files, *map(Path, behind)]
    comparison = compare_files(files, scene, arguments.out, device, arguments.views)
    print_tables(comparison.tables, arguments.out)
    for remark in comparison.remarks:
        print(remark)
    if not arguments.views:
        print(f"drawn is view {comparison.views[0]}, where the PSNRs differ most")
    print(f"{arguments.out}: {', '.join(file.name for file in comparison.written)}")
    if note := lpips_note():
        _log.info(note)
    return 0

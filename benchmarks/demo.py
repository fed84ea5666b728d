"""`make demo`: all methods, small, on the embedded scenes: a sweep, pictures of it, and its report.

    python -m benchmarks.demo [KEY=VALUE ...]

The jobs are those of conf/preset/demo.yaml. Words after it are settings as for `nerfzip sweep`, for example
`dataset.resolution=400 out=FOLDER`. What is complete is not done again.
"""

import sys
from itertools import groupby
from pathlib import Path

from benchmarks._command import as_command
from benchmarks.comparison_picture import write_comparison
from nerfzip.benchmark.job import point_folder
from nerfzip.benchmark.sweep_words import sweep_configs
from nerfzip.cli import main as nerfzip
from nerfzip.config import JobConfig, build
from nerfzip.errors import NerfzipError
from nerfzip.report.panels import Detail

VIEWS = {
    "procedural": (3, Detail(0.36, 0.63, 0.27)),
    "procedural_objects": (2, Detail(0.35, 0.35, 0.3)),
    "procedural_dynamic": (5, Detail(0.36, 0.5, 0.3)),
}
"""For each data set the test view in its picture, counted through all frames, and what of it is enlarged."""


def demo(words: list[str]) -> int:
    """Do the jobs, draw their pictures, write the report; return the exit status."""
    words = ["+preset=demo", *words]
    # Two at once, a core each: most of the first demo's time goes into compiling kernels, which takes one core.
    status = nerfzip(["sweep", *words, "hydra/launcher=joblib"])
    if status:
        return status
    configs = sweep_configs(words)
    out = configs[0].out
    pictures = [_picture(out, list(jobs)) for _, jobs in groupby(configs, key=lambda config: config.dataset_settings)]
    status = nerfzip(["report", str(out), "--out", str(out / "report")])
    print(f"{', '.join(map(str, pictures))}: one test view, before and after compression")
    print(f"{out}/report/report.html: curves, tables and views to look at")
    print(f"{out}/*/: for each point the file (stream.nrz), its decoded views (images/) and row.json")
    return status


def _picture(out: Path, configs: list[JobConfig]) -> Path:
    capture = build(configs[0].dataset_settings)
    view, detail = VIEWS[configs[0].dataset]
    picture = out / f"{configs[0].dataset}.png"
    write_comparison(picture, [point_folder(config, capture) for config in configs], capture, view, detail)
    return picture


def main() -> int:
    try:
        return demo(sys.argv[1:])
    except NerfzipError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    as_command(main)

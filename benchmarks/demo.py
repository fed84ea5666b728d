"""`make demo`: VQRF at four rates beside the uncompressed model, on the embedded scene.

    python -m benchmarks.demo [KEY=VALUE ...]

The jobs are those of conf/preset/demo.yaml. Words after it are settings as for `nerfzip sweep`, for example
`dataset.resolution=400 out=FOLDER`. What is complete is not done again.
"""

import logging
import sys

from benchmarks.comparison_picture import write_comparison
from nerfzip.benchmark.job import point_folder, run_job
from nerfzip.benchmark.sweep_words import sweep_configs
from nerfzip.benchmark.table import results_table
from nerfzip.config import build
from nerfzip.console import table_console
from nerfzip.errors import NerfzipError
from nerfzip.report.panels import Detail

VIEW = 6
DETAIL = Detail(0.36, 0.63, 0.27)


def demo(words: list[str]) -> None:
    """Do the jobs, print their table, write the picture."""
    configs = sweep_configs(["+preset=demo", *words])
    out = configs[0].out
    scene = build(configs[0].dataset_settings)
    rows = [run_job(config, scene) for config in configs]
    picture = out / "comparison.png"
    write_comparison(picture, [point_folder(config, scene) for config in configs], scene, VIEW, DETAIL)
    table_console().print(results_table(rows))
    print(f"{picture}: one test view, before and after compression")
    print(f"{out}/*/: for each line of the table the file (stream.nrz), its decoded views (images/) and row.json")


def main() -> int:
    logging.basicConfig(format="%(message)s")
    logging.getLogger("nerfzip").setLevel(logging.INFO)
    try:
        demo(sys.argv[1:])
    except NerfzipError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("demo: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

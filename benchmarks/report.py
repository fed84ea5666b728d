"""How long `nerfzip report` takes on a large store of rows: the command in a fresh process, and its steps.

python -m benchmarks.report [--scenes 50] [--seeds 8] [--views 12] [--runs 3] [--store FOLDER]

The rows have the real schema and the settings of conf/, for 5 labels with 5 rates each; their numbers are drawn from a
seeded generator.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks._command import as_command
from nerfzip.benchmark import store
from nerfzip.benchmark.environment import device_description, library_versions
from nerfzip.benchmark.job import settings
from nerfzip.benchmark.point_files import ROW
from nerfzip.benchmark.row import Row, read_row, row_text
from nerfzip.cli import positive
from nerfzip.config import JobConfig, job_configs
from nerfzip.progress import track
from nerfzip.report.write import ReportSettings, write_report

LABELS = {
    "vqrf": ["method=vqrf"],
    "vqrf/paper": ["method=vqrf/paper"],
    "deferred": ["method=vqrf", "method/base=deferred"],
    "deferred_long": ["method=vqrf", "method/base=deferred_long"],
    "small_codebook": ["method=vqrf", "method.codebook_size=256"],
}
ANCHOR = "vqrf/paper"
COMPONENTS = ("container", "masks", "codebook", "indices", "density", "kept", "decoder")


def jobs() -> list[JobConfig]:
    """Every label at every rate."""
    words = ["dataset=nerf_synthetic", "dataset.root=.", "dataset.scene=lego", "rate=all"]
    return [job for label, own in LABELS.items() for job in job_configs([*own, *words, f"label={label}"])]


def make_row(job: JobConfig, level: int, scene: str, seed: int, views: int, random: np.random.Generator) -> Row:
    """A row whose size and quality grow with `level`, the place of the rate in its ladder."""
    parts = random.integers(10_000, 40_000, len(COMPONENTS)) * 2**level
    names = ("psnr", "ssim", "ms_ssim", "lpips", "render_seconds")
    measured = np.array([28 + level, 0.9 + 0.015 * level, 0.92 + 0.012 * level, 0.1 - 0.015 * level, 1.5])
    values = measured + random.normal(0, 0.003, (views, len(names)))
    images: dict[str, list[Any]] = {
        "frame": [0] * views,
        "split": ["test"] * views,
        "view": [f"test/r_{view}" for view in range(views)],
        "file": [f"{view:03d}.png" for view in range(views)],
        "truth": [random.bytes(8).hex() for _ in range(views)],
        **dict(zip(names, values.T.tolist(), strict=True)),
    }
    means = dict(zip(names, values.mean(0).tolist(), strict=True))
    return Row(
        label=job.label,
        method=job.method,
        dataset=job.dataset,
        scene=scene,
        rate=job.rate,
        seed=seed,
        config={**settings(job), "seed": seed, "dataset_settings": {**job.dataset_settings, "scene": scene}},
        fingerprint=hashlib.sha256(scene.encode()).hexdigest(),
        bytes=int(parts.sum()),
        bytes_by_component=dict(zip(COMPONENTS, parts.tolist(), strict=True)),
        uncompressed_bytes=213_000_000,
        digest=random.bytes(32).hex(),
        metrics={name: means[name] for name in names[:-1]},
        images=images,
        seconds={"fit": 900.0, "compress": 200.0, "decompress": 0.5, "render": means["render_seconds"]},
        fit_from_cache=level > 0,
        peak_memory={"encode": 3 * 10**9, "encode_device": 0, "decode": 10**9, "decode_device": 0},
        code_version=random.bytes(32).hex(),
        commit=random.bytes(20).hex(),
        libraries=library_versions(),
        device=device_description("cpu"),
        date="2026-01-01T00:00:00+00:00",
    )


def make_store(folder: Path, scenes: int, seeds: int, views: int) -> int:
    """Write the rows, and return how many there are."""
    random = np.random.default_rng(0)
    count = 0
    all_jobs = jobs()
    levels = ("tiny", "low", "medium", "high", "max")
    for number in track(range(scenes), "write rows", scenes):
        for job in all_jobs:
            for seed in range(seeds):
                row = make_row(job, levels.index(job.rate), f"scene_{number:02d}", seed, views, random)
                file = folder / f"point-{count:05d}" / ROW
                file.parent.mkdir(parents=True)
                # As `write_row`, but without waiting for the disk.
                file.write_text(row_text(row))
                count += 1
    return count


def seconds(run: Callable[[], object]) -> tuple[float, float]:
    """On the clock, and of processors, those of ended child processes too."""
    start, used = time.perf_counter(), sum(os.times()[:4])
    run()
    return time.perf_counter() - start, sum(os.times()[:4]) - used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=positive, default=50)
    parser.add_argument("--seeds", type=positive, default=8)
    parser.add_argument("--views", type=positive, default=200, help="test views of a scene, each measured in the row")
    parser.add_argument("--runs", type=positive, default=3)
    parser.add_argument("--store", type=Path, help="make the rows here and keep them, or use those that are there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = arguments.store or Path(temporary) / "out"
        if not out.exists():
            make_store(out, arguments.scenes, arguments.seeds, arguments.views)
        report = Path(temporary) / "report"
        command = [sys.executable, "-m", "nerfzip.cli", "report", str(out), "--anchor", ANCHOR, "--out", str(report)]
        imports = [sys.executable, "-c", "import nerfzip.commands.report"]
        folders = store.rows_by_folder(out, with_images=False)
        rows = list(folders.values())
        times: dict[str, list[tuple[float, float]]] = {}
        for _ in range(arguments.runs):
            steps = {
                "nerfzip report, a fresh process": lambda: subprocess.run(command, check=True, capture_output=True),
                "  start Python and import": lambda: subprocess.run(imports, check=True),
                "  read the rows": lambda: store.rows_by_folder(out, with_images=False),
                "  tables and figures": lambda: write_report(rows, report, ReportSettings(anchor=ANCHOR)),
            }
            for name, step in steps.items():
                times.setdefault(name, []).append(seconds(step))
    views = len(read_row(next(iter(folders)) / ROW).images["view"])
    print(f"{device_description('cpu')}; {len(rows):,} rows of {views} views; median of {arguments.runs}")
    for name, measured in times.items():
        clock, processors = (median(values) for values in zip(*measured, strict=True))
        print(f"{name:34s}{clock:6.2f} s, of processors {processors:6.2f} s")


if __name__ == "__main__":
    as_command(main)

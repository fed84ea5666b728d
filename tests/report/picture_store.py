"""A store with pictures: two scenes, two labels, one of them hostile, two seeds, made without any fit."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from report_rows import RATES, make_row

from nerfzip.benchmark.ground_truth import ground_truth_folder, kept_views
from nerfzip.benchmark.job import settings
from nerfzip.benchmark.row import Row, write_row
from nerfzip.benchmark.store import frame
from nerfzip.config import job_configs
from nerfzip.files import write_atomically
from nerfzip.rendering.images import image_name, write_png
from nerfzip.report.bd_table import bd_table
from nerfzip.report.extent import extent_of
from nerfzip.report.page.page import Content, page, page_data
from nerfzip.report.page.pictures import choose_views, make_picture
from nerfzip.report.results import components_table, results_table

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
VIEWS = 5
SIZE = (24, 32)
"""Height and width in pixels."""


def noisy(truth: np.ndarray, levels: int) -> np.ndarray:
    """Exactly `levels` away from the truth in every channel."""
    return np.where(truth < 128, truth + levels, truth - levels).astype(np.uint8)


def truth_of(scene: str, view: int) -> np.ndarray:
    seed = sum(scene.encode()) + view
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def make_store(out: Path, ground_truth: bool = True) -> list[Row]:
    """The rows of a store in `out`; the images of `low` are 8 levels off, those of the next rate 7, and so on."""
    import torch

    (config,) = job_configs(["method=vqrf", "dataset=nerf_synthetic", "dataset.root=/captures", "dataset.scene=lego"])
    rows = []
    for scene in ("lego", "ship"):
        for number in kept_views(VIEWS) if ground_truth else []:
            folder = ground_truth_folder(out, f"fingerprint of {scene}")
            write_png(folder / image_name(number), torch.from_numpy(truth_of(scene, number)))
        for label, factor in (("vqrf", 1.0), (HOSTILE, 0.7)):
            for seed in (0, 1):
                for index, (rate, size) in enumerate(RATES.items()):
                    stored = json.loads(json.dumps(settings(dataclasses.replace(config, rate=rate, seed=seed))))
                    stored["dataset_settings"]["scene"] = scene
                    row = make_row(
                        label,
                        scene,
                        rate,
                        method="vqrf",
                        seed=seed,
                        size=round(size * factor) + seed,
                        psnr=28.0 + index + 0.5 * seed + (scene == "ship"),
                        config=stored,
                        fingerprint=f"fingerprint of {scene}",
                        images=[
                            {
                                "view": f"./test/r_{number}",
                                "file": image_name(number),
                                "psnr": 20.0 + number,
                                "ssim": 0.8,
                            }
                            for number in range(VIEWS)
                        ],
                        libraries={"numpy": "1.26.4"},
                        device="cpu: some processor",
                    )
                    folder = out / f"point-{len(rows)}"
                    for number in range(VIEWS):
                        pixels = torch.from_numpy(noisy(truth_of(scene, number), 8 - index))
                        write_png(folder / "images" / image_name(number), pixels)
                    write_row(folder / "row.json", row)
                    rows.append(row)
    write_atomically(out / "note.txt", b"left alone")
    return rows


def page_of(rows: list[Row], folders: Sequence[Path | None]) -> str:
    """The page of rows whose labels are final, without the rest of a report."""
    flat = frame(rows)
    views = choose_views(rows, folders)
    tables = {
        "results": results_table(flat),
        "components": components_table(flat),
    }
    if len({row.label for row in rows}) > 1:
        tables["bd"] = bd_table(flat, rows[0].label, "psnr")
    data = page_data(rows, rows, flat, extent_of(flat), "psnr", {})
    return page(Content(rows, data, tables, [], views, [make_picture(view) for view in views]))

"""Rows of results as a sweep would leave them, for the tests of the report."""

from typing import Any

from nerfzip.benchmark.row import Row, image_columns

RATES = {"tiny": 20_000, "low": 50_000, "medium": 120_000, "high": 300_000}
"""Sizes in bytes."""


def make_row(label: str, scene: str, rate: str, **fields: Any) -> Row:
    """A row of plausible values; `fields` replaces some. Quality is fields["psnr"] and what `metrics` adds.

    `images` are given one by one.
    """
    size = fields.pop("size", RATES.get(rate, 100_000))
    settings = fields.pop("settings", {"bits": 8})
    metrics = {"psnr": fields.pop("psnr", 30.0), "ssim": 0.9, **fields.pop("metrics", {})}
    values = {
        "label": label,
        "method": "tiny",
        "dataset": "nerf_synthetic",
        "scene": scene,
        "rate": rate,
        "seed": 0,
        "config": {
            "method_settings": {"_target_": "tiny.Tiny", **settings},
            "dataset_settings": {"root": f"/somewhere/{rate}", "downscale": 1},
        },
        "fingerprint": "f",
        "bytes": size,
        "bytes_by_component": {"header": size // 10, "codes": size - size // 10},
        "uncompressed_bytes": None,
        "digest": "d",
        "metrics": metrics,
        "images": image_columns(fields.pop("images", [])),
        "seconds": {"fit": 100.0, "compress": 10.0, "decompress": 0.5, "render": 0.2},
        "fit_from_cache": False,
        "peak_memory": {"encode": 2_000_000_000, "decode": 500_000_000},
        "code_version": "c",
        "commit": None,
        "libraries": {},
        "device": "cpu",
        "date": "2026-01-01T00:00:00+00:00",
    }
    return Row(**(values | fields))


def make_curve(label: str, scene: str, factor: float = 1.0, shift: float = 0.0, **fields: Any) -> list[Row]:
    """A row for each of `RATES`, one dB apart, at `factor` times its size and `shift` dB more."""
    return [
        make_row(label, scene, rate, size=round(size * factor), psnr=28.0 + index + shift, **fields)
        for index, (rate, size) in enumerate(RATES.items())
    ]

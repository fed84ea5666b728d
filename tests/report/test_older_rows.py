"""Rows as earlier versions of nerfzip wrote them, and rows of a version to come."""

import json
from pathlib import Path

import pytest
from report_rows import make_curve

from nerfzip.benchmark.row import SCHEMA, write_row
from nerfzip.benchmark.store import rows
from nerfzip.cli import main

SCHEMA_1 = """\
{
  "method": "vqrf",
  "dataset": "procedural",
  "scene": "procedural",
  "rate": "medium",
  "seed": 4,
  "config": {
    "method": "vqrf",
    "dataset": "procedural",
    "rate": "medium",
    "seed": 4,
    "method_settings": {"_target_": "methods.vqrf.method.VQRF", "prune": 0.001, "base": {"shading": "ray"}},
    "dataset_settings": {"_target_": "nerfzip.data.procedural.load_procedural", "resolution": 200}
  },
  "fingerprint": "f1",
  "bytes": 1000,
  "bytes_by_component": {"container": 100, "codebook": 900},
  "uncompressed_bytes": null,
  "digest": "d1",
  "metrics": {"psnr": 31.25, "ssim": 0.95},
  "images": [{"view": "view 0", "file": "000.png", "psnr": 31.25, "ssim": 0.95, "render_seconds": 0.5}],
  "seconds": {"fit": 30.0, "compress": 20.0, "decompress": 0.25, "render": 0.5},
  "fit_from_cache": true,
  "peak_memory": {"encode": 1500, "encode_device": 0, "decode": 700, "decode_device": 0},
  "code_version": "c1",
  "commit": null,
  "libraries": {"torch": "2.15.0"},
  "device": "cpu",
  "date": "2026-11-01T00:00:00+00:00",
  "schema": 1
}
"""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out/old").mkdir(parents=True)
    (tmp_path / "out/old/row.json").write_text(SCHEMA_1)
    return tmp_path / "out"


def test_a_row_of_schema_1_is_read_whole(out: Path) -> None:
    (row,) = rows(out)
    fields = json.loads(SCHEMA_1)
    images = {"view": ["view 0"], "file": ["000.png"], "psnr": [31.25], "ssim": [0.95], "render_seconds": [0.5]}
    # Schema 2 added the label.
    assert vars(row) == {**fields, "images": images, "schema": SCHEMA, "label": "vqrf", "frames": 1}


def test_the_images_of_schema_3_are_read_as_columns(out: Path) -> None:
    images = [
        {"frame": 0, "split": "test", "view": "r_0", "file": "000.png", "truth": "d0", "psnr": 30.5, "ssim": 0.9},
        {"frame": 0, "split": "train", "view": "r_7", "file": "001.png", "truth": "d7", "psnr": 31.5},
    ]
    fields = {**json.loads(SCHEMA_1), "label": "mine", "frames": 2, "schema": 3, "images": images}
    (out / "old/row.json").write_text(json.dumps(fields, indent=2))
    (row,) = rows(out)
    assert (row.label, row.frames, row.schema) == ("mine", 2, SCHEMA)
    assert row.images["view"] == ["r_0", "r_7"]
    assert row.images["psnr"] == [30.5, 31.5]
    assert [row.image(number) for number in range(2)] == images


def test_rows_of_schema_1_and_of_today_share_a_report(out: Path, tmp_path: Path) -> None:
    for row in make_curve("dvgo", "procedural", dataset="procedural", fingerprint="f1", seed=4):
        write_row(out / row.rate / "row.json", row)
    assert main(["report", str(out), "--out", str(tmp_path / "report"), "--anchor", "dvgo"]) == 0
    lines = (tmp_path / "report/results.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == ["dvgo"] * 4 + ["vqrf"]
    assert lines[-1].startswith("procedural,vqrf,medium,1.0,31.25,0.95,30.0,20.0,0.25,0.5")


def test_a_row_of_a_version_to_come_is_refused_by_name(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = out / "new/row.json"
    file.parent.mkdir()
    file.write_text(SCHEMA_1.replace('"schema": 1', f'"schema": {SCHEMA + 1}'))
    assert main(["report", str(out), "--out", str(tmp_path / "report")]) == 2
    message = f"{file}: a row of schema {SCHEMA + 1}, this version of nerfzip reads schemas 1 to {SCHEMA}"
    assert capsys.readouterr().err == f"nerfzip: {message}\n"

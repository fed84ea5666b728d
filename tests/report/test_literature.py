"""The points of papers: every file is read, units, what may be shown beside results, bad files."""

from collections import Counter
from pathlib import Path

import pytest

from nerfzip.errors import ConfigError
from nerfzip.report.literature import comparable, paper_points, read_paper

GOOD = """\
paper: P
tables:
  - source: Table 1
    dataset: d
    scenes: 2
    unit: MiB
    counts: all
    points:
      - {method: m, psnr: 30, size: 2}
"""


def test_the_papers_of_the_project() -> None:
    points = paper_points()
    assert Counter(point.paper for point in points) == {"VQRF": 59, "JointRF": 20, "CodecNeRF": 27, "MLP maps": 20}
    (point,) = [p for p in comparable(points, "nerf_synthetic", 8, "psnr") if p.method == "VQ-DVGO"]
    assert (point.metrics, point.source) == ({"psnr": 31.77, "ssim": 0.954}, "Table 1")
    assert point.bytes == pytest.approx(1.4 * 1024 * 1024)
    # Larger than what it was compressed from would be a misprint of ours.
    by_method = {p.method: p.bytes for p in comparable(points, "nerf_synthetic", 8, "psnr")}
    assert all(by_method[f"VQ-{name}"] < by_method[name] for name in ("DVGO", "Plenoxels", "TensoRF"))


def test_only_averages_over_as_many_scenes_of_test_views_are_comparable() -> None:
    points = paper_points()
    assert comparable(points, "nerf_synthetic", 1, "psnr") == []
    assert comparable(points, "nerf_synthetic", 8, "lpips") == []
    assert {point.views for point in comparable(points, "rerf", 2, "psnr")} == {"test"}
    assert all(not point.variant for point in comparable(points, "nerf_synthetic", 8, "psnr"))


def test_units(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(GOOD)
    assert read_paper(file)[0].bytes == 2 * 1024 * 1024
    file.write_text(GOOD.replace("MiB", "kB"))
    assert read_paper(file)[0].bytes == 2000


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("unit: MiB", "unit: Mb", "p.yaml: Table 1: unit: 'Mb', expected one of kB, MB"),
        ("psnr: 30", "psnr: 30 dB", "psnr: '30 dB', expected a positive number"),
        ("size: 2", "size: .nan", "size: nan, expected a positive number"),
        (", size: 2", "", "without size"),
        ("psnr", "psnt", "unknown psnt"),
        ("scenes: 2", "scenes: some", "scenes: 'some'"),
        ("method: m", "method: m, views: both", "expected test or training"),
        ("paper: P\n", "", "without paper"),
        ("      - {", "      {", "expected a list"),
        ("{method", "{{method", "p.yaml"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(ConfigError, match=message) as caught:
        read_paper(file)
    assert "p.yaml" in str(caught.value)

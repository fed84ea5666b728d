"""skeleton: every rate through fit, file, a fresh process and rendering; damaged files."""

import math
from pathlib import Path

import pytest

from nerfzip.benchmark.row import Row, read_row
from nerfzip.bitstream import tensor_digest
from nerfzip.cli import main
from nerfzip.config import build_for_decoding
from nerfzip.errors import BitstreamError

SMALL = [
    "dataset=procedural",
    "dataset.resolution=24",
    "dataset.views=6",
    "dataset.test_views=1",
    "dataset.samples=1",
    "method.base.coarse.voxels=4000",
    "method.base.coarse.iterations=30",
    "method.base.fine.voxels=4000",
    "method.base.fine.iterations=10",
    "method.base.fine.growth_at=[2]",
]


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder that `nerfzip run` made for each rate."""
    folder = tmp_path_factory.mktemp("skeleton")
    folders = [f"out={folder / 'out'}", f"cache={folder / 'fits'}", f"dataset.cache={folder / 'views'}"]
    assert main(["run", "method=skeleton", "rate=all", *SMALL, *folders]) == 0
    return {read_row(file).rate: file.parent for file in (folder / "out").glob("*/row.json")}


def row_of(point: Path) -> Row:
    return read_row(point / "row.json")


def test_every_rate_is_a_file_that_was_decoded_and_measured(points: dict[str, Path]) -> None:
    for point in points.values():
        assert row_of(point).bytes == (point / "stream.nrz").stat().st_size
        assert math.isfinite(row_of(point).metrics["psnr"])


def test_fewer_bits_are_a_smaller_file(points: dict[str, Path]) -> None:
    assert row_of(points["low"]).bytes < row_of(points["high"]).bytes


def test_this_process_decodes_what_the_fresh_one_did(points: dict[str, Path]) -> None:
    for point in points.values():
        field = build_for_decoding("skeleton", "cpu").decompress((point / "stream.nrz").read_bytes())
        assert tensor_digest(field.coded_tensors()).hex() == row_of(point).digest


def test_damage_is_refused(points: dict[str, Path]) -> None:
    data = (points["high"] / "stream.nrz").read_bytes()
    method = build_for_decoding("skeleton", "cpu")
    for place in range(0, len(data), len(data) // 20):
        damaged = bytearray(data)
        damaged[place] ^= 1
        with pytest.raises(BitstreamError):
            method.decompress(bytes(damaged))
        with pytest.raises(BitstreamError):
            method.decompress(data[:place])

"""All rows in one Parquet file, read back by pandas."""

from math import inf
from pathlib import Path

import pandas as pd
import pytest
from report_rows import make_row

from nerfzip.benchmark.row import SCHEMA, write_row
from nerfzip.cli import main
from nerfzip.report.parquet import parquet

ROWS = [
    make_row(
        "a",
        "lego",
        "low",
        psnr=30.123456789012345,
        settings={"bits": 8, "base": {"steps": 3, "on": True}, "sizes": [1, 2], "mode": "x", "factor": 1},
        libraries={"torch": "2.0"},
        uncompressed_bytes=2**53 - 1,
    ),
    make_row("b", "ship", "high", psnr=inf, metrics={"lpips": 0.1}, settings={"mode": 3, "factor": 0.5}, seed=7),
]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    file = tmp_path_factory.mktemp("parquet") / "rows.parquet"
    file.write_bytes(parquet(ROWS))
    return pd.read_parquet(file)


def test_numbers_are_those_of_the_rows(table: pd.DataFrame) -> None:
    assert len(table) == len(ROWS)
    assert table.attrs == {"schema": SCHEMA}
    for (_, line), row in zip(table.iterrows(), ROWS, strict=True):
        for name in (
            "label",
            "method",
            "dataset",
            "scene",
            "rate",
            "seed",
            "bytes",
            "fit_from_cache",
            "digest",
            "date",
        ):
            assert line[name] == getattr(row, name)
        for prefix, values in (
            ("", row.metrics),
            ("seconds_", row.seconds),
            ("bytes_", row.bytes_by_component),
            ("peak_memory_", row.peak_memory),
            ("library_", row.libraries),
        ):
            assert {name: line[f"{prefix}{name}"] for name in values} == values
    assert table["uncompressed_bytes"][0] == 2**53 - 1
    assert pd.isna(table["uncompressed_bytes"][1])
    assert pd.isna(table["lpips"][0])


def test_settings_have_columns_of_their_type(table: pd.DataFrame) -> None:
    assert table["method.bits"][0] == 8
    assert pd.isna(table["method.bits"][1])
    assert table["method.base.steps"][0] == 3
    assert table["method.base.on"][0] == True  # noqa: E712 - not the text
    assert table["method.factor"].to_list() == [1, 0.5]
    assert table["method.sizes"][0] == "[1, 2]"
    assert table["method.mode"].to_list() == ['"x"', "3"]
    assert table["dataset.downscale"].to_list() == [1, 1]
    assert "dataset.root" not in table


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for index, row in enumerate(ROWS):
        write_row(tmp_path / f"out/{index}/row.json", row)
    file = tmp_path / "tables/rows.parquet"
    assert main(["report", str(tmp_path / "out"), "--out", str(tmp_path / "r"), "--parquet", str(file)]) == 0
    assert f"{file}: 2 rows" in capsys.readouterr().out
    assert pd.read_parquet(file)["psnr"].to_list() == [30.123456789012345, inf]
    (tmp_path / "a file").write_text("")
    words = ["report", str(tmp_path / "out"), "--out", str(tmp_path / "r"), "--parquet", str(tmp_path / "a file/x")]
    assert main(words) == 2
    assert "a file" in capsys.readouterr().err

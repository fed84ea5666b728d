"""What the page is made of: which pictures, what they show, and that its data can be read back whatever a row says."""

import io
import json
import re
import struct
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import colormaps
from picture_store import HOSTILE, make_store, page_of, truth_of
from PIL import Image
from report_rows import RATES, make_curve, make_row

from nerfzip.benchmark.row import Row, row_text, write_row
from nerfzip.cli import main
from nerfzip.report.page.pictures import choose_views, make_picture
from nerfzip.report.page.provenance import provenance


def data_of(html: str) -> dict[str, Any]:
    """The page's data as a browser's parser finds it."""

    class Parser(HTMLParser):
        found = ""
        inside = False

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            self.inside = ("id", "data") in attrs

        def handle_data(self, data: str) -> None:
            if self.inside:
                self.found += data
                self.inside = False

    parser = Parser()
    parser.feed(html)
    return json.loads(parser.found)


def decoded(uri: str) -> np.ndarray:
    header, _, content = uri.partition(",")
    assert header == "data:image/webp;base64"
    return np.array(Image.open(io.BytesIO(b64decode(content))))


def test_the_command_writes_the_page_with_its_pictures(tmp_path: Path) -> None:
    make_store(tmp_path / "out")
    assert main(["report", str(tmp_path / "out"), "--anchor", "vqrf", "--out", str(tmp_path / "report")]) == 0
    html = (tmp_path / "report" / "report.html").read_text()
    data = data_of(html)
    assert [scene["title"] for scene in data["pictures"]] == ["nerf_synthetic, lego", "nerf_synthetic, ship"]
    assert {label["name"] for label in data["labels"]} == {"vqrf", HOSTILE}
    assert "points of papers are left out of nerf_synthetic: they average 8 scenes, not 2" in html
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//|@import|url\(", html)


def test_pictures_show_the_files(tmp_path: Path) -> None:
    rows = make_store(tmp_path)
    view, *_ = choose_views(rows[:1], [tmp_path / "point-0"])
    picture = make_picture(view)
    # The tiny rate is 8 levels off everywhere.
    expected = 255 * np.array(colormaps["inferno"](round(255 * 8 / 32))[:3])
    assert np.abs(decoded(picture.error).astype(float) - expected).max() < 6
    smooth = [
        np.asarray(Image.fromarray(image).resize((4, 3))).astype(float)
        for image in (decoded(picture.truth), truth_of("lego", 0))
    ]
    assert np.abs(smooth[0] - smooth[1]).mean() < 6
    assert (picture.width, picture.height) == (32, 24)


def test_wide_pictures_are_reduced_and_keep_their_shape(tmp_path: Path) -> None:
    image = np.zeros((300, 1000, 3), dtype=np.uint8)
    for folder in (tmp_path / "point" / "images", tmp_path / "ground_truth" / "f"):
        folder.mkdir(parents=True)
        Image.fromarray(image).save(folder / "000.png")
    row = make_row("a", "lego", "low", images=[{"view": "v", "file": "000.png", "psnr": 1.0}])
    write_row(tmp_path / "point/row.json", row)
    (view,) = choose_views([row], [tmp_path / "point"])
    picture = make_picture(view)
    assert decoded(picture.decoded).shape == decoded(picture.error).shape == (144, 480, 3)
    assert (picture.width, picture.height) == (1000, 300)


@pytest.mark.parametrize("damage", ["missing", "damaged", "of another size"])
def test_a_bad_picture_is_left_out(tmp_path: Path, damage: str) -> None:
    rows = make_store(tmp_path)
    file = tmp_path / "point-0" / "images" / "000.png"
    truth = tmp_path / "ground_truth" / "fingerprint_of_lego" / "002.png"
    if damage == "missing":
        file.unlink()
    elif damage == "damaged":
        file.write_bytes(file.read_bytes()[:100])
    else:
        Image.fromarray(np.zeros((3, 3, 3), dtype=np.uint8)).save(truth)
    made = [make_picture(view) for view in choose_views(rows[:1], [tmp_path / "point-0"])]
    if damage == "of another size":
        assert [picture.error is None for picture in made] == [False, True, False]
    else:
        assert [picture.decoded is None for picture in made] == [True, False, False]
        assert made[0].truth is not None
    assert data_of(page_of(rows, [tmp_path / f"point-{index}" for index in range(len(rows))]))["pictures"]


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    rows = make_store(tmp_path)
    file = tmp_path / "point-0" / "images" / "000.png"
    content = bytearray(file.read_bytes())
    content[16:24] = struct.pack(">II", 100_000, 100_000)
    file.write_bytes(content)
    view, *_ = choose_views(rows[:1], [tmp_path / "point-0"])
    assert make_picture(view).decoded is None


def test_each_picture_is_shown_beside_the_ground_truth_that_it_was_measured_against(tmp_path: Path) -> None:
    """Two loaders made two ground truths of one capture."""
    rows, folders = [], []
    for label, level in (("a", 50), ("b", 200)):
        image = {"view": "v", "file": "000.png", "truth": f"digest{level}", "psnr": 1.0}
        rows.append(make_row(label, "lego", "low", images=[image], fingerprint="f"))
        folders.append(tmp_path / label)
        write_row(tmp_path / label / "row.json", rows[-1])
        for file in (tmp_path / label / "images/000.png", tmp_path / f"ground_truth/f/000-digest{level}.png"):
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((4, 4, 3), level, dtype=np.uint8)).save(file)
    ((views,),) = [[scene["views"] for scene in data_of(page_of(rows, folders))["pictures"]]]
    levels = [(decoded(view["truth"])[0, 0, 0], decoded(view["decoded"][0]["image"])[0, 0, 0]) for view in views]
    assert levels == [(200, 200), (50, 50)]
    assert all(
        (decoded(view["decoded"][0]["error"]) == decoded(views[0]["decoded"][0]["error"])).all() for view in views
    )


def test_a_row_leads_to_no_other_folder(tmp_path: Path) -> None:
    row = make_row("a", "lego", "low", images=[{"view": "v", "file": "../../secret.png"}], fingerprint="../..")
    write_row(tmp_path / "point/row.json", row)
    (view,) = choose_views([row], [tmp_path / "point"])
    assert view.decoded == tmp_path / "point" / "images" / "secret.png"
    assert view.truth.parent.parent == tmp_path / "ground_truth"


def many_rows(out: Path, count: int) -> tuple[list[Row], list[Path]]:
    """Rows without their images, as a report has them, and folders with the whole rows."""
    images = [{"view": str(number), "file": f"{number:03d}.png"} for number in range(5)]
    rows = [
        make_row("a", f"scene {index // 10:03d}", str(index % 10), seed=seed, images=images)
        for index in range(count)
        for seed in (3, 1)
    ]
    folders = [out / f"point-{index}" for index in range(len(rows))]
    for row, folder in zip(rows, folders, strict=True):
        folder.mkdir(parents=True)
        (folder / "row.json").write_text(row_text(row))
    return [replace(row, images={}) for row in rows], folders


def test_pictures_are_bounded(tmp_path: Path) -> None:
    rows, folders = many_rows(tmp_path / "few", 30)
    views = choose_views(rows, folders)
    assert [view.number for view in views[:3]] == [0, 2, 4]
    assert len(views) == 90
    assert {rows[view.row].seed for view in views} == {1}
    rows, folders = many_rows(tmp_path / "some", 500)
    views = choose_views(rows, folders)
    assert len(views) == 120
    assert {view.number for view in views} == {2}
    assert {rows[view.row].scene for view in views} == {f"scene {index:03d}" for index in range(12)}
    assert sum(view.first for view in views) == 1  # One fingerprint, one view.
    assert len(choose_views(*many_rows(tmp_path / "many", 501))) == 30


def test_a_row_without_test_views_has_no_pictures(tmp_path: Path) -> None:
    images = [{"view": "v", "file": "000.png", "split": "train"}]
    rows = [make_row("a", "lego", "low", images=images), make_row("b", "lego", "low")]
    folders = [tmp_path / row.label for row in rows]
    for row, folder in zip(rows, folders, strict=True):
        write_row(folder / "row.json", row)
    assert choose_views(rows, folders) == []


def test_no_folders_no_pictures(tmp_path: Path) -> None:
    rows, _ = many_rows(tmp_path, 3)
    assert choose_views(rows, [None] * len(rows)) == []
    assert "There are no pictures" in page_of(rows, [None] * len(rows))


def test_what_is_not_finite_is_missing() -> None:
    rows = make_curve("a", "lego")
    rows[0].metrics["psnr"] = float("inf")
    data = data_of(page_of(rows, [None] * len(rows)))
    assert [point["values"][0] for point in data["charts"][0]["points"]] == [None, 29.0, 30.0, 31.0]


def test_points_know_their_rows() -> None:
    rows = [row for seed in (1, 0) for row in make_curve("a", "lego", seed=seed) + make_curve("a", "chair", seed=seed)]
    data = data_of(page_of(rows, [None] * len(rows)))
    assert [chart["title"] for chart in data["charts"]] == [
        "nerf_synthetic, mean of 2 scenes",
        "nerf_synthetic, chair",
        "nerf_synthetic, lego",
    ]
    average, chair, _ = (chart["points"][0] for chart in data["charts"])
    assert [(rows[index].scene, rows[index].seed) for index in average["rows"]] == [
        ("chair", 0),
        ("chair", 1),
        ("lego", 0),
        ("lego", 1),
    ]
    assert [rows[index].seed for index in chair["rows"]] == [0, 1]
    assert {rows[index].rate for index in average["rows"]} == {next(iter(RATES))}


def test_provenance_counts_what_differs() -> None:
    rows = [make_row("a", "lego", "low", libraries={"numpy": version}) for version in ("1", "2", "2")]
    found = provenance(rows)
    assert found["libraries"] == ["numpy 1 (1 rows)", "numpy 2 (2 rows)"]
    assert found["device"] == ["cpu"]

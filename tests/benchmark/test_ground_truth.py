"""The views that a report shows: which are kept, what they hold, and that nothing takes them for a point."""

import dataclasses
import shutil
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_method import load_tiny_scene

from nerfzip.benchmark.ground_truth import ground_truth_folder, kept_views, pixel_digest, truth_name
from nerfzip.benchmark.job import keep_ground_truth
from nerfzip.benchmark.store import rows, stored_points
from nerfzip.cli import main

Finished = tuple[Path, list[str]]


@pytest.mark.parametrize(
    ("count", "expected"), [(1, [0]), (2, [0, 1]), (3, [0, 1, 2]), (12, [2, 6, 10]), (200, [33, 100, 166])]
)
def test_evenly_spaced_views_are_kept(count: int, expected: list[int]) -> None:
    assert kept_views(count) == expected


def test_a_job_keeps_what_the_metrics_saw(finished: Finished) -> None:
    out = finished[0] / "out"
    (fingerprint,) = {row.fingerprint for row in rows(out)}
    files = sorted(ground_truth_folder(out, fingerprint).iterdir())
    for row in rows(out):
        assert [truth_name(row.image(number)) for number in range(2)] == [file.name for file in files]
    assert [file.name.partition("-")[0] for file in files] == ["000", "001"]
    assert all((np.array(Image.open(file)) == 153).all() for file in files)


def test_it_is_no_point(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    out = finished[0] / "out"
    assert [point.row.rate for point in stored_points(out) if point.row] == ["coarse", "fine"]
    assert len(stored_points(out)) == 2
    assert main(["status", str(out)]) == 0
    assert "ground_truth" not in capsys.readouterr().out


def test_a_complete_point_of_an_older_version_gets_it(finished: Finished) -> None:
    folder, words = finished
    shutil.rmtree(folder / "out" / "ground_truth")
    assert main(["run", *words]) == 0
    assert len(list((folder / "out" / "ground_truth").rglob("*.png"))) == 2


def test_several_processes_keep_the_same_views(tmp_path: Path) -> None:
    scene = load_tiny_scene(3, 0.2)
    context = get_context("fork")
    processes = [context.Process(target=keep_ground_truth, args=(tmp_path, scene)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    files = sorted(file.name.partition("-")[0] for file in tmp_path.rglob("*") if file.is_file())
    assert files == ["000", "001", "002"]
    assert all((np.array(Image.open(file)) == 51).all() for file in tmp_path.rglob("*.png"))


def test_what_another_loader_makes_of_a_capture_is_kept_beside_it(tmp_path: Path) -> None:
    dark, light = load_tiny_scene(2, 0.2), load_tiny_scene(2, 0.4)
    for scene in (dark, dataclasses.replace(light, fingerprint=dark.fingerprint)):
        keep_ground_truth(tmp_path, scene)
        image = {"file": "001.png", "truth": pixel_digest(scene.test.image(1, scene.background))}
        kept = ground_truth_folder(tmp_path, dark.fingerprint) / truth_name(image)
        assert (np.array(Image.open(kept)) == scene.test.image(1, scene.background).numpy()).all()
    assert len(list(tmp_path.rglob("*.png"))) == 4


def test_images_of_other_shapes_have_other_digests() -> None:
    pixels = torch.arange(24, dtype=torch.uint8).reshape(2, 4, 3)
    assert pixel_digest(pixels) == pixel_digest(pixels.clone())
    others = [pixels.reshape(4, 2, 3), pixels.flip(0), pixels.flip(2), pixels + 1]
    assert len({pixel_digest(other) for other in [pixels, *others]}) == 5


def test_a_row_leads_to_no_file_outside_the_folder() -> None:
    assert truth_name({"file": "../../images/005.png"}) == "005.png"
    assert truth_name({"file": "../005.png", "truth": "../../etc"}) == "etc.png"


def test_a_fingerprint_never_leaves_the_folder(tmp_path: Path) -> None:
    assert ground_truth_folder(tmp_path, "../../etc").parent == tmp_path / "ground_truth"

"""A job from end to end: what it leaves, and what is left when it is cut off."""

import contextlib
import dataclasses
import json
import logging
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from observed import fit_count, pretend_version
from omegaconf import OmegaConf
from PIL import Image
from tiny_method import TinyMethod
from torch import Tensor

from nerfzip import files
from nerfzip.benchmark import decode_worker
from nerfzip.benchmark.environment import library_versions
from nerfzip.benchmark.fit_cache import fit_key
from nerfzip.benchmark.ground_truth import FOLDER
from nerfzip.benchmark.job import encode, point_folder
from nerfzip.benchmark.locks import is_held
from nerfzip.benchmark.row import read_row
from nerfzip.bitstream import tensor_digest, unpack
from nerfzip.cli import main
from nerfzip.config import build, job_configs
from nerfzip.errors import NerfzipError
from nerfzip.kernels.backend import Form, form_for

Finished = tuple[Path, list[str]]


def points(folder: Path) -> dict[str, Path]:
    """The folders of points by rate."""
    return {path.name.split("-")[2]: path for path in (folder / "out").iterdir() if path.name != FOLDER}


def test_the_images_are_the_decoded_ones_and_the_metrics_theirs(finished: Finished) -> None:
    coarse = points(finished[0])["coarse"]
    images = [np.array(Image.open(file)) for file in sorted((coarse / "images").iterdir())]
    # 0.6 on the three levels 0, 0.5 and 1; the truth is 0.6 · 255 = 153.
    assert [image.shape for image in images] == [(12, 16, 3)] * 2
    assert all((image == 128).all() for image in images)
    row = read_row(coarse / "row.json")
    assert math.isclose(row.metrics["psnr"], 20 * math.log10(255 / 25), rel_tol=1e-6)
    assert row.images["view"] == ["view 0", "view 1"]
    assert points(finished[0]).keys() == {"coarse", "fine"}


def test_the_row_holds_all_that_the_result_depends_on(finished: Finished) -> None:
    fine = points(finished[0])["fine"]
    row = read_row(fine / "row.json")
    stream = (fine / "stream.nrz").read_bytes()
    assert row.bytes == len(stream) == sum(row.bytes_by_component.values())
    assert row.bytes_by_component["colour"] == 12
    assert row.uncompressed_bytes == 12
    assert row.digest == tensor_digest({"index": np.full(3, 153, dtype=np.int32)}).hex() == unpack(stream).digest.hex()
    assert (row.method, row.dataset, row.scene, row.rate, row.seed) == ("tiny", "grey", "grey", "fine", 0)
    assert row.config["method_settings"]["levels"] == 256
    assert OmegaConf.to_container(OmegaConf.load(fine / "config.yaml")) == row.config
    assert row.seconds.keys() == {"fit", "compress", "decompress", "render"}
    assert row.libraries["numpy"] == np.__version__
    assert min(row.peak_memory["encode"], row.peak_memory["decode"]) > 50e6
    assert len(row.code_version) == 64
    assert row.device.startswith("cpu: ")


def test_several_rates_fit_once(finished: Finished) -> None:
    folder, _ = finished
    assert fit_count(folder) == 1
    assert [read_row(points(folder)[rate] / "row.json").fit_from_cache for rate in ("coarse", "fine")] == [False, True]


def test_a_complete_job_is_left_as_it_is(finished: Finished, caplog: pytest.LogCaptureFixture) -> None:
    folder, words = finished
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    with caplog.at_level(logging.INFO, "nerfzip"):
        assert main(["run", *words]) == 0
    assert caplog.text.count("complete") == 2
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert {path for path in after if path.name != "lock"} == {path for path in before if path.name != "lock"}
    assert all(after[path] == before[path] for path in before if path.name != "lock")


def test_a_point_is_named_after_the_versions_of_what_computes(tiny: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (config,) = job_configs(tiny)
    scene = build(config.dataset_settings)
    before = point_folder(config, scene)
    for library, changes in (("torch", True), ("numpy", True), ("numba", True), ("rich", False)):
        with monkeypatch.context() as patch:
            pretend_version(patch, library)
            assert (point_folder(config, scene) != before) == changes, library


def test_what_is_installed_meanwhile_changes_no_version(tiny: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process has loaded stays what it was."""
    (config,) = job_configs(tiny)
    scene = build(config.dataset_settings)
    before = point_folder(config, scene), library_versions()
    assert before[1]["lpips"] == metadata.version("lpips")
    assert {"torchvision", "pillow"} <= before[1].keys()
    monkeypatch.setattr(metadata, "version", lambda _: "99.0")
    assert (point_folder(config, scene), library_versions()) == before


def test_a_point_is_named_after_the_files_that_its_method_reads(
    tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (config,) = job_configs(tiny)
    scene, method = build(config.dataset_settings), type(build(config.method_settings))
    names = [(point_folder(config, scene), fit_key(config, scene))]
    for digest in ("a", "b"):
        monkeypatch.setattr(method, "input_digests", lambda self, digest=digest: {"model": digest}, raising=False)
        names.append((point_folder(config, scene), fit_key(config, scene)))
    assert all(len(set(each)) == 3 for each in zip(*names, strict=True))


@pytest.mark.usefixtures("decode_here")
def test_methods_that_share_a_base_share_the_fit(tiny: list[str], tmp_path: Path) -> None:
    assert main(["run", *tiny]) == 0
    assert main(["run", "method=tiny_wrapper", *tiny[1:]]) == 0
    assert fit_count(tmp_path) == 1
    assert main(["run", *tiny, "seed=1"]) == 0
    assert fit_count(tmp_path) == 2


@pytest.mark.usefixtures("decode_here")
def test_a_rate_that_fails_is_recorded_and_the_others_go_on(tiny: list[str], tmp_path: Path) -> None:
    assert main(["run", *tiny, "rate=broken,fine"]) == 1
    broken, fine = points(tmp_path)["broken"], points(tmp_path)["fine"]
    assert json.loads((broken / "failure.json").read_text())["message"] == "levels=1: expected at least 2"
    assert not (broken / "row.json").exists()
    assert read_row(fine / "row.json").rate == "fine"
    assert not (fine / "failure.json").exists()


@pytest.mark.usefixtures("decode_here")
def test_a_file_that_decodes_to_something_else_is_no_result(tiny: list[str], tmp_path: Path) -> None:
    assert main(["run", *tiny, "method.lie=true"]) == 1
    folder = points(tmp_path)["fine"]
    assert "decoded to other tensors" in json.loads((folder / "failure.json").read_text())["message"]
    assert not (folder / "row.json").exists()


def test_the_decoder_reports_a_damaged_file(finished: Finished, tmp_path: Path) -> None:
    point = points(finished[0])["fine"]
    data = bytearray((point / "stream.nrz").read_bytes())
    data[-30] ^= 4
    (tmp_path / "damaged.nrz").write_bytes(data)
    status = decode_worker.main([str(tmp_path / "damaged.nrz"), str(point / "cameras.npz"), str(tmp_path), "cpu"])
    assert status == 1
    assert "damaged.nrz" in json.loads((tmp_path / "decode.json").read_text())["error"]
    assert not (tmp_path / "images").exists()


@pytest.mark.usefixtures("decode_here")
def test_a_row_that_cannot_be_read_is_made_again(
    tiny: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    main(["run", *tiny])
    file = points(tmp_path)["fine"] / "row.json"
    for text in ("", "{", "[]", '{"schema": 1}', '{"schema": "99"}'):
        file.write_text(text)
        with pytest.raises(NerfzipError, match=r"row\.json"):
            read_row(file)
    with caplog.at_level(logging.WARNING, "nerfzip"):
        assert main(["run", *tiny]) == 0
    assert "doing the job again" in caplog.text
    assert read_row(file).rate == "fine"


@pytest.mark.usefixtures("decode_here")
@pytest.mark.parametrize("command", ["run", "sweep"])
def test_a_row_of_a_later_version_is_refused_before_any_work(
    tiny: list[str], tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["run", *tiny])
    file = points(tmp_path)["fine"] / "row.json"
    text = json.dumps({**json.loads(file.read_text()), "schema": 99, "new": 1})
    file.write_text(text)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    capsys.readouterr()
    for words in ([], ["rate=coarse,fine"], ["label=other"]):
        assert main([command, *tiny, *words]) == 2
        assert capsys.readouterr().err.startswith(f"nerfzip: {file}: a row of schema 99, this version of nerfzip reads")
    assert file.read_text() == text
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.usefixtures("decode_here")
def test_cut_off_at_any_write_it_leaves_no_row_and_goes_on(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the place of each rename that puts a file into place, one after the other."""
    rename, done = Path.replace, 0

    def interrupted(path: Path, target: Any) -> Path:
        nonlocal done
        done += 1
        if done == last:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(files.Path, "replace", interrupted)
    status, last = 130, 0
    while status == 130:
        last, done = last + 1, 0
        # What was kept of it is not written again, and the row would not get its turn.
        shutil.rmtree(tmp_path / "out" / FOLDER, ignore_errors=True)
        status = main(["run", *tiny])
        rows = list((tmp_path / "out").rglob("row.json"))
        assert [read_row(row).rate for row in rows] == ([] if status == 130 else ["fine"])
        assert not [path for path in tmp_path.rglob(".*.*")], "a temporary file was left behind"
    assert status == 0
    # Of config.yaml, the fit, the stream, the cameras, two images, decode.json, two views of the ground truth and
    # row.json each was cut off once; when the fit itself was kept, it is not written again.
    assert last == 10
    assert fit_count(tmp_path) == 2


@pytest.mark.usefixtures("decode_here")
def test_a_full_disk_is_one_message_and_the_next_run_goes_on(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR, "nerfzip"):
        patch.setattr(os, "fsync", full)
        assert main(["run", *tiny]) == 1
    assert "No space left on device" in caplog.text
    assert not list(tmp_path.rglob("row.json"))
    assert main(["run", *tiny]) == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
def test_the_decoder_of_a_killed_job_ends_too(tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_DECODE_SECONDS", "3600")
    decoder = tmp_path / "decoder"
    job = subprocess.Popen([sys.executable, "-m", "nerfzip.cli", "run", *tiny], stderr=subprocess.DEVNULL)
    while job.poll() is None and not (decoder.exists() and decoder.read_text()):
        time.sleep(0.05)
    lock = points(tmp_path)["fine"] / "lock"
    assert is_held(lock)
    job.kill()
    job.wait()
    number, end = int(decoder.read_text()), time.monotonic() + 60
    try:
        while is_held(lock) and time.monotonic() < end:
            time.sleep(0.05)
        assert not is_held(lock)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
def test_a_decoder_whose_parent_is_gone_does_not_begin(tmp_path: Path) -> None:
    words = ["stream.nrz", "cameras.npz", str(tmp_path), "cpu", str(os.getppid())]
    worker = subprocess.run([sys.executable, "-m", "nerfzip.benchmark.decode_worker", *words], check=False)
    assert worker.returncode == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_killed_at_random_moments_it_completes_in_the_end(tiny: list[str], tmp_path: Path) -> None:
    moments = random.Random(0)
    command = [sys.executable, "-m", "nerfzip.cli", "run", *tiny, "method.seconds=0.3", "method.base.seconds=0.3"]
    for _ in range(3):
        # Killed once it is under way: starting Python takes the first seconds.
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        assert process.stderr is not None
        process.stderr.readline()
        time.sleep(moments.uniform(0, 4))
        process.send_signal(signal.SIGKILL)
        process.stderr.close()
        process.wait()
        for row in (tmp_path / "out").rglob("row.json"):
            assert read_row(row).rate == "fine"
    assert subprocess.run(command, check=False).returncode == 0
    assert [read_row(row).rate for row in (tmp_path / "out").rglob("row.json")] == ["fine"]


def test_training_views_are_measured_on_request(tiny: list[str], tmp_path: Path) -> None:
    assert main(["run", *tiny, "rate=coarse", "train_views=1"]) == 0
    (folder,) = points(tmp_path).values()
    row = read_row(folder / "row.json")
    assert row.images["split"] == ["test", "test", "train"]
    psnr = row.images["psnr"]
    assert row.metrics["psnr"] == pytest.approx(sum(psnr[:2]) / 2)
    assert row.metrics["psnr_train"] == pytest.approx(psnr[2])


def test_a_negative_number_of_training_views_is_refused(tiny: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", *tiny, "train_views=-1"]) == 2
    assert "train_views=-1: expected an integer of at least 0" in capsys.readouterr().err


def test_fitting_and_compressing_have_the_kernels_that_were_chosen(
    tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (config,) = job_configs(tiny)
    there, forms = SimpleNamespace(device=torch.device("cuda")), list[Form]()

    def looking_at_the_form(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            forms.append(form_for(cast(Tensor, there), in_nerfacc=True))
            return function(*arguments)

        return wrapped

    for name in ("fit", "compress"):
        monkeypatch.setattr(TinyMethod, name, looking_at_the_form(getattr(TinyMethod, name)))
    scene = build(config.dataset_settings)
    encode(dataclasses.replace(config, kernels="nerfacc"), scene)
    assert forms == ["nerfacc", "nerfacc"]
    encode(config, scene)
    assert "nerfacc" not in forms[2:]

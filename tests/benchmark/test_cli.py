"""What the commands print, write and return."""

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from nerfzip.cli import main

Finished = tuple[Path, list[str]]


@pytest.fixture
def file(finished: Finished) -> Path:
    return next((finished[0] / "out").glob("tiny-grey-fine-*/stream.nrz"))


def test_list_names_everything_a_line_each(tiny: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "method=tiny  A tiny method  [rate=coarse, fine (default), broken]" in lines
    assert "method/base=tiny_base" in lines
    assert "dataset=grey  A grey wall" in lines


def test_help_and_list_do_not_import_torch() -> None:
    script = "import sys; from nerfzip.cli import main; main(['list']); print([m for m in sys.modules if m == 'torch'])"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "command",
    [
        "run",
        "sweep",
        "status",
        "encode",
        "decode",
        "render",
        "inspect",
        "verify",
        "compare",
        "new-method",
        "list",
        "doctor",
    ],
)
def test_help_shows_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"nerfzip {command}" in capsys.readouterr().out.partition("example")[2]


def test_the_table_has_a_line_for_each_rate(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    main(["run", *finished[1]])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["coarse", "20.17"] in [line[2:4] for line in lines]
    assert ["fine", "115"] in [[line[2], line[5]] for line in lines if len(line) > 5]


def test_bad_input_is_one_message_without_a_traceback(tiny: list[str]) -> None:
    command = [sys.executable, "-m", "nerfzip.cli", "run", "method=tinny", *tiny[1:]]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == "nerfzip: unknown method 'tinny'; did you mean tiny?\n"
    assert result.stdout == ""


def test_a_target_that_cannot_be_imported_is_one_message(tiny: list[str], tmp_path: Path) -> None:
    (tmp_path / "conf/method/astray.yaml").write_text("_target_: nosuch.Method\n")
    command = [sys.executable, "-m", "nerfzip.cli", "run", *tiny, "method=astray"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("nerfzip: method._target_: nosuch.Method can't be imported")


def test_a_capture_that_cannot_be_loaded_is_bad_input(tiny: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", *tiny, "dataset.views=0"]) == 2
    assert capsys.readouterr().err == "nerfzip: views: 0 images, expected at least 1\n"


def test_a_capture_of_another_kind_is_bad_input_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "method=rerf", "dataset=procedural", f"out={tmp_path / 'out'}"]) == 2
    assert "takes a volumetric video; procedural is a static scene" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_ctrl_c_is_one_line(
    tiny: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import tiny_method

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tiny_method.TinyBase, "fit", interrupted)
    assert main(["run", *tiny]) == 130
    last_line = capsys.readouterr().err.splitlines()[-1]
    assert last_line == "nerfzip: interrupted; the same command goes on where it stopped"


def test_an_unknown_option_gets_the_usage_of_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["sweep", "method=tiny", "--retry-faild"])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("usage: nerfzip sweep ")
    assert said.endswith("unrecognized arguments: --retry-faild; did you mean --retry-failed?\n")


def test_the_device_of_an_encoder_is_a_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["encode", "method=tiny", "--device=cuda"])
    assert "the device is a setting here: device=cuda\n" in capsys.readouterr().err


def test_encode_writes_the_file_that_run_measures(tiny: list[str], file: Path, tmp_path: Path) -> None:
    out = tmp_path / "one.nrz"
    assert main(["encode", *tiny, f"out={out}"]) == 0
    assert out.read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("words", "message"), [(["rate=all"], "3 rates for one file"), (["out=OUT"], "expected the file to write")]
)
def test_encode_wants_one_rate_and_a_file(
    tiny: list[str], words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["encode", *tiny, *words]) == 2
    assert message in capsys.readouterr().err


def test_decode_writes_the_coded_tensors(file: Path, tmp_path: Path) -> None:
    assert main(["decode", str(file), "--out", str(tmp_path / "x.npz")]) == 0
    with np.load(tmp_path / "x.npz", allow_pickle=False) as arrays:
        assert arrays.files == ["index"]
        np.testing.assert_array_equal(arrays["index"], np.full(3, 153))


@pytest.mark.parametrize(
    ("words", "count", "size"),
    [
        (["--orbit", "3", "--size", "20x10"], 3, (20, 10)),
        (["--scene", "dataset=grey", "dataset.shade=0.6"], 2, (16, 12)),
    ],
)
def test_render_writes_images(file: Path, tmp_path: Path, words: list[str], count: int, size: tuple[int, int]) -> None:
    assert main(["render", str(file), *words, "--out", str(tmp_path / "images")]) == 0
    images = [Image.open(path) for path in sorted((tmp_path / "images").iterdir())]
    assert [image.size for image in images] == [size] * count
    assert (np.array(images[0]) == 153).all()


def test_inspect_shows_each_section(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(file)]) == 0
    shown = capsys.readouterr().out
    for words in (["colour", "12", "10.43"], ["container", "103", "89.57"], ["file", "115", "100.00"]):
        assert any([word for word in line.split() if word not in "│┃"] == words for line in shown.splitlines()), words
    assert '"levels": 256' in shown


def test_verify_says_whether_files_are_good(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(file)]) == 0
    assert ": good, tiny, 115 bytes" in capsys.readouterr().out
    cut = tmp_path / "cut.nrz"
    cut.write_bytes(file.read_bytes()[:-1])
    none = tmp_path / "none.nrz"
    assert main(["verify", str(cut), str(file), str(none), str(file)]) == 2
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert [line.partition(", ")[0] for line in lines] == [
        f"{cut}: bad",
        f"{file}: good",
        f"{none}: bad",
        f"{file}: good",
    ]
    assert lines[2] == f"{none}: bad, can't be read: No such file or directory"
    assert printed.err == ""


def test_a_file_of_an_unknown_method_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NERFZIP_CONF")
    assert main(["verify", str(file)]) == 2
    assert "bad, unknown method 'tiny'" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--size", "20"], ["--size", "0x10"], ["--orbit", "0"], ["--orbit", "x"]])
def test_impossible_orbits_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["render", "file.nrz", *words])
    assert stop.value.code == 2
    assert "expected" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["stream.nrz", "tensors", "x.txt"])
def test_decode_never_writes_over_a_bitstream(
    file: Path, tmp_path: Path, out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "stream.nrz"
    copy.write_bytes(file.read_bytes())
    assert main(["decode", str(copy), "--out", str(tmp_path / out)]) == 2
    assert "expected the file to write, NAME.npz" in capsys.readouterr().err
    assert copy.read_bytes() == file.read_bytes()


def test_an_image_too_large_for_memory_is_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["render", str(file), "--size", "100000x100000"])
    assert stop.value.code == 2
    assert "expected at most 8192 pixels a side" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["method.levels=many"], "method.levels: 'many', expected an integer"),
        (["dataset.shade=grey"], "dataset.shade: 'grey', expected a finite number"),
    ],
)
def test_impossible_settings_are_bad_input_before_any_fit(
    tiny: list[str], words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *tiny, *words]) == 2
    assert capsys.readouterr().err.startswith(f"nerfzip: {message}")


def test_encode_finds_out_first_whether_it_can_write(tiny: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["encode", *tiny, "out=/proc/x.nrz"]) == 2
    assert capsys.readouterr().err.splitlines() == ["nerfzip: /proc/x.nrz: can't be written: No such file or directory"]


def test_an_error_of_the_system_is_one_message(
    tiny: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import nerfzip.commands.run

    def forbidden(_: object) -> None:
        raise PermissionError(13, "Permission denied", "private")

    monkeypatch.setattr(nerfzip.commands.run, "job_configs", forbidden)
    assert main(["run", *tiny]) == 2
    assert capsys.readouterr().err == "nerfzip: private: Permission denied\n"


def test_a_static_file_gives_a_video_of_an_orbit(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--video", str(tmp_path / "x.mp4"), "--orbit", "5", "--fps", "10", "--size", "32x16"]
    assert main(["render", str(file), *words]) == 0
    assert "read 115 of the file's 115 bytes" in capsys.readouterr().out
    with av.open(tmp_path / "x.mp4") as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(shown) == 5
    assert all(np.abs(image.astype(int) - 153).max() <= 2 for image in shown)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--frame", "0"], "--frame: FILE is a static scene, which has no frames"),
        (["--frames", "0:2"], "--frames: FILE is a static scene, which has no frames"),
        (["--half"], "--half: on --device auto, expected --device cuda"),
        (["--tf32", "--device", "cpu"], "--tf32: on --device cpu, expected --device cuda"),
        (["--out", "FILE"], "--out FILE: found a file, expected a folder, or the name of a new one"),
        (["--video", "x.mp4", "--path", "still"], "--path still: FILE is a static scene, in which nothing would move"),
    ],
)
def test_what_a_static_file_can_not_do_is_refused(
    file: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", str(file), *[word.replace("FILE", str(file)) for word in words]]) == 2
    assert capsys.readouterr().err == f"nerfzip: {message.replace('FILE', str(file))}\n"

"""Volumetric videos on the command line, with the tiny method."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tiny_video import install, tensors, video_file

from nerfzip.bitstream import frame_section
from nerfzip.cli import main

SMALL = ["--size", "48x32"]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install(tmp_path, monkeypatch)
    path = tmp_path / "ball.nrz"
    path.write_bytes(video_file(20, 5))
    return path


def break_frame(file: Path, index: int) -> None:
    data = bytearray(file.read_bytes())
    data[data.index(frame_section(index).encode()) + 20] ^= 1
    file.write_bytes(data)


def frames_of_video(path: Path) -> tuple[list[np.ndarray], float]:
    with av.open(path) as container:
        stream = container.streams.video[0]
        assert stream.average_rate is not None
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)], float(stream.average_rate)


def test_one_frame_reads_its_key_frame_and_itself(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(file), "--frame", "7", "--orbit", "2", *SMALL]) == 0
    payloads = 21  # of 20 frames with 12 bytes each, and one section of 2 bytes
    size = file.stat().st_size
    read = size - 12 * (payloads - 1) + 24
    assert f"read {read:,} of the file's {size:,} bytes" in capsys.readouterr().out
    images = sorted((file.with_suffix("")).rglob("*.png"))
    assert [image.relative_to(file.with_suffix("")).as_posix() for image in images] == ["0007/000.png", "0007/001.png"]
    assert Image.open(images[0]).size == (48, 32)


@pytest.mark.parametrize(("words", "expected"), [("3:5", [3, 4]), (":2", [0, 1]), ("18:", [18, 19])])
def test_a_range_of_frames(file: Path, tmp_path: Path, words: str, expected: list[int]) -> None:
    assert main(["render", str(file), "--frames", words, "--orbit", "1", *SMALL, "--out", str(tmp_path / "x")]) == 0
    assert [int(folder.name) for folder in sorted((tmp_path / "x").iterdir())] == expected


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov"])
def test_a_still_video_shows_the_frames_in_turn(file: Path, tmp_path: Path, ending: str) -> None:
    video, images = tmp_path / f"ball.{ending}", tmp_path / "images"
    words = ["--frames", "2:9", "--path", "still", "--fps", "12"]
    assert main(["render", str(file), "--video", str(video), *words, *SMALL]) == 0
    shown, rate = frames_of_video(video)
    assert (len(shown), rate) == (7, 12)
    assert main(["render", str(file), "--frames", "2:9", "--orbit", "7", *SMALL, "--out", str(images)]) == 0
    for index, image in enumerate(shown):
        truth = np.array(Image.open(images / f"{index + 2:04d}" / "000.png")).astype(float)
        errors = [np.abs(other.astype(float) - truth).mean() for other in shown]
        assert image.shape == (32, 48, 3)
        assert np.argmin(errors) == index
        assert errors[index] < 12  # colour is coded at half the resolution, and this is tiny


def test_an_orbit_goes_round_once(file: Path, tmp_path: Path) -> None:
    assert main(["render", str(file), "--video", str(tmp_path / "o.mp4"), *SMALL]) == 0
    assert main(["render", str(file), "--frame", "5", "--orbit", "20", *SMALL, "--out", str(tmp_path / "x")]) == 0
    shown, rate = frames_of_video(tmp_path / "o.mp4")
    assert (len(shown), rate) == (20, 30)
    seen = [np.array(Image.open(tmp_path / "x" / "0005" / f"{view:03d}.png")).astype(float) for view in range(20)]
    assert np.argmin([np.abs(shown[5] - image).mean() for image in seen]) == 5
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_scene_is_played_several_times_in_one_round(file: Path, tmp_path: Path) -> None:
    words = ["--frames", "3:5", "--repeat", "4", *SMALL]
    assert main(["render", str(file), "--video", str(tmp_path / "r.mp4"), *words]) == 0
    shown, _ = frames_of_video(tmp_path / "r.mp4")
    assert len(shown) == 8
    assert main(["render", str(file), "--frame", "4", "--orbit", "8", *SMALL, "--out", str(tmp_path / "x")]) == 0
    seen = [np.array(Image.open(tmp_path / "x" / "0004" / f"{view:03d}.png")).astype(float) for view in range(8)]
    assert np.argmin([np.abs(shown[5] - image).mean() for image in seen]) == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "a volumetric video of 20 frames; choose with --frame or --frames"),
        (["--frame", "20"], "has the frames 0 to 19, frame 20 was asked for"),
        (["--frames", "15:21"], "has the frames 0 to 19, frame 20 was asked for"),
        (["--frames", "30:"], "has the frames 0 to 19, frame 30 was asked for"),
        (["--video", "x.gif"], "expected a file that ends in .mp4, .mkv, .mov"),
        (["--video", "x"], "expected a file that ends in .mp4, .mkv, .mov"),
        (["--video", "x.mp4", "--size", "31x32"], "--size 31x32: a video needs an even width and height"),
        (["--video", "x.mp4", "--orbit", "7"], "--orbit: of a volumetric video"),
        (["--video", "x.mp4", "--scene", "dataset=grey"], "--scene: a video is seen from"),
        (["--frame", "1", "--fps", "3"], "--path, --fps and --repeat are of a video"),
        (["--video", "/proc/x.mp4", *SMALL], "/proc/x.mp4: can't be written"),
    ],
)
def test_what_cannot_be_rendered_is_one_message(
    file: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", str(file), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize("words", [["--frame", "-1"], ["--frames", "5"], ["--frames", "5:5"], ["--fps", "1000"]])
def test_impossible_words_are_refused(file: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["render", str(file), *words])
    assert stop.value.code == 2
    assert "expected" in capsys.readouterr().err


def test_what_is_lost_is_named_and_the_rest_plays(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    break_frame(file, 3)
    break_frame(file, 10)
    video = ["--video", str(tmp_path / "x.mp4"), "--path", "still", *SMALL]
    assert main(["render", str(file), *video]) == 2
    assert "frame 3: section 'frame.0003'" in capsys.readouterr().err
    assert not (tmp_path / "x.mp4").exists()
    assert main(["render", str(file), *video, "--recover"]) == 0
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "nerfzip: frame 3: lost",
        "nerfzip: frames 10 to 14 can't be decoded: their key frame 10 is lost or damaged (lost)",
    ]
    assert len(frames_of_video(tmp_path / "x.mp4")[0]) == 14
    assert main(["verify", str(file)]) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert "'frame.0003'" in line
    assert "'frame.0010'" in line


def test_verify_decodes_every_frame(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(file)]) == 0
    assert ": good, tiny_video" in capsys.readouterr().out
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert main(["verify", str(file)]) == 2
    assert "section 'end'" in capsys.readouterr().out


def test_decode_writes_all_frames(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", str(file)]) == 0
    assert "41 tensors of 20 frames" in capsys.readouterr().out
    expected = tensors(20)
    with np.load(file.with_suffix(".npz"), allow_pickle=False) as arrays:
        assert arrays.files == sorted(expected)
        for name in arrays.files:
            np.testing.assert_array_equal(arrays[name], expected[name])


def test_a_wrong_digest_is_found_and_leaves_nothing(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(video_file(20, 5, digest=bytes(16)))
    assert main(["decode", str(file)]) == 2
    assert "decoded to other tensors than were encoded" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ball.nrz", "conf"]
    assert main(["verify", str(file)]) == 2
    assert "decoded to other tensors than were encoded" in capsys.readouterr().out


def test_inspect_is_compact(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(file)]) == 0
    shown = capsys.readouterr().out
    rows = [[word for word in line.split() if word not in "│┃"] for line in shown.splitlines()]
    assert ["5–9", "12", "12", "12", "12", "60"] in rows
    assert ["key", "frames", "48"] in [row[:3] for row in rows]
    assert ["other", "frames", "192"] in [row[:3] for row in rows]
    assert "20 frames in groups of 5" in shown
    file.write_bytes(video_file(600, 4))
    assert main(["inspect", str(file)]) == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) < 50
    assert "130 more groups" in shown

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from projection import assert_dots_are_where_points_project
from tiny_captures import HEIGHT, WIDTH, Capture, edit_json, write_rerf, write_video

from nerfzip.data.rerf import load_rerf
from nerfzip.data.video_files import VideoReader, index_video
from nerfzip.errors import CaptureError


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    return write_rerf(tmp_path_factory.mktemp("rerf"))


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    return write_rerf(tmp_path)


@pytest.mark.parametrize("downscale", [1, 2])
def test_points_of_the_scaled_world_project_onto_their_dots(written: Capture, downscale: int) -> None:
    video = load_rerf(written.root, written.scene, downscale=downscale)
    positions = np.loadtxt(written.folder / "CamPose.inf")[:, 9:]
    middle = positions.mean(axis=0)
    scale = 2 / np.abs(positions - middle).max()
    points = {name: (point - middle) * scale for name, point in written.points.items()}
    scaled = Capture(written.root, written.scene, points, written.pixels)
    assert len(video) == 4
    for number, frame in enumerate(video.frames):
        # Of 0, 1, 2, 4, 5, 6: the second and so on of six, in the middle of quarters.
        assert frame.test.names == tuple(f"camera {camera}, frame {number}" for camera in (0, 2, 4, 6))
        assert frame.train.names == tuple(f"camera {camera}, frame {number}" for camera in (1, 5))
        for views in frame.splits.values():
            assert_dots_are_where_points_project(views, scaled, downscale, 3.5 * scale)
    reach = np.concatenate([views.cameras.camera_to_world[:, :3, 3] for views in video.frames[0].splits.values()])
    assert np.abs(reach).max() <= 2 + 1e-6


def test_box_of_the_file_and_of_the_configuration(capture: Capture) -> None:
    load = {"root": capture.root, "scene": capture.scene, "frames": "1:2"}
    video = load_rerf(**load)
    assert (video.box.minimum, video.box.maximum) == ((-0.5, -0.4, -0.3), (0.5, 0.6, 0.7))
    assert video.background == (1.0, 1.0, 1.0)
    edit_json(capture.folder / "bbox.json", xyz_max=[0.5, 0.6, -0.7])
    with pytest.raises(CaptureError, match=r"bbox\.json: .* expected a maximum above the minimum"):
        load_rerf(**load)
    edit_json(capture.folder / "bbox.json", xyz_max=None)
    with pytest.raises(CaptureError, match=r"bbox\.json: the key 'xyz_max' is missing"):
        load_rerf(**load)
    (capture.folder / "bbox.json").unlink()
    with pytest.raises(CaptureError, match=r"bbox\.json: no such file"):
        load_rerf(**load)
    assert load_rerf(**load, box=((0, 0, 0), (1, 1, 1))).box.maximum == (1, 1, 1)


def test_frames_and_test_cameras_that_are_asked_for(written: Capture) -> None:
    video = load_rerf(written.root, written.scene, frames="0:4:3", test_cameras=[5, 0])
    assert [frame.test.names for frame in video.frames] == [
        ("camera 5, frame 0", "camera 0, frame 0"),
        ("camera 5, frame 3", "camera 0, frame 3"),
    ]
    with pytest.raises(CaptureError, match=r"has no camera 3; it has 0, 1, 2, 4, 5, 6"):
        load_rerf(written.root, written.scene, test_cameras=[3])


def test_the_shortest_video_says_how_many_frames_there_are(capture: Capture) -> None:
    write_video(capture.folder / "mask/005.mp4", [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 2)
    assert len(load_rerf(capture.root, capture.scene)) == 2
    with pytest.raises(CaptureError, match=r"'0:3' goes too far: .*mask/005\.mp4 has 2 frames, 0 to 1"):
        load_rerf(capture.root, capture.scene, frames="0:3")


def test_videos_that_do_not_fit(capture: Capture) -> None:
    write_video(capture.folder / "mask/005.mp4", [np.zeros((HEIGHT + 2, WIDTH, 3), np.uint8)] * 4)
    with pytest.raises(CaptureError, match=r"mask/005\.mp4: 32×26 pixels, expected 32×24 as in .*image/000\.mp4"):
        load_rerf(capture.root, capture.scene)
    (capture.folder / "mask/005.mp4").write_bytes(b"no video")
    with pytest.raises(CaptureError, match=r"mask/005\.mp4: not a video that can be read"):
        load_rerf(capture.root, capture.scene)
    (capture.folder / "mask/005.mp4").unlink()
    with pytest.raises(CaptureError, match=r"mask/005\.mp4: no such video file"):
        load_rerf(capture.root, capture.scene)
    (capture.folder / "image/005.mp4").rename(capture.folder / "image/007.mp4")
    with pytest.raises(CaptureError, match=r"image/007\.mp4: expected NNN\.mp4 with a camera from 0 to 6"):
        load_rerf(capture.root, capture.scene)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("CamPose.inf", "1 0 0 0 1 0 0 0 1 5 5\n", r"camera 0: 11 numbers, expected 12"),
        ("CamPose.inf", "1 0 0 0 1 0 0 0 1 5 5 5\n" * 7, r"positions reach 0, expected finite ones that differ"),
        ("CamPose.inf", "2 0 0 0 1 0 0 0 1 5 5 5\n1 0 0 0 1 0 0 0 1 4 4 4\n", r"21 rows for the 2 cameras"),
        ("CamPose.inf", "x", r"expected rows of numbers"),
        ("Intrinsic.inf", "1 0 0\n0 1 0\n", r"2 rows for the 7 cameras of .*CamPose\.inf, expected 3 for each"),
        ("Intrinsic.inf", "1 0 0\n0 0 0\n0 0 1\n" * 7, r"camera 0, fy: 0, expected a positive number"),
    ],
)
def test_broken_calibration(capture: Capture, file: str, text: str, message: str) -> None:
    (capture.folder / file).write_text(text)
    with pytest.raises(CaptureError, match=message):
        load_rerf(capture.root, capture.scene)


def test_poses_that_are_not_rigid(capture: Capture) -> None:
    rows = np.loadtxt(capture.folder / "CamPose.inf")
    rows[2, :3] *= 1.1
    np.savetxt(capture.folder / "CamPose.inf", rows)
    with pytest.raises(CaptureError, match=r"CamPose\.inf, camera 2: the pose is not rigid"):
        load_rerf(capture.root, capture.scene)


def test_fingerprint_sees_videos_and_settings(capture: Capture) -> None:
    first = load_rerf(capture.root, capture.scene)
    assert load_rerf(capture.root, capture.scene).fingerprint == first.fingerprint
    assert load_rerf(capture.root, capture.scene, frames="0:3").fingerprint != first.fingerprint
    write_video(capture.folder / "mask/005.mp4", [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 4)
    assert load_rerf(capture.root, capture.scene).fingerprint != first.fingerprint


def numbered_frames(path: Path, count: int) -> Path:
    """Frame i is grey with value 5·i."""
    write_video(path, [np.full((48, 64, 3), 5 * number, np.uint8) for number in range(count)], keyframe_every=10)
    return path


def test_frames_in_any_order(tmp_path: Path) -> None:
    video = index_video(numbered_frames(tmp_path / "a.mp4", 45))
    assert (len(video), video.size, video.keyframes) == (45, (64, 48), (0, 10, 20, 30, 40))
    reader = VideoReader()
    order = [*range(12), 44, 0, 0, 25, 24, 26, 40, 39, 9, 10, *np.random.default_rng(0).integers(0, 45, 40).tolist()]
    for number in order:
        assert abs(reader.rgb(video, number).mean() - 5 * number) < 1.5
    with pytest.raises(CaptureError, match=r"a\.mp4: no frame 45; it has frames 0 to 44"):
        reader.rgb(video, 45)


def test_few_videos_are_open_at_a_time(tmp_path: Path) -> None:
    videos = [index_video(numbered_frames(tmp_path / f"{name}.mp4", 12)) for name in "abcd"]
    reader = VideoReader(open_videos=2)
    for number in (0, 7, 11):
        for video in videos:
            assert abs(reader.rgb(video, number).mean() - 5 * number) < 1.5
            assert len(reader) <= 2


def test_a_video_that_changed_on_disk_is_reported(tmp_path: Path) -> None:
    path = numbered_frames(tmp_path / "a.mp4", 20)
    video = index_video(path)
    numbered_frames(path, 5)
    with pytest.raises(CaptureError, match=r"a\.mp4: frame 12 can't be decoded"):
        VideoReader().rgb(video, 12)


PEAK = """
import json, re, sys
from pathlib import Path
from nerfzip.data.video_files import VideoReader, index_video
video, reader = index_video(Path(sys.argv[1])), VideoReader()
sums = [int(reader.rgb(video, number)[0, 0, 0]) for number in range(len(video))]
# Not getrusage: its peak starts with that of the process that started this one.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(json.dumps([len(sums), int(peak[1])]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="peak memory is read from /proc")
def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    """200 frames more are 184 MB of pixels."""
    peaks = {}
    for count in (20, 220):
        path = tmp_path / f"{count}.mp4"
        write_video(path, [np.full((480, 640, 3), number, np.uint8) for number in range(count)], keyframe_every=50)
        result = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, check=True)
        length, peaks[count] = json.loads(result.stdout)
        assert length == count
    assert peaks[220] - peaks[20] < 40_000


def test_a_frame_of_another_size_than_the_video_says(written: Capture) -> None:
    video = index_video(written.folder / "image" / "000.mp4")
    promised = dataclasses.replace(video, size=(WIDTH + 2, HEIGHT))
    with pytest.raises(CaptureError, match=rf"frame 1 has {WIDTH}×{HEIGHT} pixels, expected {WIDTH + 2}×{HEIGHT}"):
        VideoReader().rgb(promised, 1)

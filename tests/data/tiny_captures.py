"""Tiny captures in each format, with a bright dot where that format's own convention puts a known world point.

The arithmetic here is the formats', not nerfzip's: numpy, native axes, full-size pixels.
"""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import av
import h5py
import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

WIDTH, HEIGHT, FOCAL = 32, 24, 40.0


@dataclass
class Capture:
    """Where it lies, and by view name: the world point, and the top left pixel of its dot."""

    root: Path
    scene: str
    points: dict[str, np.ndarray]
    pixels: dict[str, tuple[int, int]]

    @property
    def folder(self) -> Path:
        return self.root / self.scene


def look_at_origin_opengl(rng: np.random.Generator) -> np.ndarray:
    """A camera 4 away from the origin with its −z axis towards it, turned at random."""
    rotation = Rotation.random(random_state=int(rng.integers(1 << 30))).as_matrix()
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, 4 * rotation[:, 2]
    return pose


def world_point(pose: np.ndarray, column: float, row: float, axes: str, centre: tuple[float, float]) -> np.ndarray:
    """The point 3.5 deep that a camera with the given axes ("opengl" or "opencv") sees at the pixel coordinates."""
    x, y = (column - centre[0]) / FOCAL * 3.5, (row - centre[1]) / FOCAL * 3.5
    local = np.array([x, -y, -3.5] if axes == "opengl" else [x, y, 3.5])
    return pose[:3, :3] @ local + pose[:3, 3]


def dot_image(column: int, row: int, mode: str) -> Image.Image:
    """A red dot of 2×2 pixels with its top left pixel at (column, row), on a clear or black ground."""
    ground = {"RGBA": (0, 0, 0, 0), "RGB": (0, 0, 0)}[mode]
    image = Image.new(mode, (WIDTH, HEIGHT), ground)
    image.paste((255, 0, 0, 255)[: len(mode)], (column, row, column + 2, row + 2))
    return image


def _dot(rng: np.random.Generator) -> tuple[int, int]:
    """Even coordinates, so that the dot fills one pixel after downscaling by two."""
    return 2 * int(rng.integers(WIDTH // 2)), 2 * int(rng.integers(HEIGHT // 2))


def write_nerf_synthetic(root: Path, splits: tuple[str, ...] = ("train", "test", "val")) -> Capture:
    rng = np.random.default_rng(1)
    capture = Capture(root, "toy", {}, {})
    for split in splits:
        (capture.folder / split).mkdir(parents=True)
        frames = []
        for index in range(3):
            pose, (column, row) = look_at_origin_opengl(rng), _dot(rng)
            name = f"./{split}/r_{index}"
            dot_image(column, row, "RGBA").save(capture.folder / f"{name}.png")
            capture.points[name] = world_point(pose, column + 1, row + 1, "opengl", (WIDTH / 2, HEIGHT / 2))
            capture.pixels[name] = column, row
            frames.append({"file_path": name, "rotation": 0.1, "transform_matrix": pose.tolist()})
        document = {"camera_angle_x": 2 * np.arctan(0.5 * WIDTH / FOCAL), "frames": frames}
        (capture.folder / f"transforms_{split}.json").write_text(json.dumps(document))
    return capture


def write_nsvf(root: Path, scene: str = "Toad", packaging: str = "synthetic") -> Capture:
    """`packaging` is "synthetic" (0 1 2, focal length first) or "tanks" (0 1, a matrix with a shifted centre, RGB)."""
    rng = np.random.default_rng(2)
    capture = Capture(root, scene, {}, {})
    for folder in ("rgb", "pose"):
        (capture.folder / folder).mkdir(parents=True)
    prefixes = ("0_train", "1_val", "2_test") if packaging == "synthetic" else ("0", "1")
    centre = (WIDTH / 2, HEIGHT / 2) if packaging == "synthetic" else (WIDTH / 2 + 1.5, HEIGHT / 2 - 2.25)
    for prefix in prefixes:
        for index in range(3):
            pose = look_at_origin_opengl(rng) @ np.diag([1.0, -1.0, -1.0, 1.0])
            (column, row), name = _dot(rng), f"{prefix}_{index:04d}"
            mode = "RGBA" if packaging == "synthetic" else "RGB"
            dot_image(column, row, mode).save(capture.folder / "rgb" / f"{name}.png")
            np.savetxt(capture.folder / "pose" / f"{name}.txt", pose)
            capture.points[f"{name}.png"] = world_point(pose, column + 1, row + 1, "opencv", centre)
            capture.pixels[f"{name}.png"] = column, row
    if packaging == "synthetic":
        text = f"{FOCAL} {centre[0]} {centre[1]} 0.\n0. 0. 0.\n0.\n1.\n{HEIGHT} {WIDTH}\n"
    else:
        text = f"{FOCAL} 0 {centre[0]} 0\n0 {FOCAL} {centre[1]} 0\n0 0 1 0\n0 0 0 1\n"
    (capture.folder / "intrinsics.txt").write_text(text)
    (capture.folder / "bbox.txt").write_text("-1.0 -0.5 -2.0 1.0 1.5 2.0 0.4\n")
    return capture


def write_instant_ngp(root: Path, frames: int = 20, missing: tuple[int, ...] = ()) -> Capture:
    rng = np.random.default_rng(3)
    capture = Capture(root, "photos", {}, {})
    (capture.folder / "images").mkdir(parents=True)
    entries = []
    centre = (WIDTH / 2 - 1.25, HEIGHT / 2 + 0.75)
    for index in range(frames):
        pose, (column, row), name = look_at_origin_opengl(rng), _dot(rng), f"images/{index:04d}.png"
        if index not in missing:
            dot_image(column, row, "RGB").save(capture.folder / name)
        capture.points[name] = world_point(pose, column + 1, row + 1, "opengl", centre)
        capture.pixels[name] = column, row
        entries.append({"file_path": name, "sharpness": 30.0, "transform_matrix": pose.tolist()})
    document = {
        "camera_angle_x": 0.7,
        "fl_x": FOCAL,
        "fl_y": FOCAL,
        "cx": centre[0],
        "cy": centre[1],
        "w": float(WIDTH),
        "h": float(HEIGHT),
        "aabb_scale": 4,
        "frames": entries,
    }
    (capture.folder / "transforms.json").write_text(json.dumps(document))
    return capture


def write_objaverse(root: Path) -> Capture:
    """Forty views of one object: eight and four around each, as the camera file names them."""
    rng = np.random.default_rng(9)
    capture = Capture(root, "cake", {}, {})
    capture.folder.mkdir(parents=True)
    names = [f"view_{index}" for index in range(8)]
    names += [f"view_{index}_{other}_10" for index in range(8) for other in range(4)]
    poses = {}
    for name in names:
        pose, (column, row) = look_at_origin_opengl(rng), _dot(rng)
        poses[name] = pose.tolist()
        file = f"{name}_gt.png" if name.endswith("_10") else f"{name}.png"
        dot_image(column, row, "RGBA").save(capture.folder / file)
        capture.points[file] = world_point(pose, column + 1, row + 1, "opengl", own_centre(1))
        capture.pixels[file] = column, row
        if name.endswith("_10"):
            Image.new("RGB", (8, 8)).save(capture.folder / f"{name}.png")
    document = {"intrinsics": own_matrix(1).tolist(), "near_far": [0.5, 1.8], "c2ws": poses}
    (root / "One2345_training_pose.json").write_text(json.dumps(document))
    return capture


def write_gso(root: Path, frames: int = 8) -> Capture:
    """Positions of the cameras in the file are one and a half of what they are after loading."""
    rng = np.random.default_rng(10)
    capture = Capture(root, "Toy_Robot", {}, {})
    capture.folder.mkdir(parents=True)
    entries = []
    for index in range(frames):
        pose, (column, row), name = look_at_origin_opengl(rng), _dot(rng), f"r_{index:03d}.png"
        dot_image(column, row, "RGBA").save(capture.folder / name)
        capture.points[name] = world_point(pose, column + 1, row + 1, "opengl", own_centre(index))
        capture.pixels[name] = column, row
        pose[:3, 3] *= 1.5
        matrix = own_matrix(index).tolist()
        entries.append({"file_path": name, "intrinsic_matrix": matrix, "transform_matrix": pose.tolist()})
    document = {"frames": entries, "offset": [0.0, 0.0, 0.0], "scale": 12.0}
    (capture.folder / "transforms.json").write_text(json.dumps(document))
    return capture


def write_dtu(root: Path, with_scale: bool = True) -> Capture:
    """Forty-nine views. The world is that of the capture after loading, grown sevenfold and moved; matrices are 4×4,
    each times some number, here and there a negative one."""
    rng = np.random.default_rng(11)
    capture = Capture(root, "scan8", {}, {})
    (capture.folder / "image").mkdir(parents=True)
    scale = np.diag([7.0, 7.0, 7.0, 1.0])
    scale[:3, 3] = [1.0, -2.0, 3.0]
    matrices = {}
    for index in range(49):
        pose, (column, row) = look_at_origin_opengl(rng) @ np.diag([1.0, -1.0, -1.0, 1.0]), _dot(rng)
        name = f"{index:06d}.png"
        dot_image(column, row, "RGB").save(capture.folder / "image" / name)
        capture.points[name] = world_point(pose, column + 1, row + 1, "opencv", own_centre(1))
        capture.pixels[name] = column, row
        if with_scale:
            pose[:3, 3] = 7 * pose[:3, 3] + scale[:3, 3]
            matrices[f"scale_mat_{index}"] = scale
        projection = np.eye(4)
        projection[:3] = own_matrix(1) @ np.linalg.inv(pose)[:3]
        projection[:3] *= rng.choice([-3.0, 1.0, 0.01])
        matrices[f"world_mat_{index}"] = projection.astype(np.float64)
    np.savez(capture.folder / "cameras.npz", **matrices)
    return capture


def edit_json(path: Path, **changes: object) -> None:
    """Set top-level keys; a value of None removes the key."""
    document = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))


def _dots(capture: Capture, rng: np.random.Generator, cameras: range | list[int], frames: int) -> dict[int, np.ndarray]:
    """Poses (OpenCV axes) of cameras, and in each of their frames a dot; the principal point is the camera's own."""
    poses = {}
    for camera in cameras:
        poses[camera] = look_at_origin_opengl(rng) @ np.diag([1.0, -1.0, -1.0, 1.0])
        for frame in range(frames):
            (column, row), name = _dot(rng), f"camera {camera}, frame {frame}"
            capture.pixels[name] = column, row
            capture.points[name] = world_point(poses[camera], column + 1, row + 1, "opencv", own_centre(camera))
    return poses


def own_centre(camera: int) -> tuple[float, float]:
    return WIDTH / 2 + 0.25 * camera, HEIGHT / 2 - 0.5 * camera


def own_matrix(camera: int) -> np.ndarray:
    cx, cy = own_centre(camera)
    return np.array([[FOCAL, 0, cx], [0, FOCAL, cy], [0, 0, 1]])


def write_panoptic(root: Path, frames: int = 4) -> Capture:
    """Cameras 2, 1, 5, 9 in this order, whose numbers are no positions, and camera 0 for test, without a mask."""
    rng = np.random.default_rng(4)
    capture = Capture(root, "juggle", {}, {})
    cameras = [2, 1, 5, 9]
    poses = _dots(capture, rng, [*cameras, 0], frames)
    for camera in poses:
        for folder in ("ims", "seg") if camera else ("ims",):
            (capture.folder / folder / str(camera)).mkdir(parents=True)
        for frame in range(frames):
            column, row = capture.pixels[f"camera {camera}, frame {frame}"]
            name = f"{camera}/{frame:06d}"
            dot_image(column, row, "RGB").save(capture.folder / f"ims/{name}.jpg", quality=100, subsampling=0)
            if camera:
                dot_image(column, row, "RGBA").split()[3].convert("1").save(capture.folder / f"seg/{name}.png")
    for split, numbers in (("train", cameras), ("test", [0])):
        document = {
            "w": WIDTH,
            "h": HEIGHT,
            "k": [[own_matrix(camera).tolist() for camera in numbers]] * frames,
            "w2c": [[np.linalg.inv(poses[camera]).tolist() for camera in numbers]] * frames,
            "fn": [[f"{camera}/{frame:06d}.jpg" for camera in numbers] for frame in range(frames)],
            "cam_id": [numbers] * frames,
        }
        (capture.folder / f"{split}_meta.json").write_text(json.dumps(document))
    return capture


def write_video(path: Path, images: list[np.ndarray], keyframe_every: int = 3) -> None:
    """RGB images as H.264, lossless but for the conversion to YCbCr, with frames that refer to later ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        options = {"qp": "0", "g": str(keyframe_every), "bf": "2"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def write_rerf(root: Path, frames: int = 4, without_video: tuple[int, ...] = (3,)) -> Capture:
    """Seven cameras in the calibration, and videos of those that are not in `without_video`."""
    rng = np.random.default_rng(6)
    capture = Capture(root, "dance", {}, {})
    capture.folder.mkdir(parents=True)
    poses = _dots(capture, rng, range(7), frames)
    rows, matrices = [], []
    for camera, pose in poses.items():
        rows.append(np.concatenate([pose[:3, 2], pose[:3, 0], pose[:3, 1], pose[:3, 3]]))
        matrices.append("\n".join(" ".join(str(entry) for entry in row) for row in own_matrix(camera)))
        dots = [dot_image(*capture.pixels[f"camera {camera}, frame {frame}"], "RGBA") for frame in range(frames)]
        if camera not in without_video:
            name = f"{camera:03d}.mp4"
            write_video(capture.folder / "image" / name, [np.asarray(dot)[..., :3] for dot in dots])
            write_video(capture.folder / "mask" / name, [np.asarray(dot)[..., [3, 3, 3]] for dot in dots])
    np.savetxt(capture.folder / "CamPose.inf", rows)
    (capture.folder / "Intrinsic.inf").write_text("\n\n".join(matrices) + "\n")
    (capture.folder / "bbox.json").write_text('{"xyz_min": [-0.5, -0.4, -0.3], "xyz_max": [0.5, 0.6, 0.7]}')
    return capture


def encoded(image: Image.Image, kind: str) -> np.ndarray:
    """The bytes of an image file as an array, as `.smc` files hold them."""
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **({"quality": 100, "subsampling": 0} if kind == "jpeg" else {}))
    return np.frombuffer(buffer.getvalue(), dtype=np.uint8)


def write_dna_rendering(root: Path, frames: int = 3) -> Capture:
    """Cameras 0, 1, 2, 10 of 5 megapixels, with lenses that do not distort, and camera 48, of 12 megapixels."""
    rng = np.random.default_rng(7)
    capture = Capture(root, "0012_11", {}, {})
    cameras = [0, 1, 2, 10]
    poses = _dots(capture, rng, cameras, frames)
    with h5py.File(root / "0012_11.smc", "w") as main, h5py.File(root / "0012_11_annots.smc", "w") as annotations:
        main["Camera_12mp/48/color/0"] = encoded(Image.new("RGB", (8, 8)), "jpeg")
        for camera in cameras:
            calibration = annotations.create_group(f"Camera_Parameter/{camera:02d}")
            calibration["K"], calibration["D"], calibration["RT"] = own_matrix(camera), np.zeros(5), poses[camera]
            calibration["Color_Calibration"] = np.eye(3)
            for frame in range(frames):
                dot = dot_image(*capture.pixels[f"camera {camera}, frame {frame}"], "RGBA")
                main[f"Camera_5mp/{camera}/color/{frame}"] = encoded(dot.convert("RGB"), "jpeg")
                # Of a mask the largest channel counts.
                mask = Image.merge("RGB", [Image.new("L", dot.size), dot.split()[3], Image.new("L", dot.size)])
                annotations[f"Mask/{camera}/mask/{frame}"] = encoded(mask, "png")
    return capture


def write_annots(folder: Path, cams: dict[str, object], ims: list[object]) -> None:
    """As EasyMocap does: a pickled dictionary."""
    np.save(folder / "annots.npy", {"cams": cams, "ims": ims}, allow_pickle=True)  # type: ignore[arg-type]


def write_easymocap(root: Path, masks: str = "mask", frames: int = 3, first_frame: int = 0) -> Capture:
    """Four cameras whose lenses do not distort. Masks are red, and a frame's vertices in a cube of a growing size.

    The principal points are OpenCV's, half a pixel less than `own_matrix` says. Views are named by camera and frame.
    """
    rng = np.random.default_rng(8)
    capture = Capture(root, "toy", {}, {})
    (capture.folder / "vertices").mkdir(parents=True)
    poses = _dots(capture, rng, range(4), first_frame + frames)
    cams: dict[str, list] = {"K": [], "D": [], "R": [], "T": []}
    numbers = range(first_frame, first_frame + frames)
    for camera, pose in poses.items():
        world_to_camera = np.linalg.inv(pose)
        cams["K"].append(own_matrix(camera) - [[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
        cams["D"].append(np.zeros((1, 5)))
        cams["R"].append(world_to_camera[:3, :3])
        cams["T"].append(1000 * world_to_camera[:3, 3:])
        for folder in ("images", masks):
            (capture.folder / folder / f"{camera:02d}").mkdir(parents=True)
        for frame in numbers:
            name = f"{camera:02d}/{frame:06d}"
            dot = dot_image(*capture.pixels[f"camera {camera}, frame {frame}"], "RGB")
            dot.save(capture.folder / f"images/{name}.jpg", quality=100, subsampling=0)
            dot.save(capture.folder / masks / f"{name}.png")
    for index, frame in enumerate(numbers):
        name = f"{frame}" if index % 2 else f"{frame:06d}"
        corners = (1 + index) * np.array([[-0.25, -0.5, -0.75], [0.25, 0.5, 0.75]])
        np.save(capture.folder / "vertices" / f"{name}.npy", corners)
    ims = [{"ims": [f"images/{camera:02d}/{frame:06d}.jpg" for camera in poses]} for frame in numbers]
    write_annots(capture.folder, cams, ims)  # type: ignore[arg-type]
    return capture

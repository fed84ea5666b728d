"""Tiny captures in each format, with a bright dot where that format's own convention puts a known world point.

The arithmetic here is the formats', not nerfzip's: numpy, native axes, full-size pixels.
"""

import json
from dataclasses import dataclass
from pathlib import Path

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


def edit_json(path: Path, **changes: object) -> None:
    """Set top-level keys; a value of None removes the key."""
    document = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))

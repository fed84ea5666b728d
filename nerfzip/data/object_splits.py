"""Views of an object in three splits: what an encoder sees, what fine-tuning sees, and what neither sees."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from nerfzip.data.images import Rgba
from nerfzip.data.scene import Views
from nerfzip.data.views import Size, make_views
from nerfzip.geometry import Cameras


def split_views(
    cameras: Cameras,
    files: Sequence[Path],
    size: Size,
    downscale: int,
    source: Collection[int],
    train: Collection[int],
    unused: Collection[int] = (),
    crop: Callable[[Rgba], Rgba] | None = None,
) -> dict[str, Views]:
    """`source`, `train` and, of what is in neither, `test`.

    Args:
        cameras: of all views, as they are after cropping.
        files: of each.
        size: width and height that every file must have.
        unused: views that are not for testing either.
        crop: what is used of an image.

    Raises:
        CaptureError: an image is missing or of another size.
    """
    known = {*source, *train, *unused}
    indices = {
        "train": sorted(train),
        "test": [index for index in range(len(files)) if index not in known],
        "source": sorted(source),
    }
    views = {}
    for split, members in indices.items():
        paths = [files[index] for index in members]
        of_split = Cameras(cameras.camera_to_world[members], cameras.intrinsics[members], cameras.width, cameras.height)
        views[split] = make_views(of_split, [path.name for path in paths], paths, size, downscale, crop)
    return views

"""Rendered views on disk, each a PNG file that is made when it is first asked for.

Behind the end of the PNG, where viewers don't look, stands the SHA-256 of what comes before: a file that is damaged in
any way is made again. Files appear whole or not at all, so several processes may fill one folder.
"""

import hashlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from nerfzip.errors import NerfzipError
from nerfzip.files import user_cache, write_atomically

DIGEST_BYTES = hashlib.sha256().digest_size


def default_folder() -> Path:
    """`nerfzip/procedural` in the user's cache: $XDG_CACHE_HOME, or ~/.cache."""
    return user_cache("procedural")


def _read(path: Path) -> UInt8[np.ndarray, "height width 4"] | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    png, digest = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
    if hashlib.sha256(png).digest() != digest:
        return None
    return np.asarray(Image.open(io.BytesIO(png)))


def _write(path: Path, image: UInt8[np.ndarray, "height width 4"]) -> None:
    png = io.BytesIO()
    Image.fromarray(image).save(png, format="png")
    write_atomically(path, png.getvalue() + hashlib.sha256(png.getvalue()).digest())


def cached_image(
    path: Path, make: Callable[[], UInt8[np.ndarray, "height width 4"]]
) -> UInt8[np.ndarray, "height width 4"]:
    """The image at `path`, or, where there is none or it is damaged, what `make` returns, stored for the next time.

    A cache that can't be written costs a warning and the time to make the image again.
    """
    image = _read(path)
    if image is None:
        image = make()
        try:
            _write(path, image)
        except NerfzipError as error:
            warnings.warn(f"views of the embedded scene are traced again whenever they are read: {error}", stacklevel=2)
    return image

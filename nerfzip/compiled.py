"""Where compiled kernels are kept between runs."""

import hashlib
import os
import tempfile
from pathlib import Path

ROOMS = ("nerfzip/kernels", "nerfzip/entropy", "nerfzip/data", "methods")


def choose_cache_folder() -> None:
    """Let numba keep its machine code in a folder of its own for each state of the sources; $NUMBA_CACHE_DIR wins.

    Numba looks for changes in the file of a kernel only. Kernels inline functions of other files: after an edit there,
    or an update, it would go on with the old code, and a decoder could disagree with its encoder.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nerfzip"
    try:
        home.mkdir(parents=True, exist_ok=True)
        writable = os.access(home, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        home = Path(tempfile.gettempdir()) / f"nerfzip-{os.getuid()}"
    os.environ["NUMBA_CACHE_DIR"] = str(home / "compiled" / _digest_of_sources())


def _digest_of_sources() -> str:
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]

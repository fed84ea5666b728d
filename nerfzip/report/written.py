"""What a report wrote to its folder, so that the next one can take away what is out of date and nothing else.

The list is `files.sha256`, in the form of the tool sha256sum. A name is added before its file is written, so however a
report ends, the list has every file of it. A file that was changed since has another hash, and is the user's.
"""

from collections import defaultdict
from hashlib import sha256
from pathlib import Path

from nerfzip.errors import NerfzipError
from nerfzip.files import write_atomically

LIST = "files.sha256"


def write_listed(path: Path, data: bytes) -> None:
    """Write a file of a report.

    Raises:
        NerfzipError: its folder can't be written.
    """
    try:
        with (path.parent / LIST).open("a") as file:
            # A new line first: the last one may have been cut short.
            file.write(f"\n{_line(sha256(data).hexdigest(), path.name)}")
    except OSError as error:
        raise NerfzipError(f"{path}: can't be written: {error.strerror or error}") from error
    write_atomically(path, data)


def remove_stale(folder: Path, written: list[Path]) -> None:
    """Remove the listed files that are not among those written last, unless they were changed, and list the latter."""
    current = {path.name for path in written}
    for name, digests in _listed(folder).items():
        file = folder / name
        # Nothing outside the folder, whatever somebody wrote into the list.
        ours = Path(name).name == name and file.is_file() and not file.is_symlink()
        if ours and name not in current and _digest(file) in digests:
            file.unlink()
    write_atomically(folder / LIST, "".join(_line(_digest(path), path.name) for path in written).encode())


def _digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def _line(digest: str, name: str) -> str:
    return f"{digest}  {name}\n"


def _listed(folder: Path) -> dict[str, set[str]]:
    """The hashes that each name is listed with; a last line that is cut short can't match any file."""
    found: dict[str, set[str]] = defaultdict(set)
    for line in (folder / LIST).read_text(errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        found[name].add(digest)
    return found

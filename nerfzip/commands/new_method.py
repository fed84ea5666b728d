"""`nerfzip new-method`: the files of a method that runs as it stands, to be replaced part by part."""

import importlib.util
import keyword
import os
import re
import shlex
from argparse import Namespace
from pathlib import Path

import nerfzip
from nerfzip import registry
from nerfzip.errors import ConfigError, NerfzipError
from nerfzip.files import check_writable, write_atomically

SKELETON = "skeleton"
"""The name of the method in the files that are copied, and of their folder."""
OWN_FOLDERS = ("conf", "tests")
"""Beside the method's package in a folder of the user's."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")  # as long as a file can hold it


def main(arguments: Namespace) -> int:
    name: str = arguments.name
    checkout = checkout_of_nerfzip()
    folder = arguments.out or (Path() if _same(checkout, Path.cwd()) else Path(name))
    own = not _same(checkout, folder)
    files = skeleton_files(name, own)
    check_name(name, folder, files, own)
    for file in files:
        check_writable(folder / file)
    for file, text in files.items():
        write_atomically(folder / file, text.encode())
        print(folder / file)
    print("\nIt runs as it stands:\n")
    for line in _next_commands(name, folder, own):
        print(f"    {line}")
    print("\nThen replace its parts: docs/add-a-method.md says what they promise.")
    return 0


def checkout_of_nerfzip() -> Path | None:
    """The root of the clone that this nerfzip runs in; None if it is installed elsewhere."""
    root = Path(nerfzip.__file__).parents[1]
    return root if (root / "conf" / "config.yaml").is_file() and (root / "methods").is_dir() else None


def skeleton_files(name: str, own: bool) -> dict[str, str]:
    """The text of each file by its path.

    Args:
        own: whether the method is a package of the user's; else it is one of nerfzip's own.
    """
    package, tests = (name, "tests") if own else (f"methods/{name}", f"tests/methods/{name}")
    class_name = "".join(part.capitalize() for part in name.split("_")) + "Method"

    def text(file: str) -> str:
        source = (Path(nerfzip.__file__).parent / SKELETON / file).read_text()
        return source.replace("SkeletonMethod", class_name).replace(SKELETON, name)

    target = f"_target_: {package.replace('/', '.')}."
    return {
        f"{package}/__init__.py": f'"""The method {name}, see README.md."""\n',
        f"{package}/method.py": text("method.py"),
        f"{package}/README.md": text("README.md"),
        f"conf/method/{name}.yaml": text("method.yaml").replace(f"_target_: {name}.", target),
        f"{tests}/test_{name}_method.py": text(f"test_{SKELETON}.py"),
    }


def check_name(name: str, folder: Path, files: dict[str, str], own: bool) -> None:
    """Whether a method can be called that, and written to the folder.

    Raises:
        ConfigError: it is no name of a package, a method or another package has it.
        NerfzipError: one of the files exists.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigError(
            f"{name!r}: expected a name for a Python package: at most 64 lower-case letters, digits and underscores,"
            " the first a letter, and no word of the language"
        )
    if name in registry.names("method"):
        raise ConfigError(f"{name}: there is a method of this name, {registry.yaml_file('method', name)}")
    for file in files:
        if (folder / file).exists():
            raise NerfzipError(f"{folder / file}: exists, and is not written over")
    if own and name in OWN_FOLDERS:
        raise ConfigError(f"{name}: this folder is for the method's {name}; expected another name")
    if own and (place := _package(name, folder)):
        raise ConfigError(f"{name}: would hide the package at {place}; expected another name")


def _package(name: str, folder: Path) -> str | None:
    """Where Python finds another package or module of this name."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return None
    if spec.submodule_search_locations is None or spec.origin is not None:
        return spec.origin
    # A folder without code is a package too, if Python was started beside it, as is the one that is written to.
    places = [place for place in spec.submodule_search_locations if not _same(Path(place), folder)]
    return places[0] if places else None


def _next_commands(name: str, folder: Path, own: bool) -> list[str]:
    small = "dataset=procedural dataset.resolution=100 dataset.views=30 method.base.fine.voxels=300000"
    run = f"nerfzip run method={name} rate=all {small} out=outputs/{name}"
    if not own:
        return [run, f"python -m pytest tests/methods/test_contract.py tests/methods/{name} -k {name}"]
    place = folder.absolute()
    known = [_prepended(registry.EXTRA_FOLDERS, place / "conf"), _prepended("PYTHONPATH", place)]
    return [f"export {' '.join(known)}", run, f"python -m pytest {shlex.quote(str(folder / 'tests'))}"]


def _prepended(variable: str, path: Path) -> str:
    """In the words of a shell; what the variable holds now is kept."""
    kept = f':"${variable}"' if os.environ.get(variable) else ""
    return f"{variable}={shlex.quote(str(path))}{kept}"


def _same(a: Path | None, b: Path) -> bool:
    return a is not None and a.resolve() == b.resolve()

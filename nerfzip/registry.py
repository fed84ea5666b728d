"""Which methods, bases, rates and data sets there are: the YAML files of the configuration folders."""

import difflib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nerfzip.errors import ConfigError

EXTRA_FOLDERS = "NERFZIP_CONF"
"""Environment variable: further folders with the layout of conf/, separated as in PATH. They add names."""


def conf_folders() -> list[Path]:
    """The folder conf/ of nerfzip (inside the package in a wheel, beside it in a checkout), then the user's own."""
    package = Path(__file__).parent
    own = next((path for path in (package / "conf", package.parent / "conf") if (path / "config.yaml").is_file()), None)
    if own is None:
        raise ConfigError(f"{package}: the installation has no conf/config.yaml beside or inside the package")
    extra = [Path(folder).absolute() for folder in os.environ.get(EXTRA_FOLDERS, "").split(os.pathsep) if folder]
    for folder in extra:
        if not folder.is_dir():
            raise ConfigError(f"{EXTRA_FOLDERS}: {folder} is not a folder")
    return [own, *extra]


def names(group: str) -> list[str]:
    """The names in a group such as "method", "method/base" or "dataset"; "vqrf/paper" is a variant of "vqrf"."""
    found = {
        path.relative_to(folder / group).with_suffix("").as_posix()
        for folder in conf_folders()
        for path in (folder / group).rglob("*.yaml")
    }
    return sorted(
        name for name in found if f"{group}/{name}".rpartition("/")[0] == group or name.split("/")[0] in found
    )


def yaml_file(group: str, name: str) -> Path:
    """The file that defines `name`.

    Raises:
        ConfigError: there is none; the message offers the nearest names.
    """
    check_name(group, name, names(group))
    return next(path for folder in conf_folders() if (path := folder / group / f"{name}.yaml").is_file())


def description(group: str, name: str) -> str:
    """The first line of the YAML file, if it is a comment; Hydra's own header, such as `# @package`, is no line."""
    lines = yaml_file(group, name).read_text().splitlines()
    first_line = next((line for line in lines if not line.startswith("# @")), "")
    return first_line.removeprefix("#").strip() if first_line.startswith("#") else ""


def rate_names(method: str) -> list[str]:
    """The rates of a method's ladder, in the order of its file."""
    return list(_read(method).get("rates", {}))


def default_rate(method: str) -> str:
    return _read(method).get("default_rate", "")


def check_name(kind: str, name: str, known: Iterable[str]) -> None:
    """Raise ConfigError, offering the nearest names, unless `name` is among the known ones."""
    known = list(known)
    if name in known:
        return
    nearest = difflib.get_close_matches(name, known, n=3)
    if nearest:
        raise ConfigError(f"unknown {kind} {name!r}; did you mean {', '.join(nearest)}?")
    raise ConfigError(f"unknown {kind} {name!r}; there are: {', '.join(known) or 'none'}")


def _read(method: str) -> dict[str, Any]:
    # Composing is slow to start; a listing needs only what the file itself says.
    from omegaconf import DictConfig, OmegaConf

    own = OmegaConf.load(yaml_file("method", method))
    settings = {str(key): value for key, value in own.items()} if isinstance(own, DictConfig) else {}
    parent = method.rpartition("/")[0]
    if not parent:
        return settings
    inherited = _read(parent)
    return {**inherited, **settings, "rates": {**inherited.get("rates", {}), **settings.get("rates", {})}}

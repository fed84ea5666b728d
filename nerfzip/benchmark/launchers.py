"""Hydra's launchers: which there are, and one of them with the user's settings."""

import importlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nerfzip import registry
from nerfzip.benchmark.launch_settings import LaunchSettings
from nerfzip.config import build, parse_words
from nerfzip.errors import ConfigError
from nerfzip.settings_check import check_settings

_log = logging.getLogger(__name__)
GROUP = "hydra/launcher"
LOCAL = ("joblib", "submitit_local")
"""Their tasks are done on this machine."""
_PREFIXES = ("hydra.launcher.", "launch.")


@dataclass(frozen=True)
class LauncherChoice:
    """A launcher that is installed, and the words that set it up."""

    name: str
    words: list[str]
    settings: LaunchSettings

    def start(self, folder: Path, task_function: Callable[[DictConfig], Any]) -> Launcher:
        """Hydra's launcher. All that it writes goes to `folder`; its tasks call `task_function`.

        Raises:
            ConfigError: settings that the launcher does not take.
        """
        words = [*self.words, f"hydra.sweep.dir={json.dumps(str(folder))}"]
        config, context = _compose(self.name, words)
        try:
            return Plugins.instance().instantiate_launcher(context, task_function, config)
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(f"{GROUP}={self.name}: {error}") from error


def split_words(words: list[str]) -> tuple[list[str], LauncherChoice | None]:
    """The words of the jobs, and the launcher that the others choose and set up, if they do.

    Raises:
        ConfigError: an unknown launcher or setting of it (the nearest names are offered), one that is not installed
            (what to install is said), or settings of a launcher without one.
    """
    parsed = parse_words(words)
    chosen = [word for word in parsed if word.key_or_group == GROUP]
    own = [word for word in parsed if word.key_or_group.startswith(_PREFIXES)]
    rest = [text for text, word in zip(words, parsed, strict=True) if word not in chosen and word not in own]
    names = registry.names("launcher")
    if not chosen:
        if own:
            raise ConfigError(f"{own[0].key_or_group}: without a launcher; add {GROUP}=NAME, one of {', '.join(names)}")
        return rest, None
    name = str(chosen[-1].input_line).partition("=")[2]
    registry.check_name("launcher", name, names)
    _check_installed(name)
    defaults, _ = _compose(name, [])
    known = _keys(defaults)
    for word in own:
        if word.is_sweep_override():
            raise ConfigError(f"{word.input_line}: one value is expected, or a list as [1,2]")
        if not word.is_add() and not word.is_force_add():
            registry.check_name("setting", word.key_or_group, known)
    launcher_words = [str(word.input_line) for word in own]
    config, _ = _compose(name, launcher_words)
    return rest, LauncherChoice(name, launcher_words, _settings(name, config))


def launcher_for_devices(devices: list[str]) -> LauncherChoice | None:
    """Of several CUDA devices of this machine, joblib with a worker for each; of one, or without joblib, none."""
    if len(devices) < 2:
        return None
    try:
        _check_installed("joblib")
    except ConfigError as error:
        _log.warning("one of %d CUDA devices is used: %s", len(devices), error)
        return None
    return split_words([f"{GROUP}=joblib", f"hydra.launcher.n_jobs={len(devices)}", "launch.points_per_task=1"])[1]


def _check_installed(name: str) -> None:
    needed = OmegaConf.load(registry.yaml_file("launcher", name))
    for module in needed.imports:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise ConfigError(
                f"{GROUP}={name}: {module} can't be imported ({error}); pip install 'nerfzip[{needed.extra}]'"
            ) from error


def _compose(name: str, words: list[str]) -> tuple[DictConfig, HydraContext]:
    own, *extra = registry.conf_folders()
    search_path = ",".join(f'"file://{folder}"' for folder in extra)
    choice = [f"hydra.searchpath=[{search_path}]", f"{GROUP}={name}", f"+launcher={name}"]
    try:
        with initialize_config_dir(config_dir=str(own), version_base="1.3", job_name="nerfzip"):
            config = compose("launch", overrides=[*choice, *words], return_hydra_config=True)
            loader = GlobalHydra.instance().config_loader()
            return config, HydraContext(config_loader=loader, callbacks=Callbacks())
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"{GROUP}={name}: {error.__cause__ or error}") from error


def _settings(name: str, config: DictConfig) -> LaunchSettings:
    try:
        # Launchers read their settings much later.
        OmegaConf.to_container(config.hydra.launcher, resolve=True)
        settings: Any = OmegaConf.to_container(config.launch, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{GROUP}={name}: {error}") from error
    check_settings(settings, "launch")
    return build(settings)


def _keys(config: DictConfig) -> list[str]:
    nodes = {"hydra.launcher": config.hydra.launcher, "launch": config.launch}
    return [f"{prefix}.{key}" for prefix, node in nodes.items() for key in _dotted(node) if "_target_" not in key]


def _dotted(node: DictConfig) -> list[str]:
    found = []
    for key in node:
        found.append(str(key))
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none():
            found += [f"{key!s}.{inner}" for inner in _dotted(child)]
    return found

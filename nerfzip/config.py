"""From the words of a command line to the settings of jobs, by Hydra's compose API.

A method's YAML has `_target_`, the constructor's arguments, and two keys that are not passed on: `rates`, a ladder of
named sets of overrides, and `default_rate`. An argument `base` (group method/base) is all that its fit depends on.
"""

import copy
import functools
import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nerfzip import registry
from nerfzip.devices import named_device, named_kernels
from nerfzip.errors import ConfigError, NerfzipError
from nerfzip.files import check_folder
from nerfzip.settings_check import check_settings

NOT_ARGUMENTS = ("rates", "default_rate")
GROUPS = ("method", "method/base", "dataset")
NUMBERED_SCENES, NUMBERED_VALIDATION = "0:4000", "0:16"
"""Of a training, where a data set's scenes have numbers."""
UNNAMED_RATE = "default"
"""The rate of a method without a ladder."""


@dataclass(frozen=True)
class JobConfig:
    """All settings of one point.

    Attributes:
        method, dataset, rate: names.
        label: the series of tables and curves that the row belongs to. It is no part of what the result depends on, so
            a point has one label: the one that it was last asked for with.
        method_settings, dataset_settings: `_target_` and arguments, the rate's overrides merged in, nothing left open.
        fit_settings: the part of the method's settings that `fit` depends on: its `base` if it has one, else all that
            no rate of the ladder overrides.
        device: "cpu" or "cuda", whether this machine has it or not (`nerfzip.devices.check_present`).
        kernels: whose traversal and volume rendering fit and compress, "ours" or "nerfacc".
        train_views: how many training views are measured beside the test views.
        cache: the folder of fitted models; None is the default folder.
    """

    label: str
    method: str
    dataset: str
    rate: str
    seed: int
    train_views: int
    device: str
    kernels: str
    out: Path
    cache: Path | None
    method_settings: dict[str, Any]
    dataset_settings: dict[str, Any]
    fit_settings: dict[str, Any]


@dataclass(frozen=True)
class TrainingConfig:
    """All settings of a training on many scenes.

    Attributes:
        method: its name.
        scenes, validation: names or numbers of the data set's scenes, to train on and to measure with.
        method_settings, dataset_settings: as of `JobConfig`; the scene among them is the first.
    """

    method: str
    scenes: list[str] | range
    validation: list[str] | range
    out: Path
    seed: int
    device: str
    kernels: str
    method_settings: dict[str, Any]
    dataset_settings: dict[str, Any]


def job_configs(overrides: list[str]) -> list[JobConfig]:
    """The jobs that words such as `method=vqrf rate=low,high dataset=fox` ask for, one a rate.

    Raises:
        ConfigError: an unknown method, base, rate, data set or key (the nearest names are offered), a missing value, or
            one of the wrong type.
    """
    rates = [word.removeprefix("rate=") for word in overrides if word.startswith("rate=")]
    overrides = [word for word in overrides if not word.startswith("rate=")]
    config = _compose(overrides)
    check_chosen(config, "method")
    check_chosen(config, "dataset")
    method = _container(config.method, resolve=False)
    ladder = {name: dict(_flat(changes or {})) for name, changes in (method.get("rates") or {}).items()}
    asked = rates[-1] if rates else method.get("default_rate") or next(iter(ladder), UNNAMED_RATE)
    device = named_device(config.device)
    words = [*overrides, f"device={device}", f"kernels={named_kernels(config.kernels, device)}"]
    return [_job_config(words, rate, ladder) for rate in _rate_names(asked, list(ladder))]


def training_config(overrides: list[str]) -> TrainingConfig:
    """What words such as `method=codecnerf dataset=procedural_objects scenes=0:4000` ask for.

    Raises:
        ConfigError: as of `job_configs`; or scenes are missing, and the data set's have no numbers.
    """
    own = {"scenes": "", "validation": ""}
    others = []
    for word in overrides:
        key, _, value = word.partition("=")
        if key == "rate":
            raise ConfigError(f"{word}: rates are of files; training has none")
        if key in own:
            own[key] = value
        else:
            others.append(word)
    config = _compose(others)
    check_chosen(config, "method")
    check_chosen(config, "dataset")
    numbered = isinstance(_container(config.dataset, resolve=False).get("scene"), int)
    scenes = _scene_names("scenes", own["scenes"] or (NUMBERED_SCENES if numbered else ""), numbered)
    if not scenes:
        raise ConfigError("scenes: missing; add scenes=NAME,NAME,... (and validation=NAME,... of others)")
    validation = _scene_names("validation", own["validation"] or (NUMBERED_VALIDATION if numbered else ""), numbered)
    both = sorted(set(scenes) & set(validation), key=str)
    if both and "split" not in config.dataset:
        raise ConfigError(f"validation: {', '.join(map(str, both))} stand among scenes too; measure with others")
    OmegaConf.update(config, "dataset.scene", scenes[0])
    _check_complete(config)
    method_settings, dataset_settings = _plain(config.method), _plain(config.dataset)
    check_settings(method_settings, "method")
    check_settings(dataset_settings, "dataset")
    device = named_device(config.device)
    return TrainingConfig(
        method=next(str(word.value()) for word in _parse(others) if word.key_or_group == "method"),
        scenes=scenes,
        validation=validation,
        out=_folder(config.out),
        seed=_integer("seed", config.seed),
        device=device,
        kernels=named_kernels(config.kernels, device),
        method_settings=method_settings,
        dataset_settings=dataset_settings,
    )


def _scene_names(key: str, words: str, numbered: bool) -> list[str] | range:
    """Names separated by commas, or numbers as A:B, without B."""
    if not numbered:
        return [name for name in words.split(",") if name]
    first, colon, end = words.partition(":")
    if not (colon and first.isdecimal() and end.isdecimal() and int(first) < int(end)):
        raise ConfigError(f"{key}={words}: expected numbers of scenes, such as {key}={NUMBERED_SCENES}")
    return range(int(first), int(end))


def build(settings: dict[str, Any]) -> Any:
    """Call `_target_` with the settings.

    Raises:
        ConfigError: the target can't be imported or does not take these arguments.
    """
    arguments = {key: value for key, value in settings.items() if key not in NOT_ARGUMENTS}
    try:
        target = instantiate(arguments, _partial_=True, _convert_="all")
    except HydraException as error:
        # A constructor inside refused its settings: what it says is all that matters.
        if isinstance(error.__cause__, NerfzipError):
            raise error.__cause__ from None
        raise ConfigError(f"{settings.get('_target_', 'a configuration without _target_')}: {error}") from error
    if not isinstance(target, functools.partial):
        raise ConfigError(f"a configuration without _target_, with the keys {', '.join(settings)}")
    try:
        inspect.signature(target.func).bind(*target.args, **target.keywords)
    except TypeError as error:
        raise ConfigError(f"{settings['_target_']}: {error}") from error
    # Called here rather than by Hydra, which would wrap the errors that a loader raises.
    return target()


def input_digests(method_settings: dict[str, Any]) -> dict[str, str]:
    """Of the files that a method's results depend on besides its settings, see `nerfzip.method.Method`; most have none.

    Raises:
        ConfigError: as of `build`, or such a file is missing.
    """
    if not method_settings:
        return {}
    method = build(method_settings)
    return method.input_digests() if hasattr(method, "input_digests") else {}


def build_for_decoding(method: str, device: str) -> Any:
    """A method with its default settings: all else that decoding needs is in the file."""
    config = _compose([f"method={method}", f"device={device}"])
    return build(_plain(config.method))


def build_base(overrides: list[str]) -> Any:
    """The model that a method wraps, of words such as `method=vqrf method/base=deferred`."""
    config = _compose(overrides)
    check_chosen(config, "method")
    base = _plain(config.method)["base"]
    check_settings(base, "method.base")
    return build(base)


def build_scene(overrides: list[str]) -> Any:
    """The scene of words such as `dataset=nerf_synthetic dataset.root=DIR`."""
    config = _compose(overrides)
    check_chosen(config, "dataset")
    _check_complete(config)
    settings = _plain(config.dataset)
    check_settings(settings, "dataset")
    return build(settings)


def _job_config(overrides: list[str], rate: str, ladder: dict[str, dict[str, Any]]) -> JobConfig:
    changes = ladder.get(rate, {})
    if any(key.split(".")[0] == "base" for key in changes):
        raise ConfigError(f"rate {rate!r} overrides the base: the fit can't depend on the rate")
    # JSON is valid in Hydra's grammar. What the user says comes last, so it wins over the rate.
    rate_overrides = [f"method.{key}={json.dumps(value)}" for key, value in changes.items()]
    config = _compose([f"rate={rate}", *rate_overrides, *overrides])
    _check_complete(config)
    choices = {word.key_or_group: str(word.value()) for word in _parse(overrides)}
    seed = _integer("seed", config.seed)
    method_settings, dataset_settings = _plain(config.method), _plain(config.dataset)
    check_settings(method_settings, "method")
    check_settings(dataset_settings, "dataset")
    return JobConfig(
        label=choices["method"] if config.label is None else str(config.label),
        method=choices["method"],
        dataset=choices["dataset"],
        rate=rate,
        seed=seed,
        train_views=_integer("train_views", config.train_views, least=0),
        device=config.device,
        kernels=config.kernels,
        out=_folder(config.out),
        cache=None if config.cache is None else Path(config.cache),
        method_settings=method_settings,
        dataset_settings=dataset_settings,
        fit_settings=_fit_settings(method_settings, ladder),
    )


def _folder(out: str) -> Path:
    """Where results go; it need not be there yet."""
    path = Path(out)
    check_folder("out:", path)
    return path


def check_chosen(config: DictConfig | Mapping[str, Any], group: str) -> None:
    """Raise ConfigError, saying what there is, unless something of the group is chosen."""
    if config.get(group) is None:
        raise ConfigError(f"{group}: missing; add {group}=NAME, one of {', '.join(registry.names(group))}")


def _check_complete(config: DictConfig) -> None:
    try:
        missing = sorted(OmegaConf.missing_keys(config))
    except OmegaConfBaseException as error:
        raise ConfigError(str(error)) from error
    if missing:
        raise ConfigError("; ".join(f"{key}: missing; add {key}=VALUE" for key in missing))


def _fit_settings(method_settings: dict[str, Any], ladder: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if "base" in method_settings:
        return method_settings["base"]
    rate_keys = {key for changes in ladder.values() for key in changes}
    return {key: value for key, value in _flat(method_settings) if key not in rate_keys}


def _rate_names(asked: str, ladder: list[str]) -> list[str]:
    if asked == "all":
        return ladder or [UNNAMED_RATE]
    rates = list(dict.fromkeys(asked.split(",")))
    for rate in rates:
        registry.check_name("rate", rate, ladder or [UNNAMED_RATE])
    return rates


def _plain(node: DictConfig) -> dict[str, Any]:
    return {key: value for key, value in _container(node, resolve=True).items() if key not in NOT_ARGUMENTS}


def _container(node: DictConfig, resolve: bool) -> dict[str, Any]:
    try:
        container: Any = OmegaConf.to_container(node, resolve=resolve)
    except OmegaConfBaseException as error:
        raise ConfigError(str(error)) from error
    return container


def _integer(key: str, value: Any, least: int | None = None) -> int:
    if not isinstance(value, int) or (least is not None and value < least):
        raise ConfigError(f"{key}={value}: expected an integer{'' if least is None else f' of at least {least}'}")
    return value


def _compose(overrides: list[str]) -> DictConfig:
    words = _parse(overrides)
    groups = [word for word in words if word.key_or_group in GROUPS]
    known = known_settings({word.key_or_group: str(word.value()) for word in groups})
    for word in words:
        if word not in groups and not word.is_add():
            registry.check_name("setting", word.key_or_group, known)
    if any(word.is_add() or word.is_force_add() or word.is_delete() for word in words):
        return _hydra_compose(overrides)
    config = copy.deepcopy(_defaults(tuple(str(word.input_line) for word in groups), tuple(registry.conf_folders())))
    try:
        for word in words:
            if word not in groups:
                OmegaConf.update(config, word.key_or_group, word.value(), merge=True)
    except OmegaConfBaseException as error:
        raise ConfigError(str(error)) from error
    return config


def known_settings(chosen: dict[str, str]) -> list[str]:
    """The keys of all settings, such as "method.base.seed", that there are with these choices of groups.

    Raises:
        ConfigError: an unknown name (the nearest are offered).
    """
    return [key for key, _ in _flat(default_settings(chosen), inner=True)]


def default_settings(chosen: dict[str, str]) -> dict[str, Any]:
    """What choices such as {"method": "vqrf"} stand for, with "???" for missing values and interpolations as written.

    Raises:
        ConfigError: an unknown name (the nearest are offered).
    """
    for group, name in chosen.items():
        registry.check_name(group, name, registry.names(group))
    words = tuple(f"{group}={name}" for group, name in chosen.items())
    return _container(_defaults(words, tuple(registry.conf_folders())), resolve=False)


# Composing takes a tenth of a second, and a sweep of thousands of points has only a few combinations of groups.
@functools.cache
def _defaults(groups: tuple[str, ...], folders: tuple[Path, ...]) -> DictConfig:
    return _hydra_compose(list(groups))


def _hydra_compose(overrides: list[str]) -> DictConfig:
    own, *extra = registry.conf_folders()
    search_path = ",".join(f'"file://{folder}"' for folder in extra)
    try:
        with initialize_config_dir(config_dir=str(own), version_base="1.3"):
            return compose("config", overrides=[f"hydra.searchpath=[{search_path}]", *overrides])
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(str(error)) from error


def _parse(overrides: list[str]) -> list[Override]:
    words = parse_words(overrides)
    for word in words:
        if word.is_sweep_override():
            raise ConfigError(f"{word.input_line}: only `rate` takes several values, except in `nerfzip sweep`")
    return words


def parse_words(overrides: list[str]) -> list[Override]:
    """The words by Hydra's grammar; one may hold several values, as `seed=0,1`.

    Raises:
        ConfigError: one that is no word of the grammar.
    """
    try:
        words = OverridesParser.create().parse_overrides(overrides)
    except HydraException as error:
        raise ConfigError(f"{error}; expected words such as method=vqrf or method.codebook_size=256") from error
    return words


def _flat(settings: Any, prefix: str = "", inner: bool = False) -> Iterator[tuple[str, Any]]:
    """Dotted keys and their values; with `inner`, the keys of dictionaries too."""
    for key, value in settings.items():
        nested = isinstance(value, dict) and bool(value)
        if inner or not nested:
            yield f"{prefix}{key}", value
        if nested:
            yield from _flat(value, f"{prefix}{key}.", inner)

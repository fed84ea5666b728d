"""From the words of a sweep, which may hold several values each, to the settings of its jobs."""

import itertools
import logging
from pathlib import Path

from hydra.core.override_parser.types import Override, ValueType
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from nerfzip import registry
from nerfzip.config import GROUPS, UNNAMED_RATE, JobConfig, check_chosen, job_configs, known_settings, parse_words
from nerfzip.errors import ConfigError

_log = logging.getLogger(__name__)
PRESET = "preset"
Choices = dict[str, list[str]]
"""The words for each key: `seed=0,1` is {"seed": ["seed=0", "seed=1"]}."""


def sweep_configs(words: list[str]) -> list[JobConfig]:
    """The jobs of the cross product of all values, such as `method=dvgo,vqrf rate=all seed=0,1`.

    The grammar is that of Hydra's multirun. Of several words for one setting the last counts, so the user's own win
    over those of `+preset=NAME`. A rate or a setting that only some of the methods and data sets have is left out for
    the others.

    Raises:
        ConfigError: an unknown name, a setting or rate that nothing in the sweep has, or several folders of results.
    """
    sweeps = [_choices(sweep) for sweep in _sweeps(words)]
    _check_names(sweeps)
    configs = [config for choices in sweeps for config in _cross_product(choices)]
    if len(folders := sorted({str(config.out) for config in configs})) > 1:
        raise ConfigError(f"out: {len(folders)} folders, {', '.join(folders)}; expected one for a sweep")
    return configs


def _sweeps(words: list[str]) -> list[list[str]]:
    """The user's words behind those of each sweep of each preset that they name."""
    presets = [word for word in parse_words(words) if word.key_or_group == PRESET]
    own = [word for word in words if word.partition("=")[0].lstrip("+") != PRESET]
    names = [value for word in presets for value in _values(word)]
    return [[*sweep, *own] for name in names for sweep in _preset(name)] or [own]


def _preset(name: str) -> list[list[str]]:
    """The sweeps of conf/preset/NAME.yaml: `words` that all have, and a list of words for each under `sweeps`."""
    file = registry.yaml_file(PRESET, name)
    try:
        preset = OmegaConf.to_container(OmegaConf.load(file))
    except (OmegaConfBaseException, YAMLError, OSError) as error:
        raise ConfigError(f"{file}: can't be read: {error}") from error
    if not isinstance(preset, dict) or not preset or not set(preset) <= {"words", "sweeps"}:
        raise ConfigError(f"{file}: expected `words: [...]`, `sweeps: [[...], ...]`, or both")
    shared = _words(file, "words", preset.get("words", []))
    sweeps = preset.get("sweeps", [[]])
    if not isinstance(sweeps, list) or not sweeps:
        raise ConfigError(f"{file}: sweeps: {sweeps!r}, expected a list of lists of words")
    return [[*shared, *_words(file, "sweeps", sweep)] for sweep in sweeps]


def _words(file: Path, key: str, words: object) -> list[str]:
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ConfigError(f"{file}: {key}: {words!r}, expected a list of words such as [method=vqrf, seed=1]")
    return words


def _choices(words: list[str]) -> Choices:
    return {
        word.get_key_element(): [f"{word.get_key_element()}={value}" for value in _values(word)]
        if word.is_sweep_override()
        else [str(word.input_line)]
        for word in parse_words(words)
    }


def _values(word: Override) -> list[str]:
    if not word.is_sweep_override():
        return [word.get_value_element_as_str()]
    if not word.is_discrete_sweep() or word.value_type == ValueType.GLOB_CHOICE_SWEEP:
        raise ConfigError(f"{word.input_line}: expected values such as 1,2,3 or choice(1,2,3) or range(1,4)")
    return [str(value) for value in word.sweep_string_iterator()]


def _check_names(sweeps: list[Choices]) -> None:
    """Each setting and each rate must be one of some method or data set, of whichever sweep of the preset."""
    settings: dict[str, None] = {}
    rates: dict[str, None] = {}
    for choices in sweeps:
        for group in ("method", "dataset"):
            check_chosen(choices, group)
        for groups in _combinations_of_groups(choices):
            chosen = dict(word.split("=", 1) for word in groups)
            settings |= dict.fromkeys([*known_settings(chosen), *chosen])
            rates |= dict.fromkeys(_ladder(chosen["method"]))
    for choices in sweeps:
        for key in choices:
            if key != "rate" and key[0] not in "+~":
                registry.check_name("setting", key, settings)
        for rate in _asked_rates(choices):
            registry.check_name("rate", rate, [*rates, "all", "null"])


def _asked_rates(choices: Choices) -> list[str]:
    return [word.partition("=")[2] for word in choices.get("rate", [])]


def _ladder(method: str) -> list[str]:
    return registry.rate_names(method) or [UNNAMED_RATE]


def _cross_product(choices: Choices) -> list[JobConfig]:
    asked = _asked_rates(choices)
    settings = {key: words for key, words in choices.items() if key not in (*GROUPS, "rate")}
    configs = []
    for groups in _combinations_of_groups(choices):
        chosen = dict(word.split("=", 1) for word in groups)
        known = known_settings(chosen)
        ladder = _ladder(chosen["method"])
        own = [rate for rate in asked if rate in ladder or rate in ("all", "null")]
        if asked and not own:
            _log.warning("left out: %s has none of the rates %s", " ".join(groups), ", ".join(asked))
            continue
        rate_words = [f"rate={','.join(own)}"] if own and "null" not in own else []
        values = [words for key, words in settings.items() if key in known or key[0] in "+~"]
        for words in itertools.product(*values):
            configs += job_configs([*groups, *words, *rate_words])
    return configs


def _combinations_of_groups(choices: Choices) -> list[list[str]]:
    """Words for method, data set and, for methods that wrap a base, method/base."""
    combinations = []
    bases = choices.get("method/base", [])
    for method, dataset in itertools.product(choices["method"], choices["dataset"]):
        wraps = "method.base" in known_settings({"method": method.partition("=")[2]})
        combinations += [[method, dataset, base] for base in bases] if bases and wraps else [[method, dataset]]
    return combinations

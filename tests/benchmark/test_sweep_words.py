"""From the words of a sweep to its jobs."""

import logging
from pathlib import Path

import pytest

from nerfzip.benchmark.sweep_words import sweep_configs
from nerfzip.config import _compose, _hydra_compose
from nerfzip.errors import ConfigError

BOTH = ["method=tiny,tiny_wrapper", "dataset=grey", "dataset.shade=0.6"]


@pytest.fixture(autouse=True)
def conf(tiny: list[str], tmp_path: Path) -> Path:
    folder = tmp_path / "conf"
    (folder / "preset").mkdir()
    (folder / "preset/one.yaml").write_text("# Both methods\nwords: [method=tiny, dataset=grey, 'dataset.shade=0.6']\n")
    (folder / "preset/two.yaml").write_text(
        "words: [dataset=grey, dataset.shade=0.6, seed=5]\n"
        "sweeps: [[method=tiny, 'rate=coarse,fine'], [method=tiny_wrapper, label=wrapped]]\n"
    )
    (folder / "preset/lists.yaml").write_text(
        "words: [method=tiny]\nsweeps: [[dataset=grey, 'dataset.shade=0.6'], [dataset=plain]]\n"
    )
    (folder / "dataset/plain.yaml").write_text("_target_: tiny_method.load_tiny_scene\nviews: 1\nshade: 0.5\nroom: 1\n")
    (folder / "method/whole.yaml").write_text("_target_: tiny_method.TinyMethod\nlevels: 5\n")
    return folder


def points(*words: str) -> list[tuple[str, str, int]]:
    return [(config.method, config.rate, config.seed) for config in sweep_configs([*BOTH, *words])]


def test_several_values_are_all_combined() -> None:
    assert points("rate=all", "seed=3,1") == [
        *[("tiny", rate, seed) for seed in (3, 1) for rate in ("coarse", "fine", "broken")],
        ("tiny_wrapper", "default", 3),
        ("tiny_wrapper", "default", 1),
    ]
    shades = [config.dataset_settings["shade"] for config in sweep_configs([*BOTH[:2], "dataset.shade=0.1,0.2"])]
    assert shades == [0.1, 0.2, 0.1, 0.2]


def test_hydras_choice_and_range_are_understood() -> None:
    assert [seed for _, _, seed in points("method=tiny", "seed=range(2,5)")] == [2, 3, 4]
    assert [seed for _, _, seed in points("method=tiny", "seed=choice(7,2)")] == [7, 2]


def test_a_rate_that_only_some_methods_have_is_left_out_for_the_others(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "nerfzip"):
        assert points("rate=coarse,default") == [("tiny", "coarse", 0), ("tiny_wrapper", "default", 0)]
        assert caplog.text == ""
        assert points("rate=coarse") == [("tiny", "coarse", 0)]
    assert "left out: method=tiny_wrapper dataset=grey has none of the rates coarse" in caplog.text


def test_a_setting_that_only_some_have_is_left_out_for_the_others() -> None:
    configs = sweep_configs(["method=tiny", "dataset=grey,plain", "dataset.shade=0.6", "dataset.room=1,2"])
    assert [config.dataset_settings.get("room") for config in configs] == [None, 1, 2]
    configs = sweep_configs(["method=tiny,whole", "method/base=tiny_base", "dataset=plain", "method.base.gain=0.5,1"])
    assert [config.method for config in configs].count("tiny") == 2


def test_the_label_is_the_method_unless_given() -> None:
    assert [config.label for config in sweep_configs(BOTH)] == ["tiny", "tiny_wrapper"]
    assert [config.label for config in sweep_configs([*BOTH, "label=a/b"])] == ["a/b", "a/b"]


def test_a_preset_is_words_before_the_users() -> None:
    assert [(c.method, c.seed) for c in sweep_configs(["+preset=one", "seed=4"])] == [("tiny", 4)]
    configs = sweep_configs(["seed=1", "+preset=two"])
    expected = [("tiny", "coarse", 1), ("tiny", "fine", 1), ("wrapped", "default", 1)]
    assert [(c.label, c.rate, c.seed) for c in configs] == expected
    assert len(sweep_configs(["+preset=one,two"])) == 4


def test_what_is_known_is_judged_over_the_whole_preset() -> None:
    configs = sweep_configs(["+preset=two", "rate=null", "method.lie=true"])
    assert len(configs) == 2
    configs = sweep_configs(["+preset=lists", "dataset.room=3"])
    assert [config.dataset_settings.get("room") for config in configs] == [None, 3]
    assert [config.method for config in sweep_configs(["+preset=two", "rate=coarse"])] == ["tiny"]
    with pytest.raises(ConfigError, match=r"unknown setting 'dataset\.rom'; did you mean dataset\.room"):
        sweep_configs(["+preset=lists", "dataset.rom=3"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["method=tiny,tinny"], "unknown method 'tinny'; did you mean tiny"),
        (["dataset=grey,gray"], "unknown dataset 'gray'; did you mean grey"),
        (["rate=corse"], "unknown rate 'corse'; did you mean coarse"),
        (["rate=fine,corse"], "unknown rate 'corse'; did you mean coarse"),
        (["dataset.shad=1"], "unknown setting 'dataset.shad'; did you mean dataset.shade"),
        (["method/base=tiny_bass"], "unknown method/base 'tiny_bass'; did you mean tiny_base"),
        (["method=whole", "method/base=tiny_base"], "unknown setting 'method/base'"),
        (["sed=1,2"], "unknown setting 'sed'; did you mean seed"),
        (["seed=1,x"], "seed=x: expected an integer"),
        (["seed=interval(0,1)"], "expected values such as 1,2,3"),
        (["seed=glob(*)"], "expected values such as 1,2,3"),
        (["out=a,b"], "out: 2 folders, a, b; expected one"),
        (["+preset=on"], "unknown preset 'on'; did you mean one"),
        (["seed=1,(2"], "expected words such as"),
    ],
)
def test_a_wrong_word_is_named(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("(", r"\(").replace("*", r"\*")):
        sweep_configs([*BOTH, *words])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[method=tiny]", "expected `words"),
        ("wrds: []", "expected `words"),
        ("words: 3", "words: 3, expected a list of words"),
        ("sweeps: [method=tiny]", "sweeps: 'method=tiny', expected a list of words"),
        ("sweeps: 1", "sweeps: 1, expected a list of lists"),
        ("words: [", "can't be read"),
    ],
)
def test_a_wrong_preset_is_named(conf: Path, text: str, message: str) -> None:
    (conf / "preset/wrong.yaml").write_text(text)
    with pytest.raises(ConfigError, match=rf"wrong\.yaml: .*{message}"):
        sweep_configs(["+preset=wrong"])


@pytest.mark.parametrize(
    "words",
    [
        ["method=vqrf", "method/base=deferred", "dataset=fox", "dataset.root='a b'", "seed=3", "method.prune=1e-3"],
        ["method=dvgo", "dataset=nsvf", "dataset.background=[0,0,1]", "method.base.coarse={voxels: 7}", "cache=null"],
        ["method=vqrf/paper", "dataset=procedural", "dataset.seed=${seed}", "+method.new=1"],
    ],
)
def test_settings_are_put_in_as_hydra_does(words: list[str]) -> None:
    assert _compose(words) == _hydra_compose(words)

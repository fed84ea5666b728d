"""From words to settings."""

from pathlib import Path

import pytest

from nerfzip import registry
from nerfzip.config import build, build_scene, job_configs
from nerfzip.errors import CaptureError, ConfigError

JOB = ["method=tiny", "dataset=grey", "dataset.shade=0.6"]


@pytest.fixture(autouse=True)
def _tiny(tiny: list[str]) -> None: ...


def test_every_rate_of_the_ladder_is_a_job_of_its_own() -> None:
    configs = job_configs([*JOB, "rate=all"])
    assert [config.rate for config in configs] == ["coarse", "fine", "broken"]
    assert [config.method_settings["levels"] for config in configs] == [3, 256, 1]
    assert [config.rate for config in job_configs([*JOB, "rate=fine,coarse,fine"])] == ["fine", "coarse"]


def test_the_default_rate_is_the_ladders() -> None:
    (config,) = job_configs(JOB)
    assert (config.rate, config.method_settings["levels"]) == ("fine", 256)


def test_what_the_user_says_wins_over_the_rate() -> None:
    (config,) = job_configs([*JOB, "rate=coarse", "method.levels=9"])
    assert config.method_settings["levels"] == 9


def test_interpolations_are_resolved_and_the_ladder_is_not_an_argument() -> None:
    (config,) = job_configs([*JOB, "seed=7"])
    assert config.method_settings == {
        "_target_": "tiny_method.TinyMethod",
        "base": {"_target_": "tiny_method.TinyBase", "gain": 1.0, "seconds": 0.0, "seed": 7},
        "levels": 256,
        "seconds": 0.0,
        "lie": False,
    }


def test_methods_with_an_equal_base_have_an_equal_fit() -> None:
    fits = [job_configs([method, *JOB[1:]])[0].fit_settings for method in ("method=tiny", "method=tiny_wrapper")]
    assert fits[0] == fits[1]
    changed = job_configs([*JOB, "method.base.gain=0.5"])[0].fit_settings
    assert changed != fits[0]


def test_without_a_base_the_fit_depends_on_all_that_no_rate_overrides(tmp_path: Path) -> None:
    text = "_target_: tiny_method.TinyMethod\nlevels: 5\ncoder: {bits: 3, order: 1}\nrates: {low: {coder: {bits: 2}}}\n"
    (tmp_path / "conf/method/whole.yaml").write_text(text)
    words = ["method=whole", *JOB[1:]]
    (config,) = job_configs(words)
    assert config.rate == "low"
    assert config.method_settings["coder"] == {"bits": 2, "order": 1}
    assert config.fit_settings == job_configs([*words, "method.coder.bits=8"])[0].fit_settings
    assert config.fit_settings != job_configs([*words, "method.coder.order=2"])[0].fit_settings
    assert config.fit_settings != job_configs([*words, "method.levels=6"])[0].fit_settings


def test_a_rate_may_not_change_the_fit(tmp_path: Path) -> None:
    file = tmp_path / "conf/method/tiny.yaml"
    file.write_text(file.read_text().replace("{levels: 3}", "{base: {gain: 2.0}}"))
    with pytest.raises(ConfigError, match=r"coarse.*base"):
        job_configs([*JOB, "rate=coarse"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["method=tinny", *JOB[1:]], "unknown method 'tinny'; did you mean tiny"),
        (["method=zzz", *JOB[1:]], "unknown method 'zzz'; there are: .*tiny"),
        ([*JOB, "rate=corse"], "unknown rate 'corse'; did you mean coarse"),
        ([*JOB, "rate=fine,corse"], "unknown rate 'corse'"),
        (["method=tiny_wrapper", *JOB[1:], "rate=low"], "unknown rate 'low'; there are: default"),
        (["method=tiny", "dataset=gray"], "unknown dataset 'gray'; did you mean grey"),
        ([*JOB, "method/base=tiny_bass"], "unknown method/base 'tiny_bass'; did you mean tiny_base"),
        ([*JOB, "method.levls=3"], "unknown setting 'method.levls'; did you mean method.levels"),
        ([*JOB, "method.base.gian=3"], "unknown setting 'method.base.gian'; did you mean method.base.gain"),
        ([*JOB, "sed=3"], "unknown setting 'sed'; did you mean seed"),
        ([*JOB, "seed=x"], "seed=x: expected an integer"),
        ([*JOB, "device=gpu"], "device=gpu: expected auto, cpu or cuda, .*CUDA_VISIBLE_DEVICES"),
        ([*JOB, "kernels=theirs"], "unknown kernels 'theirs'; there are: ours, nerfacc"),
        ([*JOB, "kernels=nerfacc"], "kernels=nerfacc: on device=cpu, expected device=cuda"),
        (["method=tiny", "dataset=grey"], "dataset.shade: missing; add dataset.shade=VALUE"),
        (["dataset=grey"], "method: missing; add method=NAME, one of .*tiny"),
        (["method=tiny"], "dataset: missing; add dataset=NAME, one of .*grey"),
        (["method=tiny,tiny_wrapper", *JOB[1:]], "only `rate` takes several values"),
        (["method=tiny", "grey"], "expected words such as"),
        ([*JOB, "method.levels=${nothing}"], "nothing"),
    ],
)
def test_a_wrong_word_is_named(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        job_configs(words)


def test_arguments_that_the_class_does_not_take_are_named() -> None:
    (config,) = job_configs([*JOB, "+method.colour=3"])
    with pytest.raises(ConfigError, match=r"tiny_method.TinyMethod: .*'colour'"):
        build(config.method_settings)


def test_a_target_that_is_not_installed_is_named() -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        build({"_target_": "nowhere.Method"})


def test_a_loaders_error_arrives_as_it_was_raised() -> None:
    with pytest.raises(CaptureError, match="views: 0 images"):
        build_scene([*JOB[1:], "dataset.views=0"])


def test_a_folder_of_the_users_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NERFZIP_CONF", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"NERFZIP_CONF: .*none is not a folder"):
        registry.names("method")


def test_results_do_not_go_into_a_file(tmp_path: Path) -> None:
    taken = tmp_path / "notes.txt"
    taken.write_text("mine")
    with pytest.raises(ConfigError, match=r"out: .*notes\.txt: found a file, expected a folder"):
        job_configs(["method=dvgo", "dataset=procedural", f"out={taken}"])

"""The command of a row, put through the command line's own reader, gives the row's settings and point again."""

import dataclasses
import json
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_rows import make_row

from nerfzip.benchmark.job import point_folder, settings
from nerfzip.benchmark.row import Row
from nerfzip.config import JobConfig, build_scene, job_configs, parse_words
from nerfzip.errors import ConfigError
from nerfzip.report.metric import METRICS
from nerfzip.report.page.command import value_text
from nerfzip.report.page.rows import page_rows

FOX = ["dataset=fox", 'dataset.root="/captures/my fox\'s"']


def row_of(config: JobConfig) -> Row:
    """A row with the settings of a job as a file of JSON gives them back."""
    return make_row(
        config.label,
        "fox",
        config.rate,
        method=config.method,
        dataset=config.dataset,
        seed=config.seed,
        config=json.loads(json.dumps(settings(config))),
        device="cpu: some processor",
    )


def command(row: Row) -> str:
    content = page_rows([row], [row], [METRICS["psnr"]], [row.label])
    return " ".join(content["texts"][number] for number in content["rows"][0]["command"])


def no_command(row: Row) -> str:
    content = page_rows([row], [row], [METRICS["psnr"]], [row.label])
    return "".join(content["texts"][number] for number in content["rows"][0]["no_command"])


@pytest.mark.parametrize(
    "words",
    [
        ["method=vqrf"],
        ["method=vqrf", "rate=low", "seed=7"],
        ["method=vqrf/paper", "rate=tiny", "label=as published"],
        ["method=dvgo", "method/base=deferred_long", "rate=float16"],
        ["method=vqrf", "method/base=deferred", "method.base.fine.iterations=900"],
        ["method=vqrf", "method.base.fine.loss_weights.background_entropy=0.5"],
        ["method=vqrf", "method.finetuning.loss_weights={background_entropy:0.5}"],
        ["method=vqrf", "rate=high", "method.prune=1", "method.codebook_size=64", "method.base.fine.growth_at=[]"],
        ["method=vqrf", "dataset.background=[0.5,0,1]", "dataset.box=[[-1,-1,-1],[1,1,1]]", "dataset.near=0.25"],
        ["method=vqrf", "dataset.root='/with \"quotes\", $dollars and, commas'", 'label="<b>a</b>, it\'s = (me)"'],
    ],
)
def test_the_words_give_the_same_settings(words: list[str]) -> None:
    (config,) = job_configs([*FOX, *words])
    program, verb, *found = shlex.split(command(row_of(config)))
    assert (program, verb) == ("nerfzip", "run")
    assert job_configs(found) == [config]


def test_the_words_are_short() -> None:
    (config,) = job_configs([*FOX, "method=vqrf", "method/base=deferred", "rate=low", "method.codebook_size=64"])
    words = shlex.split(command(row_of(config)))[2:]
    assert words == [
        "method=vqrf",
        "method/base=deferred",
        "rate=low",
        "method.codebook_size=64",
        "device=cpu",
        "dataset=fox",
        'dataset.root="/captures/my fox\'s"',
        "seed=0",
    ]


def test_the_point_is_the_same() -> None:
    small = ["dataset=procedural", "dataset.resolution=8", "dataset.views=2", "dataset.test_views=1"]
    (config,) = job_configs(["method=dvgo", "method/base=deferred", "seed=4", "dataset.samples=1", *small])
    (again,) = job_configs(shlex.split(command(row_of(config)))[2:])
    scene = build_scene([*small, "dataset.samples=1"])
    assert point_folder(again, scene) == point_folder(config, scene)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "gone"}, "unknown method 'gone'"),
        ({"dataset": "gone"}, "unknown dataset 'gone'"),
        ({"rate": "gone"}, "unknown rate of vqrf 'gone'"),
    ],
)
def test_names_that_are_not_installed_have_no_command(fields: dict[str, str], message: str) -> None:
    (config,) = job_configs([*FOX, "method=vqrf"])
    assert message in no_command(dataclasses.replace(row_of(config), **fields))


def test_settings_of_another_version_have_no_command() -> None:
    (config,) = job_configs([*FOX, "method=vqrf"])
    row = row_of(config)
    row.config["method_settings"]["new"] = 1
    assert "method.new" in no_command(row)
    del row.config["method_settings"]["new"], row.config["method_settings"]["base"]["width"]
    assert "method.base.width" in no_command(row)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])).filter(lambda text: "${" not in text),
    lambda children: st.lists(children, max_size=3),
    max_leaves=5,
)


@given(values)
def test_any_value_is_read_as_it_was(value: Any) -> None:
    (word,) = parse_words([f"key={value_text(value)}"])
    assert json.dumps(word.value()) == json.dumps(value)


def test_an_interpolation_is_refused() -> None:
    with pytest.raises(ConfigError, match="can't be written as a word"):
        value_text("${seed}")


def test_the_label_is_the_one_that_was_given() -> None:
    (config,) = job_configs([*FOX, "method=vqrf"])
    row = row_of(config)
    shown = dataclasses.replace(row, label="vqrf (prune=0.1)")
    content = page_rows([shown], [row], [METRICS["psnr"]], [shown.label])
    assert not any("label=" in text for text in content["texts"])

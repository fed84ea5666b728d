"""Every preset in conf/ is a sweep that can be planned, without the captures."""

from collections import Counter

import pytest

from nerfzip import registry
from nerfzip.benchmark.sweep_words import sweep_configs
from nerfzip.cli import main
from nerfzip.config import JobConfig

SYNTHETIC = ("chair", "drums", "ficus", "hotdog", "lego", "materials", "mic", "ship")


def jobs(preset: str) -> list[JobConfig]:
    """Those of a preset; its own words have no root, as nobody's captures are where another's are."""
    words = [f"+preset={preset}"]
    if preset in ("synthetic", "vqrf_table", "basketball", "rerf_long", "mlp_maps_basketball"):
        words.append("dataset.root=captures")
    return sweep_configs(words)


@pytest.mark.parametrize("preset", registry.names("preset"))
def test_every_preset_composes_and_is_described(preset: str, capsys: pytest.CaptureFixture[str]) -> None:
    configs = jobs(preset)
    assert len({(job.label, job.rate, job.seed, str(job.dataset_settings)) for job in configs}) == len(configs)
    assert {str(job.out) for job in configs} == {f"outputs/{preset}"}
    assert main(["list"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"+preset={preset} ")]
    assert len(line.split()) > 5


def test_synthetic_has_every_rate_on_every_scene() -> None:
    counts = Counter((job.method, job.dataset_settings["scene"]) for job in jobs("synthetic"))
    rates = {method: len(registry.rate_names(method)) for method in ("dvgo", "vqrf")}
    assert counts == {(method, scene): rates[method] for method in rates for scene in SYNTHETIC}


def test_vqrf_table_has_the_published_settings() -> None:
    configs = jobs("vqrf_table")
    assert Counter(job.method for job in configs) == {"dvgo": 8, "vqrf/paper": 8}
    for job in configs:
        assert job.method_settings["base"]["fine"]["iterations"] == 20_000
        assert job.dataset_settings["downscale"] == 1
    settings = configs[-1].method_settings
    assert (settings["prune"], settings["keep"], settings["codebook_size"]) == (0.001, 0.6, 4096)
    assert (settings["codebook_iterations"], settings["codebook_batch"], settings["expire"]) == (1000, 10_000, 10)
    assert settings["finetuning"]["iterations"] == 9999
    # One fit for both methods.
    assert configs[0].fit_settings == settings["base"]


def test_seeds_are_three_of_everything() -> None:
    counts = Counter((job.label, job.rate) for job in jobs("seeds"))
    assert set(counts.values()) == {3}
    assert len(counts) == 1 + len(registry.rate_names("vqrf"))

"""VQRF from a fitted field to a file, and at the edges of its settings."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from tiny_models import FLOAT16, numba_threads, tiny_base, tiny_vqrf, torch_threads, with_train_views

from methods.vqrf import method as vqrf_method
from methods.vqrf.finetune import finetune
from methods.vqrf.importance import voxel_importance
from methods.vqrf.packing import pack_field, quantized_tensors
from nerfzip.bitstream import tensor_digest, unpack
from nerfzip.data.procedural import load_procedural
from nerfzip.data.scene import Scene
from nerfzip.errors import ConfigError, TrainingError
from nerfzip.fields import VoxelField
from nerfzip.fields.decoded_voxel_field import DecodedVoxelField
from nerfzip.metrics import psnr
from nerfzip.quantization import classify_voxels
from nerfzip.rendering.images import render_image


def compressed(model: VoxelField, scene: Scene, **changes: Any) -> tuple[bytes, DecodedVoxelField]:
    method = tiny_vqrf(**changes)
    torch.manual_seed(0)
    data = method.compress(model, scene)
    return data, method.decompress(data)


def quality(field: Any, scene: Scene) -> float:
    """Mean PSNR of the test views."""
    cameras = scene.test.cameras
    truth = [scene.test.image(view, scene.background).float() / 255 for view in range(len(cameras))]
    return sum(psnr(render_image(field, cameras, view), image) for view, image in enumerate(truth)) / len(truth)


def test_it_looks_like_the_model_at_a_fraction_of_its_size(tiny_scene: Scene, ray_field: VoxelField) -> None:
    data, decoded = compressed(ray_field, tiny_scene)
    assert tensor_digest(decoded.coded_tensors()) == unpack(data).digest
    assert 15 * len(data) < tiny_vqrf().uncompressed_bytes(ray_field)
    assert quality(decoded, tiny_scene) > quality(ray_field, tiny_scene) - 0.5


def test_it_wraps_dvgo_as_well(tiny_scene: Scene, sample_field: VoxelField) -> None:
    _, decoded = compressed(sample_field, tiny_scene, base=tiny_base("sample"))
    assert decoded.field.shading == "sample"
    assert quality(decoded, tiny_scene) > quality(sample_field, tiny_scene) - 0.5


@pytest.mark.parametrize("precision", ["int8", "float16"])
def test_both_coders_give_the_same_tensors(tiny_scene: Scene, ray_field: VoxelField, precision: str) -> None:
    changes = {"precision": FLOAT16} if precision == "float16" else {}
    paper, from_paper = compressed(ray_field, tiny_scene, coder="paper", **changes)
    context, from_context = compressed(ray_field, tiny_scene, coder="context", **changes)
    assert unpack(paper).digest == unpack(context).digest
    assert len(context) < 0.9 * len(paper)
    tensors = from_context.coded_tensors()
    for name, tensor in from_paper.coded_tensors().items():
        assert torch.equal(tensor, tensors[name]), name


def test_same_seed_same_file_whatever_the_kernels_threads(tiny_scene: Scene, ray_field: VoxelField) -> None:
    before = copy.deepcopy(ray_field.state_dict())
    files = []
    for threads in (1, 2, 2):
        with numba_threads(threads):
            files.append(compressed(ray_field, tiny_scene)[0])
    assert files[0] == files[1] == files[2]
    assert all(torch.equal(tensor, before[name]) for name, tensor in ray_field.state_dict().items())


def test_decoded_views_agree_between_thread_counts(tiny_scene: Scene, vqrf_file: bytes) -> None:
    """Stated tolerance: 1e-5 of the colour range, far below 8 bits."""
    images = []
    for threads in (1, 2):
        with torch_threads(threads), numba_threads(threads):
            decoded = tiny_vqrf().decompress(vqrf_file)
            images.append(render_image(decoded, tiny_scene.test.cameras, 0))
    assert torch.allclose(*images, atol=1e-5, rtol=0)


def test_pruned_voxels_are_those_of_least_importance_and_stay_empty(tiny_scene: Scene, ray_field: VoxelField) -> None:
    importance = voxel_importance(ray_field, tiny_scene.train.cameras)
    classes = classify_voxels(importance, prune=0.02, keep=0.3)
    _, decoded = compressed(ray_field, tiny_scene, prune=0.02, keep=0.3)
    tensors = decoded.coded_tensors()
    assert torch.equal(tensors["non_pruned"], ~classes.pruned)
    assert torch.equal(tensors["keep"], classes.kept)
    assert not bool(decoded.field.density.data[classes.pruned].any())
    assert not bool(decoded.field.features.data[classes.pruned].any())
    assert int(classes.pruned.sum()) > 1000


def test_finetuning_leaves_pruned_voxels_and_shared_codes_as_they_must_be(
    tiny_scene: Scene, ray_field: VoxelField, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen on the field itself, after the fine-tuning and before the quantization."""
    seen = []

    def quantized_tensors(field: VoxelField, keep: torch.Tensor, codes: Any, precision: Any) -> Any:
        seen.append((field, keep, codes))
        return original(field, keep, codes, precision)

    original = vqrf_method.quantized_tensors
    monkeypatch.setattr(vqrf_method, "quantized_tensors", quantized_tensors)
    compressed(ray_field, tiny_scene)
    ((field, keep, codes),) = seen
    pruned = field.occupancy.mask == 0
    assert not bool(field.density.data[pruned].any() or field.features.data[pruned].any())
    shared = field.features.data.view(-1, 12)[codes.voxels]
    for code in codes.indices.unique().tolist():
        members = shared[codes.indices == code]
        assert bool((members == members[0]).all())
    assert not torch.equal(field.density.data[~pruned], ray_field.density.data[~pruned])
    assert not torch.equal(field.features.data[keep], ray_field.features.data[keep])


def test_finetuning_helps(tiny_scene: Scene, ray_field: VoxelField) -> None:
    scores = []
    for iterations in (0, 60):
        _, decoded = compressed(ray_field, tiny_scene, keep=0.0, codebook_size=8, finetuning={"iterations": iterations})
        scores.append(quality(decoded, tiny_scene))
    assert scores[1] > scores[0] + 0.1


def test_keeping_all_without_finetuning_costs_only_the_rounding(tiny_scene: Scene, ray_field: VoxelField) -> None:
    _, decoded = compressed(ray_field, tiny_scene, keep=1.0, prune=0.0, precision=FLOAT16, finetuning={"iterations": 0})
    assert abs(quality(decoded, tiny_scene) - quality(ray_field, tiny_scene)) < 0.3
    density = ray_field.density.data
    assert float((decoded.field.density.data - density).abs().max()) < 9 * float(density.std())


EDGES: dict[str, dict[str, Any]] = {
    "nothing pruned": {"prune": 0.0},
    "nothing kept": {"keep": 0.0},
    "all kept": {"keep": 1.0},
    "all kept, none pruned": {"prune": 0.0, "keep": 1.0},
    "more codes than voxels": {"codebook_size": 30000},
    "one code": {"codebook_size": 1},
    "two codes": {"codebook_size": 2, "rate_weight": 0.1},
    "no fine-tuning": {"finetuning": {"iterations": 0}},
    "synchronised at each step": {"finetuning": {"iterations": 3, "synchronise_every": 1}},
    "no codebook training": {"codebook_iterations": 0},
    "codes by rate": {"rate_weight": 0.05},
    "hardly anything left": {"prune": 0.99, "finetuning": {"iterations": 2}},
}


@pytest.mark.parametrize("coder", ["paper", "context"])
@pytest.mark.parametrize("edge", EDGES)
def test_edges_of_the_settings(tiny_scene: Scene, ray_field: VoxelField, edge: str, coder: str) -> None:
    settings = {"finetuning": {"iterations": 3}} | EDGES[edge] | {"coder": coder}
    if coder == "paper":
        settings["precision"] = FLOAT16
    data, decoded = compressed(ray_field, tiny_scene, **settings)
    tensors = decoded.coded_tensors()
    kept, non_pruned = int(tensors["keep"].sum()), int(tensors["non_pruned"].sum())
    assert len(tensors["indices"]) == non_pruned - kept
    seen = int((voxel_importance(ray_field, tiny_scene.train.cameras) > 0).sum())
    assert (non_pruned == seen) == (settings.get("prune") == 0)
    if settings.get("keep") in (0, 1):
        assert kept == settings["keep"] * non_pruned
    if settings.get("codebook_size", 64) <= 2:
        assert len(tensors["codebook"]) <= settings["codebook_size"]
    assert bool(torch.isfinite(render_image(decoded, tiny_scene.test.cameras, 0)).all())
    assert unpack(data).digest == tensor_digest(tensors)


@pytest.mark.parametrize("keep", [0.0, 0.6])
def test_the_features_that_were_trained_are_the_features_that_are_stored(
    tiny_scene: Scene, ray_field: VoxelField, keep: float
) -> None:
    """Codes to the bit, with the quantizer of the last synchronisation; kept features to half a step."""
    method = tiny_vqrf(keep=keep)
    torch.manual_seed(0)
    field, kept, codes = method.shrink(ray_field, tiny_scene)
    finetune(field, tiny_scene, kept.view(-1).nonzero()[:, 0], codes, method.finetuning, 15.0, True, True)
    tensors, scales = quantized_tensors(field, kept, codes, method.precision)
    decoded = method.decompress(pack_field(field, tensors, scales, "context")).field
    shared = (field.occupancy.mask > 0) & ~kept
    assert torch.equal(decoded.features[shared], field.features[shared])
    torch.testing.assert_close(decoded.features[kept], field.features[kept], atol=0.51 * scales["features"][0], rtol=0)


def test_pruning_everything_is_an_error(tiny_scene: Scene, ray_field: VoxelField) -> None:
    with pytest.raises(TrainingError, match="prune less"):
        compressed(ray_field, tiny_scene, prune=1.0)


def test_one_training_view_of_a_few_pixels(tiny_scene: Scene, ray_field: VoxelField, tmp_path: Any) -> None:
    one = with_train_views(tiny_scene, 1)
    _, decoded = compressed(ray_field, one)
    assert bool(torch.isfinite(render_image(decoded, tiny_scene.test.cameras, 0)).all())
    small = load_procedural(resolution=4, views=1, test_views=1, samples=1, cache=tmp_path)
    small = replace(small, splits={**small.splits, "test": small.train})
    _, decoded = compressed(ray_field, small, finetuning={"iterations": 2})
    assert render_image(decoded, small.test.cameras, 0).shape == (4, 4, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prune": 1.1}, r"method\.prune: 1.1, expected a share from 0 to 1"),
        ({"prune": float("nan")}, r"method\.prune: nan"),
        ({"keep": -0.1}, r"method\.keep: -0.1, expected a share from 0 to 1"),
        ({"coder": "zip"}, r"method\.coder: 'zip', expected one of paper, context"),
    ],
)
def test_impossible_settings(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tiny_vqrf(**change)


def test_impossible_sizes(tiny_scene: Scene, ray_field: VoxelField) -> None:
    with pytest.raises(ConfigError, match="codebook"):
        compressed(ray_field, tiny_scene, codebook_size=0)

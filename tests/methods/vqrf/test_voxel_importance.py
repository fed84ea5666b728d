"""Importance against a slow loop, and its conservation law: what the samples weigh, the voxels hold."""

import itertools

import pytest
import torch

from methods.vqrf.importance import voxel_importance
from nerfzip.data.scene import Scene
from nerfzip.fields import VoxelField
from nerfzip.quantization import classify_voxels


def test_a_slow_loop_over_samples_and_corners(tiny_scene: Scene, sample_field: VoxelField) -> None:
    cameras = tiny_scene.train.cameras[:1]
    found = voxel_importance(sample_field, cameras)
    expected = torch.zeros(found.shape, dtype=torch.float64)
    positions, weights = sample_field.visible_samples(cameras.image_rays(0))
    assert len(positions) > 500
    size = found.shape
    for position, weight in zip(positions.double().tolist(), weights.double().tolist(), strict=True):
        lower = [min(int(max(p, 0.0)), s - 1) for p, s in zip(position, size, strict=True)]
        for corner in itertools.product((0, 1), repeat=3):
            share = weight
            voxel = []
            for axis in range(3):
                fraction = min(max(position[axis], 0.0), size[axis] - 1) - lower[axis]
                share *= fraction if corner[axis] else 1 - fraction
                voxel.append(min(lower[axis] + corner[axis], size[axis] - 1))
            expected[tuple(voxel)] += share
    torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["sample_field", "ray_field"])
def test_voxels_hold_what_all_samples_weigh(tiny_scene: Scene, name: str, request: pytest.FixtureRequest) -> None:
    field: VoxelField = request.getfixturevalue(name)
    cameras = tiny_scene.train.cameras
    importance = voxel_importance(field, cameras)
    total = sum(
        float(field.visible_samples(cameras.image_rays(view))[1].detach().sum()) for view in range(len(cameras))
    )
    assert float(importance.double().sum()) == pytest.approx(total, rel=1e-4)
    opacity = sum(float(field.render(cameras.image_rays(view)).opacity.sum()) for view in range(len(cameras)))
    assert total == pytest.approx(opacity, rel=0.03)  # but for the samples below the weight threshold
    assert float(importance.min()) >= 0
    assert not bool(importance[0, 0, 0])


def test_classes_are_disjoint_and_hold_their_shares(tiny_scene: Scene, ray_field: VoxelField) -> None:
    importance = voxel_importance(ray_field, tiny_scene.train.cameras)
    classes = classify_voxels(importance, prune=0.01, keep=0.6)
    masks = torch.stack([classes.pruned, classes.vector_quantized, classes.kept])
    assert torch.equal(masks.sum(dim=0), torch.ones(importance.shape, dtype=torch.int64))
    shares = [float(importance[mask].double().sum() / importance.double().sum()) for mask in masks]
    assert shares == pytest.approx([0.01, 0.39, 0.6], abs=0.01)
    assert float(importance[classes.kept].min()) > float(importance[classes.vector_quantized].max())
    assert float(importance[classes.vector_quantized].min()) > float(importance[classes.pruned].max())

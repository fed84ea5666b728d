"""DVGO and VQRF with settings of their own, so small that a fit takes a second; none comes from conf/."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numba
import torch

from methods.dvgo.base import VoxelBase
from methods.dvgo.coarse import CoarseSettings
from methods.dvgo.fine import FineSettings
from methods.triplanes.method import Triplanes
from methods.triplanes.training import Schedule
from methods.vqrf.finetune import FinetuneSettings
from methods.vqrf.method import VQRF
from methods.vqrf.packing import Precision
from nerfzip.data.scene import Scene, Views
from nerfzip.fields.triplane_field import NetworkSizes, Sampling
from nerfzip.fields.voxel_field import Thresholds
from nerfzip.training.losses import LossWeights
from nerfzip.training.voxel_trainer import LearningRates

COARSE = CoarseSettings(
    voxels=8000,
    iterations=40,
    rays=512,
    alpha_init=1e-4,
    step_ratio=0.9,
    occupied_alpha=1e-2,
    box_margin=1.05,
    fewest_views=3,
    learning_rates=LearningRates(density=0.5, features=0.3, decoder=0.0, decay=0.1, decay_steps=300),
    loss_weights=LossWeights(background_entropy=0.01, per_point_rgb=0.1),
    thresholds=Thresholds(alpha=1e-5, weight=1e-4, transmittance=1e-3),
)
FINE = FineSettings(
    voxels=20000,
    channels=12,
    growth_at=[30],
    growth_factor=4.0,
    shift_per_growth=0.0,
    restart_at_growth=False,
    inherit_density=True,
    iterations=70,
    rays=400,
    alpha_init=1e-3,
    step_ratio=0.9,
    refresh_at=[50],
    refresh_every=0,
    occupied_alpha=0.02,
    learning_rates=LearningRates(density=0.5, features=0.2, decoder=3e-3, decay=0.1, decay_steps=200),
    loss_weights=LossWeights(background_entropy=0.001, per_point_rgb=0.01),
    thresholds=Thresholds(alpha=1e-3, weight=1e-3, transmittance=1e-3),
)
FINETUNING = FinetuneSettings(
    iterations=12,
    rays=512,
    synchronise_every=5,
    learning_rates=LearningRates(density=0.15, features=0.06, decoder=1e-3, decay=0.1, decay_steps=400),
    loss_weights=LossWeights(),
)
INT8 = Precision(density_steps=15.0, feature_steps=15.0, codebook="int8", decoder="int8")
FLOAT16 = Precision(density_steps=15.0, feature_steps=15.0, codebook="float16", decoder="float16")


def tiny_base(shading: str = "ray", coarse: CoarseSettings = COARSE, fine: FineSettings = FINE) -> VoxelBase:
    return VoxelBase(shading, width=16, hidden_layers=2, frequencies=2, coarse=coarse, fine=fine)


def tiny_vqrf(finetuning: dict[str, Any] | None = None, **changes: Any) -> VQRF:
    settings: dict[str, Any] = {
        "base": tiny_base(),
        "prune": 0.001,
        "keep": 0.6,
        "codebook_size": 64,
        "codebook_iterations": 20,
        "codebook_batch": 500,
        "decay": 0.8,
        "expire": 10,
        "rate_weight": 0.0,
        "finetuning": replace(FINETUNING, **(finetuning or {})),
        "precision": INT8,
        "coder": "context",
    }
    return VQRF(**(settings | changes))


def with_train_views(scene: Scene, count: int) -> Scene:
    train = scene.train
    fewer = Views(train.cameras[:count], train.names[:count], train.read_rgba)
    return replace(scene, splits={**scene.splits, "train": fewer})


@contextmanager
def numba_threads(count: int) -> Iterator[None]:
    before = numba.get_num_threads()
    numba.set_num_threads(count)
    try:
        yield
    finally:
        numba.set_num_threads(before)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def tiny_triplanes(storage: str, iterations: int = 10) -> Triplanes:
    schedule = Schedule(iterations, rays=256, planes=0.02, networks=5e-3, warm_up=5, variation=1e-3)
    networks, sampling = NetworkSizes(8, 1, 2), Sampling(8, 8, 10.0)
    return Triplanes([6, 9], 4, 0.1, networks, sampling, schedule, storage)

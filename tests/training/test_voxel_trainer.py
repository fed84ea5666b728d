"""Training brings a field closer to its images, touches what it may, and stops aloud when it goes wrong."""

from dataclasses import replace

import pytest
import torch
from small_fields import cameras_around, images_of, small_field

from nerfzip.errors import TrainingError
from nerfzip.fields import ColourMLP, VoxelField
from nerfzip.training.growth import grow
from nerfzip.training.losses import LossWeights
from nerfzip.training.ray_sampler import RaySampler
from nerfzip.training.voxel_trainer import LearningRates, VoxelTrainer

RATES = LearningRates(density=0.3, features=0.3, decoder=0.01, decay=0.1, decay_steps=100)


def truth() -> VoxelField:
    """A red corner in white space."""
    field = small_field()
    field.density.data.fill_(-10.0)
    field.density.data[:5, :4, :4] = 8.0
    field.features.data[...] = torch.tensor([2.0, -2.0, -2.0])
    return field


def trainer_of(field: VoxelField, rates: LearningRates = RATES, **options: torch.Tensor) -> VoxelTrainer:
    cameras = cameras_around(views=8)
    sampler = RaySampler(cameras, images_of(truth(), cameras))
    return VoxelTrainer(field, sampler, rates, LossWeights(), 256, **options)


@pytest.mark.parametrize("mlp", [False, True])
def test_the_loss_falls(mlp: bool) -> None:
    torch.manual_seed(0)
    field = small_field(decoder=ColourMLP(3, 8, 1, 1) if mlp else None)
    trainer = trainer_of(field)
    losses = [trainer.step(iteration) for iteration in range(60)]
    assert sum(losses[-5:]) < 0.15 * sum(losses[:5])


def test_a_field_that_grows_goes_on() -> None:
    torch.manual_seed(0)
    field = small_field()
    trainer = trainer_of(field)
    before = [trainer.step(iteration) for iteration in range(20)][-1]
    grown = grow(field, replace(field.geometry, voxel_size=0.1), field.occupancy.mask > 0)
    trainer.move_to(grown)
    start = grown.features.data.clone()
    after = [trainer.step(iteration) for iteration in range(20, 50)][-1]
    assert after < before
    assert not torch.equal(grown.features.data, start)


def test_learning_rates_fall_by_their_factor() -> None:
    assert [RATES.scale(step) for step in (0, 50, 100, 200)] == pytest.approx([1, 0.1**0.5, 0.1, 0.01])


def test_a_rate_of_zero_leaves_alone() -> None:
    torch.manual_seed(0)
    decoder = ColourMLP(3, 8, 1, 1)
    field = small_field(decoder=decoder)
    before = {name: value.clone() for name, value in field.state_dict().items()}
    trainer = trainer_of(field, LearningRates(0.0, 0.0, 0.01, 0.1, 100))
    for iteration in range(3):
        trainer.step(iteration)
    moved = {name for name, value in field.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {name for name in before if name.startswith("decoder.")}


def test_only_trainable_voxels_move() -> None:
    torch.manual_seed(0)
    field = small_field()
    trainable = torch.zeros(field.geometry.resolution, dtype=torch.uint8)
    trainable[3:6, 3:6, 3:6] = 1
    trainer = trainer_of(field, trainable=trainable)
    for iteration in range(5):
        trainer.step(iteration)
    for grid in (field.density, field.features):
        assert not bool(grid.data[trainable == 0].any())
        assert bool(grid.data[trainable == 1].any(dim=-1).all())


def test_a_loss_that_is_not_a_number() -> None:
    field = small_field()
    field.features.data.fill_(float("nan"))
    with pytest.raises(TrainingError, match="the loss became nan at iteration 7; lower the learning rates"):
        trainer_of(field).step(7)


def test_a_bundle_that_meets_nothing_is_no_error() -> None:
    """Of the coarse stage, which draws from all pixels."""
    field = small_field()
    field.occupancy = type(field.occupancy).of(torch.zeros(field.geometry.resolution, dtype=torch.bool))
    before = field.features.data.clone()
    assert trainer_of(field).step(0) > 0
    assert torch.equal(field.features.data, before)

"""Fields on another device; tests/methods/test_contract.py renders those of all methods there."""

from pathlib import Path

import pytest
import torch
from simulated_device import DEVICE, simulated_device
from test_basis_field import a_field
from test_voxel_field import random_rays

from nerfzip.cli import main
from nerfzip.fields.placement import PlacedField, placed


def test_the_field_itself_stays_where_it_is() -> None:
    field, rays = a_field(), random_rays(40)
    before = field.render(rays).rgb
    with simulated_device():
        moved = placed(field, DEVICE)
        assert isinstance(moved, PlacedField)
        assert moved.device.type == DEVICE
        torch.testing.assert_close(moved.render(rays.to(DEVICE)).rgb.cpu(), before, atol=1e-4, rtol=0)
    assert field.proposal.device.type == "cpu"
    assert torch.equal(field.render(rays).rgb, before)


def test_on_the_cpu_nothing_is_copied() -> None:
    field = a_field()
    assert placed(field, "cpu") is field


def test_what_refers_to_itself_is_moved_once() -> None:
    class Looped:
        def __init__(self) -> None:
            self.own, self.values = self, [torch.ones(2)]
            self.same = self.values[0]
            self.render = self.show

        def show(self, rays: object) -> tuple[torch.Tensor, torch.Tensor]:
            return self.own.values[0], self.same

    with simulated_device():
        first, second = PlacedField(Looped(), DEVICE, in_half=False).render(None)  # type: ignore[arg-type, misc]
        assert first is second
        assert first.device.type == DEVICE


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(tmp_path / "a.nrz"), "--device", "cuda"]) == 2
    assert "no CUDA device" in capsys.readouterr().err

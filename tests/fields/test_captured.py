"""Rendering that is captured once and replayed: on a CUDA device, and what can be checked of it without one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from simulated_device import DEVICE, simulated_device
from test_voxel_field import a_field, random_rays
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nerfzip.fields.captured import BEFORE_CAPTURE, CapturedField, can_be_captured
from nerfzip.fields.field import RenderedRays
from nerfzip.fields.placement import placed
from nerfzip.fields.voxel_field import Shading
from nerfzip.geometry import Rays
from nerfzip.kernels.backend import use_triton, use_twins
from nerfzip.on_device import on_device

WAITING = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
"""PyTorch's own marks of operations that give the host a value, or make a size of one."""
POOL = (0, 1)
"""Of memory, as PyTorch names one."""
STREAM = "the field's own"


class WithoutWaiting(TorchDispatchMode):
    """Refuses what can't be captured."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        assert not WAITING & set(func.tags), func.name()
        # Nor does it bring a number from the host, or a tensor from another device.
        assert "lift_fresh" not in func.name()
        assert "_to_copy" not in func.name() or kwargs.get("device") is None
        return func(*args, **kwargs)


class Recorder(TorchDispatchMode):
    """What a CUDA graph is, of operations by PyTorch alone: the same ones on the same memory."""

    def __init__(self) -> None:
        super().__init__()
        self.again: list[Callable[[], None]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = func(*args, **(kwargs or {}))

        def once_more() -> None:
            for old, new in zip(tree_leaves(results), tree_leaves(func(*args, **(kwargs or {}))), strict=True):
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)

        self.again.append(once_more)
        return results

    def replay(self) -> None:
        for operation in self.again:
            operation()


@contextmanager
def recording(graph: Recorder, pool: object, stream: object) -> Iterator[None]:
    assert (pool, stream) == (POOL, STREAM)
    with graph:
        yield


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of CUDA graphs."""
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Recorder)
    monkeypatch.setattr(torch.cuda, "graph", recording)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: POOL)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: STREAM)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: None)
    for name in ("device", "stream"):
        monkeypatch.setattr(torch.cuda, name, nullcontext)


class Tinted:
    """A field of nothing but arithmetic."""

    has_fixed_shapes = True

    def __init__(self) -> None:
        self.calls = 0

    def render(self, rays: Rays) -> RenderedRays:
        self.calls += 1
        colours = (rays.origins * 0.5 + rays.directions).sigmoid()
        return RenderedRays(colours, colours.sum(dim=1), rays.origins.norm(dim=1))


def bundles_of(sizes: list[int]) -> list[Rays]:
    return [Rays(torch.randn(size, 3), torch.randn(size, 3)) for size in sizes]


@pytest.mark.usefixtures("recorder")
def test_bundles_are_replayed_and_results_stay_as_they_were() -> None:
    tinted = Tinted()
    captured = CapturedField(tinted)
    bundles = bundles_of([5] * (BEFORE_CAPTURE + 1) + [3, 5, 5])
    with use_triton():
        rendered = [captured.render(rays) for rays in bundles]
    # Those before, the capture, and one of another size.
    assert tinted.calls == BEFORE_CAPTURE + 2
    for rays, shown in zip(bundles, rendered, strict=True):
        expected = Tinted().render(rays)
        for name in ("rgb", "opacity", "depth"):
            torch.testing.assert_close(getattr(shown, name), getattr(expected, name))


@pytest.mark.usefixtures("recorder")
def test_other_kernels_than_those_for_cuda_are_neither_captured_nor_replayed() -> None:
    tinted = Tinted()
    captured = CapturedField(tinted)
    bundles = bundles_of([5] * (BEFORE_CAPTURE + 3))
    with use_twins():
        for rays in bundles:
            captured.render(rays)
    assert tinted.calls == len(bundles)
    with use_triton():
        for rays in bundles:
            captured.render(rays)
    assert tinted.calls == len(bundles) + BEFORE_CAPTURE + 1
    with use_twins():
        captured.render(bundles[0])
    assert tinted.calls == len(bundles) + BEFORE_CAPTURE + 2


def test_where_capturing_fails_rendering_goes_on(
    monkeypatch: pytest.MonkeyPatch, recorder: None, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nCompile with TORCH_USE_CUDA_DSA")

    monkeypatch.setattr(torch.cuda, "graph", refused)
    captured = CapturedField(Tinted())
    with use_triton():
        for rays in bundles_of([5, 3] * (BEFORE_CAPTURE + 3)):
            torch.testing.assert_close(captured.render(rays).rgb, Tinted().render(rays).rgb)
    (warning,) = caplog.messages
    assert warning.endswith("capturing failed: operation not permitted when stream is capturing")


def test_deferred_shading_renders_without_waiting_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton")
    from nerfzip.kernels.cuda import composited_features

    monkeypatch.setattr(composited_features, "launch", lambda *arguments, **options: None)
    field, rays = a_field(Shading.RAY), random_rays(20)
    assert can_be_captured(field)
    with simulated_device(), use_triton():
        there, rays = on_device(field, DEVICE), rays.to(DEVICE)
        there.render(rays)
        with WithoutWaiting():
            assert there.render(rays).rgb.shape == (20, 3)


def test_shading_of_samples_has_as_many_as_there_are() -> None:
    field = a_field(Shading.SAMPLE)
    assert not can_be_captured(field)
    with pytest.raises(AssertionError, match="aten::"), WithoutWaiting():
        field.render(random_rays(20))


class Waiting(Tinted):
    """A field that asks for a value, whatever it says of itself."""

    def render(self, rays: Rays) -> RenderedRays:
        rays.origins.sum().item()
        return super().render(rays)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_field_that_waits_is_rendered_directly(caplog: pytest.LogCaptureFixture) -> None:
    captured = CapturedField(Waiting())
    for rays in bundles_of([5] * (BEFORE_CAPTURE + 3)):
        shown = captured.render(rays.to("cuda")).rgb.cpu()
        torch.testing.assert_close(shown, Tinted().render(rays).rgb, atol=1e-5, rtol=0)
    assert len(caplog.messages) == 1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_captured_field_renders_what_it_renders_without() -> None:
    field = a_field(Shading.RAY)
    there = placed(field, "cuda")
    for seed in range(BEFORE_CAPTURE + 3):
        rays = random_rays(300, seed)
        shown, expected = there.render(rays.to("cuda")), field.render(rays)
        torch.testing.assert_close(shown.rgb.cpu(), expected.rgb, atol=1e-3, rtol=0)
        torch.testing.assert_close(shown.depth.cpu(), expected.depth, atol=1e-2, rtol=0)

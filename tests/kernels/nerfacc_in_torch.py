"""What nerfacc's extension computes, in torch on the CPU, so that our use of it can be tested where it does not build.

Its functions take and return what those of the extension do (nerfacc 0.5.3). Grids are looked up at the middle of each
step, where the extension walks from cell to cell.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor


@contextmanager
def nerfacc_on_the_cpu() -> Iterator[None]:
    """Within the block nerfacc finds these functions where its extension would be."""
    backend = ModuleType("nerfacc.cuda._backend")
    backend._C = SimpleNamespace(  # type: ignore[attr-defined]
        ray_aabb_intersect=ray_aabb_intersect,
        traverse_grids=traverse_grids,
        exclusive_prod_forward=exclusive_prod_forward,
        exclusive_prod_backward=exclusive_prod_backward,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, backend.__name__, backend)
        yield


def ray_aabb_intersect(
    origins: Tensor, directions: Tensor, boxes: Tensor, near: float, far: float, miss: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Where each ray enters and leaves each box, and whether it does."""
    sides = [(side - origins[:, None]) / directions[:, None] for side in (boxes[:, :3], boxes[:, 3:])]
    enters = torch.minimum(*sides).amax(dim=-1).clamp(near, far)
    leaves = torch.maximum(*sides).amin(dim=-1).clamp(near, far)
    hits = (leaves > enters) & (leaves > 0)
    return enters.where(hits, miss), leaves.where(hits, miss), hits


def traverse_grids(
    origins: Tensor,
    directions: Tensor,
    rays_mask: Tensor,
    grids: Tensor,
    boxes: Tensor,
    t_sorted: Tensor,
    t_indices: Tensor,
    hits: Tensor,
    near_planes: Tensor,
    far_planes: Tensor,
    step_size: float,
    *options: Any,
) -> tuple[SimpleNamespace, SimpleNamespace, Tensor]:
    """Of one grid: edges of the intervals, one shared by two that touch, and their middles."""
    assert grids.dtype == torch.bool
    assert len(grids) == 1
    size = torch.tensor(grids.shape[1:])
    edges: list[tuple[float, int, bool, bool]] = []
    middles: list[tuple[float, int]] = []
    for ray in range(len(origins)):
        if not hits[ray, 0]:
            continue
        t_last, touching = near_planes[ray], False
        while t_last + step_size / 2 < torch.minimum(t_sorted[ray, 1], far_planes[ray]):
            middle, t_next = t_last + step_size / 2, t_last + step_size
            at = (origins[ray] + middle * directions[ray] - boxes[0, :3]) / (boxes[0, 3:] - boxes[0, :3]) * size
            x, y, z = torch.minimum(at.long().clamp(min=0), size - 1).tolist()
            occupied = bool(middle >= t_sorted[ray, 0]) and bool(grids[0, x, y, z])
            if occupied:
                if touching:
                    edges[-1] = (*edges[-1][:2], True, True)
                else:
                    edges.append((float(t_last), ray, True, False))
                edges.append((float(t_next), ray, False, True))
                middles.append((float(middle), ray))
            t_last, touching = t_next, occupied
    intervals = _segments(len(origins), [edge[:2] for edge in edges])
    intervals.is_left = torch.tensor([edge[2] for edge in edges], dtype=torch.bool)
    intervals.is_right = torch.tensor([edge[3] for edge in edges], dtype=torch.bool)
    return intervals, _segments(len(origins), middles), far_planes


def _segments(rays: int, values: list[tuple[float, int]]) -> SimpleNamespace:
    ray_indices = torch.tensor([ray for _, ray in values], dtype=torch.int64)
    counts = torch.bincount(ray_indices, minlength=rays)
    return SimpleNamespace(
        vals=torch.tensor([value for value, _ in values]),
        ray_indices=ray_indices,
        chunk_cnts=counts,
        chunk_starts=counts.cumsum(0) - counts,
        is_left=None,
        is_right=None,
        is_valid=None,
    )


def exclusive_prod_forward(starts: Tensor, counts: Tensor, inputs: Tensor) -> Tensor:
    """Of each chunk, the product of what stands before each element."""
    chunks = [inputs[start : start + count] for start, count in zip(starts, counts, strict=True)]
    before = [torch.cat([torch.ones_like(chunk[:1]), chunk[:-1]]).cumprod(0) for chunk in [*chunks, inputs[:0]]]
    return torch.cat(before)


def exclusive_prod_backward(
    starts: Tensor, counts: Tensor, inputs: Tensor, outputs: Tensor, grad_outputs: Tensor
) -> Tensor:
    """The sum of what stands behind each element of gradients × outputs, divided by the element."""
    products = grad_outputs * outputs
    chunks = [products[start : start + count] for start, count in zip(starts, counts, strict=True)]
    behind = [chunk.sum() - chunk.cumsum(0) for chunk in [*chunks, inputs[:0]]]
    return torch.cat(behind) / inputs.clamp(min=1e-10)

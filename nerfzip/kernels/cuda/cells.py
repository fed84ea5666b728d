"""Cells of grids: what interpolation kernels share."""

import triton
import triton.language as tl


@triton.jit
def cell_of(position, size):  # type: ignore[no-untyped-def]
    """Lower corner and fraction of a coordinate in voxels, clamped to the grid; the fraction of NaN is NaN."""
    inside = tl.minimum(tl.maximum(position, 0.0), size - 1.0)
    lower = tl.maximum(tl.minimum(inside.to(tl.int32), size - 2), 0)
    return lower, tl.where(position == position, inside - lower, position)


@triton.jit
def corner_on_axis(upper: tl.constexpr, lower, fraction, size):  # type: ignore[no-untyped-def]
    """Index and weight of the lower or the upper corner of a cell along one axis."""
    if upper:
        return tl.minimum(lower + 1, size - 1), fraction
    else:
        return lower, 1.0 - fraction


@triton.jit
def corner_of_cell(corner: tl.constexpr, x, fx, y, fy, z, fz, size_x, size_y, size_z):  # type: ignore[no-untyped-def]
    """Flat voxel and weight of one of a cell's eight corners."""
    i, wx = corner_on_axis(corner // 4, x, fx, size_x)
    j, wy = corner_on_axis(corner // 2 % 2, y, fy, size_y)
    k, wz = corner_on_axis(corner % 2, z, fz, size_z)
    return (i.to(tl.int64) * size_y + j) * size_z + k, wx * wy * wz


@triton.jit
def corner_of_square(corner: tl.constexpr, x, fx, y, fy, size_x, size_y):  # type: ignore[no-untyped-def]
    """Flat cell of a plane, and weight, of one of four corners."""
    i, wx = corner_on_axis(corner // 2, x, fx, size_x)
    j, wy = corner_on_axis(corner % 2, y, fy, size_y)
    return i.to(tl.int64) * size_y + j, wx * wy

"""What is seen of a feature grid along rays, ray by ray."""

import numpy as np
from numba import prange

from nerfzip.kernels.cpu.compile import parallel_kernel
from nerfzip.kernels.cpu.traversal import HALF, ONE, ZERO, steps_to_occupied
from nerfzip.kernels.cpu.trilinear import cell_of


@parallel_kernel
def composite(  # type: ignore[no-untyped-def]
    origins,
    directions,
    t_min,
    step_counts,
    mask,
    blocks,
    density,
    features,
    channels,
    step,
    shift,
    interval,
    density_threshold,
    transmittance_threshold,
    weight_threshold,
    sums,
    weights,
    distances,
    transmittances,
):
    size_x, size_y, size_z = mask.shape
    for ray in prange(len(origins)):
        ox, oy, oz = origins[ray, 0], origins[ray, 1], origins[ray, 2]
        dx, dy, dz = directions[ray, 0], directions[ray, 1], directions[ray, 2]
        row = sums[ray]
        for c in range(len(channels)):
            row[c] = ZERO
        total, depth, transmittance = ZERO, ZERO, ONE
        k = 0
        while k < step_counts[ray]:
            t = t_min[ray] + (np.float32(k) + HALF) * step
            x, y, z = ox + t * dx, oy + t * dy, oz + t * dz
            skip = steps_to_occupied(x, y, z, dx, dy, dz, step, mask, blocks)
            if skip > 0:
                k += skip
                continue
            k += 1
            x0, fx = cell_of(x, size_x)
            y0, fy = cell_of(y, size_y)
            z0, fz = cell_of(z, size_z)
            x1, y1, z1 = min(x0 + 1, size_x - 1), min(y0 + 1, size_y - 1), min(z0 + 1, size_z - 1)
            gx, gy, gz = ONE - fx, ONE - fy, ONE - fz
            w000, w001, w010, w011 = gx * gy * gz, gx * gy * fz, gx * fy * gz, gx * fy * fz
            w100, w101, w110, w111 = fx * gy * gz, fx * gy * fz, fx * fy * gz, fx * fy * fz
            value = (
                (w000 * density[x0, y0, z0, 0] + w001 * density[x0, y0, z1, 0])
                + (w010 * density[x0, y1, z0, 0] + w011 * density[x0, y1, z1, 0])
                + (w100 * density[x1, y0, z0, 0] + w101 * density[x1, y0, z1, 0])
                + (w110 * density[x1, y1, z0, 0] + w111 * density[x1, y1, z1, 0])
            )
            if not value > density_threshold:
                continue
            alpha = ONE - (ONE + np.exp(value + shift)) ** (-interval)
            weight = transmittance * alpha
            transmittance *= ONE - alpha
            if weight > weight_threshold:
                total += weight
                depth += weight * t
                v000, v001 = features[x0, y0, z0], features[x0, y0, z1]
                v010, v011 = features[x0, y1, z0], features[x0, y1, z1]
                v100, v101 = features[x1, y0, z0], features[x1, y0, z1]
                v110, v111 = features[x1, y1, z0], features[x1, y1, z1]
                for c in range(len(channels)):
                    row[c] += weight * (
                        (w000 * v000[c] + w001 * v001[c])
                        + (w010 * v010[c] + w011 * v011[c])
                        + (w100 * v100[c] + w101 * v101[c])
                        + (w110 * v110[c] + w111 * v111[c])
                    )
            if transmittance < transmittance_threshold:
                break
        weights[ray], distances[ray], transmittances[ray] = total, depth, transmittance

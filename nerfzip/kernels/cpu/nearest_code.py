"""Nearest code of each feature vector, many vectors side by side in the vector registers."""

import numpy as np
from numba import prange

from nerfzip.kernels.cpu.compile import parallel_kernel

LANES = 32
INFINITY = np.float32(np.inf)


@parallel_kernel
def search(features, codebook, half_squared_norms, channels, out):  # type: ignore[no-untyped-def]
    for block in prange((len(features) + LANES - 1) // LANES):
        first = block * LANES
        filled = min(LANES, len(features) - first)
        block_features = np.zeros((len(channels), LANES), np.float32)
        for lane in range(filled):
            for c in range(len(channels)):
                block_features[c, lane] = features[first + lane, c]
        smallest = np.full(LANES, INFINITY, np.float32)
        nearest = np.zeros(LANES, np.int32)
        for code in range(len(codebook)):
            for lane in range(LANES):
                distance = half_squared_norms[code]
                for c in range(len(channels)):
                    distance -= codebook[code, c] * block_features[c, lane]
                closer = distance < smallest[lane]
                smallest[lane] = distance if closer else smallest[lane]
                nearest[lane] = code if closer else nearest[lane]
        for lane in range(filled):
            out[first + lane] = nearest[lane]

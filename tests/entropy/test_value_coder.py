"""Signed values: all come back, and a known distribution costs its entropy."""

import numba
import numpy as np

from nerfzip.entropy.binary_coder import decoder, encoded, encoder
from nerfzip.entropy.mixing import mixer
from nerfzip.entropy.value_coder import NODES, code_value


@numba.njit
def _run(coder, models, values, contexts, bits):
    for i in range(len(values)):
        values[i] = code_value(coder, models, contexts[i], 0, values[i], bits)


def _round_trip(values, contexts, bits):
    slots, models = (int(contexts.max()) + 1) * NODES, contexts.shape[1]
    coder = encoder(len(values) * 40)
    _run(coder, mixer(slots, models, NODES), values.copy(), contexts, bits)
    data = encoded(coder)
    decoded = np.zeros_like(values)
    _run(decoder(data), mixer(slots, models, NODES), decoded, contexts, bits)
    assert np.array_equal(decoded, values)
    return data


def test_every_value_of_each_width():
    for bits in (1, 2, 9, 16):
        top = min((1 << bits) - 1, 3000)
        values = np.concatenate([np.arange(-top, top + 1), [(1 << bits) - 1, 1 - (1 << bits)]])
        _round_trip(values, np.zeros((len(values), 1), np.int64), bits)


def test_laplacian_values_cost_their_entropy():
    rng = np.random.default_rng(0)
    wide = rng.integers(0, 2, 200_000)
    values = np.rint(rng.laplace(0, np.where(wide, 9.0, 1.0))).astype(np.int64)
    entropy = 0.0
    for choice in (0, 1):
        _, counts = np.unique(values[wide == choice], return_counts=True)
        entropy -= (counts * np.log2(counts / counts.sum())).sum() / 8
    contexts = np.stack([np.zeros_like(wide), 1 + wide], 1)
    assert entropy * 0.995 < len(_round_trip(values, contexts, 9)) < entropy * 1.02

# numba has its own view of integers.
# mypy: disable-error-code="assignment,arg-type"
"""Adaptive binary probabilities, several of them mixed in the logistic domain, in integers.

A *model* looks up one adaptive probability under its context. The *mixer* adds the models' log-odds with weights that
it learns by gradient descent on the code length, one weight vector per weight set (Mahoney, "Adaptive weighing of
context models for lossless data compression", 2005). Probabilities count how often they were used, so that they learn
fast and then settle.

All tables are integers, made with `decimal`, whose exponential is correctly rounded everywhere.
"""

from decimal import Context, Decimal
from typing import NamedTuple

import numba
import numpy as np
from jaxtyping import Int32, Int64

from nerfzip.entropy.binary_coder import PROBABILITY_ONE, Coder, code_bit

LOG_ODDS_ONE = 256  # one nat of log-odds
LOG_ODDS_LIMIT = 12 * LOG_ODDS_ONE - 1
WEIGHT_ONE = 1 << 16

_STATE_BITS = 22
_COUNT_BITS = 10
_STRETCH_BITS = 12
_WEIGHT_LIMIT = 16 * WEIGHT_ONE
_FRESH_STATE = 1 << (_STATE_BITS - 1 + _COUNT_BITS)


def _squash_table() -> Int32[np.ndarray, "6143"]:
    """Log-odds (from -LOG_ODDS_LIMIT) -> probability in 1/65536."""
    context = Context(prec=20)
    half = [
        int((PROBABILITY_ONE / (1 + context.exp(Decimal(-i) / LOG_ODDS_ONE))).to_integral_value())
        for i in range(LOG_ODDS_LIMIT + 1)
    ]
    table = np.array([PROBABILITY_ONE - p for p in half[:0:-1]] + half, np.int32)
    return np.clip(table, 1, PROBABILITY_ONE - 1)


_SQUASH = _squash_table()
# The log-odds whose probability lies nearest above the centre of each of the 4096 cells of probability.
_STRETCH = (
    np.searchsorted(_SQUASH, (2 * np.arange(1 << _STRETCH_BITS) + 1) << (15 - _STRETCH_BITS)) - LOG_ODDS_LIMIT
).astype(np.int32)
_RATE = ((1 << 16) // (np.arange(1 << _COUNT_BITS) + 2)).astype(np.int32)


class Mixer(NamedTuple):
    """Models and their mixer.

    Attributes:
        states: adaptive probabilities of all models: 22 bits of probability, 10 bits of count.
        slots: which state each model uses for the next bit; the caller sets it.
        inputs: log-odds; the models' come first, then any that the caller sets itself.
        weights: one row per weight set.
        settings: the largest count (a state then keeps adapting at 1/count), and the learning rate of the weights: now,
            and in the end, in 1/65536.
    """

    states: Int32[np.ndarray, "slots"]
    slots: Int64[np.ndarray, "models"]
    inputs: Int32[np.ndarray, "inputs"]
    weights: Int32[np.ndarray, "sets inputs"]
    settings: Int64[np.ndarray, "3"]


def mixer(
    slots: int,
    models: int,
    weight_sets: int = 1,
    extra_inputs: int = 0,
    count_limit: int = 1000,
    learning_rate: float = 0.003,
    first_learning_rate: float = 0.03,
) -> Mixer:
    """A mixer that knows nothing yet: even probabilities and equal weights (zero for the extra inputs)."""
    weights = np.zeros((weight_sets, models + extra_inputs), np.int32)
    weights[:, :models] = int(WEIGHT_ONE * (0.3 + 0.7 / models))
    return Mixer(
        states=np.full(slots, _FRESH_STATE, np.uint32).view(np.int32),
        slots=np.zeros(models, np.int64),
        inputs=np.zeros(models + extra_inputs, np.int32),
        weights=weights,
        settings=np.array(
            [count_limit, int(first_learning_rate * (1 << 24)), int(learning_rate * (1 << 24))], np.int64
        ),
    )


@numba.njit(cache=True, nogil=True, forceinline=True)
def code_mixed_bit(coder: Coder, mixer: Mixer, weight_set: int, bit: int) -> int:
    """Encode or decode one bit with the probabilities in `mixer.slots` and the extra inputs, and learn from it."""
    states, slots, inputs, weights, settings = mixer
    total = np.int64(0)
    for i in range(len(slots)):
        inputs[i] = _STRETCH[np.uint32(states[slots[i]]) >> np.uint32(32 - _STRETCH_BITS)]
    for i in range(len(inputs)):
        total += np.int64(inputs[i]) * weights[weight_set, i]
    total >>= 16
    total = min(max(total, -LOG_ODDS_LIMIT), LOG_ODDS_LIMIT)
    probability = np.int64(_SQUASH[total + LOG_ODDS_LIMIT])
    bit = code_bit(coder, bit, probability)

    rate = settings[1]
    settings[1] -= (rate - settings[2]) >> 12
    error = (((bit << 16) - probability) * rate) >> 16
    for i in range(len(inputs)):
        weight = weights[weight_set, i] + ((inputs[i] * error + (1 << 15)) >> 16)
        weights[weight_set, i] = min(max(weight, -_WEIGHT_LIMIT), _WEIGHT_LIMIT)
    limit = settings[0]
    for i in range(len(slots)):
        state = np.int64(np.uint32(states[slots[i]]))
        count = state & ((1 << _COUNT_BITS) - 1)
        probability = state >> _COUNT_BITS
        probability += (((bit << _STATE_BITS) - bit - probability) * _RATE[count]) >> 16
        if count < limit:
            count += 1
        states[slots[i]] = np.int32((probability << _COUNT_BITS) | count)
    return bit

"""Counter-based random numbers: the same 64-bit key gives the same puzzle on every backend.

Keys are hashed with splitmix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
generators"). These kernels, NumPy and torch compute the same integers, so that a single environment
and row i of a vectorized environment on a GPU draw the same puzzle under the same symmetry.
"""

import numpy as np
from numba import njit

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
M1 = np.uint64(0xBF58476D1CE4E5B9)
M2 = np.uint64(0x94D049BB133111EB)
S30, S27, S31 = np.uint64(30), np.uint64(27), np.uint64(31)
ONE = np.uint64(1)


@njit(cache=True, inline="always")
def mix(x):
    """Return the splitmix64 finaliser of one uint64."""
    x = (x ^ (x >> S30)) * M1
    x = (x ^ (x >> S27)) * M2
    return x ^ (x >> S31)


@njit(cache=True, inline="always")
def lane(key, index):
    """Return number ``index`` of the random stream of ``key``, a uint64."""
    return mix(key + GOLDEN * (np.uint64(index) + ONE))


@njit(cache=True, inline="always")
def below(state, bound):
    """Advance the one-element array ``state`` and return a random integer in [0, bound)."""
    state[0] += GOLDEN
    return np.int64((mix(state[0]) >> np.uint64(11)) % np.uint64(bound))


@njit(cache=True)
def shuffle(state, values):
    """Shuffle a 1-D array in place (Fisher-Yates)."""
    for i in range(values.size - 1, 0, -1):
        j = below(state, i + 1)
        values[i], values[j] = values[j], values[i]


@njit(cache=True)
def argsort_lanes(key, first, count, lanes, order):
    """Write into ``order`` the argsort of the ``count`` lanes of ``key`` from ``first`` on.

    The caller provides ``lanes`` as scratch space, since allocating an array costs more than
    sorting a few lanes.
    """
    for i in range(count):
        # The lanes are compared as signed integers, since torch cannot sort uint64.
        value = np.int64(lane(key, first + i))
        j = i
        while j > 0 and lanes[j - 1] > value:
            lanes[j] = lanes[j - 1]
            order[j] = order[j - 1]
            j -= 1
        lanes[j] = value
        order[j] = i

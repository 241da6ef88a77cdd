"""Numba kernels and named tuples that all step environments share.

The single environments call the functions of one row. The native vectors call loops over rows,
which call the same functions. A vector keeps its rows in a named tuple of arrays ``(B, ...)``.
"""
# Jitted functions are untyped to mypy.
# mypy: disable-error-code="no-untyped-def"

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hrm_gym.puzzles.random_kernels import lane

NEXT_STEP, SAME_STEP, DISABLED = 0, 1, 2
"""The autoreset modes, as numbers."""
UNLIMITED = 1 << 62
"""A number of steps that stands for no time limit."""


class Bank(NamedTuple):
    """The puzzles that rows are drawn from: ``(N, cells)`` and ``(N,)``."""

    inputs: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    ratings: NDArray[np.float32]


class Results(NamedTuple):
    """What a step returns beside the observations, one entry a row; see the environments."""

    rewards: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    invalid: NDArray[np.bool_]
    regret: NDArray[np.int64]
    shortest: NDArray[np.int64]


@njit(cache=True, nogil=True)
def copy_row(source, target, row):
    """Copy a row. The plain loop is vectorized by the compiler; a slice is 14 times slower."""
    for place in range(source.shape[1]):
        target[row, place] = source[row, place]


# Inlined into the kernels of a family: a cache of its own would name the row types of all families,
# and could not be read any more once one of them has gone.
@njit(inline="always")
def begin_row(rows, row, bank, index):
    """Begin the next episode of a row; return its key and puzzle, which ``index`` < 0 draws."""
    rows.episodes[row] += 1
    rows.elapsed[row] = 0
    rows.ended[row] = False
    key = lane(rows.keys[row], rows.episodes[row])
    drawn = index
    if index < 0:
        drawn = np.int64((lane(key, 0) >> np.uint64(33)) % np.uint64(bank.inputs.shape[0]))
    rows.ratings[row] = bank.ratings[drawn]
    return key, drawn

"""Numba kernels of the Sudoku environments: legal actions, moves and observations."""
# Jitted functions are untyped to mypy.
# mypy: disable-error-code="no-untyped-def"

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hrm_gym.puzzles.random_kernels import lane
from hrm_gym.puzzles.sudoku import BLANK
from hrm_gym.puzzles.sudoku.kernels import symmetry

from ..kernels import NEXT_STEP, SAME_STEP, begin_row, copy_row

BITS = (np.arange(512)[:, None] >> np.arange(9) & 1).astype(np.int8)
"""The nine bits of a mask of digits, one byte each."""


class SudokuRows(NamedTuple):
    """The state of B episodes; ``used`` (B, 3, n) are the digits of rows, columns and boxes."""

    keys: NDArray[np.uint64]
    episodes: NDArray[np.int64]
    elapsed: NDArray[np.int64]
    ended: NDArray[np.bool_]
    ratings: NDArray[np.float32]
    inputs: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    tokens: NDArray[np.uint8]
    used: NDArray[np.int32]
    blanks: NDArray[np.int64]


class SudokuObservations(NamedTuple):
    """Observations, and ``masks`` (B, n*n*n), or (B, 0) if they are not wanted."""

    tokens: NDArray[np.uint8]
    given: NDArray[np.int8]
    masks: NDArray[np.int8]


@njit(cache=True, nogil=True)
def sudoku_begin(tokens, box_of, used):
    """Write the digits on the board into ``used`` (3, n), as bits; return the number of blanks."""
    n = used.shape[1]
    used[:] = 0
    blanks = 0
    for r in range(n):
        for c in range(n):
            cell = r * n + c
            # The bit is 0 for a blank cell; a branch would be mispredicted often.
            bit = (1 << tokens[cell]) >> 2
            used[0, r] |= bit
            used[1, c] |= bit
            used[2, box_of[cell]] |= bit
            blanks += tokens[cell] <= BLANK
    return blanks


@njit(cache=True, nogil=True)
def sudoku_play(tokens, box_of, used, action):
    """Write a digit if the action is legal; return whether it was."""
    n = used.shape[1]
    if not 0 <= action < n * n * n:
        return False
    cell = action // n
    bit = 1 << (action - cell * n)
    if tokens[cell] > 1:
        return False
    r = cell // n
    c = cell - r * n
    if (used[0, r] | used[1, c] | used[2, box_of[cell]]) & bit:
        return False
    tokens[cell] = action - cell * n + 2
    used[0, r] |= bit
    used[1, c] |= bit
    used[2, box_of[cell]] |= bit
    return True


@njit(cache=True, nogil=True)
def sudoku_stuck(tokens, box_of, used):
    """Return whether no action is legal."""
    n = used.shape[1]
    full = (1 << n) - 1
    for r in range(n):
        for c in range(n):
            cell = r * n + c
            if tokens[cell] == 1 and (used[0, r] | used[1, c] | used[2, box_of[cell]]) != full:
                return False
    return True


@njit(cache=True, nogil=True)
def sudoku_masks(tokens, box_of, used, mask):
    """Write into ``mask`` which of the n*n*n actions are legal; return whether any is legal."""
    n = used.shape[1]
    full = (1 << n) - 1
    some = 0
    for r in range(n):
        for c in range(n):
            cell = r * n + c
            legal = 0
            if tokens[cell] == 1:
                legal = full & ~(used[0, r] | used[1, c] | used[2, box_of[cell]])
            some |= legal
            if n == 9:
                # A loop of constant length over a table is vectorized, and ten times as fast.
                for digit in range(9):
                    mask[cell * 9 + digit] = BITS[legal, digit]
            else:
                for digit in range(n):
                    mask[cell * n + digit] = (legal >> digit) & 1
    return some != 0


@njit(cache=True, nogil=True)
def sudoku_observe(inputs, board, used, box_of, row, tokens, given, masks):
    """Write the observation of a row and, unless ``masks`` is empty, its mask."""
    copy_row(board, tokens, row)
    for cell in range(inputs.shape[1]):
        given[row, cell] = inputs[row, cell] > 1
    if masks.shape[1]:
        sudoku_masks(board[row], box_of, used[row], masks[row])


@njit(cache=True, nogil=True)
def sudoku_play_and_mask(tokens, box_of, used, action, mask):
    """Play one action and write the mask; return bits 0 legal, 1 solved, 2 no legal action left."""
    legal = sudoku_play(tokens, box_of, used, action)
    solved = True
    for cell in range(tokens.size):
        solved &= tokens[cell] > 1
    return legal + 2 * solved + 4 * (not sudoku_masks(tokens, box_of, used, mask))


@njit(cache=True, nogil=True)
def sudoku_wrong(tokens, labels):
    """Return in how many cells a board differs from the solution, blank cells included."""
    wrong = 0
    for cell in range(tokens.size):
        wrong += tokens[cell] != labels[cell]
    return wrong


@njit(cache=True, nogil=True)
def sudoku_teacher(tokens, labels, box_of, used):
    """Return the first correct action that is legal, else the first legal action, else 0."""
    n = used.shape[1]
    full = (1 << n) - 1
    fallback = -1
    for cell in range(n * n):
        if tokens[cell] == 1:
            legal = full & ~(used[0, cell // n] | used[1, cell % n] | used[2, box_of[cell]])
            if (legal >> (labels[cell] - 2)) & 1:
                return cell * n + labels[cell] - 2
            if legal and fallback < 0:
                digit = 0
                while not (legal >> digit) & 1:
                    digit += 1
                fallback = cell * n + digit
    return max(fallback, 0)


@njit(cache=True, nogil=True)
def sudoku_begin_row(rows, row, bank, box, box_of, augment, index, positions, relabel):
    """Begin the next episode of a row; ``index`` < 0 draws the puzzle."""
    key, drawn = begin_row(rows, row, bank, index)
    inputs, labels, tokens = rows.inputs[row], rows.labels[row], rows.tokens[row]
    if augment:
        symmetry(lane(key, 1), box[0], box[1], positions, relabel)
        for cell in range(tokens.size):
            source = positions[cell]
            inputs[cell] = relabel[bank.inputs[drawn, source]]
            labels[cell] = relabel[bank.labels[drawn, source]]
    else:
        for cell in range(tokens.size):
            inputs[cell] = bank.inputs[drawn, cell]
            labels[cell] = bank.labels[drawn, cell]
    for cell in range(tokens.size):
        tokens[cell] = inputs[cell]
    rows.blanks[row] = sudoku_begin(tokens, box_of, rows.used[row])


@njit(cache=True, nogil=True)
def sudoku_reset(rows, bank, box, box_of, augment, chosen, index):
    """Begin an episode in the chosen rows, with the puzzles of ``index`` (B,)."""
    positions = np.empty(rows.tokens.shape[1], np.int64)
    relabel = np.empty(box[0] * box[1] + 2, np.uint8)
    for row in range(chosen.size):
        if chosen[row]:
            sudoku_begin_row(rows, row, bank, box, box_of, augment, index[row], positions, relabel)


@njit(cache=True, nogil=True)
def sudoku_observe_all(inputs, board, used, box_of, tokens, given, masks):
    """Write the observations of all rows, field by field, which is faster than row by row."""
    all_inputs, all_board = inputs.ravel(), board.ravel()
    all_tokens, all_given = tokens.ravel(), given.ravel()
    for place in range(all_board.size):
        all_tokens[place] = all_board[place]
    for place in range(all_inputs.size):
        all_given[place] = all_inputs[place] > 1
    if masks.shape[1]:
        for row in range(board.shape[0]):
            sudoku_masks(board[row], box_of, used[row], masks[row])


@njit(cache=True, nogil=True)
def sudoku_observe_rows(rows, box_of, observations):
    """Write the observations and masks of all rows."""
    tokens, given, masks = observations
    sudoku_observe_all(rows.inputs, rows.tokens, rows.used, box_of, tokens, given, masks)


@njit(cache=True, nogil=True)
def sudoku_all_masks(rows, box_of, masks):
    """Write the masks of all rows."""
    for row in range(rows.ended.size):
        sudoku_masks(rows.tokens[row], box_of, rows.used[row], masks[row])


@njit(cache=True, nogil=True)
def sudoku_optimal(rows, box_of, actions):
    """Write an optimal action of every row."""
    for row in range(actions.size):
        actions[row] = sudoku_teacher(rows.tokens[row], rows.labels[row], box_of, rows.used[row])


@njit(cache=True, nogil=True)
def sudoku_step_rows(
    rows, bank, box, box_of, augment, actions, mode, limit, results, observations, final
):
    """Play one action in every row, begin new episodes and write the observations.

    In ``SAME_STEP`` mode the last observations of the rows that end are written to ``final``.

    Returns:
        The number of rows that ended.
    """
    # Named tuples are unpacked here, since passing one on updates a reference count per array.
    elapsed, ended, inputs, labels = rows.elapsed, rows.ended, rows.inputs, rows.labels
    board, used, blanks = rows.tokens, rows.used, rows.blanks
    rewards, terminations, truncations, invalid, regret, _ = results
    tokens, given, masks = observations
    last_tokens, last_given, last_masks = final
    positions = np.empty(board.shape[1], np.int64)
    relabel = np.empty(box[0] * box[1] + 2, np.uint8)
    count = 0
    for row in range(actions.size):
        if mode == NEXT_STEP and ended[row]:
            sudoku_begin_row(rows, row, bank, box, box_of, augment, -1, positions, relabel)
            rewards[row] = 0.0
            terminations[row] = truncations[row] = invalid[row] = False
        else:
            # In ``DISABLED`` mode a row that has ended stays as it is.
            past = ended[row]
            legal = not past and sudoku_play(board[row], box_of, used[row], actions[row])
            blanks[row] -= legal
            elapsed[row] += not past
            solved = blanks[row] == 0
            terminated = solved or sudoku_stuck(board[row], box_of, used[row])
            truncated = elapsed[row] >= limit
            ended[row] = terminated or truncated
            rewards[row] = solved and not past
            terminations[row] = terminated
            truncations[row] = truncated
            invalid[row] = not legal
            if ended[row] and not past:
                count += 1
                regret[row] = sudoku_wrong(board[row], labels[row])
                if mode == SAME_STEP:
                    sudoku_observe(
                        inputs, board, used, box_of, row, last_tokens, last_given, last_masks
                    )
                    sudoku_begin_row(rows, row, bank, box, box_of, augment, -1, positions, relabel)
    sudoku_observe_all(inputs, board, used, box_of, tokens, given, masks)
    return count

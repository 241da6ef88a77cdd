"""Numba kernels of the step environments: what is legal, and what a move does."""
# Jitted functions are untyped to mypy.
# mypy: disable-error-code="no-untyped-def"

from numba import njit


@njit(cache=True)
def sudoku_begin(tokens, box_of, used):
    """Write into ``used`` (3, n) the digits that stand in every row, column and box, as bits."""
    n = used.shape[1]
    used[:] = 0
    for cell in range(n * n):
        if tokens[cell] > 1:
            bit = 1 << (tokens[cell] - 2)
            used[0, cell // n] |= bit
            used[1, cell % n] |= bit
            used[2, box_of[cell]] |= bit


@njit(cache=True)
def sudoku_play(tokens, box_of, used, action):
    """Put a digit if that is legal; return whether it was."""
    n = used.shape[1]
    cell = action // n
    bit = 1 << (action % n)
    if tokens[cell] > 1:
        return False
    if (used[0, cell // n] | used[1, cell % n] | used[2, box_of[cell]]) & bit:
        return False
    tokens[cell] = action % n + 2
    used[0, cell // n] |= bit
    used[1, cell % n] |= bit
    used[2, box_of[cell]] |= bit
    return True


@njit(cache=True)
def sudoku_masks(tokens, box_of, used, mask):
    """Write which of the n*n*n actions are legal into ``mask``; return how many."""
    n = used.shape[1]
    count = 0
    for cell in range(n * n):
        taken = used[0, cell // n] | used[1, cell % n] | used[2, box_of[cell]]
        blank = tokens[cell] == 1
        for digit in range(n):
            legal = blank and not (taken >> digit) & 1
            mask[cell * n + digit] = legal
            count += legal
    return count


@njit(cache=True)
def maze_moves(tokens, size, moves):
    """Write into ``moves`` (s*s, 4) the cell up, right, down and left, -1 where it is no way."""
    for cell in range(tokens.size):
        row = cell // size
        column = cell % size
        for direction in range(4):
            r = row + (direction == 2) - (direction == 0)
            c = column + (direction == 1) - (direction == 3)
            inside = 0 <= r < size and 0 <= c < size
            open_cell = inside and tokens[r * size + c] != 1
            moves[cell, direction] = r * size + c if open_cell else -1

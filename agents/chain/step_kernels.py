"""Numba kernels of the solvers whose steps are written out: singles and guesses, a walk."""

import numpy as np
from numba import njit


@njit(cache=True)
def count_bits(mask):
    """Return the number of set bits."""
    count = 0
    while mask:
        mask &= mask - 1
        count += 1
    return count


@njit(cache=True)
def toggle(used, box_of, cell, digit):
    """Note, or forget, a digit in the row, column and box of a cell."""
    n = used.shape[1]
    used[0, cell // n] ^= 1 << digit
    used[1, cell % n] ^= 1 << digit
    used[2, box_of[cell]] ^= 1 << digit


@njit(cache=True)
def free(used, box_of, cell):
    """Return the digits (1..n) that row, column and box leave to a cell, as bits."""
    n = used.shape[1]
    taken = used[0, cell // n] | used[1, cell % n] | used[2, box_of[cell]]
    return ~taken & ((1 << (n + 1)) - 2)


@njit(cache=True)
def next_cell(grid, used, units, box_of):
    """Return a blank cell and the digits it may take: one where it is certain, none where it fails.

    First the blank cell with the fewest digits, if that is one or none; else the first digit that
    has one place left in a unit; else that cell. The cell is -1 where none is blank.
    """
    best, digits, fewest = -1, 0, 99
    for cell in range(grid.size):
        if grid[cell] == 0:
            mask = free(used, box_of, cell)
            count = count_bits(mask)
            if count < fewest:
                best, digits, fewest = cell, mask, count
    if fewest <= 1 or best < 0:
        return best, digits
    for unit in units:
        for digit in range(1, units.shape[1] + 1):
            places, last, stands = 0, -1, False
            for cell in unit:
                if grid[cell] == digit:
                    stands = True
                elif grid[cell] == 0 and free(used, box_of, cell) >> digit & 1:
                    places += 1
                    last = cell
            if not stands and places == 1:
                return last, 1 << digit
            if not stands and places == 0:
                return best, 0
    return best, digits


@njit(cache=True)
def sudoku_steps(grid, units, box_of, first_cell, guess, back, out):
    """Write the steps of a solver as tokens; return how many, at most ``out.size``.

    A certain digit is two tokens, cell and digit; a guess has ``guess`` in front. ``back`` takes
    back all since the last guess, that included.

    Args:
        grid: (n*n,) int8 digits, 0 = blank; filled in.
        units: (3n, n) int64, the cells of every row, column and box.
        box_of: (n*n,) int64.
        first_cell: Token of cell 0; digit d is token d + 1.
        guess: Token.
        back: Token.
        out: (L,) int64.
    """
    n = units.shape[1]
    used = np.zeros((3, n), np.int64)
    for cell in range(grid.size):
        if grid[cell]:
            toggle(used, box_of, cell, grid[cell])
    trail, height = np.empty(grid.size, np.int64), 0
    # By guess: how high the trail was, the cell, and the digits not tried yet.
    marks = np.empty((grid.size, 3), np.int64)
    depth, length = 0, 0
    while length + 4 <= out.size:
        cell, digits = next_cell(grid, used, units, box_of)
        if cell < 0:
            return length
        guessed = digits & (digits - 1) != 0
        while digits == 0:
            if depth == 0 or length + 4 > out.size:
                return length
            out[length] = back
            length += 1
            depth -= 1
            while height > marks[depth, 0]:
                height -= 1
                toggle(used, box_of, trail[height], grid[trail[height]])
                grid[trail[height]] = 0
            cell, digits, guessed = marks[depth, 1], marks[depth, 2], True
        digit = 1
        while not digits >> digit & 1:
            digit += 1
        if guessed:
            marks[depth, 0], marks[depth, 1], marks[depth, 2] = height, cell, digits ^ (1 << digit)
            depth += 1
            out[length] = guess
            length += 1
        out[length], out[length + 1] = first_cell + cell, digit + 1
        length += 2
        grid[cell] = digit
        toggle(used, box_of, cell, digit)
        trail[height] = cell
        height += 1
    return length


@njit(cache=True)
def maze_steps(walls, start, goal, first_cell, out):
    """Write the cells where a depth-first search stands, one after the other, from S to G.

    It goes up, right, down or left to a cell not seen yet, and back where there is none.

    Args:
        walls: (s, s) bool.
        start: The cell of S, which is not written.
        goal: The cell of G.
        first_cell: Token of cell 0.
        out: (L,) int64.
    """
    size = walls.shape[0]
    seen = walls.copy()
    path, height = np.empty(walls.size, np.int64), 1
    path[0] = start
    seen[start // size, start % size] = True
    length = 0
    while height and path[height - 1] != goal and length < out.size:
        row, column = path[height - 1] // size, path[height - 1] % size
        ahead = -1
        for down, right in ((-1, 0), (0, 1), (1, 0), (0, -1)):
            r, c = row + down, column + right
            if 0 <= r < size and 0 <= c < size and not seen[r, c]:
                ahead = r * size + c
                seen[r, c] = True
                break
        if ahead >= 0:
            path[height] = ahead
            height += 1
        else:
            height -= 1
            if not height:
                return length
        out[length] = first_cell + path[height - 1]
        length += 1
    return length

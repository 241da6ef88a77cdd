"""Numba kernels of the solvers whose steps are written: singles and guesses, and a walk."""

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
    """Add or remove a digit in the row, column and box of a cell."""
    n = used.shape[1]
    used[0, cell // n] ^= 1 << digit
    used[1, cell % n] ^= 1 << digit
    used[2, box_of[cell]] ^= 1 << digit


@njit(cache=True)
def free(used, box_of, cell):
    """Return the digits (1..n) that row, column and box of a cell allow, as bits."""
    n = used.shape[1]
    taken = used[0, cell // n] | used[1, cell % n] | used[2, box_of[cell]]
    return ~taken & ((1 << (n + 1)) - 2)


@njit(cache=True)
def next_cell(grid, used, units, box_of):
    """Return a blank cell and its possible digits: one if it is certain, none if it is a failure.

    The cell is the blank one with the fewest possible digits if it has one or none. Otherwise it is
    the only place of a digit in a unit. If there is no such digit, it is the first cell again. It
    is -1 if no cell is blank.
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
    """Write the steps of a solver as tokens; return their number, at most ``out.size``.

    A certain digit is two tokens, its cell and the digit. A guess has the token ``guess`` before
    them. The token ``back`` undoes everything since the last guess, including the guess.

    Args:
        grid: (n*n,) int8 digits, 0 = blank; it is filled in.
        units: (3n, n) int64, the cells of every row, column and box.
        box_of: (n*n,) int64, the box of every cell.
        first_cell: Token of cell 0; digit d is token d + 1.
        guess: Token before a guess.
        back: Token that undoes a guess.
        out: (L,) int64, receives the tokens.
    """
    n = units.shape[1]
    used = np.zeros((3, n), np.int64)
    for cell in range(grid.size):
        if grid[cell]:
            toggle(used, box_of, cell, grid[cell])
    trail, height = np.empty(grid.size, np.int64), 0
    # For each guess: the height of the trail, the cell, and the digits not tried yet.
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
    """Write the cells of a depth-first search in the order of its moves, from S to G.

    The search moves up, right, down or left to a cell that it has not seen, or else back.

    Args:
        walls: (s, s) bool.
        start: The cell of S, which is not written.
        goal: The cell of G.
        first_cell: Token of cell 0.
        out: (L,) int64, receives the tokens.
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

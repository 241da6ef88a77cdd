"""The steps of a Sudoku solver: singles, and guesses where there is no single."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hrm_gym.puzzles import Tokens
from hrm_gym.puzzles.sudoku import Sudoku

from .tokens import StepTokens


def write_steps(task: Sudoku, question: Tokens, tokens: StepTokens, out: NDArray[np.int64]) -> int:
    """Write the steps as tokens; return their number, at most ``out.size``.

    A single is written as a cell and its digit. If there is no single, the solver guesses in the
    cell with the fewest possible digits, and undoes the guess if it fails.

    Args:
        task: The task of the question.
        question: ``(seq_len,)``.
        tokens: The tokens that are not digits.
        out: ``(L,)`` int64, receives the tokens.
    """
    grid, tables = task.grid(question), task.tables
    length: int = sudoku_steps(grid, tables.units, tables.box_of, *tokens, out)
    return length


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

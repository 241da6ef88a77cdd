"""Numba kernels that solve Sudokus: propagation, guesses, the count of solutions.

A position is one bit mask for every digit and band: bit ``row * n + column`` (row within the band)
of ``places[digit, band]`` says that the digit may stand there. A *lane* is the part of a line in
one box, a minirow or minicolumn; within a band a digit takes one lane of every box and of every
line, so its lanes are a permutation. Per digit, propagation keeps the lanes that some permutation
uses, in bands and in stacks: that is hidden singles and locked candidates at once, by table.

The lanes as variables, and the guess on the band with the fewest permutations, are those of the
tdoku solver (Tom Dillon, https://t-dillon.github.io/tdoku), whose guesses rate the public
sudoku-extreme set.
"""

import numpy as np
from numba import njit
from numba.core.registry import cpu_target

from .board import TABLED, Position

# The option is numba's own; one that it does not know is a KeyError when a kernel is first called.
UNCOUNTED = {"_nrt": False} if hasattr(cpu_target.options, "_nrt") else {}
bare = njit(cache=True, **UNCOUNTED)  # type: ignore[call-overload]
"""Compiles kernels that make no arrays, without counting references to those that they are given
where numba can: the atomic counters of a ``Position`` took half of the solver's time."""


@njit(cache=True, inline="always")
def popcount(mask):
    """Return the number of set bits of a mask of up to 63 bits."""
    mask = mask - ((mask >> 1) & 0x5555555555555555)
    mask = (mask & 0x3333333333333333) + ((mask >> 2) & 0x3333333333333333)
    mask = (mask + (mask >> 4)) & 0x0F0F0F0F0F0F0F0F
    return (mask * 0x0101010101010101) >> 56


@njit(cache=True, inline="always")
def lowest(mask):
    """Return the index of the lowest set bit of a mask that has one."""
    return popcount((mask & -mask) - 1)


@bare
def within(lanes, orders, tried):
    """Look at the permutations within ``lanes``, leaving out the first ``tried``.

    Returns how many there are, the index of the first, and the union of all.
    """
    count, first, union = 0, -1, 0
    for k in range(tried, orders.size):
        if orders[k] & lanes == orders[k]:
            if count == 0:
                first = k
            count += 1
            union |= orders[k]
    return count, first, union


@njit(cache=True, inline="always")
def closed(lanes, m, orders, table):
    """Return the lanes, m by m, that some permutation within ``lanes`` uses."""
    if m < TABLED:
        return table[lanes]
    return within(lanes, orders, 0)[2]


@njit(cache=True, inline="always")
def ways(lanes, m, orders, table):
    """Return the number of permutations within ``lanes``."""
    if m < TABLED:
        return table[lanes]
    return within(lanes, orders, 0)[0]


@bare
def keep_lanes(position, digit, group, lanes, board):
    """Take a digit from the lanes of a band or, after the bands, a stack outside ``lanes``."""
    bands, stacks = len(board.bands), len(board.stacks)
    if group < bands:
        position.places[digit, group] &= board.row_cells[lanes]
        return
    shift = (group - bands) * bands
    for band in range(bands):
        gone = (~(lanes >> (band * bands)) & ((1 << bands) - 1)) << shift
        for row in range(stacks):
            position.places[digit, band] &= ~(gone << (row * bands * stacks))


@bare
def close(position, digit, board, columns):
    """Keep of a digit the lanes that permutations use; False if a band or stack has none left.

    Then a digit that is alone in a row is alone in its column and box too, and is fixed.
    """
    bands, stacks = len(board.bands), len(board.stacks)
    n = bands * stacks
    line, part = (1 << n) - 1, (1 << bands) - 1
    places, lanes_of = position.places[digit], position.lanes[digit]
    while True:
        for band in range(bands):
            cells = places[band]
            lanes = 0
            for row in range(stacks):
                lanes |= board.touched[(cells >> (row * n)) & line] << (row * stacks)
            lanes = closed(lanes, stacks, board.row_orders, board.row_closed)
            if lanes == 0:
                return False
            cells &= board.row_cells[lanes]
            places[band] = cells
            lanes_of[band] = lanes
            union = cells
            for row in range(1, stacks):
                union |= cells >> (row * n)
            columns[band] = union & line
        changed = False
        for stack in range(stacks):
            shift = stack * bands
            lanes = 0
            for band in range(bands):
                lanes |= ((columns[band] >> shift) & part) << (band * bands)
            left = closed(lanes, bands, board.column_orders, board.column_closed)
            if left == 0:
                return False
            lanes_of[bands + stack] = left
            gone = lanes ^ left
            if gone:
                changed = True
                for band in range(bands):
                    columns[band] ^= ((gone >> (band * bands)) & part) << shift
        if not changed:
            break
        for band in range(bands):
            union = columns[band]
            for row in range(1, stacks):
                union |= columns[band] << (row * n)
            places[band] &= union
    for band in range(bands):
        fixed = 0
        for row in range(stacks):
            here = places[band] & (line << (row * n))
            if here & (here - 1) == 0:
                fixed |= here
        position.fixed[digit, band] = fixed
    return True


@bare
def settle(position, dirty, board, columns):
    """Apply singles, hidden singles and locked candidates to the end; False on a contradiction.

    ``dirty`` holds the digits that changed; ``columns`` (bands,) is scratch.
    """
    bands, stacks = len(board.bands), len(board.stacks)
    n = bands * stacks
    full = (1 << (stacks * n)) - 1
    places, fixed = position.places, position.fixed
    while dirty:
        for digit in range(n):
            if dirty >> digit & 1 and not close(position, digit, board, columns):
                return False
        dirty = 0
        for band in range(bands):
            once, twice, taken, clash = 0, 0, 0, 0
            for digit in range(n):
                twice |= once & places[digit, band]
                once |= places[digit, band]
                clash |= taken & fixed[digit, band]
                taken |= fixed[digit, band]
            if once != full or clash:
                return False  # a cell without a digit, or with two
            if taken & twice:
                for digit in range(n):
                    gone = places[digit, band] & taken & ~fixed[digit, band]
                    places[digit, band] ^= gone
                    dirty |= (gone != 0) << digit
            single = once & ~(twice | taken)
            if single:
                for digit in range(n):
                    new = places[digit, band] & single
                    while new:
                        cell = band * stacks * n + lowest(new)
                        new &= new - 1
                        for other in range(bands):
                            places[digit, other] &= board.kept[cell, other]
                        dirty |= 1 << digit
    return True


@njit(cache=True, inline="always")
def crowded_lanes(position, groups, m, cells, orders, board):
    """Do the work of ``crowded`` for the bands or for the stacks, lanes m by m of ``cells``."""
    n = m * cells
    lanes = position.lanes
    every = (1 << (m * m)) - 1
    dirty = 0
    for group in groups:
        # Lanes by the digits that can enter them, counted in binary, a plane of bits each.
        ones, twos, fours, eights = 0, 0, 0, 0
        for digit in range(n):
            carry = lanes[digit, group]
            ones, carry = ones ^ carry, ones & carry
            twos, carry = twos ^ carry, twos & carry
            fours, carry = fours ^ carry, fours & carry
            eights ^= carry
        # Compared with the cells of a lane, from the highest plane down.
        exact, fewer = every & ~eights, 0
        for plane, bit in ((fours, 4), (twos, 2), (ones, 1)):
            if cells & bit:
                fewer |= exact & ~plane
                exact &= plane
            else:
                exact &= ~plane
        if fewer:
            return -1
        for digit in range(n):
            must = lanes[digit, group] & exact
            if must and must != lanes[digit, group]:
                left = 0
                for order in orders:
                    if order & must == must and order & lanes[digit, group] == order:
                        left |= order
                if left == 0:
                    return -1
                if left != lanes[digit, group]:
                    dirty |= 1 << digit
                    keep_lanes(position, digit, group, left, board)
    return dirty


@bare
def crowded(position, board):
    """Fix the digits of lanes that have just enough; return which changed, -1 if one has too few.

    A minirow of k cells that k digits can enter holds those digits, which go nowhere else.
    """
    bands, stacks = len(board.bands), len(board.stacks)
    first = crowded_lanes(position, range(bands), stacks, bands, board.row_orders, board)
    groups = range(bands, bands + stacks)
    second = crowded_lanes(position, groups, bands, stacks, board.column_orders, board)
    return first | second if first >= 0 and second >= 0 else -1


@bare
def propagate(position, dirty, board, columns):
    """Apply every rule to the end; False on a contradiction."""
    while dirty > 0:
        if not settle(position, dirty, board, columns):
            return False
        dirty = crowded(position, board)
    return dirty == 0


@bare
def start(grid, position, board):
    """Write what the givens of ``grid`` leave; False if two givens clash."""
    bands, stacks = len(board.bands), len(board.stacks)
    n = bands * stacks
    places = position.places
    places[:] = (1 << (stacks * n)) - 1
    for cell in range(grid.size):
        digit = grid[cell] - 1
        if digit >= 0:
            band = cell // (stacks * n)
            bit = 1 << (cell - band * stacks * n)
            if not places[digit, band] & bit:
                return False
            for other in range(bands):
                places[digit, other] &= board.kept[cell, other]
            for other in range(n):
                if other != digit:
                    places[other, band] &= ~bit
    return True


@njit(cache=True, inline="always")
def count_ways(position, group, n, m, orders, table):
    """Return the permutations over all digits, and the digit with the fewest, at least two."""
    total, choice, least = 0, -1, 1 << 60
    for digit in range(n):
        count = ways(position.lanes[digit, group], m, orders, table)
        total += count
        if 1 < count < least:
            choice, least = digit, count
    return total, choice


@bare
def choose(position, board):
    """Return what to guess, a band or stack and a digit; -1 if all is fixed.

    Of the bands and stacks that are not fixed the one with the fewest permutations over all
    digits, and in it the digit with the fewest, at least two.
    """
    bands, stacks = len(board.bands), len(board.stacks)
    n = bands * stacks
    best, value, fewest = -1, -1, 1 << 60
    for band in range(bands):
        total, digit = count_ways(position, band, n, stacks, board.row_orders, board.row_ways)
        if n < total < fewest:
            best, value, fewest = band, digit, total
    for stack in range(bands, bands + stacks):
        orders, table = board.column_orders, board.column_ways
        total, digit = count_ways(position, stack, n, bands, orders, table)
        if n < total < fewest:
            best, value, fewest = stack, digit, total
    return best, value


@bare
def write(position, board, solution):
    """Write the digits of a position in which every cell is fixed."""
    bands, stacks = len(board.bands), len(board.stacks)
    for digit in range(bands * stacks):
        for band in range(bands):
            cells = position.places[digit, band]
            while cells:
                solution[band * stacks * stacks * bands + lowest(cells)] = digit + 1
                cells &= cells - 1


@njit(cache=True)
def search(grid, board, barred, limit, solution):
    """Count solutions of ``grid`` up to ``limit``; keep the first in ``solution``.

    ``barred`` is -1, or cell * n + digit - 1 to leave out the solutions with that digit there.
    A guess asserts one permutation of a digit in a band or stack; once that is refuted, its
    negation is propagated. Returns (solutions, guesses to the first of them).
    """
    bands, stacks = len(board.bands), len(board.stacks)
    n = bands * stacks
    places = np.empty((grid.size, n, bands), np.int64)
    fixed = np.empty((grid.size, n, bands), np.int64)
    lanes_of = np.empty((grid.size, n, bands + stacks), np.int64)
    columns = np.empty(bands, np.int64)
    groups, digits, tried = np.empty((3, grid.size), np.int64)
    found, guesses, depth = 0, 0, 0
    position = Position(places[0], fixed[0], lanes_of[0])
    alive = start(grid, position, board)
    if barred >= 0:
        cell = barred // n
        band = cell // (stacks * n)
        places[0, barred % n, band] &= ~(1 << (cell - band * stacks * n))
    alive = alive and propagate(position, (1 << n) - 1, board, columns)
    while True:
        group = -1
        if alive:
            group, digit = choose(position, board)
            if group >= 0:
                groups[depth], digits[depth], tried[depth] = group, digit, 0
            else:
                if found == 0:
                    write(position, board, solution)
                found += 1
                if found >= limit:
                    return found, guesses
        if group < 0:
            # Back to the deepest guess; what it asserted is done with.
            depth -= 1
            if depth < 0:
                return found, guesses
            position = Position(places[depth], fixed[depth], lanes_of[depth])
        group, digit = groups[depth], digits[depth]
        orders = board.row_orders if group < bands else board.column_orders
        lanes = position.lanes[digit, group]
        count, first, union = within(lanes, orders, tried[depth])
        if count > 1 and union != lanes:
            keep_lanes(position, digit, group, union, board)
            alive = propagate(position, 1 << digit, board, columns)
            if alive:
                lanes = position.lanes[digit, group]
                count, first, union = within(lanes, orders, tried[depth])
        else:
            alive = True
        alive = alive and count > 0
        if not alive:
            continue
        if count > 1:
            guesses += found == 0
            tried[depth] = first + 1
            depth += 1
            places[depth] = places[depth - 1]
            fixed[depth] = fixed[depth - 1]
            lanes_of[depth] = lanes_of[depth - 1]
            position = Position(places[depth], fixed[depth], lanes_of[depth])
        if orders[first] != lanes:
            keep_lanes(position, digit, group, orders[first], board)
            alive = propagate(position, 1 << digit, board, columns)

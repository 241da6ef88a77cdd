"""Numba kernels that solve Sudokus: propagation, guesses, and counting of solutions.

A ``Position`` contains a bit mask for every digit and band: bit ``row * n + column`` (the row
within the band) of ``places[digit, band]`` is set if the cell may contain the digit. A *lane* is
the part of a row or column in one box (a minirow or minicolumn). Within a band, a digit occupies
one lane of every box and of every row, so that its lanes are a permutation. For each digit,
propagation keeps the lanes that some permutation uses, in bands and in stacks. With a table, this
finds hidden singles and locked candidates at once.

The lanes as variables, and the guess in the band with the fewest permutations, are those of the
tdoku solver (Tom Dillon, https://t-dillon.github.io/tdoku), whose number of guesses rates the
puzzles of the public sudoku-extreme set.
"""

import numpy as np
from numba import njit
from numba.core.registry import cpu_target

from .board import TABLE_LIMIT, Position

# The option is private. A numba that does not know it would raise a KeyError at the first call.
UNCOUNTED = {"_nrt": False} if hasattr(cpu_target.options, "_nrt") else {}
njit_uncounted = njit(cache=True, **UNCOUNTED)  # type: ignore[call-overload]
"""Compiles kernels that allocate no arrays without reference counting, if numba has the option.
Otherwise the atomic reference counts of a ``Position`` take half of the solver's time."""


@njit(cache=True, inline="always")
def popcount(mask):
    """Return the number of set bits of a mask of up to 63 bits."""
    mask = mask - ((mask >> 1) & 0x5555555555555555)
    mask = (mask & 0x3333333333333333) + ((mask >> 2) & 0x3333333333333333)
    mask = (mask + (mask >> 4)) & 0x0F0F0F0F0F0F0F0F
    return (mask * 0x0101010101010101) >> 56


@njit(cache=True, inline="always")
def lowest(mask):
    """Return the index of the lowest set bit of a mask that is not 0."""
    return popcount((mask & -mask) - 1)


@njit_uncounted
def within(lanes, orders, tried):
    """Return the number of permutations within ``lanes``, the index of the first, and their union.

    The first ``tried`` of all permutations are left out.
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
    """Return the union of the permutations within ``lanes``, a mask of m by m lanes."""
    if m < TABLE_LIMIT:
        return table[lanes]
    return within(lanes, orders, 0)[2]


@njit(cache=True, inline="always")
def ways(lanes, m, orders, table):
    """Return the number of permutations within ``lanes``, a mask of m by m lanes."""
    if m < TABLE_LIMIT:
        return table[lanes]
    return within(lanes, orders, 0)[0]


@njit_uncounted
def keep_lanes(position, digit, group, lanes, board):
    """Remove a digit from the lanes of a band or stack that are not in ``lanes``.

    ``group`` is the number of the band, or the number of bands plus the number of the stack.
    """
    bands, stacks = len(board.bands), len(board.stacks)
    if group < bands:
        position.places[digit, group] &= board.row_cells[lanes]
        return
    shift = (group - bands) * bands
    for band in range(bands):
        gone = (~(lanes >> (band * bands)) & ((1 << bands) - 1)) << shift
        for row in range(stacks):
            position.places[digit, band] &= ~(gone << (row * bands * stacks))


@njit_uncounted
def close(position, digit, board, columns):
    """Keep the lanes of a digit that permutations use; return False if a group has none left.

    Afterwards, a digit with one place in a row also has one place in its column and box, and the
    place is fixed. ``columns`` (bands,) is scratch space.
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


@njit_uncounted
def apply_rules(position, dirty, board, columns):
    """Apply singles, hidden singles and locked candidates until nothing changes.

    ``dirty`` is the mask of the digits that changed; ``columns`` (bands,) is scratch space. Returns
    False if there is a contradiction.
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
def fill_group_lanes(position, groups, m, cells, orders, board):
    """Apply ``fill_lanes`` to the bands or to the stacks, with m by m lanes of ``cells`` cells."""
    n = m * cells
    lanes = position.lanes
    every = (1 << (m * m)) - 1
    dirty = 0
    for group in groups:
        # For every lane, the number of digits that it may contain, as a binary number whose bits
        # are in separate masks.
        ones, twos, fours, eights = 0, 0, 0, 0
        for digit in range(n):
            carry = lanes[digit, group]
            ones, carry = ones ^ carry, ones & carry
            twos, carry = twos ^ carry, twos & carry
            fours, carry = fours ^ carry, fours & carry
            eights ^= carry
        # Compare these numbers with the number of cells, from the highest bit down.
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


@njit_uncounted
def fill_lanes(position, board):
    """Put digits into lanes of k cells that only k digits can enter.

    These digits are removed from other lanes. Returns the mask of the digits that changed, or -1 if
    a lane has fewer possible digits than cells.
    """
    bands, stacks = len(board.bands), len(board.stacks)
    first = fill_group_lanes(position, range(bands), stacks, bands, board.row_orders, board)
    groups = range(bands, bands + stacks)
    second = fill_group_lanes(position, groups, bands, stacks, board.column_orders, board)
    return first | second if first >= 0 and second >= 0 else -1


@njit_uncounted
def propagate(position, dirty, board, columns):
    """Apply all rules until nothing changes; return False if there is a contradiction."""
    while dirty > 0:
        if not apply_rules(position, dirty, board, columns):
            return False
        dirty = fill_lanes(position, board)
    return dirty == 0


@njit_uncounted
def start(grid, position, board):
    """Write the places that the givens of ``grid`` leave; return False if two givens conflict."""
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
    """Return the number of permutations of all digits, and the digit with the fewest above one."""
    total, choice, least = 0, -1, 1 << 60
    for digit in range(n):
        count = ways(position.lanes[digit, group], m, orders, table)
        total += count
        if 1 < count < least:
            choice, least = digit, count
    return total, choice


@njit_uncounted
def choose(position, board):
    """Return the band or stack and the digit for the next guess; -1 if everything is fixed.

    The choice is the band or stack with the fewest permutations of all digits among those that are
    not fixed, and in it the digit with the fewest permutations above one.
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


@njit_uncounted
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
    """Count the solutions of ``grid`` up to ``limit`` and write the first one into ``solution``.

    ``barred`` is -1, or cell * n + digit - 1 to exclude the solutions with this digit in this cell.
    A guess asserts one permutation of a digit in a band or stack; once it is refuted, its negation
    is propagated. Returns the number of solutions and the number of guesses to the first.
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
            # Return to the last guess, which is now refuted or exhausted.
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

"""Sudoku with any shape of boxes."""

from .task import BLANK, BOXES, OOD_RATING, Sudoku, count_solutions, search_grid, tables

__all__ = [
    "BLANK",
    "BOXES",
    "OOD_RATING",
    "Sudoku",
    "count_solutions",
    "search_grid",
    "tables",
]

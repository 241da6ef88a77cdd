"""Sudoku with any shape of boxes."""

from .solver import count_solutions, search_grid
from .tables import BOXES, tables
from .task import OOD_RATING, Sudoku
from .tokens import BLANK

__all__ = [
    "BLANK",
    "BOXES",
    "OOD_RATING",
    "Sudoku",
    "count_solutions",
    "search_grid",
    "tables",
]

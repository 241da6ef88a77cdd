"""The Sudoku environment, digit by digit."""

from .env import SudokuEnv

__all__ = ["SudokuEnv"]

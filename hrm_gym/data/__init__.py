"""Puzzles from the bundled bank, the generator, files and folders."""

from .puzzle_set import PuzzleSet
from .source import load_puzzles

__all__ = ["PuzzleSet", "load_puzzles"]

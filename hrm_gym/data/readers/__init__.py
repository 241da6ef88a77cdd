"""Readers of puzzles in the formats that people have; every command and environment uses them.

``content`` finds the text of a file or of standard input, ``records`` recognises its format by the
content (``tables``, ``lists`` and ``drawings``; ``values`` reads arrays and JSON), ``questions``
checks and solves what was read, and ``folders`` reads the dataset folders of HRM and TRM.
"""

from .files import PuzzleFile, read_file
from .folders import read_folder
from .questions import Question, Reading, read_boards, read_puzzle, read_questions, stack

__all__ = [
    "PuzzleFile",
    "Question",
    "Reading",
    "read_boards",
    "read_file",
    "read_folder",
    "read_puzzle",
    "read_questions",
    "stack",
]

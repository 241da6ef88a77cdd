"""Mazes of any size: perfect, braided and hard ones, and mazes with moving doors."""

from .dynamic import WAIT, DynamicMaze
from .task import Maze
from .tokens import GOAL, OPEN, PATH, START, WALL

__all__ = ["GOAL", "OPEN", "PATH", "START", "WAIT", "WALL", "DynamicMaze", "Maze"]

"""Mazes of any size: perfect, braided and hard ones."""

from .task import GOAL, OPEN, PATH, START, WALL, Maze

__all__ = ["GOAL", "OPEN", "PATH", "START", "WALL", "Maze"]

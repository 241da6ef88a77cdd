"""Tokens of a maze, as the public maze sets have them."""

WALL, OPEN, START, GOAL, PATH = 1, 2, 3, 4, 5
"""A label marks the cells between S and G on one shortest path as ``PATH``."""
ALPHABET = "# SGo"
"""Characters of tokens 1..5."""

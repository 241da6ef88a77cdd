"""The maze environments, step by step."""

from .env import MazeEnv

__all__ = ["MazeEnv"]

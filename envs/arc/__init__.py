"""The ARC environment, cell by cell."""

from .env import SUBMIT, ArcEnv

__all__ = ["SUBMIT", "ArcEnv"]

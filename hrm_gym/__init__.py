"""HRM Gym: puzzles as Gymnasium environments, and a reasoning model that thinks in their steps.

Importing this package registers the environments and loads nothing but gymnasium and NumPy.
"""

from .registration import ENV_IDS, register_all

__version__ = "0.2.0"
__all__ = ["ENV_IDS", "__version__"]

register_all()

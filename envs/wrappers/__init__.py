"""Wrappers for training: a curriculum, one-hot planes, a dense reward, masks in observations.

Each takes a single environment or a vectorized one.
"""

from .curriculum import RatingCurriculum, rating_bands
from .masks import MaskInObservation
from .planes import OneHotPlanes
from .reward import DenseReward
from .vector import Flatten

__all__ = [
    "DenseReward",
    "Flatten",
    "MaskInObservation",
    "OneHotPlanes",
    "RatingCurriculum",
    "rating_bands",
]

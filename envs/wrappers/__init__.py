"""Wrappers for training: a curriculum, one-hot planes, a dense reward, masks in observations.

Each takes a single environment or a vectorized one.
"""

from .curriculum import RatingCurriculum, rating_bands
from .masks import MaskInObservation
from .planes import OneHotPlanes
from .reward import DenseReward
from .statistics import EpisodeStatistics
from .vector import Flatten

__all__ = [
    "DenseReward",
    "EpisodeStatistics",
    "Flatten",
    "MaskInObservation",
    "OneHotPlanes",
    "RatingCurriculum",
    "rating_bands",
]

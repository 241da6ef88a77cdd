"""64-bit keys: which puzzle and which symmetry an episode gets.

NumPy draws the key of an environment from its seed. Episode ``e`` of the environment has the key
``lane(key, e)``, with every kind of vectorization and on every device. ``random_kernels`` contains
the same functions for numba; this module contains them for Python, NumPy and torch, and does not
need numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
M1 = 0xBF58476D1CE4E5B9
M2 = 0x94D049BB133111EB


def mix(value: int) -> int:
    """Return the splitmix64 finaliser of a 64-bit integer."""
    value &= MASK
    value = ((value ^ (value >> 30)) * M1) & MASK
    value = ((value ^ (value >> 27)) * M2) & MASK
    return value ^ (value >> 31)


def lane(key: int, index: int) -> int:
    """Return number ``index`` of the random stream of ``key``, a 64-bit integer."""
    return mix(key + GOLDEN * (index + 1))


def seed_key(random: np.random.Generator) -> int:
    """Draw an environment's key from its Gymnasium random generator."""
    return int(random.integers(1 << 62))


def episode_key(key: int, episode: int) -> int:
    """Return the key of an environment's ``episode``-th episode."""
    return lane(key, episode)


def pick(key: int, count: int) -> int:
    """Return the index in ``range(count)`` that an episode key selects."""
    return (lane(key, 0) >> 33) % count


def symmetry_key(key: int) -> int:
    """Return the key of an episode's symmetry."""
    return lane(key, 1)


def easier_key(key: int) -> int:
    """Return the key by which an episode's puzzle is made easier."""
    return lane(key, 2)


def unit(value: int) -> float:
    """Return a 64-bit integer as a number, uniform in [0, 1)."""
    return float((value >> 11) * 2.0**-53)


def signed(value: int) -> int:
    """Return an unsigned 64-bit integer as the int64 of the same bits, which torch needs."""
    return value - (1 << 64) if value >> 63 else value


def lane_array(keys: NDArray[np.uint64], index: int | NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Compute ``lane`` for uint64 arrays; keys and indices are broadcast."""
    # Arrays of uint64 overflow silently, whereas NumPy's scalars warn.
    steps = np.atleast_1d(np.asarray(index, np.uint64)) + np.uint64(1)
    values = np.asarray(keys) + np.uint64(GOLDEN) * steps
    values = (values ^ (values >> np.uint64(30))) * np.uint64(M1)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(M2)
    return np.asarray(values ^ (values >> np.uint64(31)))


def unit_array(values: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Compute ``unit`` for a uint64 array."""
    return (values >> np.uint64(11)) * 2.0**-53


def pick_array(keys: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
    """Compute ``pick`` for a uint64 array of episode keys."""
    return (lane_array(keys, 0) >> np.uint64(33)).astype(np.int64) % count


def shift(values: torch.Tensor, bits: int) -> torch.Tensor:
    """Shift an int64 tensor right and fill with zeros, as for uint64."""
    return (values >> bits) & ((1 << (64 - bits)) - 1)


def mix_tensor(values: torch.Tensor) -> torch.Tensor:
    """Compute ``mix`` for an int64 tensor (two's complement overflows like uint64)."""
    values = (values ^ shift(values, 30)) * signed(M1)
    values = (values ^ shift(values, 27)) * signed(M2)
    return values ^ shift(values, 31)


def lane_tensor(keys: torch.Tensor, index: int | torch.Tensor) -> torch.Tensor:
    """Compute ``lane`` for int64 tensors; keys and indices are broadcast."""
    if isinstance(index, int):
        return mix_tensor(keys + signed(GOLDEN * (index + 1) & MASK))
    return mix_tensor(keys + signed(GOLDEN) * (index + 1))


def pick_tensor(keys: torch.Tensor, count: int) -> torch.Tensor:
    """Compute ``pick`` for an int64 tensor of episode keys."""
    return shift(lane_tensor(keys, 0), 33) % count


def symmetry_key_tensor(keys: torch.Tensor) -> torch.Tensor:
    """Compute ``symmetry_key`` for an int64 tensor of episode keys."""
    return lane_tensor(keys, 1)


def easier_key_tensor(keys: torch.Tensor) -> torch.Tensor:
    """Compute ``easier_key`` for an int64 tensor of episode keys."""
    return lane_tensor(keys, 2)


def unit_tensor(values: torch.Tensor) -> torch.Tensor:
    """Compute ``unit`` for an int64 tensor, as float64."""
    return shift(values, 11).double() * 2.0**-53

"""Tests that plain Python, Numba kernels and torch compute the same 64-bit keys."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_gym.puzzles import keys, random_kernels

words = st.integers(0, 2**64 - 1)
counts = st.integers(1, 100_000)


def tensor(*values: int) -> torch.Tensor:
    return torch.tensor([keys.signed(value) for value in values])


def unsigned(values: torch.Tensor) -> list[int]:
    return [int(value) & keys.MASK for value in values]


def test_mix_is_splitmix64():
    # The first outputs of the reference generator seeded with 0 and with 1234567.
    assert [keys.lane(0, i) for i in range(3)] == [
        0xE220A8397B1DCDAF,
        0x6E789E6AA1B965F4,
        0x06C45D188009454F,
    ]
    assert keys.lane(1234567, 0) == 6457827717110365317


@given(words)
def test_mix(value):
    wanted = keys.mix(value)
    assert 0 <= wanted < 2**64
    assert unsigned(keys.mix_tensor(tensor(value))) == [wanted]
    assert int(random_kernels.mix(np.uint64(value))) == wanted


@given(words, st.integers(0, 2000))
def test_lane(key, index):
    wanted = keys.lane(key, index)
    assert int(random_kernels.lane(np.uint64(key), index)) == wanted
    assert unsigned(keys.lane_tensor(tensor(key), index)) == [wanted]
    assert unsigned(keys.lane_tensor(tensor(key), torch.tensor([index]))) == [wanted]


@given(words, words)
def test_lanes_of_a_batch(first, second):
    lanes = keys.lane_tensor(tensor(first, second)[:, None], torch.arange(5))
    assert unsigned(lanes[1]) == [keys.lane(second, i) for i in range(5)]
    assert unsigned(keys.symmetry_key_tensor(tensor(first))) == [keys.symmetry_key(first)]


@given(words, counts)
def test_pick(key, count):
    wanted = keys.pick(key, count)
    assert 0 <= wanted < count
    assert keys.pick_tensor(tensor(key), count).tolist() == [wanted]


def test_picks_are_uniform():
    picks = keys.pick_tensor(keys.lane_tensor(torch.tensor(5), torch.arange(20_000)), 10)
    assert np.bincount(picks.numpy(), minlength=10).min() > 1800


@given(words)
def test_argsort_of_lanes(key):
    out = np.empty(9, np.int64)
    random_kernels.argsort_lanes(np.uint64(key), 4, 9, np.empty(9, np.int64), out)
    lanes = keys.lane_tensor(tensor(key)[:, None], torch.arange(4, 13))
    assert out.tolist() == lanes.argsort(dim=1)[0].tolist()


@given(words, st.integers(1, 1000))
def test_below(key, bound):
    state = np.array([key], np.uint64)
    drawn = [int(random_kernels.below(state, bound)) for _ in range(20)]
    assert drawn == [(keys.lane(key, i) >> 11) % bound for i in range(20)]


@given(words)
def test_shuffle_keeps_every_value(key):
    values = np.arange(12)
    random_kernels.shuffle(np.array([key], np.uint64), values)
    assert sorted(values) == list(range(12))


@given(st.integers(0, 2**32 - 1))
def test_an_environment_seed_gives_one_key(seed):
    drawn = [keys.seed_key(np.random.default_rng(seed)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert 0 <= drawn[0] < 2**62
    assert keys.episode_key(drawn[0], 0) != keys.episode_key(drawn[0], 1)

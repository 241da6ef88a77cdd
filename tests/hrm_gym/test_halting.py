"""Rules of halting on recorded traces."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hrm_gym import halting
from hrm_gym.data.traces import bundled_traces


@pytest.fixture(scope="module")
def traces():
    return bundled_traces()


@pytest.mark.parametrize("cost", [0.0, 0.01, 0.3])
def test_the_oracle_and_the_best_fixed_depth_are_upper_bounds(traces, cost):
    found = {rule.name: rule for rule in halting.compare(traces, traces, cost)}
    best = max(found.values(), key=lambda rule: rule.reward)
    assert best.name == "oracle"
    fixed = [
        halting.score("", traces, halting.fixed(traces, k), cost).reward
        for k in range(1, traces.segments + 1)
    ]
    k = halting.best_fixed(traces, cost)
    assert found[f"best fixed {k}"].reward == max(fixed) == fixed[k - 1]
    assert found[f"always {traces.segments}"].segments == traces.segments


def test_each_rule_halts_as_documented(traces):
    part = traces.take(np.arange(0, len(traces), 10))
    for row in range(len(part)):
        own = part.q_halt[row] > part.q_continue[row]
        wanted = int(np.flatnonzero(own)[0]) + 1 if own.any() else part.segments
        assert halting.q_head(part)[row] == wanted
        stop = halting.steady(part)[row]
        answers = part.answers[row]
        same = [bool((a == b).all()) for a, b in pairwise(answers)]
        assert stop == (same.index(True) + 2 if any(same) else part.segments)
        least = part.confidence[row].min(axis=1) / 255
        assert halting.sure(part, 0.9)[row] == next(
            (k + 1 for k in range(part.segments) if least[k] >= 0.9), part.segments
        )


def test_rewards_of_the_environment_equal_those_of_the_rules(traces):
    import gymnasium as gym

    import hrm_gym  # noqa: F401
    from hrm_gym.envs.halt import trace_splits

    envs = gym.make("HRMHalt-v0", split="test")
    part = traces.take(trace_splits(traces) == 2)
    rewards = []
    for index in range(len(part)):
        observation, _ = envs.reset(options={"index": index})
        done = False
        while not done:
            observation, reward, done, _, _ = envs.step(int(observation[0] > observation[1]))
        rewards.append(reward)
    wanted = halting.score("q head", part, halting.q_head(part))
    assert np.mean(rewards) == pytest.approx(wanted.reward)


def test_the_error_names_a_segment_that_was_not_recorded(traces):
    last = traces.segments
    with pytest.raises(ValueError, match=rf"^segment: expected 1..{last}, got {last + 1}"):
        halting.fixed(traces, last + 1)

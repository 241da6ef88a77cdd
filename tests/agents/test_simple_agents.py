"""The agents that do not learn: chance is uniform and legal, the oracle is always right."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from hrm_gym import ENV_IDS
from hrm_gym.agents.base import SIGNALS, Agent
from hrm_gym.agents.simple import OracleAgent, RandomAgent
from hrm_gym.evaluation import evaluate, make_env
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.maze.grid import goal_moves


def test_act_batch_equals_act_in_a_loop() -> None:
    class Echo(Agent):
        def act(self, obs: dict, info: dict) -> int:
            return obs["k"] + info["k"]

    agent = Echo()
    assert agent.act_batch([{"k": 1}, {"k": 2}], [{"k": 10}, {"k": 20}]) == [11, 22]
    assert agent.signal in SIGNALS
    assert agent.parameters == 0


def test_random_is_uniform_over_legal_actions() -> None:
    agent = RandomAgent(spaces.Discrete(6), seed=3)
    mask = np.array([0, 1, 1, 0, 0, 1], np.int8)
    drawn = [int(agent.act({}, {"action_mask": mask})) for _ in range(3000)]
    counts = np.bincount(drawn, minlength=6)
    assert set(np.flatnonzero(counts)) == {1, 2, 5}
    assert np.abs(counts[[1, 2, 5]] - 1000).max() < 120  # over four standard deviations


def test_random_covers_multidiscrete_and_its_mask() -> None:
    space = spaces.MultiDiscrete([4, 2, 5])
    agent = RandomAgent(space, seed=0)
    free = np.array([agent.act({}, {}) for _ in range(500)])
    assert space.contains(free[0])
    assert [set(column) for column in free.T] == [set(range(4)), {0, 1}, set(range(5))]
    mask = (np.array([0, 1, 0, 1]), np.array([1, 0]), np.array([0, 0, 0, 1, 1]))
    masked = np.array([agent.act({}, {"action_mask": mask}) for _ in range(500)])
    assert [set(column) for column in masked.T] == [{1, 3}, {0}, {3, 4}]


def test_random_repeats_by_seed_and_differs_between_seeds() -> None:
    def draw(seed: int) -> list[int]:
        agent = RandomAgent(spaces.Discrete(1000), seed)
        return [int(agent.act({}, {})) for _ in range(5)]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_the_random_agent_rejects_unsupported_spaces() -> None:
    with pytest.raises(ValueError, match="expected Discrete or flat MultiDiscrete"):
        RandomAgent(spaces.Box(0, 1))
    agent = RandomAgent(spaces.Discrete(3), 0)
    with pytest.raises(ValueError, match="action_mask: expected 3 values"):
        agent.act({}, {"action_mask": np.ones(5, np.int8)})


@pytest.mark.parametrize(
    "env_id",
    [
        "HRMSudoku-v0",
        "HRMSudoku-6x6-v0",
        "HRMMaze-9x9-v0",
        "HRMMaze-v0",
        "HRMSudokuAnswer-v0",
        "HRMSudokuAnswer-4x4-v0",
        "HRMMazeAnswer-9x9-v0",
        "HRMMazeAnswer-v0",
    ],
)
def test_oracle_solves_every_puzzle(env_id: str) -> None:
    result = evaluate(OracleAgent(), env_id, episodes=40)
    assert result.solve_rate == 1.0
    assert result.mean_return == 1.0
    if result.optimal_rate is not None:
        assert result.optimal_rate == 1.0


def test_the_oracle_does_not_read_the_solution() -> None:
    env = make_env("HRMSudoku-4x4-v0")
    observation, info = env.reset(seed=0)
    observation = {name: value.copy() for name, value in observation.items()}
    # The oracle gets the observation, the mask and the name of the task alone, all of them copies.
    shown = {"task": info["task"], "action_mask": info["action_mask"].copy()}
    action = OracleAgent().act(observation, shown)
    assert action == env.unwrapped.optimal_action()  # type: ignore[attr-defined]


def test_the_oracle_plays_legal_actions_on_an_unsolvable_board() -> None:
    env = make_env("HRMSudoku-v0", split="test")
    observation, info = env.reset(options={"index": 0})
    label = env.unwrapped.solve()  # type: ignore[attr-defined]
    legal = np.flatnonzero(info["action_mask"])
    wrong = legal[label[legal // 9] - 2 != legal % 9][0]
    observation, _, _, _, info = env.step(wrong)
    oracle, done = OracleAgent(), False
    while not done:
        action = oracle.act(observation, info)
        observation, _, done, _, info = env.step(action)
        assert not info["invalid_action"]


def test_the_oracle_rejects_arc_and_infos_without_a_task() -> None:
    oracle = OracleAgent()
    canvas = np.zeros(900, np.uint8)
    for observation in (
        {"tokens": canvas, "canvas": canvas, "demos": np.zeros(18000, np.uint8)},
        {"tokens": canvas, "answer": canvas, "puzzle_id": np.int64(0)},
    ):
        with pytest.raises(ValueError, match="arc has no solver"):
            oracle.act(observation, {"task": "arc"})
        with pytest.raises(ValueError, match="oracle: expected an info with a 'task'"):
            oracle.act(observation, {})


def test_every_environment_names_a_task_that_can_be_loaded() -> None:
    for env_id in ENV_IDS:
        env = make_env(env_id, **({} if env_id == "HRMHalt-v0" else {"limit": 1}))
        observation, info = env.reset(seed=0)
        task = get_task(info["task"])
        if isinstance(observation, dict):
            assert task.question(observation).shape == (task.seq_len,)


def test_following_the_moves_to_the_goal_takes_the_shortest_path() -> None:
    task = get_task("maze-9x9")
    inputs = task.generate(5).inputs
    ways = goal_moves(9, inputs.tobytes())
    cell, moves = int(np.flatnonzero(inputs == 3)[0]), 0
    while inputs[cell] != 4:
        cell += (-9, 1, 9, -1)[ways[cell]]
        moves += 1
    assert moves == task.rate(inputs)
    assert ways[np.flatnonzero(inputs == 3)[0]] >= 0
    walled = np.array([3, 1, 2, 1, 1, 1, 2, 1, 4], np.uint8)
    assert goal_moves(3, walled.tobytes())[0] == -1
    with pytest.raises(ValueError, match="no path"):
        OracleAgent().act({"tokens": walled, "position": np.int64(0)}, {"task": "maze-3x3"})

"""Evaluation: the same puzzles for everybody, honest aggregates, clear failures."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from hrm_gym.agents.simple import OracleAgent, RandomAgent
from hrm_gym.evaluation import Episode, Evaluation, evaluate, make_env, wilson_interval


class Recorder:
    """An outside agent: nothing but ``act``. Keeps the first question of every puzzle."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self.oracle = OracleAgent()

    def act(self, obs: dict[str, Any], info: dict[str, Any]) -> Any:
        self.seen.add(obs["tokens"].tobytes())
        return self.oracle.act(obs, info)


class Constant:
    """Always does the same."""

    name = "constant"

    def __init__(self, action: Any) -> None:
        self.action = action

    def act(self, obs: dict[str, Any], info: dict[str, Any]) -> Any:
        return self.action


def test_episode_k_is_puzzle_k_in_batches_of_any_size() -> None:
    puzzles = make_env("HRMMaze-7x7-v0", split="test").unwrapped.puzzles  # type: ignore[attr-defined]
    for batch in (1, 7, 64):
        agent = Recorder()
        result = evaluate(agent, "HRMMaze-7x7-v0", episodes=20, batch=batch)
        assert agent.seen == {tokens.tobytes() for tokens in puzzles.inputs[:20]}
        assert [e.index for e in result.episodes] == list(range(20))
        assert [e.rating for e in result.episodes] == list(puzzles.ratings[:20])
        assert [e.steps for e in result.episodes] == list(puzzles.ratings[:20])
        assert result.agent == "Recorder"
        assert (result.split, result.source) == ("test", "bank")


def test_there_are_at_most_as_many_episodes_as_puzzles() -> None:
    result = evaluate(OracleAgent(), "HRMSudoku-4x4-v0", episodes=500, split="ood")
    assert len(result.episodes) == 13
    limited = evaluate(OracleAgent(), "HRMSudoku-4x4-v0", limit=4)
    assert len(limited.episodes) == 4


def test_a_random_agent_is_measured_correctly() -> None:
    agent = RandomAgent(make_env("HRMMaze-7x7-v0").action_space, seed=0)
    result = evaluate(agent, "HRMMaze-7x7-v0", episodes=150)
    assert 0.3 < result.solve_rate < 0.7
    assert result.solve_rate == result.mean_return
    assert result.optimal_rate is not None
    assert result.optimal_rate < 0.1
    low, high = result.interval
    assert low < result.solve_rate < high
    solved = [e for e in result.episodes if e.success]
    assert all(e.steps >= e.rating for e in solved)
    assert all((e.steps == e.rating) == e.optimal for e in solved)
    assert all(e.steps == 196 and e.optimal is False for e in result.episodes if not e.success)


def test_exact_on_mazes_means_the_labelled_path() -> None:
    """Hard mazes have many shortest paths; the oracle turns another way than the label."""
    result = evaluate(OracleAgent(), "HRMMaze-v0", episodes=30)
    assert result.optimal_rate == 1.0
    assert result.exact_accuracy is not None
    assert result.exact_accuracy < 0.9
    perfect = evaluate(OracleAgent(), "HRMMaze-7x7-v0", episodes=30)
    assert perfect.exact_accuracy == 1.0


def test_answer_environments() -> None:
    result = evaluate(OracleAgent(), "HRMSudokuAnswer-4x4-v0", episodes=20)
    assert (result.solve_rate, result.exact_accuracy, result.mean_steps) == (1.0, 1.0, 1.0)
    assert result.optimal_rate is None
    maze = evaluate(OracleAgent(), "HRMMazeAnswer-7x7-v0", episodes=5)
    assert maze.solve_rate == 1.0
    space = make_env("HRMSudokuAnswer-4x4-v0").action_space
    chance = evaluate(RandomAgent(space, 0), "HRMSudokuAnswer-4x4-v0", episodes=20)
    assert (chance.solve_rate, chance.exact_accuracy) == (0.0, 0.0)


def test_act_batch_is_used_if_there_is_one() -> None:
    class Batched(OracleAgent):
        calls = 0

        def act_batch(self, observations: Any, infos: Any) -> list[Any]:
            self.calls += 1
            return super().act_batch(observations, infos)

    agent = Batched()
    result = evaluate(agent, "HRMMaze-7x7-v0", episodes=30, batch=30)
    assert agent.calls == max(e.steps for e in result.episodes)

    class Short(OracleAgent):
        def act_batch(self, observations: Any, infos: Any) -> list[Any]:
            return super().act_batch(observations, infos)[1:]

    with pytest.raises(ValueError, match="expected 8 actions of act_batch, got 7"):
        evaluate(Short(), "HRMMaze-7x7-v0", episodes=8)


@pytest.mark.parametrize("action", [4, -1, 0.5, None, np.zeros(3, np.int64)])
def test_the_error_about_an_invalid_action_names_agent_and_env(action: Any) -> None:
    with pytest.raises(ValueError, match=r"agent constant on HRMMaze-7x7-v0: .*Discrete\(4\)"):
        evaluate(Constant(action), "HRMMaze-7x7-v0", episodes=2)


def test_the_error_names_an_agent_that_raises() -> None:
    class Broken:
        name = "broken"

        def act(self, obs: Any, info: Any) -> int:
            raise KeyError("weights")

    with pytest.raises(
        ValueError, match="agent broken failed on HRMMaze-7x7-v0: KeyError"
    ) as caught:
        evaluate(Broken(), "HRMMaze-7x7-v0", episodes=2)
    assert isinstance(caught.value.__cause__, KeyError)


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="env: expected one of"):
        evaluate(OracleAgent(), "HRMGo-v0")
    with pytest.raises(ValueError, match="episodes: expected at least 1"):
        evaluate(OracleAgent(), "HRMMaze-7x7-v0", episodes=0)
    with pytest.raises(ValueError, match="split"):
        evaluate(OracleAgent(), "HRMMaze-7x7-v0", split="exam")


def test_progress_is_reported() -> None:
    counts: list[int] = []
    evaluate(OracleAgent(), "HRMMaze-7x7-v0", episodes=9, batch=4, on_episode=counts.append)
    assert counts == sorted(set(counts))
    assert counts[-1] == 9


def test_wilson_interval() -> None:
    # Published example values: 5 of 10, and the closed form at the ends, n / (n + z^2).
    assert wilson_interval(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson_interval(0, 10) == (0.0, pytest.approx(0.2775, abs=1e-4))
    assert wilson_interval(10, 10) == (pytest.approx(0.7225, abs=1e-4), 1.0)
    assert wilson_interval(1, 1)[1] == 1.0
    for successes, n in ((3, 2), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match="successes"):
            wilson_interval(successes, n)


def test_arc_tasks_need_all_their_tests() -> None:
    def episode(index: int, success: bool, group: str) -> Episode:
        return Episode(index, success, success, None, float(success), 1, 0.0, group)

    episodes = [episode(0, True, "a"), episode(1, False, "a"), episode(2, True, "b")]
    result = Evaluation("HRMARC-v0", "x", "test", "arc-agi-1", episodes, 0.1)
    assert result.solve_rate == pytest.approx(2 / 3)
    assert result.task_solve_rate == 0.5
    assert result.summary()["task_solve_rate"] == 0.5
    assert "optimal_rate" not in result.summary()


def test_evaluation_needs_neither_torch_nor_scipy() -> None:
    program = (
        "import sys; from hrm_gym.evaluation import evaluate; "
        "from hrm_gym.agents.simple import OracleAgent; "
        "assert evaluate(OracleAgent(), 'HRMMaze-7x7-v0', episodes=3).solve_rate == 1; "
        "sys.exit('torch' in sys.modules or 'scipy.stats' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

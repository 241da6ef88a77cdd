"""The example of a custom agent: it walks through mazes and can be compared."""

from pathlib import Path

from examples.my_agent import WallFollower
from hrm_gym.agents.catalog import AGENTS, learns, train_agent
from hrm_gym.evaluation import evaluate

NAME = "examples.my_agent:WallFollower"
ROOT = Path(__file__).resolve().parents[2]


def test_the_agent_solves_every_maze_without_loops():
    found = evaluate(WallFollower(), "HRMMaze-7x7-v0", 60)
    assert found.solve_rate == 1.0
    # It walks into dead ends, unlike the solver.
    assert 0.0 < found.optimal_rate < 1.0


def test_parallel_episodes_do_not_disturb_each_other():
    alone = evaluate(WallFollower(), "HRMMaze-7x7-v0", 20, batch=1)
    together = evaluate(WallFollower(), "HRMMaze-7x7-v0", 20, batch=20)
    assert [e.steps for e in alone.episodes] == [e.steps for e in together.episodes]


def test_the_agent_is_found_by_its_name():
    assert not learns(NAME)
    result = train_agent(NAME, "HRMMaze-7x7-v0", seconds=1.0)
    assert isinstance(result.agent, WallFollower)
    assert (result.env_steps, result.seconds, result.puzzles) == (0, 0.0, 0)
    assert NAME not in AGENTS


def test_the_documentation_names_it():
    assert NAME in (ROOT / "docs" / "protocol.md").read_text()

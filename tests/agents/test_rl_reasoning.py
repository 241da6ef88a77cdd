"""The HRM and the transformer of its size as policies: sizes, carries, gradients, saving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hrm_gym.agents.baselines.hyperparameters import hyperparameters
from hrm_gym.agents.baselines.reasoning import HRMCell, HRMNetwork, mark, model_config
from hrm_gym.agents.baselines.sb3 import SB3Agent, build
from hrm_gym.agents.baselines.training import train_rl
from hrm_gym.agents.hrm.model.network import HRM
from hrm_gym.evaluation import evaluate, make_env
from hrm_gym.puzzles.maze import PATH

MAZE = "HRMMaze-7x7-v0"
SMALL = {"size": 7, "max_steps": 40}
"""Arguments of the maze with doors; its default size has no preset."""


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def seven_by_seven() -> torch.Tensor:
    """Two mazes of random tokens with a walker each, ``(2, 49)``."""
    tokens = torch.randint(1, 3, (2, 49), generator=torch.Generator().manual_seed(0))
    return mark(tokens, torch.tensor([3, 20]))


@pytest.mark.parametrize(
    ("env_id", "task"),
    [
        ("HRMSudoku-4x4-v0", "sudoku-4x4"),
        ("HRMSudoku-6x6-v0", "sudoku-6x6"),
        (MAZE, "maze-7x7"),
        ("HRMMaze-9x9-v0", "maze-9x9"),
    ],
)
def test_the_transformer_has_as_many_parameters_as_the_hrm(env_id: str, task: str) -> None:
    agent = build("ppo", env_id, hyperparameters("ppo", env_id, "transformer"), num_envs=1)
    wanted = count(HRM(model_config("hrm", task)))
    assert 0.95 < count(agent.model.policy.features_extractor) / wanted < 1.05  # type: ignore[arg-type]


@pytest.mark.parametrize("policy", ["transformer", "hrm"])
@pytest.mark.parametrize("env_id", [MAZE, "HRMSudoku-4x4-v0"])
def test_a_policy_can_be_trained_and_saved(env_id: str, policy: str, tmp_path: Path) -> None:
    settings = hyperparameters("maskable-ppo", env_id, policy)
    before = build("maskable-ppo", env_id, settings, num_envs=2).model.policy.state_dict()
    agent = train_rl("maskable-ppo", env_id, steps=256, num_envs=2, settings=settings).agent
    after = agent.model.policy.state_dict()
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    blocks = "encoder.blocks.0" if policy == "transformer" else "executor.blocks.0"
    assert any(blocks in name for name in moved)
    agent.save(tmp_path)
    loaded = SB3Agent.load(tmp_path).model.policy.state_dict()
    assert all(torch.equal(after[name], loaded[name]) for name in after)


def test_the_cell_of_the_walker_is_marked() -> None:
    tokens = torch.ones(2, 49, dtype=torch.long)
    marked = mark(tokens, torch.tensor([3, 20]))
    assert marked[0].tolist() == [1, 1, 1, PATH, *[1] * 45]
    assert (tokens == 1).all()


def test_without_states_every_step_starts_from_the_initial_carry() -> None:
    torch.manual_seed(0)
    cell = HRMCell(model_config("hrm", "maze-7x7"), segments=2)
    tokens = seven_by_seven()
    zeros = torch.zeros(1, 2, cell.hidden_size)
    found, _ = cell(tokens[None].float(), (zeros, zeros))
    whole = cell.thinker(torch.zeros(2, 0, 7, 7), tokens, None)
    assert torch.equal(found[0], whole[torch.arange(2), torch.tensor([3, 20])])


def test_the_carry_is_passed_from_step_to_step() -> None:
    torch.manual_seed(0)
    config = model_config("hrm", "maze-7x7")
    cell = HRMCell(config)
    tokens = seven_by_seven()
    zeros = torch.zeros(1, 2, cell.hidden_size)
    sequence = torch.stack([tokens, tokens]).float()
    together, last = cell(sequence, (zeros, zeros))
    first, states = cell(sequence[:1], (zeros, zeros))
    second, after = cell(sequence[1:], states)
    assert torch.allclose(together, torch.cat([first, second]), atol=1e-5)
    assert torch.allclose(last[0], after[0], atol=1e-5)
    assert not any(state.requires_grad for state in states)
    # One step on the carry of another is what two segments of one step are.
    twice = HRMNetwork(config, segments=2)
    twice.load_state_dict(cell.thinker.state_dict())
    deep = twice(torch.zeros(2, 0, 7, 7), tokens, None)
    assert torch.allclose(second[0], deep[torch.arange(2), torch.tensor([3, 20])], atol=1e-5)
    cell.carried = False
    reset, states = cell(sequence, (zeros, zeros))
    assert torch.allclose(reset[0], reset[1])
    assert not states[0].any()


@pytest.mark.parametrize("carried", [True, False])
def test_a_recurrent_hrm_can_be_trained_used_and_saved(carried: bool, tmp_path: Path) -> None:
    kwargs: dict[str, Any] = {"features_extractor_kwargs": {"carried": carried}}
    settings = hyperparameters("recurrent-ppo", MAZE, "hrm")
    settings = type(settings)(2, 64, "hrm", None, False, kwargs, {"n_steps": 16, "batch_size": 16})
    result = train_rl("recurrent-ppo", MAZE, settings=settings, limit=8)
    agent = result.agent
    assert result.env_steps == 64
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in
               agent.model.policy.lstm_actor.parameters())  # type: ignore[union-attr,operator]  # fmt: skip
    env = make_env(MAZE)
    observation, info = env.reset(seed=0)
    _, (memory,) = agent.act_on([observation], [info], [None])
    assert memory is not None
    assert bool(np.any(memory[0])) == carried
    agent.save(tmp_path)
    loaded = SB3Agent.load(tmp_path)
    assert loaded.settings == settings
    _, (same,) = loaded.act_on([observation], [info], [None])
    assert same is not None
    assert np.array_equal(memory[0], same[0])
    assert len(evaluate(loaded, MAZE, 3).episodes) == 3


def test_a_policy_trains_on_a_dynamic_maze_of_the_presets_size() -> None:
    result = train_rl("ppo", "HRMMaze-Dynamic-v0", steps=64, num_envs=2, policy="hrm",
                      limit=8, env_kwargs=SMALL)  # fmt: skip
    assert evaluate(result.agent, "HRMMaze-Dynamic-v0", 2, **SMALL).mean_steps <= 40


def test_an_environment_without_preset_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"hrm has the size of the HRM for maze-15x15, and no"):
        train_rl("ppo", "HRMMaze-Dynamic-v0", steps=10, policy="hrm")
    with pytest.raises(ValueError, match="recurrent hrm is for mazes"):
        train_rl("recurrent-ppo", "HRMSudoku-4x4-v0", steps=10, policy="hrm")

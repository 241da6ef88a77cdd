"""The supervised baselines: their configuration, that they learn, and that they act."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hrm_gym.agents.hrm import HRM, HRMAgent
from hrm_gym.agents.hrm.model.config import HRMConfig
from hrm_gym.agents.hrm.model.flops import segment_flops
from hrm_gym.agents.hrm.model.tasks import task_fields
from hrm_gym.agents.hrm.presets import PRESETS
from hrm_gym.agents.hrm.train_config import TrainConfig
from hrm_gym.agents.hrm.training.trainer import Trainer
from hrm_gym.agents.supervised import SUPERVISED, count_parameters, train_supervised
from hrm_gym.agents.transformer import Transformer
from hrm_gym.evaluation import evaluate, make_env
from hrm_gym.puzzles import get_task


def model_of(config: TrainConfig) -> HRMConfig:
    return HRMConfig.from_dict(task_fields(get_task(config.task_id), config.model))


def answer(model: HRM, tokens: torch.Tensor) -> torch.Tensor:
    return model.segment(model.initial_carry(len(tokens)), tokens)[1].logits


def test_the_transformer_is_a_plain_stack_of_eight_blocks() -> None:
    config = model_of(SUPERVISED["transformer"](PRESETS["sudoku-4x4"]))
    model = HRM(config)
    assert model.planner is not None
    plain = Transformer(config)
    assert len(plain.blocks) == 8
    plain.token_emb = model.token_emb
    plain.blocks = torch.nn.ModuleList([*model.executor.blocks, *model.planner.blocks])
    tokens = torch.randint(1, 6, (3, 16))
    assert torch.allclose(answer(model, tokens), model.head(plain(tokens)), atol=1e-5)


def test_the_looped_transformer_repeats_one_stack() -> None:
    config = model_of(SUPERVISED["looped-transformer"](PRESETS["sudoku-4x4"]))
    model = HRM(config)
    plain = Transformer(config, layers=0)
    plain.token_emb = model.token_emb
    tokens = torch.randint(1, 6, (3, 16))
    x = plain(tokens)
    h = torch.zeros_like(x)
    loops = config.L_cycles + 1
    for loop in range(loops):
        h = h + x if loop < loops - 1 else h
        for block in model.executor.blocks:
            h = block(h, (plain.cos, plain.sin))
    assert torch.allclose(answer(model, tokens), model.head(h), atol=1e-5)
    # The gradient runs through all loops, not only through the last update.
    answer(model, tokens).square().sum().backward()
    whole = [p.grad.clone() for p in model.executor.parameters() if p.grad is not None]
    model.zero_grad()
    model.head(h).square().sum().backward()
    for mine, grad in zip(model.executor.parameters(), whole, strict=True):
        assert mine.grad is not None
        assert torch.allclose(mine.grad, grad, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("name", sorted(SUPERVISED))
def test_both_have_as_many_parameters_as_the_hrm(name: str, preset: str) -> None:
    base = PRESETS[preset]
    config = SUPERVISED[name](base)
    wanted = count_parameters(base, dict(base.model))
    assert count_parameters(config, dict(config.model)) == pytest.approx(wanted, rel=0.01)
    kept = ("env", "main_source", "augment", "optimizer", "schedule", "ema")
    assert all(getattr(config, field) == getattr(base, field) for field in kept)
    if name == "looped-transformer":
        flops = base.max_segments * segment_flops(model_of(base))
        # At most half a loop, of two or more.
        assert segment_flops(model_of(config)) == pytest.approx(flops, rel=0.15)


@pytest.mark.parametrize("name", sorted(SUPERVISED))
def test_both_have_no_noise_in_their_states(name: str) -> None:
    assert PRESETS["sudoku"].start_noise > 0
    config = SUPERVISED[name](PRESETS["sudoku"])
    assert config.start_noise == config.carry_noise == 0


@pytest.mark.parametrize("name", sorted(SUPERVISED))
def test_both_learn_in_a_few_steps(name: str) -> None:
    torch.manual_seed(0)
    seen: list[int] = []
    result = train_supervised(
        name,
        "HRMSudoku-4x4-v0",
        preset="sudoku-4x4",
        steps=80,
        on_progress=lambda so_far: seen.append(so_far.env_steps),
        progress_evaluations=1,
    )
    assert seen[0] == 0
    assert result.env_steps == 80 * 32
    # Every step is an episode, and the current batch of puzzles counts too.
    assert result.puzzles == 81 * 32
    assert result.agent.name == name
    assert result.agent.signal == "labels"
    # By chance a quarter of the blanks is right.
    puzzles = [get_task("sudoku-4x4").generate(key) for key in range(100)]
    questions = np.stack([p.inputs for p in puzzles])
    labels = np.stack([p.labels for p in puzzles])
    solution = result.agent.solve(questions)
    assert (solution.segments == 1).all()
    assert (solution.answer == labels)[questions == 1].mean() > 0.45


@pytest.mark.parametrize("name", sorted(SUPERVISED))
def test_a_saved_agent_acts_as_before_in_both_kinds_of_environment(
    name: str, tmp_path: Path
) -> None:
    config = SUPERVISED[name](PRESETS["maze-7x7"])
    agent = Trainer(config, seed=1).agent()
    agent.save(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    loaded = HRMAgent.from_pretrained(tmp_path)
    assert (loaded.name, loaded.parameters, loaded.max_segments) == (name, agent.parameters, 1)
    for env_id in ("HRMMaze-7x7-v0", "HRMMazeAnswer-7x7-v0"):
        env = make_env(env_id)
        observation, info = env.reset(seed=0)
        mine = agent.act(observation, info)
        assert env.action_space.contains(mine)
        assert np.array_equal(mine, loaded.act(observation, info))
        assert evaluate(loaded, env_id, episodes=3).agent == name


def test_invalid_arguments_are_rejected() -> None:
    with pytest.raises(ValueError, match="expected one of transformer, looped-transformer, got"):
        train_supervised("lstm", "HRMMaze-7x7-v0", steps=1)
    with pytest.raises(ValueError, match="env: expected one of"):
        train_supervised("transformer", "HRMChess-v0", steps=1)
    with pytest.raises(ValueError, match="steps: expected a positive number"):
        train_supervised("transformer", "HRMSudoku-4x4-v0", steps=0)

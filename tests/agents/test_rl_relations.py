"""The relational HRM as a policy: shapes, symmetries, training, saving, other sizes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hrm_gym.agents.baselines.hyperparameters import hyperparameters
from hrm_gym.agents.baselines.optimizers import MuonAdamW
from hrm_gym.agents.baselines.reasoning import model_config
from hrm_gym.agents.baselines.relations import RelationFeatures
from hrm_gym.agents.baselines.sb3 import SB3Agent, build
from hrm_gym.agents.baselines.training import train_rl
from hrm_gym.agents.hrm import HRM
from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.evaluation import evaluate, make_env
from hrm_gym.puzzles.maze import GOAL, START

SUDOKU, MAZE = "HRMSudoku-4x4-v0", "HRMMaze-7x7-v0"


def features_of(env_id: str, **changes: Any) -> tuple[RelationFeatures, dict[str, Tensor]]:
    """Return the features of an environment, with weights that are not at their start, and two
    observations as Stable-Baselines3 preprocesses them."""
    env = make_env(env_id)
    task, rows = env.unwrapped.task.base_id, []  # type: ignore[attr-defined]
    for seed in range(2):
        observation, _ = env.reset(seed=seed)
        if "position" in observation:
            cells = np.prod(observation["tokens"].shape)
            observation["position"] = np.eye(cells)[observation["position"]]
        rows.append(observation)
    torch.manual_seed(0)
    config = dataclasses.replace(
        model_config("relations", task), **{k: changes.pop(k) for k in list(changes) if "_" in k}
    )
    features = RelationFeatures(env.observation_space, config, task, **changes)  # type: ignore[arg-type]
    batch = {
        name: torch.stack([torch.as_tensor(row[name]).float() for row in rows])
        for name in ("tokens", "given", "position", "answer")
        if name in rows[0]
    }
    return features, batch


@pytest.mark.parametrize(
    ("env_id", "actions"),
    [
        (SUDOKU, 64),
        ("HRMSudoku-v0", 729),
        (MAZE, 0),
        ("HRMMaze-15x15-v0", 0),
        ("HRMMaze-Dynamic-v0", 0),
        ("HRMSudokuAnswer-4x4-v0", 16 * 6 + 2),
        ("HRMMazeAnswer-7x7-v0", 49 * 6 + 2),
    ],
)
def test_features_have_one_logit_for_each_action_and_pooled_states(
    env_id: str, actions: int
) -> None:
    features, observations = features_of(env_id)
    width = features.network.width
    found = features(observations)
    assert features.actions == actions
    assert found.shape == (2, (actions or width) + 2 * width) == (2, features.features_dim)
    assert not torch.equal(found[0], found[1])


def test_the_network_is_that_of_the_preset_and_of_every_size() -> None:
    for task, preset in (("sudoku-9x9", "sudoku"), ("sudoku-4x4", "sudoku"), ("maze-7x7", "maze")):
        config = model_config("relations", task)
        run = get_preset(preset).model
        assert {name: getattr(config, name) for name in run} == dict(run)
    small, large = (
        build("ppo", env_id, hyperparameters("ppo", env_id, "relations"), num_envs=1)
        for env_id in (MAZE, "HRMMaze-15x15-v0")
    )
    model = HRM(model_config("relations", "maze-7x7"))
    heads = sum(p.numel() for p in (*model.head.parameters(), *model.q_head.parameters()))
    body = sum(p.numel() for p in small.model.policy.features_extractor.network.parameters())  # type: ignore[union-attr,operator]
    assert body - sum(p.numel() for p in model.q_head.parameters()) == (
        sum(p.numel() for p in model.parameters()) - heads
    )
    assert small.parameters == large.parameters


def test_a_permutation_of_the_digits_permutes_the_logits() -> None:
    features, observations = features_of(SUDOKU)
    order = torch.tensor([2, 0, 3, 1])
    # Digit d becomes order[d]; tokens 0 and 1 are no digits.
    renamed = torch.cat((torch.tensor([0, 1]), 2 + order))
    tokens = renamed[observations["tokens"].long()].float()
    assert not torch.equal(tokens, observations["tokens"])
    first, second = features(observations), features({**observations, "tokens": tokens})
    logits = first[:, :64].view(2, 16, 4)
    assert logits.std() > 0
    assert torch.allclose(second[:, :64].view(2, 16, 4)[..., order], logits, atol=1e-6)
    assert torch.allclose(second[:, 64:], first[:, 64:], atol=1e-5)


@pytest.mark.parametrize("marked", [True, False])
def test_a_walker_far_from_the_border_sees_the_same_in_a_translated_maze(marked: bool) -> None:
    """Four mixers carry a state four cells far; the mean of all cells is left out."""
    features, _ = features_of("HRMMaze-15x15-v0", H_cycles=1, L_cycles=1, marked=marked)
    maze = torch.full((5, 5), 2.0)
    maze[1, 1:4], maze[0, 0], maze[4, 4] = 1.0, START, GOAL

    def seen(row: int, column: int) -> Tensor:
        grid = torch.ones(15, 15)
        grid[row : row + 5, column : column + 5] = maze
        cell = torch.tensor([(row + 2) * 15 + column + 2])
        position = torch.nn.functional.one_hot(cell, 225).float()
        return features({"tokens": grid.flatten()[None], "position": position})[0, :48]

    assert torch.allclose(seen(4, 5), seen(6, 4), atol=1e-5)
    assert not torch.allclose(seen(4, 5), seen(0, 5), atol=1e-3)


def test_the_mark_of_the_walker_changes_the_states_of_other_cells() -> None:
    for marked in (True, False):
        features, observations = features_of(MAZE, marked=marked)
        moved = observations["position"].roll(2, 1)
        first, second = features(observations), features({**observations, "position": moved})
        assert not torch.allclose(first[:, :48], second[:, :48])
        assert torch.allclose(first[:, 48:], second[:, 48:]) is not marked


def test_kept_states_are_those_that_the_network_computes() -> None:
    """The states follow the puzzles and the weights, also those of an optimizer's step."""
    features, observations = features_of(MAZE, marked=False)
    thought = []
    features.network.register_forward_pre_hook(lambda *_: thought.append(1))
    think = features._think
    features._think = lambda tokens: thought.append(len(tokens)) or think(tokens)  # type: ignore[func-returns-value,method-assign]

    def same(rows: list[int]) -> None:
        part = {name: value[rows] for name, value in observations.items()}
        with torch.no_grad():
            kept = features(part)
        assert torch.allclose(kept, features(part), atol=1e-5)

    same([0, 0])
    assert thought == [1, 1]
    same([0, 1])
    same([1, 0, 1])
    same([1])
    assert thought[2:] == [1, 2, 2, 1], "without a gradient, the second puzzle alone is new"
    # The last observation of an episode comes alone, and the others are kept.
    same([0])
    same([0, 1])
    assert thought[6:] == [1, 2]
    for fused in (False, True):
        adam = torch.optim.Adam(features.parameters(), lr=0.1, fused=fused)
        features(observations).square().sum().backward()
        adam.step()
        same([0, 1])
    features.load_state_dict({k: v * 0.5 for k, v in features.state_dict().items()})
    same([0, 1])


def test_the_tuned_settings_shape_the_training_alone() -> None:
    """The training environments have another reward and limit than those of a test."""
    settings = hyperparameters("maskable-ppo", MAZE, "relations")
    model: Any = build("maskable-ppo", MAZE, settings).model
    assert isinstance(model.policy.optimizer, MuonAdamW)
    observations = model.env.reset()
    with torch.no_grad():
        batch, _ = model.policy.obs_to_tensor(observations)
        assert torch.equal(model.policy.predict_values(batch), torch.zeros(settings.n_envs, 1))
    best = model.env.unwrapped.vector.unwrapped.optimal_action()
    _, rewards, dones, _ = model.env.step(best)
    assert not dones.any()
    assert rewards == pytest.approx(np.full(settings.n_envs, 5.0 / 49), abs=1e-6)
    result = train_rl("maskable-ppo", MAZE, steps=200, num_envs=2, limit=20, settings=settings)
    agent: Any = result.agent
    assert agent.model.env.unwrapped.vector.unwrapped.max_steps == 40
    acting = agent.at(MAZE).model.env.unwrapped.vector
    assert acting is acting.unwrapped
    assert acting.max_steps == 196


def test_an_unknown_optimizer_is_named() -> None:
    settings = hyperparameters("maskable-ppo", MAZE, "relations")
    kwargs = {**settings.policy_kwargs, "optimizer": "sgd"}
    with pytest.raises(ValueError, match="optimizer: expected one of muon, got 'sgd'"):
        build("maskable-ppo", MAZE, dataclasses.replace(settings, policy_kwargs=kwargs))


def test_muon_updates_the_matrices_and_adamw_the_rest() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(32, 32), torch.nn.Linear(32, 4))
    optimizer = MuonAdamW(model.parameters(), lr=0.1)
    muon, adam = (part.param_groups[0]["params"] for part in optimizer.parts)
    assert [p.shape for p in muon] == [(32, 32)]
    assert [p.shape for p in adam] == [(32,), (4, 32), (4,)]
    before = [p.detach().clone() for p in model.parameters()]
    model(torch.ones(3, 32)).square().sum().backward()
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    optimizer.step()
    assert all(map(torch.equal, before, model.parameters()))
    for group in optimizer.param_groups:
        group["lr"] = 0.1
    optimizer.step()
    assert not any(map(torch.equal, before, model.parameters()))
    optimizer.zero_grad()
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("algorithm", ["ppo", "maskable-ppo", "dqn", "a2c"])
@pytest.mark.parametrize("env_id", [MAZE, SUDOKU])
def test_a_policy_can_be_trained_saved_and_used_at_another_size(
    env_id: str, algorithm: str, tmp_path: Path
) -> None:
    settings = hyperparameters(algorithm, env_id, "relations")
    more = {"learning_starts": 16, "train_freq": 4} if algorithm == "dqn" else {"n_steps": 16}
    few = {"batch_size": 16} if "batch_size" in settings.algorithm else {}
    # So few steps reach no goal: without a bonus for entropy there is nothing to learn.
    bonus = {"ent_coef": 0.01} if algorithm == "a2c" else {}
    options = {**settings.algorithm, **more, **few, **bonus}
    settings = dataclasses.replace(settings, algorithm=options)
    before = build(algorithm, env_id, settings, num_envs=2).model.policy.state_dict()
    agent = train_rl(algorithm, env_id, steps=64, num_envs=2, settings=settings, limit=20).agent
    after = agent.model.policy.state_dict()
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    assert any("executor.blocks.0" in name for name in moved)
    agent.save(tmp_path)
    loaded = SB3Agent.load(tmp_path)
    found = loaded.model.policy.state_dict()
    assert all(torch.equal(after[name], found[name]) for name in after)
    larger = {MAZE: "HRMMaze-9x9-v0", SUDOKU: "HRMSudoku-6x6-v0"}[env_id]
    other = loaded.at(larger)
    assert other.parameters == agent.parameters
    assert len(evaluate(other, larger, 2, limit=2).episodes) == 2


def test_whole_answers_have_a_policy_too() -> None:
    env_id = "HRMSudokuAnswer-4x4-v0"
    agent = build("ppo", env_id, hyperparameters("ppo", env_id, "relations"), num_envs=1)
    assert len(evaluate(agent, env_id, 2, limit=2).episodes) == 2


def test_what_has_no_relational_policy_is_rejected() -> None:
    for algorithm in ("qrdqn", "recurrent-ppo"):
        with pytest.raises(ValueError, match="relations is for ppo, maskable-ppo, a2c and dqn"):
            train_rl(algorithm, MAZE, steps=10, policy="relations")
    with pytest.raises(ValueError, match="policy: there is no relational preset arc"):
        train_rl("ppo", "HRMARC-5x5-v0", steps=10, policy="relations")
    agent = build("maskable-ppo", MAZE, num_envs=1)
    with pytest.raises(ValueError, match="the weights of structured do not fit HRMMaze-9x9-v0"):
        agent.at("HRMMaze-9x9-v0")
